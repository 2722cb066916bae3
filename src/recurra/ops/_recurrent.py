"""What the recurrent ops share: the activations they may use and the checks of their inputs."""

from __future__ import annotations

from ..errors import ArgumentError, ShapeError, UnknownNameError
from ..graph import Dim, show_shape
from ._declare import Attributes, Specs, expect, need

__all__ = ["GATE_ACTIVATIONS", "check_activations", "check_inputs"]

GATE_ACTIVATIONS = (
    "elu",
    "exp",
    "hard_sigmoid",
    "hard_sigmoid_tfjs",
    "linear",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "softplus",
    "softsign",
    "tanh",
)
"""Activations a recurrent op may use: those whose slope follows from their own result.

So the backward pass needs the activated gates only, and nothing else is stored for it.
"""


def check_inputs(op: str, specs: Specs, gates: int, *states: str) -> tuple[Dim, Dim, int]:
    """Checks the inputs of a recurrent op, all but the bias.

    Args:
        op: Its name.
        specs: x, kernel, recurrent kernel, bias, the initial states, mask, recurrent mask.
        gates: How many gates stand side by side in the kernels.
        *states: The names of the initial states.

    Returns:
        The batch size, the number of steps and the number of units.
    """
    x = need(specs[0], op, "x", rank=3)
    kernel = need(specs[1], op, "kernel", rank=2)
    recurrent = need(specs[2], op, "recurrent_kernel", rank=2)
    batch, time, features = x.shape
    units = recurrent.shape[0]
    if not isinstance(units, int):
        raise ArgumentError(f"ops.{op}: the number of units must be known.")
    width = gates * units
    expect(recurrent, op, "recurrent_kernel", (units, width))
    if kernel.shape != (features, width):
        raise ShapeError(
            f"ops.{op}: the kernel must have shape {show_shape((features, width))} for x of shape "
            f"{show_shape(x.shape)} and {units} units, received {show_shape(kernel.shape)}."
        )
    *initial, mask, recurrent_mask = specs[4:]
    for name, spec in zip(states, initial, strict=True):
        expect(spec, op, name, (batch, units))
    expect(mask, op, "mask", (batch, time))
    expect(recurrent_mask, op, "recurrent_mask", (batch, units))
    return batch, time, units


def check_activations(layer: str, attributes: Attributes) -> None:
    """Checks the activations an op has; ``layer`` is what an error message calls it, such as "an LSTM"."""
    for key in ("activation", "recurrent_activation"):
        if key in attributes and attributes[key] not in GATE_ACTIVATIONS:
            raise UnknownNameError(f"{key} of {layer}", attributes[key], GATE_ACTIVATIONS)
