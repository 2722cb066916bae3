"""Cases of the ops in `recurra.ops.gru`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from recurra import ops

from ..graphs import rounded
from ._case import Case, on
from ._recurrent import INPUTS, activation_cases, gated_parameters, recurrent_cases

__all__ = ["cases", "gru_parameters"]


def gru_parameters(
    batch: int, time: int, features: int, units: int, *extra: str, reset_after: bool, scale: float = 1.0
) -> dict[str, np.ndarray]:
    bias = (2, 3 * units) if reset_after else (3 * units,)
    return gated_parameters("gru", (batch, time, features, units), 3, bias, *extra, scale=scale)


def cases() -> Iterator[Case]:
    """Every option, activation, mask and optional input of the GRU, with both places of its reset gate."""
    for reset_after, name in ((True, "gru-after"), (False, "gru-before")):
        parameters = partial(gru_parameters, reset_after=reset_after)
        yield from recurrent_cases(name, ops.gru, parameters, reset_after=reset_after)
        # Small numbers, because unbounded gates make states that grow with every step.
        small = parameters(2, 3, 2, 5, "b", "h", scale=0.25)
        keys = ("activation", "recurrent_activation")
        yield from activation_cases(name, ops.gru, small, *keys, reset_after=reset_after)
        # Gates far in saturation: the state is kept or thrown away whole, and nothing overflows.
        saturated = np.tile(np.repeat([60.0, -60, 0.5, -60, 60, -60, 60, 60, 0.5], 2), (2, 1) if reset_after else 1)
        large = {**parameters(2, 5, 3, 6, "h"), "b": rounded(saturated)}
        yield Case(f"{name}-saturated", on(ops.gru, *INPUTS, reset_after=reset_after), large)
