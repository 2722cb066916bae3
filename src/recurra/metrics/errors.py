"""Metrics that are the values of a loss, and what follows from their means."""

from __future__ import annotations

import abc
import math

from .. import losses
from ..graph import Shape, Tensor
from .metric import Metric, registry

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "RootMeanSquaredError",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
]


class _OfLoss(Metric):
    """A metric whose values are those of a function of `recurra.losses`."""

    @staticmethod
    @abc.abstractmethod
    def function(y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The function."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.function(y_true, y_pred)


@registry.register("MeanSquaredError", "mse")
class MeanSquaredError(_OfLoss):
    """The mean of (p - t)^2."""

    function = staticmethod(losses.mean_squared_error)


@registry.register("RootMeanSquaredError", "rmse")
class RootMeanSquaredError(_OfLoss):
    """The square root of the mean, over all samples, of (p - t)^2."""

    function = staticmethod(losses.mean_squared_error)

    def finish(self, mean: float) -> float:
        return math.sqrt(mean)


@registry.register("MeanAbsoluteError", "mae")
class MeanAbsoluteError(_OfLoss):
    """The mean of |p - t|."""

    function = staticmethod(losses.mean_absolute_error)


@registry.register("MeanAbsolutePercentageError", "mape")
class MeanAbsolutePercentageError(_OfLoss):
    """The mean of 100 |t - p| / max(|t|, epsilon)."""

    function = staticmethod(losses.mean_absolute_percentage_error)


@registry.register("MeanSquaredLogarithmicError", "msle")
class MeanSquaredLogarithmicError(_OfLoss):
    """The mean of (ln(1 + p) - ln(1 + t))^2."""

    function = staticmethod(losses.mean_squared_logarithmic_error)


@registry.register("LogCoshError", "log_cosh")
class LogCoshError(_OfLoss):
    """The mean of ln(cosh(p - t))."""

    function = staticmethod(losses.log_cosh)


@registry.register("CosineSimilarity", "cosine_proximity")
class CosineSimilarity(Metric):
    """The mean of sum(t p) / (|t| |p|): 1 where both point the same way. The loss of this name is its negative."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return -losses.cosine_similarity(y_true, y_pred)


@registry.register()
class Hinge(_OfLoss):
    """The mean of max(1 - t p, 0)."""

    function = staticmethod(losses.hinge)


@registry.register()
class SquaredHinge(_OfLoss):
    """The mean of max(1 - t p, 0)^2."""

    function = staticmethod(losses.squared_hinge)


@registry.register()
class CategoricalHinge(_OfLoss):
    """The mean of max(max((1 - t) p) - sum(t p) + 1, 0)."""

    function = staticmethod(losses.categorical_hinge)


@registry.register("KLDivergence", "kld", "kullback_leibler_divergence")
class KLDivergence(_OfLoss):
    """The mean of sum(t ln(t / p))."""

    function = staticmethod(losses.kl_divergence)


@registry.register()
class Poisson(_OfLoss):
    """The mean of p - t ln(p)."""

    function = staticmethod(losses.poisson)


@registry.register("BinaryCrossentropy", "bce")
class BinaryCrossentropy(Metric):
    """The mean of -(t ln(p) + (1 - t) ln(1 - p)).

    Args:
        name: What logs call it. Default ``"binary_crossentropy"``.
        from_logits, label_smoothing: As in `recurra.losses.BinaryCrossentropy`.
    """

    def __init__(self, name: str | None = None, from_logits: bool = False, label_smoothing: float = 0.0) -> None:
        super().__init__(name)
        self.from_logits = bool(from_logits)
        self.label_smoothing = float(label_smoothing)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return losses.binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)


@registry.register("CategoricalCrossentropy", "cce")
class CategoricalCrossentropy(Metric):
    """The mean of -sum(t ln(p)), for one-hot targets.

    Args:
        name: What logs call it. Default ``"categorical_crossentropy"``.
        from_logits, label_smoothing: As in `recurra.losses.CategoricalCrossentropy`.
    """

    def __init__(self, name: str | None = None, from_logits: bool = False, label_smoothing: float = 0.0) -> None:
        super().__init__(name)
        self.from_logits = bool(from_logits)
        self.label_smoothing = float(label_smoothing)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return losses.categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)


@registry.register()
class SparseCategoricalCrossentropy(Metric):
    """The mean of -ln(p[t]), for class numbers.

    Args:
        name: What logs call it. Default ``"sparse_categorical_crossentropy"``.
        from_logits: As in `recurra.losses.SparseCategoricalCrossentropy`.
    """

    target_dtype = "int"

    def __init__(self, name: str | None = None, from_logits: bool = False) -> None:
        super().__init__(name)
        self.from_logits = bool(from_logits)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return losses.sparse_categorical_crossentropy(y_true, y_pred, self.from_logits)

    def target_shape(self, shape: Shape) -> Shape:
        return shape[:-1]
