"""Every op in many shapes and settings, and small whole models: the input of the gradient check and of engine parity.

What should get a gradient is a parameter; what cannot have one (indices, masks, data) is a feed. Sizes are chosen so
that they are not multiples of the widths vector code likes, with batches of 1 and sequences of 1 among them.
"""

from __future__ import annotations

from . import elementwise, gru, linear, lstm, models, random, reduction, shape, simple_rnn
from ._case import Case

__all__ = ["CASES", "Case"]

CASES: tuple[Case, ...] = tuple(
    case
    for room in (elementwise, linear, reduction, shape, random, lstm, gru, simple_rnn, models)
    for case in room.cases()
)
