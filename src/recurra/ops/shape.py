"""Operations that move elements without changing them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError, ShapeError
from ..graph import Dim, Shape, Tensor, TensorSpec, show_shape
from ._declare import Attributes, Specs, emit, need, normal_axis, rule
from .elementwise import fits

__all__ = ["broadcast_to", "concatenate", "permute", "reshape", "reverse", "slice"]


@rule("reshape")
def _reshape(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    x = specs[0]
    if x is None:
        raise ArgumentError("ops.reshape needs an input.")
    target: Shape = attributes["shape"]
    symbols = Counter(dim for dim in x.shape if isinstance(dim, str))
    symbols.subtract(dim for dim in target if isinstance(dim, str))
    have = math.prod(dim for dim in x.shape if isinstance(dim, int))
    want = math.prod(dim for dim in target if isinstance(dim, int) and dim != -1)
    rest = [symbol for symbol, count in symbols.items() if count]
    wild = [i for i, dim in enumerate(target) if dim == -1]
    result: list[Dim] = list(target)
    known = len(wild) <= 1 and all(count >= 0 for count in symbols.values())
    if known and wild and rest:
        # The unknown sizes left over go into the wild dimension, under a symbol that `bind` works out.
        result[wild[0]] = f"{show_shape(x.shape)}/{want}"
    elif known and wild and want and have % want == 0:
        result[wild[0]] = have // want
    elif not known or wild or rest or have != want:
        raise ShapeError(f"Cannot reshape {show_shape(x.shape)} to {show_shape(target)}: the sizes differ.")
    return [TensorSpec(tuple(result), x.dtype)]


@rule("permute")
def _permute(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    x = need(specs[0], "permute", "x")
    axes: tuple[int, ...] = attributes["axes"]
    if sorted(axes) != list(range(len(x.shape))):
        raise ArgumentError(f"ops.permute: axes {axes} do not name each axis of {show_shape(x.shape)} once.")
    return [TensorSpec(tuple(x.shape[axis] for axis in axes))]


@rule("reverse")
def _reverse(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    x = need(specs[0], "reverse", "x")
    return [x]


@rule("slice")
def _slice(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    x = need(specs[0], "slice", "x")
    axis, start, stop = attributes["axis"], attributes["start"], attributes["stop"]
    size = x.shape[axis]
    if isinstance(size, str):
        if start == 0 and stop is None:
            length: Dim = size
        elif stop is not None and (start >= 0) == (stop >= 0):
            length = stop - start
        elif start < 0 and stop is None:
            length = -start
        else:
            length = f"{size}[{start}:{'' if stop is None else stop}]"
    else:
        length = len(range(size)[start:stop])
        limits = (start, start + 1 if stop is None else stop)
        if length == 0 or any(limit > size or limit < -size for limit in limits):
            raise ShapeError(f"ops.slice: [{start}:{stop}] does not fit axis {axis} of {show_shape(x.shape)}.")
    return [TensorSpec((*x.shape[:axis], length, *x.shape[axis + 1 :]))]


@rule("concatenate")
def _concatenate(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    parts = [need(spec, "concatenate", "x") for spec in specs]
    axis = attributes["axis"]
    first = parts[0].shape
    for part in parts[1:]:
        others = (*part.shape[:axis], *part.shape[axis + 1 :])
        if len(part.shape) != len(first) or others != (*first[:axis], *first[axis + 1 :]):
            shapes = ", ".join(show_shape(p.shape) for p in parts)
            raise ShapeError(f"ops.concatenate: shapes may differ along axis {axis} only, received {shapes}.")
    sizes = [part.shape[axis] for part in parts]
    total: Dim = "+".join(map(str, sizes))
    if all(isinstance(size, int) for size in sizes):
        total = sum(size for size in sizes if isinstance(size, int))
    return [TensorSpec((*first[:axis], total, *first[axis + 1 :]))]


@rule("broadcast_to")
def _broadcast_to(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    x = need(specs[0], "broadcast_to", "x")
    shape: Shape = attributes["shape"]
    if not fits(x.shape, shape):
        raise ShapeError(f"ops.broadcast_to: {show_shape(x.shape)} cannot become {show_shape(shape)}.")
    return [TensorSpec(shape)]


def broadcast_to(x: Any, shape: Sequence[Dim]) -> Tensor:
    """Repeats ``x`` along dimensions of size 1 until it has ``shape``."""
    return emit("broadcast_to", x, shape=tuple(shape))[0]


def concatenate(parts: Sequence[Any], axis: int = -1) -> Tensor:
    """Joins tensors along ``axis``. Default: the last."""
    if not parts:
        raise ArgumentError("ops.concatenate needs at least one tensor.")
    return emit("concatenate", *parts, axis=normal_axis("concatenate", axis, len(parts[0].shape)))[0]


def permute(x: Any, axes: Sequence[int]) -> Tensor:
    """Reorders the dimensions: dimension i of the result is dimension ``axes[i]`` of ``x``."""
    rank = len(x.shape)
    return emit("permute", x, axes=tuple(normal_axis("permute", axis, rank) for axis in axes))[0]


def reshape(x: Any, shape: Sequence[Dim]) -> Tensor:
    """The same elements in the same order under another shape. One dimension may be -1: what is left."""
    return emit("reshape", x, shape=tuple(shape))[0]


def reverse(x: Any, axis: int) -> Tensor:
    """Turns ``x`` round along ``axis``."""
    return emit("reverse", x, axis=normal_axis("reverse", axis, len(x.shape)))[0]


def slice(x: Any, axis: int, start: int = 0, stop: int | None = None) -> Tensor:
    """x[start:stop] along ``axis``; negative numbers count from the end, as in Python."""
    return emit("slice", x, axis=normal_axis("slice", axis, len(x.shape)), start=int(start), stop=stop)[0]
