"""Initial values of weights, by the names and with the defaults of Keras."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import config, random
from .errors import ArgumentError, UnknownNameError
from .registry import Configurable, Registry
from .typing import Array

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "get",
    "registry",
    "serialize",
]

registry = Registry("initializer")

_TRUNCATED_STDDEV = 0.87962566103423978
"""Standard deviation of a standard normal distribution cut off at -2 and 2."""


class Initializer(Configurable, abc.ABC):
    """Makes the first value of a weight: ``initializer(shape, dtype)`` returns an array.

    A subclass implements `values`. Any function of (shape, dtype) serves as an initializer as well.
    """

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> Array:
        """Returns a new array.

        Args:
            shape: Its shape.
            dtype: Its float type. Default: `recurra.config.floatx()`.
        """
        return np.ascontiguousarray(self.values(tuple(shape)), dtype=dtype or config.floatx())

    @abc.abstractmethod
    def values(self, shape: tuple[int, ...]) -> Array:
        """The values in float64."""


class _Random(Initializer):
    """What the initializers that draw numbers share: an optional seed."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def generator(self) -> np.random.Generator:
        """The global generator, or with a seed one that begins anew at each call."""
        return random.generator() if self.seed is None else np.random.default_rng(self.seed)


def get(identifier: Any) -> Initializer:
    """Returns the initializer a name, a mapping, a class or an object stands for.

    Raises:
        UnknownNameError: No initializer has that name.

    >>> get("ones")((2,)).tolist()
    [1.0, 1.0]
    >>> get({"class_name": "Constant", "config": {"value": 3.0}})((2,)).tolist()
    [3.0, 3.0]
    """
    found: Initializer = registry.get(identifier)
    if found is None:
        raise ArgumentError("An initializer is needed, received None. For weights that start at 0 use 'zeros'.")
    return found


def serialize(initializer: Initializer) -> Any:
    """Turns an initializer into what `get` makes it of again.

    >>> serialize(Constant(3.0))
    {'class_name': 'Constant', 'config': {'value': 3.0}}
    """
    return registry.serialize(initializer)


@registry.register("Zeros", "zero")
class Zeros(Initializer):
    """All 0."""

    def values(self, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape)


@registry.register("Ones", "one")
class Ones(Initializer):
    """All 1."""

    def values(self, shape: tuple[int, ...]) -> Array:
        return np.ones(shape)


@registry.register()
class Constant(Initializer):
    """All ``value``, which may be an array that broadcasts to the shape. Default 0."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def values(self, shape: tuple[int, ...]) -> Array:
        return np.broadcast_to(np.asarray(self.value, dtype=np.float64), shape)


@registry.register("RandomUniform", "uniform")
class RandomUniform(_Random):
    """Uniform in [minval, maxval). Defaults -0.05 and 0.05."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def values(self, shape: tuple[int, ...]) -> Array:
        return self.generator().uniform(self.minval, self.maxval, shape)


@registry.register("RandomNormal", "normal")
class RandomNormal(_Random):
    """Normal with the given mean and standard deviation. Defaults 0 and 0.05."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def values(self, shape: tuple[int, ...]) -> Array:
        return self.generator().normal(self.mean, self.stddev, shape)


@registry.register()
class TruncatedNormal(_Random):
    """Normal, values further than two standard deviations from the mean being drawn again. Defaults 0 and 0.05."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def values(self, shape: tuple[int, ...]) -> Array:
        return self.mean + self.stddev * _truncated(self.generator(), shape)


