"""What layers note beside a graph while it is built: masks, penalties, and how often a layer drew random numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from .. import ops
from ..graph import Dim, GraphBuilder, Tensor
from ..typing import ShapeLike

__all__ = ["Trace", "filled", "get_mask", "public_shape", "set_mask", "symbolic_shape", "trace_of"]


@dataclass(eq=False)
class Trace:
    """The notes of one builder.

    Attributes:
        masks: Mask by the id of the tensor it belongs to: float, of shape (batch, time), 1 where a step counts.
        losses: Scalars that layers ask to be added to the loss.
        uses: How often each owner of a seed has drawn from it.
        only_shapes: Whether the graph is thrown away: layers are called to learn shapes only.
    """

    masks: dict[int, Tensor] = field(default_factory=dict)
    losses: list[Tensor] = field(default_factory=list)
    uses: Counter[int] = field(default_factory=Counter)
    only_shapes: bool = False


_traces: WeakKeyDictionary[GraphBuilder, Trace] = WeakKeyDictionary()


def trace_of(builder: GraphBuilder) -> Trace:
    """The notes of a builder, made at the first use."""
    trace = _traces.get(builder)
    if trace is None:
        trace = _traces[builder] = Trace()
    return trace


def get_mask(tensor: Any) -> Tensor | None:
    """The mask that travels beside a symbolic tensor, or None."""
    return trace_of(tensor.builder).masks.get(tensor.id) if isinstance(tensor, Tensor) else None


def set_mask(tensor: Tensor, mask: Tensor | None) -> None:
    """Puts ``mask`` beside a symbolic tensor; None means that every step counts."""
    masks = trace_of(tensor.builder).masks
    if mask is None:
        masks.pop(tensor.id, None)
    else:
        masks[tensor.id] = mask


def public_shape(shape: tuple[Dim, ...]) -> tuple[int | None, ...]:
    """A shape as users see it: None in place of a symbol.

    >>> public_shape(("batch", "time", 3))
    (None, None, 3)
    """
    return tuple(dim if isinstance(dim, int) else None for dim in shape)


def symbolic_shape(shape: ShapeLike, name: str) -> tuple[Dim, ...]:
    """The other way round: each None gets a symbol, the first one ``"batch"``.

    >>> symbolic_shape((None, None, 3), "x")
    ('batch', 'x_1', 3)
    """
    symbols = ("batch" if axis == 0 else f"{name}_{axis}" for axis in range(len(shape)))
    return tuple(symbol if dim is None else dim for dim, symbol in zip(shape, symbols, strict=True))


def filled(like: Tensor, shape: tuple[Dim, ...], value: float) -> Tensor:
    """A tensor of the given shape, all ``value``, in the graph of ``like``."""
    constant = like.builder.tensor(np.full((1,) * len(shape), value, dtype=np.float64))
    return ops.broadcast_to(constant, shape)
