"""The LSTM over a whole sequence: one node."""

from __future__ import annotations

from typing import Any

from ..graph import Tensor, TensorSpec
from ._declare import Attributes, Specs, emit, expect, rule
from ._recurrent import check_activations, check_inputs

__all__ = ["lstm"]


@rule("lstm")
def _lstm(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    batch, time, units = check_inputs("lstm", specs, 4, "initial_h", "initial_c")
    expect(specs[3], "lstm", "bias", (4 * units,))
    check_activations("an LSTM", attributes)
    state = TensorSpec((batch, units))
    return [TensorSpec((batch, time, units)), state, state]


def lstm(
    x: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any = None,
    initial_h: Any = None,
    initial_c: Any = None,
    mask: Any = None,
    recurrent_mask: Any = None,
    *,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """An LSTM layer over a whole sequence (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000).

    With a the activation, s the recurrent activation, and * element by element, for every time step::

        z          = x_t W + (h_{t-1} * recurrent_mask) R + b
        i, f, g, o = s(z_i), s(z_f), a(z_g), s(z_o)          the columns of W, R and b in this order
        c_t        = f * c_{t-1} + i * g
        h_t        = o * a(c_t)

    Where ``mask`` is 0 the states stay what they were and the output repeats the previous output (the initial h
    before the first step that counts), or is 0 with ``zero_output_for_mask``.

    Args:
        x: Tensor of shape (batch, time, features).
        kernel: W, of shape (features, 4 * units).
        recurrent_kernel: R, of shape (units, 4 * units).
        bias: b, of shape (4 * units,), or None.
        initial_h, initial_c: States before the first step, of shape (batch, units), or None for zeros.
        mask: Of shape (batch, time), 1 where a step counts and 0 where it does not, or None.
        recurrent_mask: Factors for h in the recurrent product, of shape (batch, units) (recurrent dropout), or None.
        activation: One of `GATE_ACTIVATIONS`. Default ``"tanh"``.
        recurrent_activation: One of `GATE_ACTIVATIONS`. Default ``"sigmoid"``.
        go_backwards: Read the sequence from its end; the output sequence is in the order of reading. Default False.
        zero_output_for_mask: See above. Default False.

    Returns:
        The outputs (batch, time, units), the last h (batch, units) and the last c (batch, units).
    """
    sequence, h, c = emit(
        "lstm",
        x,
        kernel,
        recurrent_kernel,
        bias,
        initial_h,
        initial_c,
        mask,
        recurrent_mask,
        activation=activation,
        recurrent_activation=recurrent_activation,
        go_backwards=bool(go_backwards),
        zero_output_for_mask=bool(zero_output_for_mask),
    )
    return sequence, h, c
