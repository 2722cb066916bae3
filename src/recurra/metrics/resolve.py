"""What ``"accuracy"`` and ``"crossentropy"`` mean for a model, and whether a metric fits the targets of its loss."""

from __future__ import annotations

from typing import Any

from ..errors import ArgumentError
from ..graph import Shape
from ..losses import BinaryCrossentropy, Loss
from . import accuracy, errors
from .metric import Metric, get

__all__ = ["resolve"]

_ACCURACY = {
    "binary": accuracy.BinaryAccuracy,
    "sparse": accuracy.SparseCategoricalAccuracy,
    "categorical": accuracy.CategoricalAccuracy,
}
_CROSSENTROPY = {
    "binary": errors.BinaryCrossentropy,
    "sparse": errors.SparseCategoricalCrossentropy,
    "categorical": errors.CategoricalCrossentropy,
}
_BY_KIND: dict[str, dict[str, Any]] = {
    "accuracy": _ACCURACY,
    "acc": _ACCURACY,
    "crossentropy": _CROSSENTROPY,
    "ce": _CROSSENTROPY,
}


def resolve(identifier: Any, loss: Loss | None, shape: Shape) -> Metric:
    """Returns a metric for an output of a model.

    ``"accuracy"`` (``"acc"``) and ``"crossentropy"`` (``"ce"``) are the metric for class numbers where the loss takes
    these, the binary one where the output has one column or the loss is the binary cross-entropy, and otherwise the one
    for one-hot targets.

    Args:
        identifier: What `get` takes.
        loss: The loss of the output, or None.
        shape: The shape of the output.

    Raises:
        UnknownNameError: No metric has that name.
        ArgumentError: The metric takes class numbers and the loss does not, or the other way round.

    >>> from recurra import losses
    >>> resolve("accuracy", losses.get("sparse_categorical_crossentropy"), ("batch", 3)).call.__qualname__
    'SparseCategoricalAccuracy.call'
    """
    kinds = _BY_KIND.get(identifier) if isinstance(identifier, str) else None
    if kinds is not None:
        return kinds[_kind(loss, shape)](name=identifier)  # type: ignore[no-any-return]
    metric = get(identifier)
    if metric is None:
        raise ArgumentError("A metric cannot be None. Leave it out of the list.")
    if loss is not None and metric.target_dtype != loss.target_dtype:
        takes = {"int": "class numbers", "float": "targets of the shape of the output"}
        raise ArgumentError(
            f"The metric '{metric.name}' needs {takes[metric.target_dtype]}, but the loss '{loss.name}' is given "
            f"{takes[loss.target_dtype]}. Choose a metric of the same kind, such as 'accuracy'."
        )
    return metric


def _kind(loss: Loss | None, shape: Shape) -> str:
    if loss is not None and loss.target_dtype == "int":
        return "sparse"
    return "binary" if shape[-1] == 1 or isinstance(loss, BinaryCrossentropy) else "categorical"
