"""Cases of the ops in `recurra.ops.simple_rnn`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from recurra import ops

from ..graphs import rounded
from ._case import Case, on
from ._recurrent import INPUTS, activation_cases, gated_parameters, recurrent_cases

__all__ = ["cases", "simple_rnn_parameters"]


def simple_rnn_parameters(
    batch: int, time: int, features: int, units: int, *extra: str, scale: float = 1.0
) -> dict[str, np.ndarray]:
    return gated_parameters("simple_rnn", (batch, time, features, units), 1, (units,), *extra, scale=scale)


def cases() -> Iterator[Case]:
    """Every option, activation, mask and optional input of the simple recurrent layer."""
    yield from recurrent_cases("simple-rnn", ops.simple_rnn, simple_rnn_parameters)
    small = simple_rnn_parameters(2, 3, 2, 5, "b", "h", scale=0.25)
    yield from activation_cases("simple-rnn", ops.simple_rnn, small, "activation")
    large = {**simple_rnn_parameters(2, 5, 3, 4), "b": rounded([60, -60, 90, 0.5])}
    yield Case("simple-rnn-saturated", on(ops.simple_rnn, *INPUTS), large)
