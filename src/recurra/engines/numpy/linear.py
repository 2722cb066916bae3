"""Products with weights: dense and embedding."""

# numpy's stubs call arithmetic on arrays of any type "Any".
# mypy: disable-error-code="no-any-return"
from __future__ import annotations

import numpy as np

from ...errors import ArgumentError
from ._declare import Array, Call, backward, forward

__all__ = ["check_indices"]


@forward("dense")
def _dense(call: Call, x: Array, kernel: Array, bias: Array | None) -> Array:
    y = x @ kernel
    return y if bias is None else y + bias


@backward("dense")
def _dense_back(
    call: Call, g: Array, x: Array, kernel: Array, bias: Array | None
) -> tuple[Array | None, Array | None, Array | None]:
    """With every leading dimension folded into rows, Y = X W + b gives dX = G W', dW = X' G, db = sum of G's rows."""
    inputs, units = kernel.shape
    rows = g.reshape(-1, units)
    gx = g @ kernel.T if call.needs[0] else None
    gw = x.reshape(-1, inputs).T @ rows if call.needs[1] else None
    gb = rows.sum(axis=0) if call.needs[2] else None
    return gx, gw, gb


@forward("embedding")
def _embedding(call: Call, indices: Array, table: Array) -> Array:
    check_indices(call, indices, len(table), "the table has that many rows (input_dim of the layer)")
    return table[indices]


@backward("embedding")
def _embedding_back(call: Call, g: Array, indices: Array, table: Array) -> tuple[None, Array]:
    """Each row of the table receives the sum of the gradients of all places where it was used."""
    gtable = np.zeros_like(table)
    np.add.at(gtable, indices.ravel(), g.reshape(-1, table.shape[1]))
    return None, gtable


def check_indices(call: Call, indices: Array, size: int, reason: str) -> None:
    """Checks 0 <= index < ``size`` for every index of a node.

    Raises:
        ArgumentError: One is outside. Python's negative indices are outside too: in data they are mistakes.
    """
    bad = (indices < 0) | (indices >= size)
    if bad.any():
        position = tuple(np.argwhere(bad)[0].tolist())
        name = call.inputs[{"take_along_last": 1, "softmax_crossentropy": 2}.get(call.op, 0)]
        mend = (
            "Indices count from 0 and cannot be negative: correct the data."
            if indices.min() < 0
            else f"Correct the data, or make that size at least {indices.max() + 1}."
        )
        raise ArgumentError(
            f"{name} holds an index out of range{call.place}: expected 0 <= index < {size}, because {reason}; "
            f"received {indices[position]} at {position} of the batch. {mend}"
        )
