"""The back-test: forecasts from many origins of the held-out end, compared with what came, for every method alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from . import metrics

__all__ = ["LINEAR", "LSTM", "BackTest", "Scores", "rolling_forecasts"]

Floats: TypeAlias = NDArray[np.float64]

LSTM = "LSTM"
"""The name of the network's row."""

LINEAR = "its linear part alone"
"""The name of the row of the network without its LSTM."""

EVEN = 0.01
"""Two methods whose errors differ by less than this share count as level."""


@dataclass(frozen=True)
class Scores:
    """The errors of one method over all origins and steps; see `recurra.forecast.metrics`."""

    mae: float
    rmse: float
    smape: float
    mase: float


@dataclass(frozen=True)
class BackTest:
    """What the back-test found.

    Attributes:
        origins: The index of the last known point of each forecast, of shape (origins,).
        actual: What came, of shape (origins, horizon), NaN where a value is missing: such points are not scored.
        forecasts: Each method's forecasts by its name, of the same shape.
        intervals: The network's lower and upper bounds for each level, of the same shape.
        scale: What MASE is measured in: the in-sample mean absolute error of the seasonal naive forecast.
        scale_season: The season of that forecast, the shortest one; 1 without a season.
        baselines: The names of the methods that need no training.
    """

    origins: NDArray[np.int64]
    actual: Floats
    forecasts: Mapping[str, Floats]
    intervals: Mapping[float, tuple[Floats, Floats]]
    scale: float
    scale_season: int
    baselines: tuple[str, ...]
    scores: Mapping[str, Scores] = field(init=False)
    """Each method's errors, by name, the network first."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", {name: self._score(values) for name, values in self.forecasts.items()})

    def _score(self, forecast: Floats) -> Scores:
        return Scores(
            metrics.mae(self.actual, forecast),
            metrics.rmse(self.actual, forecast),
            metrics.smape(self.actual, forecast),
            metrics.mase(self.actual, forecast, self.scale),
        )

    @property
    def best_baseline(self) -> str:
        """The baseline with the lowest MASE."""
        return min(self.baselines, key=lambda name: self.scores[name].mase)

    @property
    def gain(self) -> float:
        """By which share the network's error lies below that of the best baseline; negative where it lies above.

        Minus infinity where the baseline makes no error and the network does.
        """
        mine, other = self.scores[LSTM].mase, self.scores[self.best_baseline].mase
        if other == 0:
            return 0.0 if mine == 0 else -math.inf
        return 1.0 - mine / other

    @property
    def beats_baselines(self) -> bool:
        """Whether the network's error is below that of every baseline by more than one percent."""
        return self.gain > EVEN

    @property
    def wins(self) -> int:
        """At how many origins the network's mean absolute error is below that of the best baseline."""
        other = self.forecasts[self.best_baseline]
        return int((_errors(self.actual, self.forecasts[LSTM]) < _errors(self.actual, other)).sum())

    @property
    def coverage(self) -> dict[float, float]:
        """For each level, the share of actual values that lay within the interval."""
        return {level: metrics.coverage(self.actual, *bounds) for level, bounds in self.intervals.items()}

    def verdict(self) -> str:
        """In words: whether the network is worth using."""
        best, count = self.best_baseline, len(self.origins)
        mine, other = self.scores[LSTM].mase, self.scores[best].mase
        numbers = f"MASE {mine:.3f} against {other:.3f}; lower error at {self.wins} of {count} origins"
        if self.beats_baselines:
            text = f"The LSTM beats the best baseline, {best}, by {100 * self.gain:.0f} % ({numbers})."
        elif self.gain >= -EVEN:
            text = (
                f"The LSTM is level with the best baseline, {best} ({numbers}): "
                f"on this series it is not worth its cost."
            )
        else:
            by = f"its error is {-100 * self.gain:.0f} % higher" if other > 0 else "that one makes no error at all"
            text = (
                f"The LSTM does NOT beat the best baseline, {best}: {by} "
                f"({numbers}). Use the baseline on this series, or bring more data."
            )
        return text + self._reservations()

    def _reservations(self) -> str:
        """What speaks against the verdict: measures that say otherwise, and a linear part that does as well alone."""
        mine, other = self.scores[LSTM], self.scores[self.best_baseline]
        text = ""
        for name, label in (("rmse", "RMSE"), ("smape", "sMAPE")):
            a, b = getattr(mine, name), getattr(other, name)
            if a > b and self.beats_baselines:
                text += f" By {label} the baseline is better ({b:.4g} against {a:.4g})."
        linear = self.scores.get(LINEAR)
        if linear is not None and linear.mase <= mine.mase:
            text += (
                f" The network's linear part alone does as well (MASE {linear.mase:.3f}): "
                f"its recurrent part gains nothing here."
            )
        return text

    def to_json(self) -> dict[str, Any]:
        """The result as plain numbers."""
        return {
            "origins": len(self.origins),
            "points_scored": int((~np.isnan(self.actual)).sum()),
            "mase_season": self.scale_season,
            "mase_scale": self.scale,
            "scores": {name: vars(score) for name, score in self.scores.items()},
            "best_baseline": self.best_baseline,
            "beats_baselines": self.beats_baselines,
            "gain_over_best_baseline": self.gain if math.isfinite(self.gain) else None,
            "origins_won": self.wins,
            "intervals": {
                str(level): {
                    "coverage": self.coverage[level],
                    "mean_width": float(np.mean(high - low)),
                    "interval_score": metrics.interval_score(self.actual, low, high, level),
                }
                for level, (low, high) in self.intervals.items()
            },
            "verdict": self.verdict(),
        }


def _errors(actual: Floats, forecast: Floats) -> Floats:
    """The mean absolute error of each origin, leaving out missing values; infinite where all are missing."""
    known = ~np.isnan(actual)
    total = np.where(known, np.abs(actual - forecast), 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.inf)


def rolling_forecasts(
    values: Floats, origins: NDArray[np.int64], horizon: int, method: Callable[[Floats, int], Floats]
) -> Floats:
    """Forecasts of a method from several origins. At each it is given the values up to the origin and nothing else.

    Args:
        values: The series, of shape (time,).
        origins: The index of the last known point of each forecast.
        horizon: Points to forecast, at least 1.
        method: A function of the history and the horizon, such as a baseline.

    Returns:
        Array of shape (origins, horizon).

    >>> from recurra.forecast.baselines import Naive
    >>> rolling_forecasts(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 2]), 1, Naive())
    array([[1.],
           [3.]])
    """
    if horizon < 1:
        raise ArgumentError(f"horizon must be at least 1, received {horizon}.")
    return np.stack([method(values[: origin + 1], horizon) for origin in origins])
