"""What is decided about a series before a network is trained, from its training and validation parts alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..data.scaling import Scaler, Transform, choose_transform
from ..data.series import TimeSeries, show_time
from ..errors import ArgumentError, DataError
from .inputs import Anchor, Inputs
from .network import least_squares
from .seasonality import Season, as_seasons, find_seasons
from .splits import LEAST_SAMPLES, Split, default_window, largest_horizon, plan_split
from .training import Known, linear_answer, thinned

__all__ = ["Plan", "lowest", "make_plan", "measure_unit"]

Floats: TypeAlias = NDArray[np.float64]

MOST_CYCLES = 4
"""Seasons that are averaged where there are enough: more would reach back to what no longer holds."""


@dataclass(frozen=True)
class Plan:
    """What was decided.

    Attributes:
        split: Where the series is cut.
        seasons: Its seasons.
        scaler: Fitted on the training part.
        inputs: What the network sees.
        floor: The value that no forecast goes below: 0 where nothing was ever negative, else None.
        choices: How large the error of each candidate anchor was on the validation part, by its description.
    """

    split: Split
    seasons: tuple[Season, ...]
    scaler: Scaler
    inputs: Inputs
    floor: float | None
    choices: dict[str, float]


def make_plan(
    series: TimeSeries,
    horizon: int,
    season: Any = None,
    window: int | None = None,
    transform: Transform | str = "auto",
    held_out: int | None = None,
    step: int | None = None,
) -> Plan:
    """Decides. Arguments as in `recurra.forecast.Forecaster`.

    Raises:
        DataError: The series is constant, too short, or does not allow the transform.
        ArgumentError: An argument has a wrong value.
    """
    values, length = series.values, len(series)
    known = values[~np.isnan(values)]
    if np.ptp(known) == 0:
        raise DataError(
            f"The series {series.name!r} is constant: all {len(known)} values are {known[0]:g}. "
            f"Expected one that changes; is it the right column?"
        )
    most = largest_horizon(length)
    if horizon > most and held_out is None:
        raise DataError(
            f"A horizon of {horizon} is too large for {length} points, from {show_time(series.times[0])} to "
            f"{show_time(series.times[-1])}: "
            + (
                f"at most {most} can be learnt from and checked. Ask for fewer, or bring a longer series."
                if most >= 1
                else "the series is too short for any. Bring a longer series."
            )
        )
    cut = plan_split(length, horizon, 1, held_out, step)
    seasons = find_seasons(values[: cut.test_start], series.frequency) if season is None else as_seasons(season)
    for one in seasons:
        if one.steps >= cut.train_end:
            raise ArgumentError(
                f"A season of {one.steps} points is too long: the part to train on has {cut.train_end}. "
                f"Expected at least one whole season in it; give a shorter season, or 1 for none."
            )
    shortest = seasons[0].steps if seasons else 0
    split = plan_split(length, horizon, window or default_window(length, horizon, shortest), held_out, step)
    training = values[: split.train_end]
    if transform == "auto":
        transform = choose_transform(training, shortest or None) if known.min() > 0 else "none"
    elif transform == "log" and known.min() <= 0:
        raise DataError(f"The logarithm needs values above 0, but {series.name!r} goes down to {known.min():g}.")
    scaler = Scaler.fit(training, transform)  # type: ignore[arg-type]  # it refuses other names
    window = window or default_window(length, horizon, shortest)
    inputs, choices = _choose_anchor(Known(scaler.apply(values)), split, seasons, horizon, window)
    floor = lowest(values[: split.test_start])
    return Plan(split, seasons, scaler, inputs, floor, choices)


def lowest(values: Floats) -> float | None:
    """The value that forecasts should not go below: 0 where nothing was ever negative, else None."""
    return 0.0 if np.nanmin(values) >= 0 else None


def measure_unit(inputs: Inputs, known: Known, end: int) -> Inputs:
    """The inputs with the unit in which differences are even: their mean size over the origins before ``end``."""
    origins = thinned(known.usable(inputs.origins(end)), 1, 10_000)
    sizes = np.abs(replace(inputs, unit=1.0).targets(known.filled, origins))
    return replace(inputs, unit=max(float(sizes.mean()), 1e-6))


def _choose_anchor(
    known: Known, split: Split, seasons: tuple[Season, ...], horizon: int, window: int
) -> tuple[Inputs, dict[str, float]]:
    """The anchor whose linear correction, fitted on the training part, errs least on the validation part."""
    candidates = [Anchor("last"), Anchor("mean")]
    for season in seasons:
        cycles = max(1, min(MOST_CYCLES, int(0.3 * split.train_end / season.period)))
        candidates += [Anchor("season", season, count) for count in sorted({1, cycles})]
    best: Inputs | None = None
    errors: dict[str, float] = {}
    for anchor in candidates:
        inputs = Inputs(anchor, horizon, window)
        origins = known.usable(inputs.origins(split.train_end))
        if len(origins) < LEAST_SAMPLES:
            continue
        inputs = measure_unit(inputs, known, split.train_end)
        length = window + horizon
        x, y, _ = known.training_samples(inputs, thinned(origins, length, 500_000))
        judged = known.usable(np.arange(split.train_end - 1, split.test_start - horizon))
        judged = thinned(judged, length, 200_000)
        if not len(judged):
            judged = np.array([split.train_end - 1])
        answer = linear_answer(least_squares(x, y, window), known, inputs, judged)
        error = float(np.nanmean(np.abs(known.values[judged[:, None] + np.arange(1, horizon + 1)] - answer)))
        errors[str(anchor)] = error
        if error <= min(errors.values()):
            best = inputs
    if best is None:
        raise DataError(
            f"Too many values are missing: fewer than {LEAST_SAMPLES} points to train from are known. "
            f"Give a coarser frequency, or a part of the series with fewer gaps."
        )
    return best, errors
