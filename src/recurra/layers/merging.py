"""Layers of several inputs: `Add`, `Subtract`, `Multiply`, `Average`, `Maximum`, `Minimum`, `Concatenate`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .. import ops
from ..errors import ArgumentError, ShapeError
from ..graph import Tensor
from .layer import Layer, registry
from .tracing import filled

__all__ = ["Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"]


class _Merge(Layer):
    """A layer that combines a list of tensors element by element. Steps that do not count in one do not in all."""

    supports_masking = True
    _combine: Callable[[Any, Any], Tensor]

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        return functools.reduce(type(self)._combine, _several(self, inputs))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        masks = [m for m in mask or () if m is not None]
        return functools.reduce(ops.minimum, masks) if masks else None


@registry.register()
class Add(_Merge):
    """The sum of the inputs.

    >>> import numpy as np
    >>> Add()([np.array([[1.0]]), np.array([[2.0]])]).tolist()
    [[3.0]]
    """

    _combine = staticmethod(ops.add)


@registry.register()
class Subtract(_Merge):
    """The first of two inputs minus the second."""

    _combine = staticmethod(ops.subtract)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        if len(_several(self, inputs)) != 2:
            raise ArgumentError(f"Subtract needs exactly 2 inputs, received {len(inputs)}.")
        return super().call(inputs)


@registry.register()
class Multiply(_Merge):
    """The product of the inputs, element by element."""

    _combine = staticmethod(ops.multiply)


@registry.register()
class Average(_Merge):
    """The mean of the inputs, element by element."""

    _combine = staticmethod(ops.add)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        return super().call(inputs) * (1.0 / len(inputs))


@registry.register()
class Maximum(_Merge):
    """The largest of the inputs, element by element."""

    _combine = staticmethod(ops.maximum)


@registry.register()
class Minimum(_Merge):
    """The smallest of the inputs, element by element."""

    _combine = staticmethod(ops.minimum)


@registry.register()
class Concatenate(_Merge):
    """Joins the inputs along one dimension.

    Args:
        axis: The dimension, the batch being 0. Default -1: the last.
        **kwargs: Arguments of `Layer`, such as ``name``.

    Example:

    >>> import numpy as np
    >>> Concatenate()([np.array([[1.0]]), np.array([[2.0, 3.0]])]).tolist()
    [[1.0, 2.0, 3.0]]
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = int(axis)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        rank = inputs[0].ndim if isinstance(inputs, (list, tuple)) and inputs else 1
        return ops.concatenate(_several(self, inputs, self.axis % rank), self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if self.axis not in (1, 1 - inputs[0].ndim) or all(m is None for m in mask or ()):
            return super().compute_mask(inputs, mask)
        # Joined along time: so are the masks, every step of an unmasked input counting.
        return ops.concatenate(
            [filled(x, x.shape[:2], 1.0) if m is None else m for x, m in zip(inputs, mask, strict=True)], axis=1
        )


def _several(layer: Layer, inputs: Any, joined: int | None = None) -> Sequence[Tensor]:
    """Checks the inputs. Along the axis ``joined`` their sizes may differ."""
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ArgumentError(f"{type(layer).__name__} is called on a list of tensors, received {type(inputs).__name__}.")
    for x in inputs[1:]:
        if x.ndim != inputs[0].ndim:
            continue
        for axis, (m, n) in enumerate(zip(inputs[0].shape, x.shape, strict=True)):
            if axis != joined and isinstance(m, str) and isinstance(n, str) and m != n:
                raise ShapeError(
                    f"{type(layer).__name__} cannot know that dimension {axis} of its inputs, '{m}' and '{n}', has "
                    f"one size. Give it a number or the same name in both, such as Input(('steps', 3))."
                )
    return inputs
