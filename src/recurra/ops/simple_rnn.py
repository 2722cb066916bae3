"""The simple recurrent layer over a whole sequence: one node."""

from __future__ import annotations

from typing import Any

from ..graph import Tensor, TensorSpec
from ._declare import Attributes, Specs, emit, expect, rule
from ._recurrent import check_activations, check_inputs

__all__ = ["simple_rnn"]


@rule("simple_rnn")
def _simple_rnn(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    batch, time, units = check_inputs("simple_rnn", specs, 1, "initial_h")
    expect(specs[3], "simple_rnn", "bias", (units,))
    check_activations("a SimpleRNN", attributes)
    return [TensorSpec((batch, time, units)), TensorSpec((batch, units))]


def simple_rnn(
    x: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any = None,
    initial_h: Any = None,
    mask: Any = None,
    recurrent_mask: Any = None,
    *,
    activation: str = "tanh",
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[Tensor, Tensor]:
    """A simple recurrent layer over a whole sequence (Elman 1990).

    With a the activation and * element by element, for every time step::

        h_t = a(x_t W + (h_{t-1} * recurrent_mask) R + b)

    Where ``mask`` is 0 the state stays what it was and the output repeats the previous output (the initial h before
    the first step that counts), or is 0 with ``zero_output_for_mask``.

    Args:
        x: Tensor of shape (batch, time, features).
        kernel: W, of shape (features, units).
        recurrent_kernel: R, of shape (units, units).
        bias: b, of shape (units,), or None.
        initial_h: State before the first step, of shape (batch, units), or None for zeros.
        mask: Of shape (batch, time), 1 where a step counts and 0 where it does not, or None.
        recurrent_mask: Factors for h in the recurrent product, of shape (batch, units) (recurrent dropout), or None.
        activation: One of `GATE_ACTIVATIONS`. Default ``"tanh"``.
        go_backwards: Read the sequence from its end; the output sequence is in the order of reading. Default False.
        zero_output_for_mask: See above. Default False.

    Returns:
        The outputs (batch, time, units) and the last h (batch, units).

    Raises:
        ShapeError: Shapes do not fit together.
        UnknownNameError: The activation is none of `GATE_ACTIVATIONS`.
    """
    sequence, h = emit(
        "simple_rnn",
        x,
        kernel,
        recurrent_kernel,
        bias,
        initial_h,
        mask,
        recurrent_mask,
        activation=activation,
        go_backwards=bool(go_backwards),
        zero_output_for_mask=bool(zero_output_for_mask),
    )
    return sequence, h
