"""Losses for numbers: squared, absolute, relative, logarithmic and robust errors, and the angle between vectors.

In the formulas t is a target, p its prediction, and the mean or sum goes over the last dimension.
"""

from __future__ import annotations

import math

from .. import ops
from ..config import epsilon
from ..graph import Tensor
from .loss import Loss, registry

__all__ = [
    "CosineSimilarity",
    "Huber",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "cosine_similarity",
    "huber",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
]


def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean((p - t)^2)."""
    return ops.reduce_mean(ops.square(y_pred - y_true), axes=(-1,))


def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean(|p - t|)."""
    return ops.reduce_mean(ops.absolute(y_pred - y_true), axes=(-1,))


def mean_absolute_percentage_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """100 mean(|t - p| / max(|t|, epsilon))."""
    relative = ops.absolute(y_true - y_pred) / ops.maximum(ops.absolute(y_true), epsilon())
    return ops.reduce_mean(relative, axes=(-1,)) * 100.0


def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean((ln(1 + p) - ln(1 + t))^2), numbers below epsilon being taken as epsilon."""
    difference = ops.log(ops.maximum(y_pred, epsilon()) + 1.0) - ops.log(ops.maximum(y_true, epsilon()) + 1.0)
    return ops.reduce_mean(ops.square(difference), axes=(-1,))


def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Tensor:
    """mean(e^2 / 2 where |e| <= delta, otherwise delta |e| - delta^2 / 2), e = p - t. Huber 1964."""
    error = y_pred - y_true
    size = ops.absolute(error)
    values = ops.where(ops.greater(size, delta), size * delta - 0.5 * delta * delta, ops.square(error) * 0.5)
    return ops.reduce_mean(values, axes=(-1,))


def log_cosh(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean(ln(cosh(e))), e = p - t, computed as e + softplus(-2 e) - ln 2, which does not overflow."""
    error = y_pred - y_true
    return ops.reduce_mean(error + ops.softplus(error * -2.0) - math.log(2.0), axes=(-1,))


def cosine_similarity(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """-sum(t p) / (|t| |p|): -1 where both point the same way, 1 where they are opposed."""
    return -ops.reduce_sum(_unit(y_true) * _unit(y_pred), axes=(-1,))


def _unit(x: Tensor) -> Tensor:
    square = ops.reduce_sum(ops.square(x), axes=(-1,), keepdims=True)
    return x / ops.sqrt(ops.maximum(square, epsilon() ** 2))


@registry.register("MeanSquaredError", "mse")
class MeanSquaredError(Loss):
    """mean((p - t)^2)."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return mean_squared_error(y_true, y_pred)


@registry.register("MeanAbsoluteError", "mae")
class MeanAbsoluteError(Loss):
    """mean(|p - t|)."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return mean_absolute_error(y_true, y_pred)


@registry.register("MeanAbsolutePercentageError", "mape")
class MeanAbsolutePercentageError(Loss):
    """100 mean(|t - p| / max(|t|, epsilon))."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return mean_absolute_percentage_error(y_true, y_pred)


@registry.register("MeanSquaredLogarithmicError", "msle")
class MeanSquaredLogarithmicError(Loss):
    """mean((ln(1 + p) - ln(1 + t))^2), for numbers that are not negative."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return mean_squared_logarithmic_error(y_true, y_pred)


@registry.register()
class Huber(Loss):
    """Squared for small errors, absolute for large ones. Huber 1964, Annals of Mathematical Statistics 35.

    Args:
        delta: Where the one becomes the other. Default 1.
        reduction, name: As in `Loss`.
    """

    def __init__(self, delta: float = 1.0, reduction: str = "sum_over_batch_size", name: str | None = None) -> None:
        super().__init__(reduction, name)
        self.delta = float(delta)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return huber(y_true, y_pred, self.delta)


@registry.register("LogCosh")
class LogCosh(Loss):
    """mean(ln(cosh(p - t))): about e^2 / 2 for small errors, |e| - ln 2 for large ones."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return log_cosh(y_true, y_pred)


@registry.register("CosineSimilarity", "cosine_proximity")
class CosineSimilarity(Loss):
    """-sum(t p) / (|t| |p|), between -1 and 1."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return cosine_similarity(y_true, y_pred)
