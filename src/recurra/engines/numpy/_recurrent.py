"""What the recurrent ops share: the order of reading, and steps that a mask leaves out."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._declare import Array, Call

__all__ = ["in_reading_order", "read_mask", "where_counted"]


def in_reading_order(call: Call, x: Array) -> Array:
    """Turns (B, T, ...) round if the sequence is read from its end; turning twice is turning back."""
    return x[:, ::-1] if call.attributes["go_backwards"] else x


def read_mask(call: Call, mask: Array | None) -> Array | None:
    """Truth values (B, T) in the order of reading: whether a step counts. None: all do."""
    return None if mask is None else in_reading_order(call, mask) != 0


def where_counted(counts: Array | None, t: int, counted: Array, left_out: Any) -> Array:
    """The rows (B, ...) of ``counted`` where step t counts, those of ``left_out`` where it does not."""
    return counted if counts is None else np.where(counts[:, t, None], counted, left_out)
