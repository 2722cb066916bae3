"""Save the model while it trains."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import ArgumentError, UnknownNameError
from .base import Logs
from .monitor import MonitorCallback

__all__ = ["ModelCheckpoint"]


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after each epoch or every so many batches.

    A file is replaced in one piece, so that a crash while saving leaves the earlier one intact.

    Args:
        filepath: Where to. May hold ``{epoch}`` (from 1), ``{batch}`` and the names that training reports, with
            formats: ``"model-{epoch:02d}-{val_loss:.3f}.safetensors"``. Missing folders are made.
        monitor: What decides, with ``save_best_only``. Default ``"val_loss"``.
        verbose: 1 says when it saves. Default 0.
        save_best_only: Save only where the watched number is better than at every earlier save. Default False.
        save_weights_only: Save the weights alone (`Model.save_weights`). Default False.
        mode: ``"min"``, ``"max"`` or ``"auto"``, by the name. Default ``"auto"``.
        save_freq: ``"epoch"`` (default), or a number of batches.
        initial_value_threshold: With ``save_best_only``, save only what beats this. Default None.

    Attributes:
        best: The best value seen.
        saved: The path of the last file written, or None.

    Example:

    >>> checkpoint = ModelCheckpoint("best.safetensors", save_best_only=True)
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        if save_freq != "epoch" and (isinstance(save_freq, (str, bool)) or save_freq < 1):
            raise ArgumentError(f"save_freq must be 'epoch' or a number of batches, received {save_freq!r}.")
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.best = self.worst if initial_value_threshold is None else float(initial_value_threshold)
        self.saved: Path | None = None
        self._epoch = 0
        self._batches = 0
        if save_freq != "epoch":
            # Set on the object, so that runs which save by epoch pay nothing per batch.
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Notes the epoch."""
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves, if it is to save by epoch."""
        if self.save_freq == "epoch":
            self._save(logs, None)

    def _after_batch(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if self._batches == self.save_freq:
            self._batches = 0
            self._save(logs, batch)

    def path(self, logs: Logs | None = None, batch: int | None = None) -> Path:
        """The file that would be written now.

        Raises:
            UnknownNameError: ``filepath`` names something that the run does not report.
        """
        values: dict[str, float] = {**(logs or {}), "epoch": self._epoch + 1}
        if batch is not None:
            values["batch"] = batch + 1
        try:
            return Path(self.filepath.format(**values))
        except (KeyError, IndexError) as error:
            name = str(error.args[0]) if isinstance(error, KeyError) else "{}"
            raise UnknownNameError(f"name in ModelCheckpoint's filepath {self.filepath!r}:", name, values) from None

    def _save(self, logs: Logs | None, batch: int | None) -> None:
        if self.save_best_only:
            current = self.current(logs)
            if current is None or not self.improves(current, self.best):
                return
            self.best = current
        path = self.path(logs, batch)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArgumentError(f"ModelCheckpoint cannot make '{path.parent}': {error.strerror or error}.") from error
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        self.saved = path
        if self.verbose:
            print(f"Epoch {self._epoch + 1}: saved {path}")
