"""Callbacks of ``model.fit``: mappings of functions, and ``tf.callbacks.earlyStopping``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import callbacks
from ..errors import ArgumentError
from .options import merge, snake

__all__ = ["convert", "earlyStopping"]

_EVENTS = ["onTrainBegin", "onTrainEnd", "onEpochBegin", "onEpochEnd", "onBatchBegin", "onBatchEnd", "onYield"]
_STOPPING = ["monitor", "minDelta", "patience", "verbose", "mode", "baseline", "restoreBestWeights", "startFromEpoch"]


def earlyStopping(args: Mapping[str, Any] | None = None, /, **options: Any) -> callbacks.EarlyStopping:
    """Ends training when a number stops getting better.

    Args:
        args, options: ``monitor`` (``"val_loss"``), ``minDelta`` (0), ``patience`` (0), ``mode`` (``"auto"``),
            ``baseline``, ``restoreBestWeights`` (False; unlike in TensorFlow.js it works), ``verbose`` (0),
            ``startFromEpoch`` (0).

    >>> earlyStopping(monitor="loss", patience=3).patience
    3
    """
    return callbacks.EarlyStopping(**snake(merge("earlyStopping", _STOPPING, args, options)))


class _Functions(callbacks.Callback):
    """The functions of a mapping such as ``{"onEpochEnd": print}``."""

    def __init__(self, functions: Mapping[str, Any]) -> None:
        super().__init__()
        self.functions = functions

    def _call(self, event: str, *arguments: Any) -> None:
        function = self.functions.get(event)
        if function is not None:
            function(*arguments)

    def on_train_begin(self, logs: Any = None) -> None:
        self._call("onTrainBegin", dict(logs or {}))

    def on_train_end(self, logs: Any = None) -> None:
        self._call("onTrainEnd", dict(logs or {}))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._call("onEpochBegin", epoch, dict(logs or {}))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._call("onEpochEnd", epoch, dict(logs or {}))

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._call("onBatchBegin", batch, dict(logs or {}))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._call("onBatchEnd", batch, dict(logs or {}))


def convert(given: Any) -> list[callbacks.Callback]:
    """Makes callbacks of recurra of what ``model.fit`` was given: a callback, a mapping, or a list of them.

    Raises:
        UnknownNameError: A mapping has a key that is no event.
        ArgumentError: Something is neither.
    """
    if given is None:
        return []
    result: list[callbacks.Callback] = []
    for item in given if isinstance(given, (list, tuple)) else [given]:
        if isinstance(item, callbacks.Callback):
            result.append(item)
        elif isinstance(item, Mapping):
            result.append(_Functions(merge("callbacks", _EVENTS, item, {})))
        else:
            raise ArgumentError(
                f"callbacks must be mappings such as {{'onEpochEnd': function}} or callbacks of recurra, received "
                f"{type(item).__name__}."
            )
    return result
