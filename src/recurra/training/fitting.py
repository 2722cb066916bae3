"""One `fit`: what happens around the loop over epochs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError, NonFiniteError
from .callbacks import CallbackList, History
from .feeding import Batches, Samples
from .interrupt import Interrupt
from .loop import FitLoop, Truncation, test_batches
from .programs import Programs
from .progress import Reporter

__all__ = ["Validation", "run_fit", "validation_epochs", "validation_parts"]

Logs = dict[str, float]


@dataclass(frozen=True, slots=True)
class Validation:
    """What to validate on, and when.

    Attributes:
        samples: The data.
        batch_size: Samples a batch.
        steps: How many batches.
        at: Tells for an epoch, counted from 0, whether it is validated.
    """

    samples: Samples
    batch_size: int
    steps: int
    at: Callable[[int], bool]


def run_fit(
    model: Any,
    programs: Programs,
    samples: Samples,
    batches: Batches,
    validation: Validation | None,
    first: int,
    epochs: int,
    callbacks: CallbackList,
    history: History,
    reporter: Reporter,
    truncation: Truncation | None = None,
) -> None:
    """Trains from epoch ``first`` to before ``epochs``; see `Trainer.fit` for what it promises."""
    train = truncation or programs.get("train", samples.weight_ranks)
    with Interrupt() as interrupt:

        def validate(loop: FitLoop, trained: Logs) -> Logs:
            assert validation is not None
            held = validation.samples
            test = programs.get("test", held.weight_ranks)
            # Validation must not move the states that training goes on from.
            states = [(state, state.value.copy()) for state in model.states]
            callbacks.call("on_test_begin", None)
            rows = itertools.islice(Batches(held, validation.batch_size).epoch(), validation.steps)
            logs = test_batches(test, held, rows, callbacks, reporter, interrupt, loop.epoch, loop.done, trained)
            callbacks.call("on_test_end", logs)
            loop.done += validation.steps
            for state, value in states:
                state.assign(value)
            return logs

        loop = FitLoop(
            model,
            train,
            samples,
            batches,
            None if validation is None else validate,
            (lambda epoch: False) if validation is None else validation.at,
            callbacks,
            reporter,
            interrupt,
        )
        logs: Logs = {}
        callbacks.call("on_train_begin", None)
        try:
            logs = loop.run(first, epochs)
        except NonFiniteError as error:
            model.stop_training = True
            failure = NonFiniteError(f"Epoch {loop.epoch + 1} of {epochs}, batch {loop.batch}: {error}")
            # Every callback is told, so no short cut.
            if not any([callback.on_non_finite(failure) for callback in callbacks.callbacks]):
                raise failure from error
        finally:
            if interrupt.requested:
                model.stop_training = history.interrupted = True
            try:
                callbacks.call("on_train_end", logs)
            finally:
                if interrupt.requested:
                    reporter.note(
                        f"Interrupted in epoch {loop.epoch + 1} of {epochs}, after batch {loop.batch} of "
                        f"{batches.steps}. The model can be used."
                    )
                reporter.close()


def validation_parts(data: Any) -> tuple[Any, Any, Any]:
    """Takes ``validation_data`` apart: x, y and sample weights, or None.

    >>> validation_parts(("x", "y"))
    ('x', 'y', None)
    """
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise ArgumentError(
            f"validation_data must be (x, y) or (x, y, sample_weight), received {type(data).__name__}"
            + (f" of {len(data)} entries." if isinstance(data, (tuple, list)) else ".")
        )
    return data[0], data[1], data[2] if len(data) == 3 else None


def validation_epochs(frequency: int | Sequence[int]) -> Callable[[int], bool]:
    """Turns ``validation_freq`` into a question to an epoch, counted from 0.

    >>> [validation_epochs(2)(epoch) for epoch in range(4)]
    [False, True, False, True]
    """
    if isinstance(frequency, (int, np.integer)):
        if frequency < 1:
            raise ArgumentError(f"validation_freq must be 1 or more, received {frequency}.")
        return lambda epoch: (epoch + 1) % frequency == 0
    chosen = frozenset(int(epoch) for epoch in frequency)
    return lambda epoch: epoch + 1 in chosen
