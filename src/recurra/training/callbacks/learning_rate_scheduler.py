"""Set the learning rate at the start of each epoch."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

from ...errors import ArgumentError
from .base import Callback, Logs

__all__ = ["LearningRateScheduler"]


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of each epoch to what a function returns.

    Args:
        schedule: Called with the epoch (from 0) and the present learning rate, or with the epoch alone if it takes
            one argument; returns the new learning rate.
        verbose: 1 says what it sets. Default 0.

    Example:

    >>> halve = LearningRateScheduler(lambda epoch, lr: lr / 2 if epoch else lr)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise ArgumentError(f"schedule must be a function of (epoch, learning_rate), received {schedule!r}.")
        self.schedule = schedule
        self.verbose = verbose
        try:
            inspect.signature(schedule).bind(0, 0.0)
            self._takes_rate = True
        except TypeError:
            self._takes_rate = False
        except ValueError:  # some built-in functions do not tell their signature
            self._takes_rate = True

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Sets the learning rate."""
        optimizer = self.model.optimizer
        value = self.schedule(epoch, float(optimizer.learning_rate)) if self._takes_rate else self.schedule(epoch)
        try:
            rate = float(value)
        except (TypeError, ValueError):
            rate = math.nan
        if not math.isfinite(rate):
            raise ArgumentError(
                f"The schedule of LearningRateScheduler must return a finite number, received {value!r}."
            )
        optimizer.learning_rate = rate
        if self.verbose:
            print(f"Epoch {epoch + 1}: the learning rate is {rate:g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Adds the learning rate to what the epoch reports."""
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
