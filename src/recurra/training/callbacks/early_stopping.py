"""Stop when a watched number no longer improves."""

from __future__ import annotations

import numpy as np

from ...errors import ArgumentError
from .base import Logs
from .monitor import MonitorCallback

__all__ = ["EarlyStopping"]


class EarlyStopping(MonitorCallback):
    """Stops training when the watched number has not improved for ``patience`` epochs.

    Args:
        monitor: What to watch. Default ``"val_loss"``.
        min_delta: A change smaller than this is no improvement. Default 0.
        patience: Epochs without improvement after which to stop. Default 0.
        verbose: 1 says when it stops. Default 0.
        mode: ``"min"``, ``"max"`` or ``"auto"``, by the name. Default ``"auto"``.
        baseline: The number must also beat this one for an epoch to count as an improvement. Default None.
        restore_best_weights: At the end of training, however it ends, take back the weights of the best epoch.
            Default False: keep the last ones.
        start_from_epoch: Epochs before this one (from 0) are not looked at. Default 0.

    Attributes:
        best: The best value seen.
        best_epoch: Its epoch, from 0.
        stopped_epoch: The epoch that was the last because of this callback, or 0.

    Example:

    >>> stop = EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if patience < 0:
            raise ArgumentError(f"patience counts epochs and cannot be negative, received {patience}.")
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self._seen = False
        self.wait = 0
        self.stopped_epoch = 0
        self.best = self.worst
        self.best_epoch = 0
        self.best_weights: list[np.ndarray] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forgets an earlier run."""
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compares; stops when patience is over."""
        current = self.current(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        better = self.improves(current, self.best)
        if better:
            self.best = current
        if better or not self._seen:
            # Also the first epoch looked at, even if it is NaN: some epoch must be the best one.
            self._seen = True
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = [np.array(weight) for weight in self.model.get_weights()]
        self.wait += 1
        if better:
            if self.baseline is None or self.improves(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Takes back the best weights where asked."""
        if self.stopped_epoch and self.verbose:
            print(f"Stopped early after epoch {self.stopped_epoch + 1}: {self.monitor} did not improve.")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"The model has the weights of the best epoch, {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)
