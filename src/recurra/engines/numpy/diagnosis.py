"""Where did it begin? Finds the first number of a failed training step that is not finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...graph import Graph
from ._declare import Array, Call

__all__ = ["origin"]


def origin(graph: Graph, values: Sequence[Array | None], calls: Sequence[Call], rows: Array | None) -> str | None:
    """Says what first held NaN or infinity in the forward pass, or returns None if nothing did.

    Constants are passed over: an infinity written into the model was meant; what it spoils is found at the node.

    Args:
        graph: The bound graph.
        values: Every value of the run, by id.
        calls: The calls of the run, one for each node.
        rows: The rows that the batch was gathered from; positions are given in the full array.
    """
    groups: tuple[tuple[str, Mapping[str, int]], ...] = (
        ("input", graph.inputs),
        ("weight", graph.parameters),
        ("state", graph.states),
    )
    for what, names in groups:
        for name, id in names.items():
            found = _first(values[id])
            if found is not None:
                position, number = found
                if what == "input" and rows is not None:
                    position = (int(rows[position[0]]), *position[1:])
                return f"the {what} '{name}' holds {number} at {position}"
    for node, call in zip(graph.nodes, calls, strict=True):
        for id in node.outputs:
            found = _first(values[id])
            if found is not None:
                position, number = found
                return f"the op '{node.op}'{call.place} made {number} at {position} of its result"
    return None


def _first(array: Array | None) -> tuple[tuple[int, ...], float] | None:
    if array is None or array.dtype.kind != "f":
        return None
    bad = ~np.isfinite(array)
    if not bad.any():
        return None
    position = tuple(np.argwhere(bad)[0].tolist())
    return position, float(array[position])
