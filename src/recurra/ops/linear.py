"""Products with weights: dense and embedding."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..graph import Tensor, TensorSpec, show_shape
from ._declare import Attributes, Specs, emit, expect, need, rule

__all__ = ["dense", "embedding"]


@rule("dense")
def _dense(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    x = need(specs[0], "dense", "x")
    kernel = need(specs[1], "dense", "kernel", rank=2)
    if not x.shape or x.shape[-1] != kernel.shape[0]:
        raise ShapeError(
            f"ops.dense: the last dimension of x must be {kernel.shape[0]}, the first of the kernel "
            f"{show_shape(kernel.shape)}; received x of shape {show_shape(x.shape)}."
        )
    expect(specs[2], "dense", "bias", (kernel.shape[1],))
    return [TensorSpec((*x.shape[:-1], kernel.shape[1]))]


@rule("embedding")
def _embedding(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    indices = need(specs[0], "embedding", "indices", dtype="int")
    table = need(specs[1], "embedding", "table", rank=2)
    return [TensorSpec((*indices.shape, table.shape[1]))]


def dense(x: Any, kernel: Any, bias: Any = None) -> Tensor:
    """y = x W + b over the last dimension.

    Args:
        x: Tensor of shape (..., inputs).
        kernel: W, of shape (inputs, units).
        bias: b, of shape (units,), or None. Default None.

    Returns:
        Tensor of shape (..., units).
    """
    return emit("dense", x, kernel, bias)[0]


def embedding(indices: Any, table: Any) -> Tensor:
    """Rows of a table: y[..., :] = table[indices[...], :].

    Args:
        indices: int tensor of any shape, each 0 <= index < rows. Engines check the range.
        table: Tensor of shape (rows, units).

    Returns:
        Tensor of shape (*indices.shape, units).
    """
    return emit("embedding", indices, table)[0]
