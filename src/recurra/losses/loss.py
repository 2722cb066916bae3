"""`Loss`, the base of every loss, and how one is found by name."""

from __future__ import annotations

import abc
import sys
from collections.abc import Callable
from typing import Any

from ..config import snake_case
from ..errors import UnknownNameError
from ..graph import Shape, Tensor
from ..registry import Configurable, Registry

__all__ = ["FunctionLoss", "Loss", "get", "registry", "serialize"]

registry = Registry("loss")

_REDUCTIONS = ("sum_over_batch_size", "sum", "mean_with_sample_weight")

Function = Callable[[Tensor, Tensor], Tensor]


class Loss(Configurable, abc.ABC):
    """How far predictions are from targets. A loss of your own implements `call` with `recurra.ops`.

    Args:
        reduction: How the values of a batch become one number. ``"sum_over_batch_size"`` (default; ``"mean"`` and
            ``"auto"`` are the same): the mean of the weighted values; ``"sum"``: their sum;
            ``"mean_with_sample_weight"``: their sum divided by the sum of the weights. Masked steps do not count.
        name: Default: the class's name in snake case.

    Example:

    >>> from recurra import losses, ops
    >>> class Quartic(losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return ops.reduce_mean(ops.square(ops.square(y_pred - y_true)), axes=(-1,))
    >>> Quartic().name
    'quartic'
    """

    target_dtype: str = "float"
    """The element type of the targets: ``"float"``, or ``"int"`` for class labels."""

    def __init__(self, reduction: str = "sum_over_batch_size", name: str | None = None) -> None:
        if reduction in ("mean", "auto"):
            reduction = "sum_over_batch_size"
        if reduction not in _REDUCTIONS:
            raise UnknownNameError("reduction of a loss", reduction, _REDUCTIONS)
        self.reduction = reduction
        self.name = name or snake_case(type(self).__name__)

    @abc.abstractmethod
    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The values before reduction.

        Args:
            y_true: Targets, of the shape `target_shape` says.
            y_pred: Predictions, of shape (batch, ..., n).

        Returns:
            Tensor of shape (batch, ...): the last dimension is reduced.
        """

    def target_shape(self, shape: Shape) -> Shape:
        """The shape of the targets for predictions of ``shape``. Default: the same."""
        return shape


class FunctionLoss(Loss):
    """A function of (y_true, y_pred) as a loss.

    Args:
        function: Made of `recurra.ops`; returns values of shape (batch, ...).
        reduction, name: As in `Loss`. The default name is the function's.
    """

    def __init__(self, function: Function, reduction: str = "sum_over_batch_size", name: str | None = None) -> None:
        super().__init__(reduction, name or getattr(function, "__name__", "loss").strip("<>"))
        self.function = function

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.function(y_true, y_pred)


def get(identifier: Any) -> Loss | None:
    """Returns the loss a name, a mapping, a class, a function or an object stands for; None stays None.

    Raises:
        UnknownNameError: No loss has that name.

    >>> get("mse").name
    'mean_squared_error'
    >>> get("meanSquaredError").name
    'mean_squared_error'
    >>> def mine(y_true, y_pred):
    ...     return y_true - y_pred
    >>> get(mine).name
    'mine'
    """
    found = registry.get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    return _class_of(found) or FunctionLoss(found)


def _class_of(function: Any) -> Loss | None:
    """A function of this room stands for the class of its name, which knows what targets it takes."""
    name = getattr(function, "__name__", "")
    try:
        cls = registry.find(name)
    except UnknownNameError:
        return None
    # Inside custom_object_scope a name may stand for a function of the user's own.
    same = isinstance(cls, type) and vars(sys.modules[cls.__module__]).get(name) is function
    return cls() if same else None


def serialize(loss: Any) -> Any:
    """Turns a loss into what `get` makes it of again.

    >>> serialize(get("huber"))
    {'class_name': 'Huber', 'config': {'delta': 1.0, 'reduction': 'sum_over_batch_size', 'name': 'huber'}}
    """
    return registry.serialize(loss)
