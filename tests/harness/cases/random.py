"""Cases of the ops in `recurra.ops.random`."""

from __future__ import annotations

from collections.abc import Iterator

from recurra import ops

from ._case import Case, away, label, normal, on

__all__ = ["cases"]


def cases() -> Iterator[Case]:
    """Dropout of many shapes and rates, and with shared noise."""
    for shape in ((), (5,), (3, 7), (2, 3, 5), (2, 1, 3, 4), (1031,)):
        for rate in (0.0, 0.3, 0.5, 0.9):
            yield Case(
                f"dropout-{label(shape)}-{rate}",
                on(ops.dropout, "x", rate=rate, seed=0x9E3779B97F4A7C15),
                {"x": away(normal("drop", *shape), 0)},
                same_zeros=True,
            )
    for noise in ((2, 1, 5), (1, 3, 1), (1, 1, 1), (2, 3, 5)):
        yield Case(
            f"dropout-noise-{label(noise)}",
            on(ops.dropout, "x", rate=0.4, seed=12, noise_shape=noise),
            {"x": away(normal("drop", 2, 3, 5), 0)},
            same_zeros=True,
        )
    yield Case(
        "dropout-symbolic",
        lambda b, t: ops.dropout(ops.dense(t["x"], t["w"]), 0.4, seed=7, noise_shape=("batch", 1, 5)),
        {"w": normal("w", 3, 5)},
        {"x": normal("x", 4, 6, 3)},
        shapes={"x": ("batch", "time", 3)},
        same_zeros=True,
    )
