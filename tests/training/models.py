"""Small models whose training can be worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.layers import Dense, Input
from recurra.models import Sequential

__all__ = ["LINE_X", "LINE_Y", "line", "line_by_hand", "weight"]

LINE_X = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]], np.float32)
LINE_Y = np.array([[2.0], [4.0], [5.0], [8.0], [11.0]], np.float32)


def line(optimizer: Any = "sgd", loss: Any = "mse", weight: float = 1.0, **options: Any) -> Sequential:
    """y = w x, compiled, on the numpy engine unless told otherwise."""
    model = Sequential([Input((1,)), Dense(1, use_bias=False, name="dense")])
    model.set_weights([np.array([[weight]])])
    options.setdefault("engine", "numpy")
    model.compile(optimizer=optimizer, loss=loss, **options)
    return model


def line_by_hand(
    x: np.ndarray, y: np.ndarray, batches: list[list[int]], rate: float, weight: float = 1.0, weights: Any = None
) -> tuple[float, float]:
    """Gradient descent on the mean of w (y' - y)^2 over each batch; returns the weight and the reported loss."""
    w, total, seen = weight, 0.0, 0
    factors = np.ones(len(x)) if weights is None else np.asarray(weights, float)
    for rows in batches:
        a, b, f = x[rows, 0].astype(float), y[rows, 0].astype(float), factors[rows]
        total += float(np.mean(f * (w * a - b) ** 2)) * len(rows)
        seen += len(rows)
        w -= rate * float(np.mean(f * 2 * (w * a - b) * a))
    return w, total / seen


def weight(model: Any) -> float:
    """The weight of a `line`."""
    return float(model.get_weights()[0][0, 0])
