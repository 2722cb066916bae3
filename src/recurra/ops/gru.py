"""The GRU over a whole sequence: one node."""

from __future__ import annotations

from typing import Any

from ..graph import Tensor, TensorSpec
from ._declare import Attributes, Specs, emit, expect, rule
from ._recurrent import check_activations, check_inputs

__all__ = ["gru"]


@rule("gru")
def _gru(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    batch, time, units = check_inputs("gru", specs, 3, "initial_h")
    expect(specs[3], "gru", "bias", (2, 3 * units) if attributes["reset_after"] else (3 * units,))
    check_activations("a GRU", attributes)
    return [TensorSpec((batch, time, units)), TensorSpec((batch, units))]


def gru(
    x: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any = None,
    initial_h: Any = None,
    mask: Any = None,
    recurrent_mask: Any = None,
    *,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    reset_after: bool = True,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[Tensor, Tensor]:
    """A layer of gated recurrent units over a whole sequence (Cho et al. 2014, arXiv:1406.1078).

    With a the activation, s the recurrent activation, and * element by element, for every time step::

        q    = h_{t-1} * recurrent_mask
        z, r = s(x_t W_z + q R_z + b_z), s(x_t W_r + q R_r + b_r)     the columns of W, R and b are z, r, h
        g    = a(x_t W_h + (r * q) R_h + b_h)                         the reset gate before the product
        g    = a(x_t W_h + r * (q R_h + c_h) + b_h)                   with reset_after
        h_t  = z * h_{t-1} + (1 - z) * g

    With ``reset_after`` there are two biases, b beside the input and c beside the state, and z and r get both:
    b_z + c_z, b_r + c_r. That form is the one of version 1 of the paper.

    Where ``mask`` is 0 the state stays what it was and the output repeats the previous output (the initial h before
    the first step that counts), or is 0 with ``zero_output_for_mask``.

    Args:
        x: Tensor of shape (batch, time, features).
        kernel: W, of shape (features, 3 * units).
        recurrent_kernel: R, of shape (units, 3 * units).
        bias: b, of shape (3 * units,); with ``reset_after`` b and c, of shape (2, 3 * units). Or None.
        initial_h: State before the first step, of shape (batch, units), or None for zeros.
        mask: Of shape (batch, time), 1 where a step counts and 0 where it does not, or None.
        recurrent_mask: Factors for h in the products with R (not where z carries h over), of shape (batch, units)
            (recurrent dropout), or None.
        activation: One of `GATE_ACTIVATIONS`. Default ``"tanh"``.
        recurrent_activation: One of `GATE_ACTIVATIONS`. Default ``"sigmoid"``.
        reset_after: See above. Default True.
        go_backwards: Read the sequence from its end; the output sequence is in the order of reading. Default False.
        zero_output_for_mask: See above. Default False.

    Returns:
        The outputs (batch, time, units) and the last h (batch, units).

    Raises:
        ShapeError: Shapes do not fit together.
        UnknownNameError: An activation is none of `GATE_ACTIVATIONS`.
    """
    sequence, h = emit(
        "gru",
        x,
        kernel,
        recurrent_kernel,
        bias,
        initial_h,
        mask,
        recurrent_mask,
        activation=activation,
        recurrent_activation=recurrent_activation,
        reset_after=bool(reset_after),
        go_backwards=bool(go_backwards),
        zero_output_for_mask=bool(zero_output_for_mask),
    )
    return sequence, h
