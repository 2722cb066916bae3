"""What the callbacks that watch one number share: which direction is better, and by how much."""

from __future__ import annotations

import math
import warnings

from ...errors import ArgumentError, did_you_mean
from .base import Callback, Logs

__all__ = ["MonitorCallback"]

# Parts of names that tell a number of which more is better; everything else, losses and errors, should shrink.
_LARGER_IS_BETTER = ("acc", "auc", "precision", "recall", "f1", "fbeta", "r2", "cosine_similarity", "iou", "top_k")


class MonitorCallback(Callback):
    """Base of callbacks that watch one number at the end of each epoch.

    Args:
        monitor: Its name, such as ``"val_loss"``.
        mode: ``"min"`` (smaller is better), ``"max"``, or ``"auto"``: decided by the name. Default ``"auto"``.
        min_delta: A change smaller than this is no improvement. Default 0.
    """

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"mode must be 'auto', 'min' or 'max', received {mode!r}.")
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(float(min_delta))
        larger = mode == "max" or (mode == "auto" and any(part in monitor.lower() for part in _LARGER_IS_BETTER))
        self._sign = 1.0 if larger else -1.0
        self._warned = False

    @property
    def worst(self) -> float:
        """The value that everything improves on."""
        return -self._sign * math.inf

    def improves(self, current: float, reference: float) -> bool:
        """Whether ``current`` is better than ``reference`` by more than ``min_delta``.

        >>> MonitorCallback("val_accuracy").improves(0.9, 0.8), MonitorCallback("val_loss").improves(0.9, 0.8)
        (True, False)
        """
        return self._sign * (current - reference) > self.min_delta

    def current(self, logs: Logs | None) -> float | None:
        """The watched value, or None, with one warning, where the run does not report it."""
        value = (logs or {}).get(self.monitor)
        if value is None and not self._warned:
            self._warned = True
            known = sorted(logs or {})
            hint = " Give fit validation_data or validation_split." if self.monitor.startswith("val_") else ""
            warnings.warn(
                f"{type(self).__name__} watches '{self.monitor}', which this run does not report, so it does nothing."
                f"{did_you_mean(self.monitor, known)} Reported: {', '.join(known) or 'nothing'}.{hint}",
                UserWarning,
                stacklevel=2,
            )
        return value
