"""Cases of the ops in `recurra.ops.shape`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from recurra import ops
from recurra.graph import Tensor

from ._case import Case, label, normal, on

__all__ = ["cases"]


def _slice_of_dense(axis: int, start: int, stop: int | None, x: Tensor, w: Tensor) -> Tensor:
    return ops.slice(ops.dense(x, w), axis, start, stop)


def _joined(axis: int, *parts: Tensor) -> Tensor:
    return ops.concatenate(parts, axis)


def cases() -> Iterator[Case]:
    """Shapes known and symbolic."""
    for source, target in (
        ((6,), (2, 3)),
        ((2, 3), (6,)),
        ((2, 3, 4), (4, -1)),
        ((), (1, 1)),
        ((1,), ()),
        ((2, 3, 4), (2, 1, 12, 1)),
    ):
        yield Case(
            f"reshape-{label(source)}-{target}",
            on(ops.reshape, "x", shape=target),
            {"x": normal("r", *source)},
        )
    yield Case("reshape-int", on(ops.reshape, "x", shape=(3, -1)), feeds={"x": np.arange(12, dtype=np.int32)})
    yield Case(
        "reshape-symbolic",
        lambda b, t: ops.reshape(ops.dense(t["x"], t["w"]), ("batch", -1)),
        {"w": normal("w", 3, 2)},
        {"x": normal("x", 2, 4, 3)},
        shapes={"x": ("batch", "time", 3)},
    )
    yield Case(
        "reshape-symbolic-wild",
        lambda b, t: ops.reshape(ops.dense(t["x"], t["w"]), (-1, 2)),
        {"w": normal("w", 3, 2)},
        {"x": normal("x", 2, 4, 3)},
        shapes={"x": ("batch", "time", 3)},
    )
    for order in ((0, 1, 2), (0, 2, 1), (2, 0, 1), (1, 2, 0), (2, 1, 0)):
        yield Case(f"permute-{order}", on(ops.permute, "x", axes=order), {"x": normal("p", 2, 3, 5)})
    yield Case("permute-4d", on(ops.permute, "x", axes=(3, 1, 0, 2)), {"x": normal("p", 2, 3, 4, 5)})
    for shape, axis in (((7,), 0), ((3, 5), 0), ((3, 5), 1), ((2, 3, 5), 1), ((2, 3, 4, 5), -1), ((4, 1), 1)):
        yield Case(f"reverse-{label(shape)}-{axis}", on(ops.reverse, "x", axis=axis), {"x": normal("v", *shape)})
    for shape, axis, start, stop in (
        ((7,), 0, 2, 5),
        ((3, 5), 1, 0, 1),
        ((3, 5), 0, 1, None),
        ((2, 5, 3), 1, -1, None),
        ((2, 5, 3), 1, -3, -1),
        ((2, 5, 3), 2, 0, 3),
        ((2, 3, 4, 5), -1, 1, -1),
    ):
        yield Case(
            f"slice-{label(shape)}-{axis}-{start}-{stop}",
            on(ops.slice, "x", axis=axis, start=start, stop=stop),
            {"x": normal("s", *shape)},
        )
    for axis, first, last in ((1, -1, None), (1, 0, 2), (1, 1, None)):
        yield Case(
            f"slice-symbolic-{axis}-{first}-{last}",
            on(partial(_slice_of_dense, axis, first, last), "x", "w"),
            {"w": normal("w", 3, 2)},
            {"x": normal("x", 2, 4, 3)},
            shapes={"x": ("batch", "time", 3)},
        )
    for shapes, axis in (
        (((3, 2), (3, 5)), -1),
        (((1, 4), (3, 4), (2, 4)), 0),
        (((2, 3, 5),), 1),
        (((2, 3, 5), (2, 1, 5)), 1),
        (((4,), (9,)), 0),
    ):
        parts = {f"x{i}": normal(f"c{i}", *shape) for i, shape in enumerate(shapes)}
        yield Case(
            f"concatenate-{label(*shapes)}-{axis}",
            on(partial(_joined, axis), *parts),
            parts,
        )
    yield Case("concatenate-itself", on(partial(_joined, 1), "x", "x"), {"x": normal("c", 2, 3)})
    for narrow, goal in (
        ((), (3,)),
        ((5,), (3, 5)),
        ((3, 1), (3, 5)),
        ((2, 1, 1, 4), (2, 3, 5, 4)),
        ((1,), (2, 2)),
        ((2, 3), (2, 3)),
    ):
        yield Case(
            f"broadcast_to-{label(narrow)}-{label(goal)}",
            on(ops.broadcast_to, "x", shape=goal),
            {"x": normal("b", *narrow)},
        )
