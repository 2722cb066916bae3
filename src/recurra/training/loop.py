"""The loops over batches: training, testing, predicting. Where nobody looks between batches, one call does many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from ..engines import Program
from ..errors import EngineError, NonFiniteError
from .callbacks import CallbackList
from .feeding import Batches, Samples
from .interrupt import Interrupt
from .pieces import Pieces
from .programs import Compiled
from .progress import Reporter
from .totals import Totals

# How long one call of the engine may take before the loop looks at Ctrl-C and the progress bar.
_SECONDS_A_CALL = 0.05
_STEPS_A_CALL = 4096
_FIRST_STEPS_A_CALL = 32  # until it is known how many fit into the time: a schedule computes a rate for each step asked

__all__ = ["FitLoop", "Truncation", "predict_batches", "test_batches"]


@dataclass(frozen=True, slots=True)
class Truncation:
    """How batches are trained piece by piece.

    Attributes:
        pieces: What does it.
        steps: Time steps of a piece.
        updates: Updates of the weights that a batch makes.
    """

    pieces: Pieces
    steps: int
    updates: int


class FitLoop:
    """Runs the epochs of one `fit`.

    Args:
        model: The model; its ``optimizer`` and ``stop_training`` are read and written.
        train: The training program, or how the batches are trained piece by piece.
        samples: What to train on.
        batches: The rows of each batch.
        validation: A function of this loop and the logs of training that runs the validation and returns its logs, or
            None. It must not know this loop otherwise: a circle would outlive the run, with all data in it.
        validate_at: Tells for an epoch whether it is validated.
        callbacks: Whom to tell.
        reporter: What shows the progress.
        interrupt: Says when Ctrl-C was pressed.

    Attributes:
        epoch: The present epoch, from 0.
        batch: The present batch of it, from 1.
        done: Steps made since the beginning, those of validation included; each piece of a batch is a step.
    """

    def __init__(
        self,
        model: Any,
        train: Compiled | Truncation,
        samples: Samples,
        batches: Batches,
        validation: Callable[[FitLoop, dict[str, float]], dict[str, float]] | None,
        validate_at: Callable[[int], bool],
        callbacks: CallbackList,
        reporter: Reporter,
        interrupt: Interrupt,
    ) -> None:
        self._model = model
        self._train = train
        self._updates = train.updates if isinstance(train, Truncation) else 1
        self._samples = samples
        self._batches = batches
        self._validation = validation
        self._validate_at = validate_at
        self._callbacks = callbacks
        self._reporter = reporter
        self._interrupt = interrupt
        traced = train.pieces.traced if isinstance(train, Truncation) else train.traced
        self._totals = Totals(traced.reports)
        self._steps_a_call = _FIRST_STEPS_A_CALL
        self.done = 0
        self.epoch = 0
        self.batch = 0

    def _interrupted(self) -> bool:
        return self._interrupt.requested

    def run(self, first: int, epochs: int) -> dict[str, float]:
        """Runs the epochs from ``first`` to before ``epochs``; returns the logs of the last complete one."""
        callbacks = self._callbacks
        logs: dict[str, float] = {}
        for epoch in range(first, epochs):
            self.epoch = epoch
            callbacks.call("on_epoch_begin", epoch, None)
            steps = self._train_epoch(epoch)
            if self._interrupted():
                break
            logs = self._totals.result()
            if self._validation is not None and self._validate_at(epoch):
                validated = self._validation(self, logs)
                if self._interrupted():
                    break
                logs.update({f"val_{name}": value for name, value in validated.items()})
            callbacks.call("on_epoch_end", epoch, logs)
            self._reporter.epoch_end(epoch, steps, self.done, logs)
            if self._interrupted() or self._model.stop_training:
                break
        return logs

    def _train_epoch(self, epoch: int) -> int:
        self._totals.reset()
        self.batch = 0
        if isinstance(self._train, Truncation):
            self._train_pieces(epoch, self._train)
        elif self._callbacks.train_batch_begin or self._callbacks.train_batch_end:
            self._train_batches(epoch, self._train)
        else:
            self._train_runs(epoch, self._train)
        made = self.batch * self._updates
        self.done += made
        return made

    def _ends(self, epoch: int) -> bool:
        """Draws if it is time to; tells whether the epoch ends here."""
        if perf_counter() >= self._reporter.due:
            self._reporter.draw(epoch, self.done + self.batch * self._updates, self._totals.result())
        return self._interrupt.requested or self._model.stop_training

    def _train_runs(self, epoch: int, train: Compiled) -> None:
        """Nobody looks between the batches: many of them in one call of the engine."""
        optimizer, feeds = self._model.optimizer, self._samples.feeds
        for rows, size in self._batches.runs():
            while len(rows):
                steps = min(len(rows) // size, self._steps_a_call)
                try:
                    outputs = train.program.train_steps(
                        feeds,
                        rows[: steps * size].astype(np.int64, copy=False),
                        size,
                        step=optimizer.iterations + 1,
                        learning_rates=optimizer.learning_rates(steps),
                        seconds=_SECONDS_A_CALL,
                    )
                except NonFiniteError as error:
                    optimizer.iterations += error.steps_made
                    self.batch += error.steps_made + 1
                    raise
                made = len(next(iter(outputs.values())))
                optimizer.iterations += made
                if made < steps or made == self._steps_a_call:
                    self._steps_a_call = min(2 * made, _STEPS_A_CALL)
                self._totals.add_steps(outputs, size)
                self.batch += made
                if self._ends(epoch):
                    return
                rows = rows[made * size :]

    def _train_batches(self, epoch: int, train: Compiled) -> None:
        """A callback looks at every batch."""
        optimizer, feeds = self._model.optimizer, self._samples.feeds

        def step(rows: np.ndarray) -> Mapping[str, Any]:
            number = optimizer.iterations + 1
            outputs = train.program.train(feeds, rows, step=number, learning_rate=optimizer.learning_rate)
            optimizer.iterations = number
            return outputs

        self._train_each(epoch, step)

    def _train_pieces(self, epoch: int, train: Truncation) -> None:
        """Each batch is several updates. Ctrl-C ends it between two of them."""

        def between(made: int) -> bool:
            if perf_counter() >= self._reporter.due:
                done = self.done + (self.batch - 1) * self._updates + made
                self._reporter.draw(epoch, done, self._totals.result() if self.batch > 1 else {})
            return self._interrupt.requested

        self._train_each(epoch, lambda rows: train.pieces.train(self._samples, rows, train.steps, between))

    def _train_each(self, epoch: int, step: Callable[[np.ndarray], Mapping[str, Any]]) -> None:
        begin, end = self._callbacks.train_batch_begin, self._callbacks.train_batch_end
        for rows in self._batches.epoch():
            for hook in begin:
                hook(self.batch, None)
            self.batch += 1
            self._totals.add(step(rows), len(rows))
            if end:
                logs = self._totals.result()
                for hook in end:
                    hook(self.batch - 1, logs)
            if self._ends(epoch):
                return


def test_batches(
    test: Compiled,
    samples: Samples,
    rows_of_batches: Iterable[np.ndarray],
    callbacks: CallbackList,
    reporter: Reporter,
    interrupt: Interrupt | None = None,
    epoch: int = 0,
    done: int = 0,
    shown: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Runs testing over batches and returns the means of loss and metrics.

    Args:
        test: The testing program.
        samples: What to test on.
        rows_of_batches: The rows of each batch.
        callbacks, reporter, interrupt: Whom to tell, what shows the progress, what says that Ctrl-C was pressed.
        epoch, done: Where the run stands that this is part of.
        shown: What to show meanwhile. Default: the loss and the metrics so far.
    """
    totals = Totals(test.traced.reports)
    predict, feeds = test.program.predict, samples.feeds
    begin, end = callbacks.test_batch_begin, callbacks.test_batch_end
    for batch, rows in enumerate(rows_of_batches):
        for hook in begin:
            hook(batch, None)
        totals.add(predict(feeds, rows), len(rows))
        if end:
            logs = totals.result()
            for hook in end:
                hook(batch, logs)
        if perf_counter() >= reporter.due:
            reporter.draw(epoch, done + batch + 1, totals.result() if shown is None else shown)
        if interrupt is not None and interrupt.requested:
            break
    return totals.result()


test_batches.__test__ = False  # type: ignore[attr-defined]  # a name that test runners take for a test


def predict_batches(
    program: Program,
    samples: Samples,
    rows_of_batches: Iterable[np.ndarray],
    callbacks: CallbackList,
    reporter: Reporter,
) -> list[np.ndarray]:
    """Predicts batch by batch and returns one array for each output, the batches joined."""
    begin, end = callbacks.predict_batch_begin, callbacks.predict_batch_end
    parts: list[dict[str, np.ndarray]] = []
    for batch, rows in enumerate(rows_of_batches):
        for hook in begin:
            hook(batch, None)
        parts.append(program.predict(samples.feeds, rows))
        for hook in end:
            hook(batch, None)
        if perf_counter() >= reporter.due:
            reporter.draw(0, batch + 1, {})
    if not parts:
        raise EngineError("There was no batch to predict.")
    if len(parts) == 1:
        return list(parts[0].values())
    return [np.concatenate([part[name] for part in parts]) for name in parts[0]]
