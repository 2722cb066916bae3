"""`LSTM`, the long short-term memory layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import activations, ops
from ...graph import Tensor
from ...typing import Array
from ..layer import registry
from .recurrent import Recurrent

__all__ = ["LSTM"]


@registry.register()
class LSTM(Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000).

    With s the recurrent activation, a the activation and * element by element, for each step t::

        i, f, g, o = split(x_t W + h_{t-1} R + b)
        c_t        = s(f) * c_{t-1} + s(i) * a(g)
        h_t        = s(o) * a(c_t)

    Args:
        units: Length of h and c.
        activation: For g and c. Default ``"tanh"``; None is linear.
        recurrent_activation: For the gates i, f and o. Default ``"sigmoid"``.
        use_bias: Whether b is added. Default True.
        kernel_initializer: For W, of shape (features, 4 * units). Default ``"glorot_uniform"``.
        recurrent_initializer: For R, of shape (units, 4 * units). Default ``"orthogonal"``.
        bias_initializer: For b, of shape (4 * units,). Default ``"zeros"``.
        unit_forget_bias: Whether the part of b for f starts at 1, as Jozefowicz et al. 2015 advise. Default True.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: Penalties on W, R and b. Default None.
        activity_regularizer: Penalty on the output. Default None.
        kernel_constraint, recurrent_constraint, bias_constraint: None: there are no constraints yet.
        dropout: Share of the input's features dropped while training, the same at all steps. Default 0.
        recurrent_dropout: Share of h dropped in the product with R, the same at all steps. Default 0.
        seed: Makes that noise repeat. Default None: drawn when the layer is made.
        return_sequences: Whether the output is h at every step rather than at the last. Default False.
        return_state: Whether the last h and c are returned too. Default False.
        go_backwards: Whether the sequence is read from its end; the outputs come in the order of reading. Default
            False.
        stateful: Whether sample i of a batch goes on from the states that sample i of the batch before left, in
            `fit`, `evaluate` and `predict`. Needs a fixed batch size. Default False.
        unroll: Accepted, without effect: the sequence is one operation in any case. Default False.
        use_cudnn: Accepted, without effect. Default ``"auto"``.
        zero_output_for_mask: Whether the output at a masked step is 0 rather than the output before. It concerns
            sequences only: the last output is the last h in any case. Default False.
        **kwargs: Arguments of `Layer`, such as ``name``.

    Call arguments:
        sequences: Tensor of shape (batch, time, features).
        initial_state: [h, c], each of shape (batch, units). Default None: zeros, or the states carried.
        mask: Of shape (batch, time): 1 where a step counts. A masked step changes no state. Default: the mask that
            travels beside ``sequences``; it holds with an initial state as well.
        training: Whether dropout acts. Default: as the graph says.

    Returns:
        Tensor of shape (batch, units), or (batch, time, units) with ``return_sequences``; with ``return_state`` a
        list of it, h and c.

    Raises:
        UnknownNameError: An activation is unknown, or none that a recurrent layer can use.
        ArgumentError: An argument is out of range.
        ShapeError: The input does not have 3 dimensions, or the layer is stateful and the batch size not fixed.

    Example:

    >>> import numpy as np
    >>> x = np.zeros((2, 5, 3))
    >>> LSTM(4)(x).shape
    (2, 4)
    >>> LSTM(4, return_sequences=True)(x).shape
    (2, 5, 4)
    >>> output, h, c = LSTM(4, return_state=True)(x)
    >>> bool((output == h).all())
    True
    """

    state_names = ("h", "c")

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: bool | str = "auto",
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
        self.recurrent_activation = activations.get(recurrent_activation)
        self._gates = {
            "activation": activations.gate_name(self.activation, "activation"),
            "recurrent_activation": activations.gate_name(self.recurrent_activation, "recurrent_activation"),
        }
        self.unit_forget_bias = bool(unit_forget_bias)
        self.use_cudnn = use_cudnn

    def build(self, input_shape: Any) -> None:
        self.build_weights(input_shape, 4, (4 * self.units,), self._first_bias)

    def _first_bias(self, shape: tuple[int, ...], dtype: str) -> Array:
        if not self.unit_forget_bias:
            return self.bias_initializer(shape, dtype)
        parts = [
            self.bias_initializer((self.units,), dtype),
            np.ones((self.units,), dtype),
            self.bias_initializer((2 * self.units,), dtype),
        ]
        return np.concatenate(parts)

    def sequence(
        self, x: Tensor, states: Sequence[Any], mask: Tensor | None, recurrent_mask: Tensor | None
    ) -> tuple[Tensor, ...]:
        h, c = states
        return ops.lstm(
            x,
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            h,
            c,
            mask,
            recurrent_mask,
            activation=self._gates["activation"],
            recurrent_activation=self._gates["recurrent_activation"],
            go_backwards=self.go_backwards,
            zero_output_for_mask=self.zero_output_for_mask,
        )
