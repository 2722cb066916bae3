"""`SimpleRNN`, the recurrent layer without gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import activations, ops
from ...graph import Tensor
from ..layer import registry
from .recurrent import Recurrent

__all__ = ["SimpleRNN"]


@registry.register()
class SimpleRNN(Recurrent):
    """The simple recurrent layer (Elman 1990), whose output is its state.

    With a the activation, for each step t::

        h_t = a(x_t W + h_{t-1} R + b)

    Args:
        units: Length of h.
        activation: Default ``"tanh"``; None is linear.
        use_bias: Whether b is added. Default True.
        kernel_initializer: For W, of shape (features, units). Default ``"glorot_uniform"``.
        recurrent_initializer: For R, of shape (units, units). Default ``"orthogonal"``.
        bias_initializer: For b, of shape (units,). Default ``"zeros"``.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: Penalties on W, R and b. Default None.
        activity_regularizer: Penalty on the output. Default None.
        kernel_constraint, recurrent_constraint, bias_constraint: None: there are no constraints yet.
        dropout: Share of the input's features dropped while training, the same at all steps. Default 0.
        recurrent_dropout: Share of h dropped in the product with R, the same at all steps. Default 0.
        return_sequences: Whether the output is h at every step rather than at the last. Default False.
        return_state: Whether the last h is returned too. Default False.
        go_backwards: Whether the sequence is read from its end; the outputs come in the order of reading. Default
            False.
        stateful: Whether sample i of a batch goes on from the state that sample i of the batch before left, in
            `fit`, `evaluate` and `predict`. Needs a fixed batch size. Default False.
        unroll: Accepted, without effect: the sequence is one operation in any case. Default False.
        seed: Makes the noise of dropout repeat. Default None: drawn when the layer is made.
        zero_output_for_mask: Whether the output at a masked step is 0 rather than the output before. Default False.
        **kwargs: Arguments of `Layer`, such as ``name``.

    Call arguments:
        sequences: Tensor of shape (batch, time, features).
        initial_state: h, of shape (batch, units), alone or in a list. Default None: zeros, or the state carried.
        mask: Of shape (batch, time): 1 where a step counts. A masked step does not change the state. Default: the
            mask that travels beside ``sequences``; it holds with an initial state as well.
        training: Whether dropout acts. Default: as the graph says.

    Returns:
        Tensor of shape (batch, units), or (batch, time, units) with ``return_sequences``; with ``return_state`` a
        list of it and h.

    Raises:
        UnknownNameError: The activation is unknown, or none that a recurrent layer can use.
        ArgumentError: An argument is out of range.
        ShapeError: The input does not have 3 dimensions, or the layer is stateful and the batch size not fixed.

    Example:

    >>> import numpy as np
    >>> x = np.zeros((2, 5, 3))
    >>> SimpleRNN(4)(x).shape
    (2, 4)
    >>> output, h = SimpleRNN(4, return_sequences=True, return_state=True)(x)
    >>> output.shape, h.shape
    ((2, 5, 4), (2, 4))
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            dropout,
            recurrent_dropout,
            seed,
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            unroll,
            zero_output_for_mask,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.activation = activations.get(activation)
        self._gate = activations.gate_name(self.activation, "activation")

    def build(self, input_shape: Any) -> None:
        self.build_weights(input_shape, 1, (self.units,))

    def sequence(
        self, x: Tensor, states: Sequence[Any], mask: Tensor | None, recurrent_mask: Tensor | None
    ) -> tuple[Tensor, ...]:
        (h,) = states
        return ops.simple_rnn(
            x,
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            h,
            mask,
            recurrent_mask,
            activation=self._gate,
            go_backwards=self.go_backwards,
            zero_output_for_mask=self.zero_output_for_mask,
        )
