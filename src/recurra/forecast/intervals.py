"""Intervals from the errors of forecasts whose truth is known: split conformal prediction, one width a step ahead.

The errors come from origins that training did not use. For each step of the horizon the width is the empirical
quantile of the absolute errors, at the level (n + 1) / n * level that makes it valid for n exchangeable errors (Vovk,
Gammerman and Shafer 2005; Lei et al. 2018, "Distribution-Free Predictive Inference for Regression", JASA 113). Errors
are taken in units of how much the series moves at that phase of its season, so that a quiet night gets a narrower
interval than a busy evening.

A series is not exchangeable, so the most recent errors are used, and the report gives the coverage that was measured:
at each origin of the back-test the widths come from the errors that were known by then, never from the origin's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, DataError, FormatError
from .seasonality import Season

__all__ = ["Errors", "Intervals", "phase_scale"]

Floats: TypeAlias = NDArray[np.float64]


class Intervals:
    """Half widths of intervals, for each level and step of the horizon.

    Args:
        widths: For each level, such as 0.8, the half widths of shape (horizon,), in scaled units.
    """

    def __init__(self, widths: Mapping[float, Floats]) -> None:
        self.widths = {float(level): np.asarray(width, dtype=np.float64) for level, width in sorted(widths.items())}

    @classmethod
    def fit(cls, errors: Floats, levels: Sequence[float], scale: Floats | None = None) -> Intervals:
        """Calibrates.

        Args:
            errors: Actual minus forecast of shape (origins, horizon), NaN where the actual value is missing.
            levels: Such as ``(0.8, 0.95)``.
            scale: How much the series moves at each of these points, of the same shape. Default: 1.

        Raises:
            ArgumentError: A level does not lie between 0 and 1.
            DataError: All errors are missing.
        """
        for level in levels:
            if not 0 < level < 1:
                raise ArgumentError(
                    f"The level of an interval must lie between 0 and 1, such as 0.8, received {level}."
                )
        sizes = np.abs(errors) / (1.0 if scale is None else scale)
        if np.isnan(sizes).all():
            raise DataError("There are no errors to calibrate intervals with: every actual value is missing.")
        horizon = sizes.shape[1]
        # Neighbouring steps are pooled, the more the fewer the origins: a width rests on about a hundred errors.
        reach = max(horizon // 24, min(horizon, int(np.ceil(50 / len(sizes))) - 1))
        widths: dict[float, Floats] = {level: np.empty(horizon) for level in levels}
        for step in range(horizon):
            near = sizes[:, max(0, step - reach) : step + reach + 1]
            near = np.sort(near[~np.isnan(near)])
            if not near.size:
                near = np.sort(sizes[~np.isnan(sizes)])
            for level in levels:
                rank = int(np.ceil((near.size + 1) * level))
                widths[level][step] = near[min(rank, near.size) - 1]
        return cls(widths)

    def around(self, forecast: Floats, scale: Floats | None = None) -> dict[float, tuple[Floats, Floats]]:
        """Lower and upper bounds around forecasts of shape (..., horizon), for each level."""
        size = 1.0 if scale is None else scale
        return {level: (forecast - width * size, forecast + width * size) for level, width in self.widths.items()}

    def to_json(self) -> dict[str, list[float]]:
        """The widths as lists by level."""
        return {str(level): [float(w) for w in width] for level, width in self.widths.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], horizon: int) -> Intervals:
        """The opposite of `to_json`. Raises `FormatError` where the widths do not fit the horizon."""
        intervals = cls({float(level): np.array(width, dtype=np.float64) for level, width in data.items()})
        for level, width in intervals.widths.items():
            if width.shape != (horizon,) or not np.isfinite(width).all() or (width < 0).any():
                raise FormatError(f"The widths of the interval of level {level} do not fit a horizon of {horizon}.")
        return intervals


@dataclass(frozen=True)
class Errors:
    """The errors of forecasts from many origins, to calibrate with.

    Attributes:
        origins: In order of time, of shape (origins,).
        values: Actual minus forecast of shape (origins, horizon), NaN where the actual value is missing.
        scale: How much the series moves at each of these points, of the same shape.
        recent: How many of the last origins count.
    """

    origins: NDArray[np.int64]
    values: Floats
    scale: Floats
    recent: int

    def intervals(self, levels: Sequence[float], now: int | None = None) -> Intervals:
        """Calibrates with the errors of the last origins.

        Args:
            levels: Such as ``(0.8, 0.95)``.
            now: The last point known: only errors of horizons that ended by then count. Default: all count.
        """
        known = len(self.origins)
        if now is not None:
            known = int(np.searchsorted(self.origins, now - self.values.shape[1], side="right"))
        used = slice(max(0, known - self.recent), known)
        return Intervals.fit(self.values[used], levels, self.scale[used])


def phase_scale(series: Floats, origins: NDArray[np.int64], horizon: int, season: Season | None) -> Floats:
    """How much a series moves at the phases of the coming points, judged at each origin by the seasons before it.

    It is the mean absolute change from one season to the next around the same phase, over up to 8 seasons, in units of
    its mean over all phases, and half drawn towards 1, as that mean is rough.

    Args:
        series: The scaled series without gaps, of shape (time,). Nothing after an origin is read.
        origins: Of shape (origins,).
        horizon: Steps ahead.
        season: The season, or None: the scale is then 1.

    Returns:
        Array of shape (origins, horizon).
    """
    ones = np.ones((len(origins), horizon))
    if season is None:
        return ones
    steps = season.steps
    around = steps // 48  # neighbours on either side that smooth a phase
    seasons = min(8, (int(origins.min()) + 1) // steps - 2 - (horizon + around) // steps)
    if seasons < 2:
        return ones
    change = np.abs(series[steps:] - series[:-steps])
    total = np.cumsum(np.concatenate([[0.0], change]))
    # Entry i covers the changes into points i - around .. i + around of the series.
    low = np.clip(np.arange(len(series)) - around - steps, 0, len(change))
    high = np.clip(np.arange(len(series)) + around + 1 - steps, 0, len(change))
    smooth = (total[high] - total[low]) / np.maximum(high - low, 1)
    cycles = season.cycles(horizon + around)[around:]  # far enough back that the neighbours are known too
    index = origins[:, None] + np.arange(1, horizon + 1)
    moves = np.mean([smooth[index - season.lag(cycles + j)] for j in range(seasons)], axis=0)
    typical = np.stack([change[origin + 1 - (seasons + 1) * steps : origin + 1 - steps].mean() for origin in origins])
    return np.asarray(0.5 + 0.5 * np.clip(moves / np.maximum(typical, 1e-12)[:, None], 0.1, 10.0))
