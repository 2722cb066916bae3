"""Reductions, and what looks along the last dimension: softmax, argmax, taking along it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError
from ..graph import Tensor, TensorSpec
from ._declare import Attributes, Specs, emit, expect, need, normal_axis, rule

__all__ = [
    "argmax",
    "log_softmax",
    "one_hot",
    "reduce_max",
    "reduce_mean",
    "reduce_sum",
    "softmax",
    "softmax_crossentropy",
    "take_along_last",
]


@rule("reduce_sum", "reduce_mean", "reduce_max")
def _reduce(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    x = need(specs[0], "reduce", "x")
    axes, keepdims = attributes["axes"], attributes["keepdims"]
    kept = [1 if i in axes else dim for i, dim in enumerate(x.shape) if keepdims or i not in axes]
    return [TensorSpec(tuple(kept))]


@rule("softmax", "log_softmax")
def _softmax(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    x = need(specs[0], "softmax", "x")
    if not x.shape:
        raise ArgumentError("ops.softmax needs at least one dimension.")
    return [x]


@rule("softmax_crossentropy")
def _softmax_crossentropy(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    x = need(specs[0], "softmax_crossentropy", "x")
    if not x.shape:
        raise ArgumentError("ops.softmax_crossentropy needs at least one dimension.")
    expect(specs[1], "softmax_crossentropy", "y", x.shape)
    target = specs[2]
    if target is not None and target.dtype == "float":
        expect(target, "softmax_crossentropy", "target", x.shape)
    else:
        expect(target, "softmax_crossentropy", "target", x.shape[:-1], "int")
    return [TensorSpec(x.shape[:-1])]


@rule("argmax")
def _argmax(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    return [TensorSpec(need(specs[0], "argmax", "x").shape[:-1], "int")]


@rule("one_hot")
def _one_hot(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    return [TensorSpec((*need(specs[0], "one_hot", "indices", dtype="int").shape, attributes["depth"]))]


@rule("take_along_last")
def _take_along_last(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    x = need(specs[0], "take_along_last", "x")
    expect(specs[1], "take_along_last", "indices", x.shape[:-1], "int")
    return [TensorSpec(x.shape[:-1])]


def _axes(op: str, x: Any, axes: Sequence[int] | None) -> tuple[int, ...]:
    rank = len(x.shape)
    return tuple(range(rank)) if axes is None else tuple(sorted({normal_axis(op, axis, rank) for axis in axes}))


def argmax(x: Any) -> Tensor:
    """The index of the largest element along the last dimension, the first one of equals; an int tensor."""
    return emit("argmax", x)[0]


def log_softmax(x: Any) -> Tensor:
    """y = x - ln(sum(exp(x))) along the last dimension, computed without overflow."""
    return emit("log_softmax", x)[0]


def one_hot(indices: Any, depth: int) -> Tensor:
    """1 at each index and 0 elsewhere along a new last dimension of size ``depth``. Engines check the range."""
    return emit("one_hot", indices, depth=int(depth))[0]


def reduce_max(x: Any, axes: Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """The largest element over ``axes`` (default: all); the gradient goes to the first of equals."""
    return emit("reduce_max", x, axes=_axes("reduce_max", x, axes), keepdims=bool(keepdims))[0]


def reduce_mean(x: Any, axes: Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """The mean over ``axes`` (default: all)."""
    return emit("reduce_mean", x, axes=_axes("reduce_mean", x, axes), keepdims=bool(keepdims))[0]


def reduce_sum(x: Any, axes: Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """The sum over ``axes`` (default: all)."""
    return emit("reduce_sum", x, axes=_axes("reduce_sum", x, axes), keepdims=bool(keepdims))[0]


def softmax(x: Any) -> Tensor:
    """y = exp(x) / sum(exp(x)) along the last dimension, computed without overflow."""
    return emit("softmax", x)[0]


def softmax_crossentropy(x: Any, y: Any, target: Any, low: float = 0.0, high: float = 1.0) -> Tensor:
    """-sum(t ln(min(max(y, low), high))) along the last dimension, where y = softmax(x).

    The gradient goes to x at once, y sum(t) - t without what was clipped, and to a float target; none goes to y, which
    is given because it exists already. Without clipping (``low`` 0) ln(y) is computed from x and does not underflow.

    Args:
        x: Tensor of shape (..., n).
        y: `softmax` of x.
        target: t, of shape (..., n); or an int tensor of shape (...), which is the index of a t that is 1 there and 0
            elsewhere. Engines check the range.
        low, high: The range y is clipped to; the gradient passes where it lies inside. Default: not clipped.
    """
    return emit("softmax_crossentropy", x, y, target, low=float(low), high=float(high))[0]


def take_along_last(x: Any, indices: Any) -> Tensor:
    """y[...] = x[..., indices[...]]: one element of each row. Engines check the range.

    Args:
        x: Tensor of shape (..., n).
        indices: int tensor of shape (...).
    """
    return emit("take_along_last", x, indices)[0]
