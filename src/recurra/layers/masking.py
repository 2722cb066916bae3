"""`Masking`: steps that do not count are those where every feature has one value."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..graph import Tensor
from .input_spec import InputSpec
from .layer import Layer, registry

__all__ = ["Masking"]


@registry.register()
class Masking(Layer):
    """Marks a step as not counting where all its features equal ``mask_value``, and sets it to 0.

    The mask travels on: recurrent layers skip the step, and it does not count in the loss.

    Args:
        mask_value: Default 0.
        **kwargs: Arguments of `Layer`, such as ``name``.

    Call arguments:
        x: Tensor of shape (batch, time, features). The result has the same.

    Example:

    >>> import numpy as np
    >>> Masking(-1.0)(np.array([[[1.0, -1.0], [-1.0, -1.0]]])).tolist()
    [[[1.0, -1.0], [0.0, 0.0]]]
    """

    supports_masking = True

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = float(mask_value)
        self.input_spec = InputSpec(min_ndim=3, meaning="(batch, time, features)")

    def call(self, x: Tensor) -> Tensor:
        counts = self.compute_mask(x)
        return ops.where(ops.reshape(counts, (*counts.shape, 1)), x, 0.0)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.reduce_max(1.0 - ops.equal(inputs, self.mask_value), axes=(-1,))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tuple(input_shape)
