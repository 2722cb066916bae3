"""`GRU`, the layer of gated recurrent units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import activations, ops
from ...graph import Tensor
from ..layer import registry
from .recurrent import Recurrent

__all__ = ["GRU"]


@registry.register()
class GRU(Recurrent):
    """Gated recurrent units (Cho et al. 2014, arXiv:1406.1078).

    With s the recurrent activation, a the activation and * element by element, for each step t::

        z, r = s(x_t W_z + h_{t-1} R_z + b_z), s(x_t W_r + h_{t-1} R_r + b_r)
        g    = a(x_t W_h + r * (h_{t-1} R_h + c_h) + b_h)         reset_after=True
        g    = a(x_t W_h + (r * h_{t-1}) R_h + b_h)               reset_after=False
        h_t  = z * h_{t-1} + (1 - z) * g

    Args:
        units: Length of h.
        activation: For g. Default ``"tanh"``; None is linear.
        recurrent_activation: For the gates z and r. Default ``"sigmoid"``.
        use_bias: Whether biases are added. Default True.
        kernel_initializer: For W, of shape (features, 3 * units): z, r, h. Default ``"glorot_uniform"``.
        recurrent_initializer: For R, of shape (units, 3 * units). Default ``"orthogonal"``.
        bias_initializer: For the bias, of shape (3 * units,); with ``reset_after`` of shape (2, 3 * units): b beside
            the input, c beside h (z and r get the sum of both). Default ``"zeros"``.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: Penalties on W, R and the bias. Default None.
        activity_regularizer: Penalty on the output. Default None.
        kernel_constraint, recurrent_constraint, bias_constraint: None: there are no constraints yet.
        dropout: Share of the input's features dropped while training, the same at all steps. Default 0.
        recurrent_dropout: Share of h dropped in the products with R, the same at all steps; z * h keeps the whole h.
            Default 0.
        seed: Makes that noise repeat. Default None: drawn when the layer is made.
        return_sequences: Whether the output is h at every step rather than at the last. Default False.
        return_state: Whether the last h is returned too. Default False.
        go_backwards: Whether the sequence is read from its end; the outputs come in the order of reading. Default
            False.
        stateful: Whether sample i of a batch goes on from the state that sample i of the batch before left, in
            `fit`, `evaluate` and `predict`. Needs a fixed batch size. Default False.
        unroll: Accepted, without effect: the sequence is one operation in any case. Default False.
        reset_after: Whether the gate r acts after the product with R, as in cuDNN and PyTorch, rather than before it,
            as in TensorFlow.js. Default True.
        use_cudnn: Accepted, without effect. Default ``"auto"``.
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
        UnknownNameError: An activation is unknown, or none that a recurrent layer can use.
        ArgumentError: An argument is out of range.
        ShapeError: The input does not have 3 dimensions, or the layer is stateful and the batch size not fixed.

    Example:

    >>> import numpy as np
    >>> x = np.zeros((2, 5, 3))
    >>> GRU(4)(x).shape
    (2, 4)
    >>> output, h = GRU(4, return_sequences=True, return_state=True)(x)
    >>> bool((output[:, -1] == h).all())
    True
    >>> layer = GRU(4)
    >>> layer.build((None, None, 3))
    >>> [weight.shape for weight in layer.get_weights()]
    [(3, 12), (4, 12), (2, 12)]
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
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
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
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
        self.reset_after = bool(reset_after)
        self.use_cudnn = use_cudnn

    def build(self, input_shape: Any) -> None:
        width = 3 * self.units
        self.build_weights(input_shape, 3, (2, width) if self.reset_after else (width,))

    def sequence(
        self, x: Tensor, states: Sequence[Any], mask: Tensor | None, recurrent_mask: Tensor | None
    ) -> tuple[Tensor, ...]:
        (h,) = states
        return ops.gru(
            x,
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            h,
            mask,
            recurrent_mask,
            activation=self._gates["activation"],
            recurrent_activation=self._gates["recurrent_activation"],
            reset_after=self.reset_after,
            go_backwards=self.go_backwards,
            zero_output_for_mask=self.zero_output_for_mask,
        )
