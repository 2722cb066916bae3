"""Losses for probabilities: the cross-entropies, Kullback-Leibler divergence and the Poisson loss.

In the formulas t is a target, p its prediction, and the mean or sum goes over the last dimension. Probabilities are
clipped to [epsilon, 1 - epsilon] before a logarithm is taken, as Keras does. Those that come straight from a softmax
give the same numbers in one op, whose gradient goes to what the softmax was taken of.
"""

from __future__ import annotations

from .. import ops
from ..config import epsilon
from ..errors import ArgumentError, ShapeError
from ..graph import Shape, Tensor, show_shape
from .loss import Loss, registry

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "KLDivergence",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "kl_divergence",
    "poisson",
    "sparse_categorical_crossentropy",
]


def categorical_crossentropy(
    y_true: Tensor, y_pred: Tensor, from_logits: bool = False, label_smoothing: float = 0.0
) -> Tensor:
    """-sum(t ln(p)), p being scaled to sum to 1.

    Args:
        y_true: One-hot targets or probabilities, of shape (batch, ..., classes).
        y_pred: Probabilities, or logits (before softmax), of the same shape.
        from_logits: Which of the two. Default False.
        label_smoothing: Share of t spread evenly over the classes: t (1 - s) + s / classes. Default 0.
    """
    if label_smoothing:
        classes = y_pred.shape[-1]
        if not isinstance(classes, int):
            raise ShapeError(f"label_smoothing needs a known number of classes, received {show_shape(y_pred.shape)}.")
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / classes
    if y_true.shape == y_pred.shape and (value := _of_softmax(y_true, y_pred, from_logits)) is not None:
        return value
    return -ops.reduce_sum(y_true * _log_probabilities(y_pred, from_logits), axes=(-1,))


def sparse_categorical_crossentropy(y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
    """-ln(p[t]), p being scaled to sum to 1.

    Args:
        y_true: Class numbers, an int tensor of shape (batch, ...).
        y_pred: Probabilities, or logits (before softmax), of shape (batch, ..., classes).
        from_logits: Which of the two. Default False.
    """
    value = _of_softmax(y_true, y_pred, from_logits)
    return -ops.take_along_last(_log_probabilities(y_pred, False), y_true) if value is None else value


def binary_crossentropy(
    y_true: Tensor, y_pred: Tensor, from_logits: bool = False, label_smoothing: float = 0.0
) -> Tensor:
    """-mean(t ln(p) + (1 - t) ln(1 - p)).

    Args:
        y_true: Targets between 0 and 1, of shape (batch, ..., n).
        y_pred: Probabilities, or logits (before sigmoid), of the same shape.
        from_logits: Which of the two. Default False.
        label_smoothing: t becomes t (1 - s) + s / 2. Default 0.
    """
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        # ln(1 + exp(x)) - x t, which is the same and does not overflow.
        return ops.reduce_mean(ops.softplus(y_pred) - y_pred * y_true, axes=(-1,))
    p = ops.clip(y_pred, epsilon(), 1.0 - epsilon())
    values = y_true * ops.log(p) + (1.0 - y_true) * ops.log(1.0 - p)
    return -ops.reduce_mean(values, axes=(-1,))


def kl_divergence(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """sum(t ln(t / p)), both clipped to [epsilon, 1]. Kullback and Leibler 1951."""
    t, p = ops.clip(y_true, epsilon(), 1.0), ops.clip(y_pred, epsilon(), 1.0)
    return ops.reduce_sum(t * (ops.log(t) - ops.log(p)), axes=(-1,))


def poisson(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean(p - t ln(p + epsilon)): the negative log likelihood of counts t, up to a constant."""
    return ops.reduce_mean(y_pred - y_true * ops.log(y_pred + epsilon()), axes=(-1,))


def _of_softmax(y_true: Tensor, y_pred: Tensor, from_logits: bool) -> Tensor | None:
    """The cross-entropy where probabilities are known to be a softmax; None where they may be anything."""
    if from_logits:
        return ops.softmax_crossentropy(y_pred, ops.softmax(y_pred), y_true)
    x = y_pred.builder.argument("softmax", y_pred)
    return None if x is None else ops.softmax_crossentropy(x, y_pred, y_true, epsilon(), 1.0 - epsilon())


def _log_probabilities(y_pred: Tensor, from_logits: bool) -> Tensor:
    if from_logits:
        return ops.log_softmax(y_pred)
    p = y_pred / ops.reduce_sum(y_pred, axes=(-1,), keepdims=True)
    return ops.log(ops.clip(p, epsilon(), 1.0 - epsilon()))


@registry.register("CategoricalCrossentropy", "cce")
class CategoricalCrossentropy(Loss):
    """-sum(t ln(p)): for one-hot targets. See `categorical_crossentropy`.

    Args:
        from_logits: Whether predictions are logits rather than probabilities. Default False.
        label_smoothing: Share of t spread evenly over the classes, 0 <= s <= 1. Default 0.
        reduction, name: As in `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.from_logits = bool(from_logits)
        self.label_smoothing = _smoothing(label_smoothing)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)


@registry.register()
class SparseCategoricalCrossentropy(Loss):
    """-ln(p[t]): for class numbers. See `sparse_categorical_crossentropy`.

    Args:
        from_logits: Whether predictions are logits rather than probabilities. Default False.
        reduction, name: As in `Loss`.
    """

    target_dtype = "int"

    def __init__(
        self, from_logits: bool = False, reduction: str = "sum_over_batch_size", name: str | None = None
    ) -> None:
        super().__init__(reduction, name)
        self.from_logits = bool(from_logits)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits)

    def target_shape(self, shape: Shape) -> Shape:
        return shape[:-1]


@registry.register("BinaryCrossentropy", "bce")
class BinaryCrossentropy(Loss):
    """-mean(t ln(p) + (1 - t) ln(1 - p)). See `binary_crossentropy`.

    Args:
        from_logits: Whether predictions are logits rather than probabilities. Default False.
        label_smoothing: t becomes t (1 - s) + s / 2, 0 <= s <= 1. Default 0.
        reduction, name: As in `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.from_logits = bool(from_logits)
        self.label_smoothing = _smoothing(label_smoothing)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)


@registry.register("KLDivergence", "kld", "kullback_leibler_divergence")
class KLDivergence(Loss):
    """sum(t ln(t / p)): how far the distribution p is from t."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return kl_divergence(y_true, y_pred)


@registry.register()
class Poisson(Loss):
    """mean(p - t ln(p)): for counts."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return poisson(y_true, y_pred)


def _smoothing(value: float) -> float:
    if not 0.0 <= value <= 1.0:
        raise ArgumentError(f"label_smoothing must lie in [0, 1], received {value!r}.")
    return float(value)
