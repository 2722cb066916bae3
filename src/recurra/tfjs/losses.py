"""``tf.losses``: functions of labels and predictions, which ``model.compile`` takes as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import engines, losses, ops
from ..errors import ShapeError
from ..graph import GraphBuilder, show_shape
from ..graph import Tensor as Symbol
from .options import UnknownMemberError
from .tensor import Tensor, array_of, scalar

__all__ = [
    "absoluteDifference",
    "huberLoss",
    "logLoss",
    "meanSquaredError",
    "sigmoidCrossEntropy",
    "softmaxCrossEntropy",
]


class LogLoss(losses.Loss):
    """-mean(t ln(p + epsilon) + (1 - t) ln(1 - p + epsilon)), with t the labels and p the predictions."""

    def __init__(self, epsilon: float = 1e-7, reduction: str = "sum_over_batch_size", name: str | None = None) -> None:
        super().__init__(reduction, name)
        self.epsilon = epsilon

    def call(self, y_true: Symbol, y_pred: Symbol) -> Symbol:
        likelihood = y_true * ops.log(y_pred + self.epsilon) + (1.0 - y_true) * ops.log(1.0 - y_pred + self.epsilon)
        return -ops.reduce_mean(likelihood, axes=(-1,))


class LossFunction:
    """A loss that can be called on tensors, and given to ``model.compile``.

    Args:
        name: What TensorFlow.js calls it.
        make: Makes the loss.
        doc: What it computes.
    """

    def __init__(self, name: str, make: Callable[[], losses.Loss], doc: str) -> None:
        self.__name__ = name
        self.__doc__ = doc
        self._make = make

    @property
    def loss(self) -> losses.Loss:
        """The loss as the rest of recurra knows it."""
        return self._make()

    def __call__(self, labels: Any, predictions: Any) -> Tensor:
        """Computes the mean over all samples.

        Raises:
            ShapeError: The two shapes differ.
        """
        targets, values = (np.asarray(array_of(x), dtype=np.float32) for x in (labels, predictions))
        if targets.shape != values.shape:
            raise ShapeError(
                f"tf.losses.{self.__name__}: labels and predictions must have one shape, received "
                f"{show_shape(targets.shape)} and {show_shape(values.shape)}."
            )
        shape = values.shape or (1,)
        builder = GraphBuilder()
        y_true, y_pred = builder.input("y_true", shape), builder.input("y_pred", shape)
        builder.output("loss", ops.reduce_mean(self.loss.call(y_true, y_pred)))
        program = engines.get("numpy").compile(builder.finish(), {})
        feeds = {"y_true": targets.reshape(shape), "y_pred": values.reshape(shape)}
        return scalar(float(program.predict(feeds)["loss"]))

    def __repr__(self) -> str:
        return f"<tf.losses.{self.__name__}>"


meanSquaredError = LossFunction("meanSquaredError", losses.MeanSquaredError, "mean((p - t)^2).")
absoluteDifference = LossFunction("absoluteDifference", losses.MeanAbsoluteError, "mean(|p - t|).")
huberLoss = LossFunction("huberLoss", losses.Huber, "mean of (p - t)^2 / 2 up to a distance of 1, linear beyond.")
logLoss = LossFunction("logLoss", LogLoss, "Binary cross-entropy of probabilities.")
sigmoidCrossEntropy = LossFunction(
    "sigmoidCrossEntropy",
    lambda: losses.BinaryCrossentropy(from_logits=True),
    "Binary cross-entropy of logits.",
)
softmaxCrossEntropy = LossFunction(
    "softmaxCrossEntropy",
    lambda: losses.CategoricalCrossentropy(from_logits=True),
    "Cross-entropy of logits with one-hot labels.",
)


def __getattr__(name: str) -> Any:
    raise UnknownMemberError("loss in tf.losses:", name, __all__)
