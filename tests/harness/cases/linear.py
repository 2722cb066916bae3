"""Cases of the ops in `recurra.ops.linear`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from recurra import ops

from ._case import Case, label, normal, on

__all__ = ["cases"]


def cases() -> Iterator[Case]:
    """Products of many sizes, tables looked up in many shapes."""
    for x_shape, units in (
        ((4, 3), 5),
        ((1, 1), 1),
        ((7,), 3),
        ((2, 3, 7), 17),
        ((2, 1, 3, 2), 4),
        ((1, 33), 9),
        ((19, 16), 32),
        ((5, 70), 65),
    ):
        for bias in (True, False):
            n = x_shape[-1]
            parameters = {"x": normal("dx", *x_shape), "w": normal("dw", n, units, scale=n**-0.5)}
            if bias:
                parameters["b"] = normal("db", units)
            yield Case(
                f"dense-{label(x_shape)}-{units}{'-bias' if bias else ''}",
                on(ops.dense, "x", "w", "b"),
                parameters,
            )
    indices = {
        "vector": np.array([2, 0, 2, 4, 2], np.int32),
        "matrix": np.array([[0, 1, 1], [4, 4, 4]], np.int32),
        "cube": np.arange(12).reshape(2, 3, 2).astype(np.int32) % 5,
        "one": np.array([[3]], np.int32),
        "scalar": np.array(1, np.int32),
    }
    for name, index in indices.items():
        for units in (1, 7, 18):
            yield Case(
                f"embedding-{name}-{units}",
                on(ops.embedding, "i", "table"),
                {"table": normal("table", 5, units)},
                {"i": index},
            )
    yield Case(
        "embedding-symbolic",
        on(ops.embedding, "i", "table"),
        {"table": normal("table", 6, 3)},
        {"i": np.array([[5, 0, 5], [2, 1, 5]], np.int32)},
        shapes={"i": ("batch", "time")},
    )
