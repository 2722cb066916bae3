"""Write the results of every epoch to a CSV file."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any, TextIO

from ...errors import ArgumentError
from .base import Callback, Logs

__all__ = ["CSVLogger"]


class CSVLogger(Callback):
    """Writes a line for every epoch, at once, so that the file can be watched.

    Args:
        filename: The file. It is replaced unless ``append`` is True.
        separator: Between the columns. Default ``","``.
        append: Continue an existing file, without a second header. Default False.

    The columns are ``epoch`` (from 0) and what the first epoch reports, in alphabetical order.

    Example:

    >>> log = CSVLogger("training.csv")
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self._file: TextIO | None = None
        self._columns: list[str] | None = None
        self._writer: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Opens the file."""
        try:
            self._open(Path(self.filename))
        except OSError as error:
            raise ArgumentError(f"CSVLogger cannot write '{self.filename}': {error.strerror or error}.") from error

    def _open(self, path: Path) -> None:
        self._columns = None
        if self.append and path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                header = next(csv.reader(file, delimiter=self.separator), [])
            self._columns = header[1:] if header[:1] == ["epoch"] else None
        self._file = path.open("a" if self.append else "w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file, delimiter=self.separator, lineterminator="\n")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes one line."""
        if self._file is None:
            return
        logs = logs or {}
        if self._columns is None:
            self._columns = sorted(logs)
            self._writer.writerow(["epoch", *self._columns])
        self._writer.writerow([epoch, *(logs.get(name, "NA") for name in self._columns)])
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