@registry.register()
class VarianceScaling(_Random):
    """Random with a variance that follows from the number of inputs and outputs.

    With n the fan chosen by ``mode``, the variance is scale / n. For a kernel of shape (inputs, outputs) the fans are
    its two sizes; further dimensions in front count into both.

    Args:
        scale: A positive number. Default 1.
        mode: ``"fan_in"`` (default), ``"fan_out"`` or ``"fan_avg"``.
        distribution: ``"truncated_normal"`` (default; ``"normal"`` is the same), ``"untruncated_normal"`` or
            ``"uniform"``.
        seed: None draws from the global generator; an integer gives the same values each time.
        correction: Whether the truncated normal is widened by 1 / 0.8796 so that its variance is the one above, as
            Keras does. TensorFlow.js does not. Default True.

    Raises:
        UnknownNameError: ``mode`` or ``distribution`` is none of these.
        ArgumentError: ``scale`` is not positive.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        correction: bool = True,
    ) -> None:
        super().__init__(seed)
        if not scale > 0:
            raise ArgumentError(f"VarianceScaling: scale must be positive, received {scale!r}.")
        modes = ("fan_in", "fan_out", "fan_avg")
        distributions = ("normal", "truncated_normal", "untruncated_normal", "uniform")
        # TensorFlow.js writes fanIn and truncatedNormal.
        self.mode = _spelled("mode of VarianceScaling", mode, modes)
        self.distribution = _spelled("distribution of VarianceScaling", distribution, distributions)
        self.scale = scale
        self.correction = correction

    def values(self, shape: tuple[int, ...]) -> Array:
        fan_in, fan_out = _fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return self.generator().uniform(-limit, limit, shape)
        stddev = math.sqrt(variance)
        if self.distribution == "untruncated_normal":
            return self.generator().normal(0.0, stddev, shape)
        return _truncated(self.generator(), shape) * (stddev / (_TRUNCATED_STDDEV if self.correction else 1.0))


@registry.register()
class GlorotUniform(VarianceScaling):
    """Uniform in +-sqrt(6 / (fan_in + fan_out)). Glorot and Bengio 2010, AISTATS."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed)


@registry.register()
class GlorotNormal(VarianceScaling):
    """Truncated normal of variance 2 / (fan_in + fan_out). Glorot and Bengio 2010, AISTATS."""

    def __init__(self, seed: int | None = None, correction: bool = True) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, correction)


@registry.register()
class HeUniform(VarianceScaling):
    """Uniform in +-sqrt(6 / fan_in). He et al. 2015, arXiv:1502.01852."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed)


@registry.register()
class HeNormal(VarianceScaling):
    """Truncated normal of variance 2 / fan_in. He et al. 2015, arXiv:1502.01852."""

    def __init__(self, seed: int | None = None, correction: bool = True) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed, correction)


@registry.register()
class LecunUniform(VarianceScaling):
    """Uniform in +-sqrt(3 / fan_in). LeCun et al. 1998, Efficient BackProp."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed)


@registry.register()
class LecunNormal(VarianceScaling):
    """Truncated normal of variance 1 / fan_in. LeCun et al. 1998, Efficient BackProp."""

    def __init__(self, seed: int | None = None, correction: bool = True) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed, correction)


@registry.register("Orthogonal", "OrthogonalInitializer")
class Orthogonal(_Random):
    """A random matrix with orthonormal rows or columns, times ``gain``. Saxe et al. 2013, arXiv:1312.6120.

    Drawn uniformly among all of them: the orthogonal factor of a normal matrix, with the signs that make the
    diagonal of the other factor positive. All dimensions but the last are taken as one.

    Args:
        gain: Factor. Default 1.
        seed: As in `VarianceScaling`.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def values(self, shape: tuple[int, ...]) -> Array:
        if len(shape) < 2:
            raise ArgumentError(f"Orthogonal needs at least 2 dimensions, received the shape {shape}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        matrix = self.generator().normal(size=(max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(matrix)
        q *= np.where(np.diag(r) < 0, -1.0, 1.0)
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


@registry.register("Identity", "IdentityInitializer")
class Identity(Initializer):
    """The identity matrix times ``gain``. Default 1."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def values(self, shape: tuple[int, ...]) -> Array:
        if len(shape) != 2:
            raise ArgumentError(f"Identity needs 2 dimensions, received the shape {shape}.")
        return self.gain * np.eye(*shape)


def _fans(shape: tuple[int, ...]) -> tuple[float, float]:
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


def _truncated(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    values = generator.normal(size=shape)
    while (outside := np.abs(values) > 2.0).any():
        values[outside] = generator.normal(size=int(outside.sum()))
    return values


def _spelled(kind: str, name: str, known: Sequence[str]) -> str:
    found = config.snake_case(name)
    if found not in known:
        raise UnknownNameError(kind, name, known)
    return found
