"""`Dense`: a product with a kernel over the last dimension."""

from __future__ import annotations

from typing import Any

from .. import activations, initializers, ops, regularizers
from ..graph import Tensor, Variable
from .arguments import no_constraint, positive
from .input_spec import InputSpec
from .layer import Layer, registry

__all__ = ["Dense"]


@registry.register()
class Dense(Layer):
    """y = activation(x W + b) over the last dimension.

    Args:
        units: Size of the output's last dimension.
        activation: A name or a function. Default None: linear.
        use_bias: Whether b is added. Default True.
        kernel_initializer: For W, of shape (inputs, units). Default ``"glorot_uniform"``.
        bias_initializer: For b, of shape (units,). Default ``"zeros"``.
        kernel_regularizer, bias_regularizer: Penalties on W and b. Default None.
        activity_regularizer: Penalty on the output. Default None.
        kernel_constraint, bias_constraint: None: there are no constraints yet.
        **kwargs: Arguments of `Layer`, such as ``name``.

    Call arguments:
        x: Tensor of shape (batch, ..., inputs).

    Returns:
        Tensor of shape (batch, ..., units).

    Raises:
        ArgumentError: ``units`` is not a positive integer.

    Example:

    >>> import numpy as np
    >>> layer = Dense(2, kernel_initializer="ones")
    >>> layer(np.array([[1.0, 2.0, 3.0]])).tolist()
    [[6.0, 6.0]]
    """

    supports_masking = True

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive(self, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        no_constraint(self, "kernel_constraint", kernel_constraint)
        no_constraint(self, "bias_constraint", bias_constraint)
        self.kernel_constraint = self.bias_constraint = None
        self.bias: Variable | None = None
        self.input_spec = InputSpec(min_ndim=2, meaning="(batch, ..., features)")

    def build(self, input_shape: Any) -> None:
        inputs = input_shape[-1]
        self.kernel = self.add_weight(
            (inputs, self.units), self.kernel_initializer, regularizer=self.kernel_regularizer, name="kernel"
        )
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,), self.bias_initializer, regularizer=self.bias_regularizer, name="bias"
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: inputs}, meaning="(batch, ..., features)")

    def call(self, x: Tensor) -> Tensor:
        return self.activation(ops.dense(x, self.kernel, self.bias))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)
