"""Lower the learning rate when a watched number no longer improves."""

from __future__ import annotations

from ...errors import ArgumentError
from .base import Logs
from .monitor import MonitorCallback

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by ``factor`` when the watched number has not improved for ``patience`` epochs.

    Args:
        monitor: What to watch. Default ``"val_loss"``.
        factor: Below 1. Default 0.1.
        patience: Epochs without improvement after which to act. Default 10.
        verbose: 1 says when it acts. Default 0.
        mode: ``"min"``, ``"max"`` or ``"auto"``, by the name. Default ``"auto"``.
        min_delta: A change smaller than this is no improvement. Default 0.0001.
        cooldown: Epochs to wait after acting before watching again. Default 0.
        min_lr: The learning rate never falls below this. Default 0.

    Example:

    >>> plateau = ReduceLROnPlateau(factor=0.5, patience=3, min_lr=1e-5)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if not 0.0 <= factor < 1.0:
            raise ArgumentError(f"factor must lie in [0, 1), so that the learning rate shrinks; received {factor}.")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._reset()

    def _reset(self) -> None:
        self.best = self.worst
        self.wait = 0
        self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forgets an earlier run."""
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compares; lowers the learning rate when patience is over."""
        optimizer = self.model.optimizer
        if logs is not None:
            logs["learning_rate"] = float(optimizer.learning_rate)
        current = self.current(logs)
        if current is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(current, self.best):
            self.best = current
            self.wait = 0
        elif self.cooldown_counter <= 0:
            self.wait += 1
            rate = float(optimizer.learning_rate)
            if self.wait >= self.patience and rate > self.min_lr:
                optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                self.cooldown_counter = self.cooldown
                self.wait = 0
                if self.verbose:
                    print(f"Epoch {epoch + 1}: lowered the learning rate to {optimizer.learning_rate:g}")
