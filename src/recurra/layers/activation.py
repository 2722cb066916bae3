"""`Activation`: an activation as a layer of its own."""

from __future__ import annotations

from typing import Any

from .. import activations
from ..graph import Tensor
from .layer import Layer, registry

__all__ = ["Activation"]


@registry.register()
class Activation(Layer):
    """Applies an activation.

    Args:
        activation: A name or a function.
        **kwargs: Arguments of `Layer`, such as ``name``.

    Call arguments:
        x: Tensor of any shape. The result has the same.

    Example:

    >>> import numpy as np
    >>> Activation("relu")(np.array([[-1.0, 2.0]])).tolist()
    [[0.0, 2.0]]
    """

    supports_masking = True

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, x: Tensor) -> Tensor:
        return self.activation(x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tuple(input_shape)
