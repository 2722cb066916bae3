"""Where a series is cut: a part to train on, a part to decide by, and a held-out end to be judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, DataError

__all__ = ["LEAST_SAMPLES", "Split", "largest_horizon", "plan_split"]

LEAST_SAMPLES = 8
"""Fewer training samples than this are not worth a network."""


@dataclass(frozen=True)
class Split:
    """The parts of a series, in order of time.

    ::

        0 ........ train_end ........ test_start ........ length
          training           validation           held out

    Attributes:
        length: Points of the series.
        horizon: Points to forecast.
        train_end: Where the training part ends: no training target lies at or after it.
        test_start: Where the held-out part begins. Stopping, choosing and calibrating look at nothing from here on.
        origins: The last known point of each back-test forecast, of shape (origins,); every method gets the same ones.
    """

    length: int
    horizon: int
    train_end: int
    test_start: int
    origins: NDArray[np.int64]


def plan_split(length: int, horizon: int, window: int, held_out: int | None = None, step: int | None = None) -> Split:
    """Plans the parts.

    Args:
        length: Points of the series.
        horizon: Points to forecast, at least 1.
        window: The window, which the first training sample needs before it.
        held_out: Points at the end for the back-test. Default: a fifth of the series, but not more than 28 horizons.
        step: Points from one origin of the back-test to the next. Default: half a horizon, or less where that gives
            fewer than 8 origins.

    Raises:
        DataError: The series is too short.
        ArgumentError: ``held_out`` is shorter than the horizon, or ``step`` below 1.
    """
    least = horizon + 2  # three origins
    if held_out is None:
        test = max(least, min(length // 5, 28 * horizon))
    elif held_out < horizon:
        raise ArgumentError(f"held_out must hold at least one horizon of {horizon} points, received {held_out}.")
    else:
        test = held_out
    if step is not None and step < 1:
        raise ArgumentError(f"step must be at least 1, received {step}.")
    test_start = length - test
    validation = max(least, min(test, int(0.15 * max(test_start, 0))))
    train_end = test_start - validation
    needed = window + horizon + LEAST_SAMPLES - 1
    if train_end < needed:
        longest = largest_horizon(length)
        advice = (
            f"Ask for a horizon of at most {longest}, a shorter window, or bring a longer series."
            if longest >= 1 and held_out is None
            else "Bring a longer series."
            if held_out is None
            else "Hold out fewer points, or bring a longer series."
        )
        raise DataError(
            f"The series is too short: {length} points. A horizon of {horizon} with a window of {window} needs at "
            f"least {needed + validation + test} points: {needed} to train on, {validation} to stop by and {test} held "
            f"out for the back-test. {advice}"
        )
    step = step or max(1, min(horizon // 2, (test - horizon) // 8))
    return Split(length, horizon, train_end, test_start, np.arange(test_start - 1, length - horizon, step))


def largest_horizon(length: int) -> int:
    """The largest horizon a series of ``length`` points can be back-tested at with a small window.

    >>> largest_horizon(144)
    36
    """
    horizon = max((length - 2 * 2 - 4 - LEAST_SAMPLES + 1) // 3, 0)
    while horizon > 0:
        window = default_window(length, horizon)
        test = max(horizon + 2, min(length // 5, 28 * horizon))
        validation = max(horizon + 2, min(test, int(0.15 * (length - test))))
        if window + horizon + LEAST_SAMPLES - 1 + validation + test <= length:
            break
        horizon -= 1
    return horizon


def default_window(length: int, horizon: int, season: int = 0) -> int:
    """The window where none is given: a horizon or the shortest season, whichever is longer; at least 12 points.

    But not more than a sixth of the series, so that enough samples are left, nor more than 192, so that training stays
    quick.
    """
    return max(1, min(max(horizon, season, 12), max(4, length // 6), 192))
