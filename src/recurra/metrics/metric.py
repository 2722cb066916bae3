"""`Metric`, the base of every metric, and how one is found by name."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

from .. import losses
from ..config import snake_case
from ..errors import ArgumentError, UnknownNameError
from ..graph import Shape, Tensor
from ..registry import Configurable, Registry

__all__ = ["FunctionMetric", "LossMetric", "Metric", "get", "registry", "serialize"]

registry = Registry("metric")

Function = Callable[[Tensor, Tensor], Tensor]


class Metric(Configurable, abc.ABC):
    """A number reported beside the loss: the mean, over all samples of an epoch, of what `call` computes.

    A metric of your own implements `call` with `recurra.ops`, and `finish` where the mean is not yet the result.

    Args:
        name: What logs call it. Default: the class's name in snake case.

    Example:

    >>> from recurra import metrics, ops
    >>> class WithinOne(metrics.Metric):
    ...     def call(self, y_true, y_pred):
    ...         near = ops.greater(1.0, ops.absolute(y_pred - y_true))
    ...         return ops.reduce_mean(near, axes=(-1,))
    >>> WithinOne().name
    'within_one'
    """

    target_dtype: str = "float"
    """The element type of the targets: ``"float"``, or ``"int"`` for class labels."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)

    @abc.abstractmethod
    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The values whose mean is the metric.

        Args:
            y_true: Targets, of the shape `target_shape` says.
            y_pred: Predictions, of shape (batch, ..., n).

        Returns:
            Tensor of shape (batch, ...): the last dimension is reduced.
        """

    def finish(self, mean: float) -> float:
        """Makes the result of the mean over all samples. Default: the mean itself."""
        return mean

    def target_shape(self, shape: Shape) -> Shape:
        """The shape of the targets for predictions of ``shape``. Default: the same."""
        return shape


class FunctionMetric(Metric):
    """A function of (y_true, y_pred) as a metric.

    Args:
        function: Made of `recurra.ops`; returns values of shape (batch, ...).
        name: Default: the function's.
    """

    def __init__(self, function: Function, name: str | None = None) -> None:
        super().__init__(name or getattr(function, "__name__", "metric").strip("<>"))
        self.function = function

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.function(y_true, y_pred)


class LossMetric(Metric):
    """The values of a loss as a metric.

    Args:
        loss: A loss or its name.
        name: Default: the loss's.
    """

    def __init__(self, loss: Any, name: str | None = None) -> None:
        found = losses.get(loss)
        if found is None:
            raise ArgumentError("LossMetric needs a loss, received None.")
        super().__init__(name or found.name)
        self.loss = found
        self.target_dtype = found.target_dtype

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.loss.call(y_true, y_pred)

    def target_shape(self, shape: Shape) -> Shape:
        return self.loss.target_shape(shape)


def get(identifier: Any) -> Metric | None:
    """Returns the metric a name, a mapping, a class, a function or an object stands for; None stays None.

    A metric given by name is called by that name in logs. ``"accuracy"`` depends on the model: see `resolve`.

    Raises:
        UnknownNameError: No metric has that name.

    >>> get("mae").name
    'mae'
    >>> get("MeanAbsoluteError").name
    'mean_absolute_error'
    """
    if isinstance(identifier, losses.Loss):
        return LossMetric(identifier)
    found = _by_name(identifier) if isinstance(identifier, str) else registry.get(identifier)
    if found is None or isinstance(found, Metric):
        if isinstance(found, Metric) and isinstance(identifier, str):
            found.name = snake_case(identifier)
        return found
    # A function of recurra.losses stands for the metric of its name, which knows what targets it takes.
    loss = losses.get(found)
    return FunctionMetric(found) if loss is None or isinstance(loss, losses.FunctionLoss) else get(loss.name)


def serialize(metric: Any) -> Any:
    """Turns a metric into what `get` makes of it again.

    >>> serialize(get("mae"))
    {'class_name': 'MeanAbsoluteError', 'config': {'name': 'mae'}}
    """
    return registry.serialize(metric)


def _by_name(name: str) -> Any:
    try:
        return registry.get(name)
    except UnknownNameError:
        if name.lower() in losses.registry.names or snake_case(name) in map(snake_case, losses.registry.names):
            return LossMetric(name)
        raise


registry.register()(LossMetric)
