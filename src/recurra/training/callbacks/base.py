"""The base of all callbacks, and the list of them that a run calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...errors import ArgumentError

__all__ = ["Callback", "CallbackList"]

Logs = dict[str, float]
BatchHook = Callable[[int, "Logs | None"], Any]


class Callback:
    """Looks into a run of `fit`, `evaluate` or `predict`. Override the methods you need; all do nothing here.

    Batch methods cost a call per batch, so a run calls them only if some callback overrides one. ``logs`` holds
    the loss and the metrics, as Python floats: running means of the epoch so far at the end of a batch, means
    over the epoch (and ``val_`` ones) at the end of an epoch.

    Attributes:
        model: The model, once `set_model` was called.
        params: A dict with ``"epochs"``, ``"steps"`` and ``"verbose"``.

    Example:

    >>> class StopAtLoss(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         if logs["loss"] < 0.01:
    ...             self.model.stop_training = True
    """

    model: Any = None
    params: dict[str, Any] | None = None

    def set_model(self, model: Any) -> None:
        """Tells the callback which model runs."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Tells the callback how the model runs."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called once, before the first epoch of `fit`."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called once at the end of `fit`, also where it was interrupted or met an error."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called before each epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Called after each complete epoch, validation included."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each training batch, counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each training batch."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called before `evaluate`, and before the validation of each epoch."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called after `evaluate`, and after the validation of each epoch."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each batch of `evaluate` or validation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each batch of `evaluate` or validation."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Called before `predict`."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Called after `predict`."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each batch of `predict`."""

    def on_non_finite(self, error: ArithmeticError) -> bool:
        """Called where a training step met NaN or infinity. Return True to end `fit` normally instead of raising."""
        return False


class CallbackList:
    """Calls every callback of a run in turn.

    Args:
        callbacks: One callback, several of them, or None.
        model: The model that runs.
        params: What the callbacks see as ``params``.

    Attributes:
        train_batch_begin, train_batch_end, test_batch_begin, test_batch_end, predict_batch_begin,
            predict_batch_end: The batch methods that some callback overrides; usually empty.

    Raises:
        ArgumentError: Something in ``callbacks`` is no `Callback`.
    """

    def __init__(
        self, callbacks: Callback | Iterable[Callback] | None, model: Any, params: dict[str, Any] | None = None
    ) -> None:
        given: list[Any] = (
            [] if callbacks is None else [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
        )
        for callback in given:
            if not isinstance(callback, Callback):
                received = f"the class {callback.__name__}" if isinstance(callback, type) else repr(callback)
                hint = " Call it to make an object." if isinstance(callback, type) else ""
                raise ArgumentError(
                    f"callbacks must be objects of recurra.callbacks.Callback, received {received}.{hint}"
                )
        self.callbacks: list[Callback] = given
        self._params = params or {}
        for callback in given:
            callback.set_model(model)
            callback.set_params(self._params)
        self._find_batch_methods()

    def append(self, callback: Callback, model: Any) -> None:
        """Adds a callback at the end."""
        callback.set_model(model)
        callback.set_params(self._params)
        self.callbacks.append(callback)
        self._find_batch_methods()

    def _find_batch_methods(self) -> None:
        self.train_batch_begin = self._overridden("on_train_batch_begin", "on_batch_begin")
        self.train_batch_end = self._overridden("on_train_batch_end", "on_batch_end")
        self.test_batch_begin = self._overridden("on_test_batch_begin")
        self.test_batch_end = self._overridden("on_test_batch_end")
        self.predict_batch_begin = self._overridden("on_predict_batch_begin")
        self.predict_batch_end = self._overridden("on_predict_batch_end")

    def _overridden(self, name: str, *aliases: str) -> list[BatchHook]:
        if not self.callbacks:
            return []
        return [
            getattr(callback, name)
            for callback in self.callbacks
            if any(
                getattr(getattr(callback, each), "__func__", None) is not getattr(Callback, each)
                for each in (name, *aliases)
            )
        ]

    def call(self, name: str, *arguments: Any) -> None:
        """Calls the method ``name`` of every callback.

        >>> CallbackList([Callback()], model=None).call("on_epoch_end", 0, {"loss": 1.0})
        """
        for callback in self.callbacks:
            getattr(callback, name)(*arguments)
