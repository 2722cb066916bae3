"""Metrics that count right answers."""

from __future__ import annotations

from .. import ops
from ..errors import ArgumentError
from ..graph import Shape, Tensor
from .metric import Metric, registry

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
]


@registry.register()
class Accuracy(Metric):
    """The share of predictions that equal their targets exactly.

    Given by its name, ``"accuracy"`` means another metric: see `resolve`.
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return ops.reduce_mean(ops.equal(y_true, y_pred), axes=(-1,))


@registry.register()
class BinaryAccuracy(Metric):
    """The share of predictions on the right side of a threshold, for targets 0 and 1.

    Args:
        name: What logs call it. Default ``"binary_accuracy"``.
        threshold: Predictions above it count as 1. Default 0.5.
    """

    def __init__(self, name: str | None = None, threshold: float = 0.5) -> None:
        super().__init__(name)
        if not 0.0 < threshold < 1.0:
            raise ArgumentError(f"BinaryAccuracy: threshold must lie between 0 and 1, received {threshold!r}.")
        self.threshold = float(threshold)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return ops.reduce_mean(ops.equal(y_true, ops.greater(y_pred, self.threshold)), axes=(-1,))


@registry.register()
class CategoricalAccuracy(Metric):
    """The share of samples whose largest prediction is that of the right class, for one-hot targets."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return ops.equal(ops.argmax(y_true), ops.argmax(y_pred))


@registry.register()
class SparseCategoricalAccuracy(Metric):
    """The share of samples whose largest prediction is that of the right class, for class numbers."""

    target_dtype = "int"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return ops.equal(y_true, ops.argmax(y_pred))

    def target_shape(self, shape: Shape) -> Shape:
        return shape[:-1]


@registry.register()
class TopKCategoricalAccuracy(Metric):
    """The share of samples whose right class is among the k largest predictions, for one-hot targets.

    Args:
        k: Default 5.
        name: What logs call it. Default ``"top_k_categorical_accuracy"``.
    """

    def __init__(self, k: int = 5, name: str | None = None) -> None:
        super().__init__(name)
        self.k = int(k)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return _among_largest(ops.argmax(y_true), y_pred, self.k)


@registry.register()
class SparseTopKCategoricalAccuracy(Metric):
    """The share of samples whose right class is among the k largest predictions, for class numbers.

    Args:
        k: Default 5.
        name: What logs call it. Default ``"sparse_top_k_categorical_accuracy"``.
    """

    target_dtype = "int"

    def __init__(self, k: int = 5, name: str | None = None) -> None:
        super().__init__(name)
        self.k = int(k)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return _among_largest(y_true, y_pred, self.k)

    def target_shape(self, shape: Shape) -> Shape:
        return shape[:-1]


def _among_largest(classes: Tensor, y_pred: Tensor, k: int) -> Tensor:
    # Counted instead of sorted: the class is among the k largest where fewer than k are larger.
    right = ops.take_along_last(y_pred, classes)
    larger = ops.reduce_sum(ops.greater(y_pred, ops.reshape(right, (*right.shape, 1))), axes=(-1,))
    return ops.greater(float(k), larger)
