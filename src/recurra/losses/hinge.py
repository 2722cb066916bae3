"""Hinge losses, for targets that are -1 or 1.

In the formulas t is a target, p its prediction, and the mean or sum goes over the last dimension. Targets that are all
0 or 1 are taken as -1 or 1.
"""

from __future__ import annotations

from .. import ops
from ..graph import Tensor
from .loss import Loss, registry

__all__ = ["CategoricalHinge", "Hinge", "SquaredHinge", "categorical_hinge", "hinge", "squared_hinge"]


def hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean(max(1 - t p, 0))."""
    return ops.reduce_mean(ops.relu(1.0 - _signs(y_true) * y_pred), axes=(-1,))


def squared_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean(max(1 - t p, 0)^2)."""
    return ops.reduce_mean(ops.square(ops.relu(1.0 - _signs(y_true) * y_pred)), axes=(-1,))


def categorical_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """max(max((1 - t) p) - sum(t p) + 1, 0), t being one-hot."""
    right = ops.reduce_sum(y_true * y_pred, axes=(-1,))
    wrong = ops.reduce_max((1.0 - y_true) * y_pred, axes=(-1,))
    return ops.relu(wrong - right + 1.0)


def _signs(y_true: Tensor) -> Tensor:
    """Targets as -1 and 1, where all of the batch are 0 or 1."""
    either = ops.maximum(ops.equal(y_true, 0.0), ops.equal(y_true, 1.0))
    all_binary = 1.0 - ops.reduce_max(1.0 - either)
    return ops.where(all_binary, y_true * 2.0 - 1.0, y_true)


@registry.register()
class Hinge(Loss):
    """mean(max(1 - t p, 0))."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return hinge(y_true, y_pred)


@registry.register()
class SquaredHinge(Loss):
    """mean(max(1 - t p, 0)^2)."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return squared_hinge(y_true, y_pred)


@registry.register()
class CategoricalHinge(Loss):
    """max(max((1 - t) p) - sum(t p) + 1, 0), for one-hot targets."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return categorical_hinge(y_true, y_pred)
