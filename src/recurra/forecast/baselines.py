"""The forecasts that cost nothing, and that any model has to beat to be worth its trouble.

Reference: Hyndman and Athanasopoulos (2021), "Forecasting: Principles and Practice", 3rd edition, section 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..data.series import fill
from ..errors import DataError
from .seasonality import Season

__all__ = ["Baseline", "Drift", "Naive", "SeasonalNaive", "baselines_for"]

Floats = NDArray[np.float64]


class Baseline(Protocol):
    """A forecast from the history alone."""

    @property
    def name(self) -> str:
        """What to call it in a table."""
        ...

    def __call__(self, history: Floats, horizon: int) -> Floats:
        """The next ``horizon`` values after ``history`` of shape (time,), which may hold NaN."""
        ...


def _known(history: Floats, least: int, name: str) -> Floats:
    if len(history) < least or np.isnan(history).all():
        raise DataError(f"The {name} forecast needs {least} points of history, received {len(history)}.")
    return fill(history)


@dataclass(frozen=True)
class Naive:
    """Everything stays at the last value.

    >>> Naive()(np.array([1.0, 2.0]), 3)
    array([2., 2., 2.])
    """

    name: str = "naive"

    def __call__(self, history: Floats, horizon: int) -> Floats:
        return np.full(horizon, _known(history, 1, self.name)[-1])


@dataclass(frozen=True)
class Drift:
    """The straight line through the first and the last value goes on.

    >>> Drift()(np.array([1.0, 2.0, 3.0]), 2)
    array([4., 5.])
    """

    name: str = "drift"

    def __call__(self, history: Floats, horizon: int) -> Floats:
        y = _known(history, 2, self.name)
        slope = (y[-1] - y[0]) / (len(y) - 1)
        return np.asarray(y[-1] + slope * np.arange(1, horizon + 1))


@dataclass(frozen=True)
class SeasonalNaive:
    """The latest whole season is repeated.

    Attributes:
        season: The season.
        drift: Whether each repetition is moved on by the mean change from one season to the next. Default False.

    >>> SeasonalNaive(Season(3))(np.array([9.0, 1.0, 2.0, 3.0]), 4)
    array([1., 2., 3., 1.])
    >>> SeasonalNaive(Season(2), drift=True)(np.array([1.0, 5.0, 2.0, 6.0]), 3)
    array([3., 7., 4.])
    """

    season: Season
    drift: bool = False

    @property
    def name(self) -> str:
        """``"seasonal naive (48)"`` or ``"seasonal naive with drift (48)"``."""
        return f"seasonal naive {'with drift ' * self.drift}({self.season.steps})"

    def __call__(self, history: Floats, horizon: int) -> Floats:
        y = _known(history, self.season.steps, self.name)
        lags = self.season.latest_lags(horizon)
        # A horizon of many seasons over a history of one: stay within the one.
        while (over := lags > len(y) + np.arange(horizon)).any():
            lags[over] -= self.season.steps
        values = np.asarray(y[len(y) + np.arange(horizon) - lags])
        steps = self.season.steps
        if self.drift and len(y) > steps:
            values = values + (y[steps:] - y[:-steps]).mean() * lags / steps
        return values


def baselines_for(seasons: tuple[Season, ...], length: int) -> list[Baseline]:
    """The baselines of a series: naive, drift, seasonal naive for every season, and for the longest with drift.

    Args:
        seasons: The seasons, shortest first.
        length: Points of the shortest history they will get: a season that is longer is left out.
    """
    held = [season for season in seasons if season.steps <= length]
    baselines: list[Baseline] = [Naive(), Drift(), *(SeasonalNaive(season) for season in held)]
    if held and held[-1].steps < length:
        baselines.append(SeasonalNaive(held[-1], drift=True))
    return baselines
