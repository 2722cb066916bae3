"""Cases of the ops in `recurra.ops.lstm`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from recurra import ops
from recurra.graph import Tensor

from ..graphs import rounded
from ._case import Case, label, normal, on

__all__ = ["cases", "lstm_parameters"]

_INPUTS = ("x", "w", "r", "b", "h", "c", "mask", "rm")


def lstm_parameters(
    batch: int, time: int, features: int, units: int, *extra: str, scale: float = 1.0
) -> dict[str, np.ndarray]:
    name = f"lstm{batch}-{time}-{features}-{units}"
    shapes: dict[str, tuple[int, ...]] = {
        "x": (batch, time, features),
        "w": (features, 4 * units),
        "r": (units, 4 * units),
        "b": (4 * units,),
        "h": (batch, units),
        "c": (batch, units),
        "rm": (batch, units),
    }
    scales = {"w": features**-0.5, "r": units**-0.5}
    return {
        key: normal(name + key, *shapes[key], scale=scale * scales.get(key, 1.0)) for key in ("x", "w", "r", *extra)
    }


def _only(part: int, *inputs: Tensor) -> Tensor:
    return ops.lstm(*inputs)[part]


def cases() -> Iterator[Case]:
    """Every option, activation, mask and optional input of the LSTM, in sizes small and odd."""
    for batch, time, features, units in (
        (3, 4, 2, 5),
        (1, 1, 1, 1),
        (1, 5, 3, 4),
        (4, 1, 2, 3),
        (2, 3, 1, 17),
        (17, 2, 9, 16),
        (5, 7, 19, 33),
        (33, 3, 4, 8),
    ):
        sizes = (batch, time, features, units)
        yield Case(f"lstm-{label(sizes)}", on(ops.lstm, *_INPUTS), lstm_parameters(*sizes, "b"))
    masks = {
        "right": [[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]],
        "left": [[0, 0, 1, 1], [1, 1, 1, 1], [0, 1, 1, 1]],
        "holes": [[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 0, 1]],
        "nothing": [[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]],
    }
    settings: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
        ("no-bias", (), {}),
        ("initial-h", ("b", "h"), {}),
        ("initial-c", ("b", "c"), {}),
        ("initial-both", ("b", "h", "c"), {}),
        ("backwards", ("b", "h", "c"), {"go_backwards": True}),
        ("recurrent-mask", ("b", "rm"), {}),
        ("recurrent-mask-initial", ("h", "c", "rm"), {"go_backwards": True}),
    ]
    for name, extra, options in settings:
        yield Case(f"lstm-{name}", on(ops.lstm, *_INPUTS, **options), lstm_parameters(3, 4, 2, 5, *extra))
    for kind, mask in masks.items():
        for backwards in (False, True):
            for zero in (False, True):
                yield Case(
                    f"lstm-mask-{kind}{'-backwards' if backwards else ''}{'-zero' if zero else ''}",
                    on(ops.lstm, *_INPUTS, go_backwards=backwards, zero_output_for_mask=zero),
                    lstm_parameters(3, 4, 2, 5, "b", "h", "c", "rm"),
                    {"mask": np.array(mask, float)},
                    same_zeros=zero,
                )
    yield Case(
        "lstm-mask-no-initial",
        on(ops.lstm, *_INPUTS),
        lstm_parameters(3, 4, 2, 5, "b"),
        {"mask": np.array(masks["left"], float)},
        same_zeros=True,
    )
    # Small numbers, because unbounded gates make cells that grow with every step (exp: a tower of powers).
    small = lstm_parameters(2, 3, 2, 5, "b", "c", scale=0.25)
    for activation in ops.GATE_ACTIVATIONS:
        yield Case(f"lstm-activation-{activation}", on(ops.lstm, *_INPUTS, activation=activation), small)
        yield Case(f"lstm-recurrent-{activation}", on(ops.lstm, *_INPUTS, recurrent_activation=activation), small)
    # Gates far in saturation: the cell is kept or thrown away whole, and nothing overflows.
    large = {**lstm_parameters(2, 6, 3, 5), "b": rounded(np.repeat([60, -60, 90, 60], 5))}
    yield Case("lstm-saturated", on(ops.lstm, *_INPUTS), large)
    # Only some outputs are used, so some gradients do not exist.
    for part, name in enumerate(("sequence", "last-h", "last-c")):
        yield Case(
            f"lstm-only-{name}",
            on(partial(_only, part), "x", "w", "r", "b"),
            lstm_parameters(3, 4, 2, 5, "b"),
        )
    # Weights that are not trained get no gradient, but pass it on.
    fixed = lstm_parameters(3, 4, 2, 5, "b")
    weights = {key: fixed[key] for key in ("w", "r", "b")}
    yield Case(
        "lstm-data-is-fed",
        on(ops.lstm, *_INPUTS),
        weights,
        {"x": fixed["x"]},
        shapes={"x": ("batch", "time", 2)},
    )
    yield Case(
        "lstm-weights-are-fed", on(ops.lstm, *_INPUTS), {"x": fixed["x"]}, {key: fixed[key] for key in ("w", "r", "b")}
    )
