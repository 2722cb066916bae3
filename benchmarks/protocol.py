"""What the workers in Python share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from .cases import Case

__all__ = ["Maker", "Run", "Unavailable", "all_threads", "open_terminal"]

Run = Callable[[int], int | None]
"""Does so many steps. Returns how many they were, or None for as many as asked."""

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
