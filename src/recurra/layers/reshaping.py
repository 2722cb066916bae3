"""Layers that move elements without changing them: `Flatten`, `Reshape`, `Permute`, `RepeatVector`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..errors import ArgumentError
from ..graph import Tensor
from .arguments import positive
from .input_spec import InputSpec
from .layer import Layer, registry

__all__ = ["Flatten", "Permute", "RepeatVector", "Reshape"]


@registry.register()
class Flatten(Layer):
    """Joins all dimensions but the batch: (batch, a, b) becomes (batch, a * b).

    Example:

    >>> import numpy as np
    >>> Flatten()(np.array([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [[1.0, 2.0, 3.0, 4.0]]
    """

    def call(self, x: Tensor) -> Tensor:
        return x if x.ndim == 2 else ops.reshape(x, (x.shape[0], -1) if x.ndim > 1 else (x.shape[0], 1))


@registry.register()
class Reshape(Layer):
    """The same elements in the same order under another shape.

    Args:
        target_shape: Shape of one sample, the batch left out. One size may be -1: what is left.
        **kwargs: Arguments of `Layer`, such as ``name``.

    Example:

    >>> import numpy as np
    >>> Reshape((2, -1))(np.array([[1.0, 2.0, 3.0, 4.0]])).tolist()
    [[[1.0, 2.0], [3.0, 4.0]]]
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = tuple(int(size) for size in target_shape)

    def call(self, x: Tensor) -> Tensor:
        return ops.reshape(x, (x.shape[0], *self.target_shape))


@registry.register()
class Permute(Layer):
    """Reorders the dimensions of a sample.

    Args:
        dims: Which dimension of the input comes at each place, counted from 1; the batch stays in front.
        **kwargs: Arguments of `Layer`, such as ``name``.

    Example:

    >>> import numpy as np
    >>> Permute((2, 1))(np.array([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [[[1.0, 3.0], [2.0, 4.0]]]
    """

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(int(dim) for dim in dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ArgumentError(
                f"Permute: dims must name each dimension of a sample once, counted from 1, received {self.dims}."
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, x: Tensor) -> Tensor:
        return ops.permute(x, (0, *self.dims))


@registry.register()
class RepeatVector(Layer):
    """Repeats each sample as the steps of a sequence: (batch, features) becomes (batch, n, features).

    Args:
        n: Number of steps.
        **kwargs: Arguments of `Layer`, such as ``name``.

    Example:

    >>> import numpy as np
    >>> RepeatVector(2)(np.array([[1.0, 2.0]])).tolist()
    [[[1.0, 2.0], [1.0, 2.0]]]
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = positive(self, "n", n)
        self.input_spec = InputSpec(ndim=2, meaning="(batch, features)")

    def call(self, x: Tensor) -> Tensor:
        batch, features = x.shape
        return ops.broadcast_to(ops.reshape(x, (batch, 1, features)), (batch, self.n, features))
