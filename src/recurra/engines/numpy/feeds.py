"""The boundary: the user's arrays are checked, gathered and converted before anything is computed with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError, UnknownNameError
from ...graph import Graph, show_shape
from ._declare import Array

__all__ = ["gather"]


def gather(
    graph: Graph, feeds: Mapping[str, Any], rows: Array | None, dtype: np.dtype[Any]
) -> tuple[dict[str, Array], dict[str, int]]:
    """Takes the batch out of the feeds.

    Args:
        graph: The graph to be run; its sizes may be symbolic.
        feeds: An array for each of its inputs.
        rows: The rows of each array that make up the batch, or None for all.
        dtype: The float type to convert to.

    Returns:
        The batch by input name, and the size of every symbol.

    Raises:
        UnknownNameError, ArgumentError, ShapeError: An array is missing, unknown, of a wrong type or shape; a row
            does not exist.
    """
    batch = {}
    for name, value in feeds.items():
        if name not in graph.inputs:
            raise UnknownNameError("input", name, graph.inputs)
        array = np.asarray(value)
        if rows is not None:
            array = array[_checked_rows(name, array, rows)]
        batch[name] = _converted(name, array, graph.values[graph.inputs[name]].dtype, dtype)
    return batch, graph.sizes({name: array.shape for name, array in batch.items()})


def _checked_rows(name: str, array: Array, rows: Any) -> Array:
    rows = np.asarray(rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise ArgumentError(
            f"rows must be a vector of integers, received {rows.dtype} of shape {show_shape(rows.shape)}."
        )
    if not array.ndim:
        raise ShapeError(f"The array for the input '{name}' has no rows: it is a single number. Give no rows then.")
    if len(rows) and not (rows.min() >= 0 and rows.max() < len(array)):
        wrong = rows.max() if rows.min() >= 0 else rows.min()
        raise ArgumentError(
            f"rows names a row that does not exist: the array for the input '{name}' has {len(array)} rows, "
            f"expected 0 <= row < {len(array)}, received {wrong}."
        )
    return np.asarray(rows)


def _converted(name: str, array: Array, kind: str, dtype: np.dtype[Any]) -> Array:
    if array.dtype.kind not in ("fiub" if kind == "float" else "iub"):
        wanted = "numbers" if kind == "float" else "integers"
        raise ArgumentError(
            f"The array for the input '{name}' must hold {wanted}, received the type {array.dtype}."
            + (" Convert it with array.astype('int32')." if array.dtype.kind == "f" else "")
        )
    if kind == "float":
        return array.astype(dtype, copy=False)
    limits = np.iinfo(np.int32)
    if array.dtype.itemsize >= 4 and array.size and not (limits.min <= array.min() and array.max() <= limits.max):
        raise ArgumentError(
            f"The array for the input '{name}' holds integers that do not fit 32 bits: received numbers between "
            f"{array.min()} and {array.max()}."
        )
    return array.astype(np.int32, copy=False)
