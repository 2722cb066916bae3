"""What the workers in Python share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .cases import Case

__all__ = ["Maker", "Repeated", "Run", "Unavailable", "all_threads", "open_terminal"]

Run = Callable[[int], "int | Mapping[str, Any] | None"]
"""Does so many steps. Returns how many they were, None for as many as asked, or what the answer shall say instead."""

Maker = Callable[[Case, int], Run]
"""Makes a model and data for so many batches."""


class Unavailable(Exception):
    """What was asked for does not exist here; the message says why."""


def all_threads(settings: Mapping[str, Any]) -> int:
    """How many threads to use: those of the settings, or one for each processor this process may run on."""
    count = settings.get("threads")
    if count:
        return int(count)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Repeated:
    """Data of a case, repeated until they last for an epoch of many steps.

    ``fit`` of recurra and Keras ends an epoch with its data. One epoch for each burst is the usual case, that the data
    are more than a few batches; what is repeated is kept for the next burst of the same length.
    """

    def __init__(self, case: Case, batches: int, limit: int = 1 << 26) -> None:
        self._arrays = case.data(batches)
        self._batch = case.batch
        self._most = max(1, limit // sum(array.nbytes // batches for array in self._arrays))
        self._kept: tuple[int, list[np.ndarray]] = (0, [])

    def epochs(self, steps: int) -> tuple[list[np.ndarray], int, int]:
        """The arrays, how many epochs of them make at least so many steps, and how many steps those are."""
        count = min(steps, self._most)
        if self._kept[0] != count:
            rows = count * self._batch
            self._kept = count, [np.resize(array, (rows, *array.shape[1:])) for array in self._arrays]
        epochs = -(-steps // count)
        return self._kept[1], epochs, epochs * count


def open_terminal() -> None:
    """Makes standard output and error a terminal on which progress bars are really drawn, and which nobody sees."""
    import pty

    master, slave = pty.openpty()
    # Another process reads it: a thread of this one would take time from what is measured.
    subprocess.Popen(["cat"], stdin=master, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(master)
    os.environ["TERM"] = "xterm"
    os.environ["COLUMNS"] = "100"
    sys.stdout = sys.stderr = os.fdopen(slave, "w")
