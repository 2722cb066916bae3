"""Cases that the recurrent layers other than the LSTM share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from recurra import ops
from recurra.graph import Tensor

from ._case import Case, label, normal, on

__all__ = ["INPUTS", "MASKS", "activation_cases", "gated_parameters", "recurrent_cases"]

INPUTS = ("x", "w", "r", "b", "h", "mask", "rm")
"""The inputs of `ops.gru` and `ops.simple_rnn`, in order."""

MASKS = {
    "right": [[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]],
    "left": [[0, 0, 1, 1], [1, 1, 1, 1], [0, 1, 1, 1]],
    "holes": [[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 0, 1]],
    "nothing": [[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]],
}

_SIZES = (
    (3, 4, 2, 5),
    (1, 1, 1, 1),
    (1, 5, 3, 4),
    (4, 1, 2, 3),
    (2, 3, 1, 17),
    (17, 2, 9, 16),
    (1, 6, 4, 19),
    (5, 7, 19, 33),
    (33, 3, 4, 8),
)


def gated_parameters(
    op: str, sizes: tuple[int, int, int, int], gates: int, bias: tuple[int, ...], *extra: str, scale: float = 1.0
) -> dict[str, np.ndarray]:
    """x, w, r and those named in ``extra`` of "b", "h" and "rm"; the sizes are batch, time, features and units."""
    batch, time, features, units = sizes
    shapes: dict[str, tuple[int, ...]] = {
        "x": (batch, time, features),
        "w": (features, gates * units),
        "r": (units, gates * units),
        "b": bias,
        "h": (batch, units),
        "rm": (batch, units),
    }
    scales = {"w": features**-0.5, "r": units**-0.5}
    return {
        key: normal(f"{op}{sizes}{key}", *shapes[key], scale=scale * scales.get(key, 1.0))
        for key in ("x", "w", "r", *extra)
    }


def recurrent_cases(
    name: str,
    op: Callable[..., tuple[Tensor, ...]],
    parameters: Callable[..., Mapping[str, np.ndarray]],
    **options: Any,
) -> Iterator[Case]:
    """Every size, mask, activation and optional input of an op with one state.

    Args:
        name: What the names of the cases begin with.
        op: `ops.gru` or `ops.simple_rnn`.
        parameters: Makes them of batch, time, features, units and the names of optional ones.
        **options: Given to the op in every case.
    """

    def build(**more: Any) -> Any:
        return on(op, *INPUTS, **options, **more)

    for sizes in _SIZES:
        yield Case(f"{name}-{label(sizes)}", build(), parameters(*sizes, "b"))
    small = (3, 4, 2, 5)
    settings: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
        ("no-bias", (), {}),
        ("initial-h", ("b", "h"), {}),
        ("backwards", ("b", "h"), {"go_backwards": True}),
        ("recurrent-mask", ("b", "rm"), {}),
        ("recurrent-mask-initial", ("h", "rm"), {"go_backwards": True}),
        ("recurrent-mask-bias", ("b", "h", "rm"), {}),
    ]
    for setting, extra, more in settings:
        yield Case(f"{name}-{setting}", build(**more), parameters(*small, *extra))
    for kind, mask in MASKS.items():
        for backwards in (False, True):
            for zero in (False, True):
                yield Case(
                    f"{name}-mask-{kind}{'-backwards' if backwards else ''}{'-zero' if zero else ''}",
                    build(go_backwards=backwards, zero_output_for_mask=zero),
                    parameters(*small, "b", "h", "rm"),
                    {"mask": np.array(mask, float)},
                    same_zeros=zero,
                )
    yield Case(
        f"{name}-mask-no-initial",
        build(),
        parameters(*small, "b"),
        {"mask": np.array(MASKS["left"], float)},
        same_zeros=True,
    )
    # Only some outputs are used, so some gradients do not exist.
    for part, output in enumerate(("sequence", "last-h")):
        yield Case(
            f"{name}-only-{output}",
            on(partial(_only, op, options, part), *INPUTS),
            parameters(*small, "b"),
        )
    # Weights that are not trained get no gradient, but pass it on.
    fixed = parameters(*small, "b", "h")
    weights = {key: fixed[key] for key in ("w", "r", "b")}
    yield Case(
        f"{name}-data-is-fed",
        build(),
        weights,
        {"x": fixed["x"], "h": fixed["h"]},
        shapes={"x": ("batch", "time", 2), "h": ("batch", 5)},
    )
    yield Case(f"{name}-weights-are-fed", build(), {"x": fixed["x"], "h": fixed["h"]}, weights)


def _only(op: Callable[..., tuple[Tensor, ...]], options: Mapping[str, Any], part: int, *inputs: Tensor) -> Tensor:
    return op(*inputs, **options)[part]


def activation_cases(
    name: str, op: Callable[..., Any], parameters: Mapping[str, np.ndarray], *keys: str, **options: Any
) -> Iterator[Case]:
    """Every gate activation as every of the attributes ``keys``."""
    for key in keys:
        for activation in ops.GATE_ACTIVATIONS:
            yield Case(f"{name}-{key}-{activation}", on(op, *INPUTS, **{key: activation}, **options), parameters)
