"""Cases of the ops in `recurra.ops.reduction`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from recurra import ops
from recurra.graph import Tensor

from ..graphs import rounded, seeded
from ._case import Case, label, normal, on

__all__ = ["cases"]


def _one_hot_product(depth: int, indices: Tensor, w: Tensor) -> Tensor:
    return ops.one_hot(indices, depth) * w


def cases() -> Iterator[Case]:
    """Reductions over every kind of axes; softmax and the ops that pick along the last dimension."""
    reductions = {"reduce_max": ops.reduce_max, "reduce_mean": ops.reduce_mean, "reduce_sum": ops.reduce_sum}
    settings: list[tuple[tuple[int, ...], Any]] = [
        ((), None),
        ((9,), None),
        ((9,), (0,)),
        ((3, 5), None),
        ((3, 5), (0,)),
        ((3, 5), (-1,)),
        ((3, 5), ()),
        ((2, 3, 5), (1,)),
        ((2, 3, 5), (0, 2)),
        ((2, 3, 4, 5), (1, 2)),
        ((2, 3, 4, 5), (3, 0)),
        ((2, 1, 35), (2,)),
        ((300, 3), (0,)),
    ]
    for name, function in reductions.items():
        for shape, axes in settings:
            for keepdims in (False, True):
                # Numbers far enough from each other, so that the largest stays the largest.
                size = int(np.prod(shape))
                x = rounded(seeded(name + label(shape)).permutation(size).reshape(shape) * (4 / size) - 2)
                yield Case(
                    f"{name}-{label(shape)}-{axes}{'-keepdims' if keepdims else ''}",
                    on(function, "x", axes=axes, keepdims=keepdims),
                    {"x": x},
                )
    ties = rounded([[[1, 3], [3, 0]], [[2, 2], [2, 2]]])
    for axes in ((0,), (2,), (1, 2), (0, 2)):
        yield Case(f"reduce_max-ties-{axes}", on(ops.reduce_max, "x", axes=axes), {"x": ties}, smooth=False)
    for name, normalised in (("softmax", ops.softmax), ("log_softmax", ops.log_softmax)):
        for shape in ((1,), (37,), (4, 3), (2, 3, 5), (2, 1, 3, 18)):
            yield Case(f"{name}-{label(shape)}", on(normalised, "x"), {"x": normal(name, *shape, scale=3)})
        large = rounded([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [90, 89, 88], [1e4, 9999, 1e4]])
        yield Case(f"{name}-extreme", on(normalised, "x"), {"x": large}, smooth=False, trains=False)
    for shape in ((5,), (3, 5), (2, 3, 17), (2, 1, 2, 1)):
        x = rounded(seeded("argmax").permutation(int(np.prod(shape))).reshape(shape))
        yield Case(f"argmax-{label(shape)}", on(ops.argmax, "x"), feeds={"x": x})
        index = seeded("label").integers(0, shape[-1], shape[:-1]).astype(np.int32)
        yield Case(f"take_along_last-{label(shape)}", on(ops.take_along_last, "x", "i"), {"x": x}, {"i": index})
        yield Case(
            f"one_hot-{label(shape)}",
            on(partial(_one_hot_product, shape[-1]), "i", "w"),
            {"w": normal("w", shape[-1])},
            {"i": index},
        )
    yield Case("argmax-ties", on(ops.argmax, "x"), feeds={"x": rounded([[1, 3, 3], [2, 2, 2], [0, -1, 0]])})
