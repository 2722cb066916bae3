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


def _crossentropy(x: Tensor, target: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
    return ops.softmax_crossentropy(x, ops.softmax(x), target, low, high)


def _crossentropy_of_used(x: Tensor, target: Tensor) -> Tensor:
    # Gradients meet: x, y and the target are used elsewhere too, before and after.
    before = ops.square(x)
    y = ops.softmax(x)
    loss = ops.softmax_crossentropy(x, y, target, 1e-7, 1.0 - 1e-7)
    after = ops.reduce_sum(y * x, (-1,)) + ops.reduce_mean(before, (-1,))
    return loss * after if target.dtype == "int" else loss * after + ops.reduce_sum(target * y, (-1,))


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
    yield from _crossentropies()
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


def _crossentropies() -> Iterator[Case]:
    for shape in ((1,), (37,), (4, 3), (2, 3, 5), (2, 1, 3, 18), (300, 65)):
        x = normal("logits", *shape, scale=3)
        targets = {
            "class": seeded("class").integers(0, shape[-1], shape[:-1]).astype(np.int32),
            "shares": rounded(seeded("shares").random(shape)),
        }
        for kind, t in targets.items():
            name = f"softmax_crossentropy-{label(shape)}-{kind}"
            parameters, feeds = ({"x": x}, {"t": t}) if kind == "class" else ({"x": x, "t": t}, {})
            yield Case(name, on(_crossentropy, "x", "t"), parameters, feeds)
            yield Case(f"{name}-clipped", on(_crossentropy, "x", "t", low=1e-7, high=1 - 1e-7), parameters, feeds)
            yield Case(f"{name}-used", on(_crossentropy_of_used, "x", "t"), parameters, feeds, trains=False)
    far = rounded([[25, 0, 1], [0, 25, 0], [0, 0, -25], [20, -20, 0], [-9, -9, -9], [3, 2, 1]])
    farther = rounded([[40, 0, 1], [0, 40, 0], [0, 0, -40], [1e4, -1e4, 0], [-1e4, -1e4, -1e4], [90, 89, 88]])
    one = np.array([1, 1, 2, 0, 2, 0], np.int32)
    for low in (0.0, 1e-7, 0.01):
        for kind, t in {"class": one, "shares": rounded(np.eye(3)[one] * 0.75 + 0.125)}.items():
            build = on(_crossentropy, "x", "t", low=low, high=1 - low)
            name = f"softmax_crossentropy-{low}-{kind}"
            yield Case(f"{name}-far", build, {"x": far}, {"t": t})
            yield Case(f"{name}-extreme", build, {"x": farther}, {"t": t}, smooth=False, trains=False)
