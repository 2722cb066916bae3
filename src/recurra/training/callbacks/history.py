"""What `fit` returns: the loss and metrics of every epoch."""

from __future__ import annotations

from typing import Any

from .base import Callback, Logs

__all__ = ["History"]


class History(Callback):
    """Records the loss and metrics of every epoch. `fit` makes one and returns it; it is ``model.history`` too.

    Attributes:
        history: For each name (``"loss"``, ``"val_loss"``, ...) the list of its values, one an epoch.
        epoch: The numbers of the epochs recorded, from 0.
        interrupted: Whether Ctrl-C ended the run. The epoch it fell into is not recorded.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self.interrupted = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forgets an earlier run."""
        self.history = {}
        self.epoch = []
        self.interrupted = False

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Adds the values of one epoch."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        last: dict[str, Any] = {name: values[-1] for name, values in self.history.items() if values}
        return f"History(epochs={len(self.epoch)}, last={last})"
