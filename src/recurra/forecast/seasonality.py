"""After how many points a series repeats itself: candidates from the clock, kept where the series agrees.

Reference: Hyndman and Athanasopoulos (2021), "Forecasting: Principles and Practice", 3rd edition, 2.8 and 12.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.frequency import Frequency
from ..data.series import fill
from ..errors import ArgumentError

__all__ = ["Season", "as_seasons", "autocorrelation", "find_seasons"]

Floats = NDArray[np.float64]

_DAY = 86_400.0
_CYCLES = {"minute": 60.0, "hour": 3600.0, "day": _DAY, "week": 7 * _DAY, "year": 365.2425 * _DAY}
CLEAR = 0.3
"""The autocorrelation at which a season counts. With 100 points chance gives 0.2 once in twenty."""


@dataclass(frozen=True)
class Season:
    """A season.

    Attributes:
        period: Its length in points; need not be whole (a year has 52.18 weeks).
        name: ``"day"``, ``"week"``, ... where the clock tells, else None.
    """

    period: float
    name: str | None = None

    @property
    def steps(self) -> int:
        """The length in whole points."""
        return round(self.period)

    def lag(self, cycles: int | NDArray[np.int64]) -> NDArray[np.int64]:
        """How many points back the same phase was ``cycles`` seasons ago."""
        return np.rint(np.asarray(cycles) * self.period).astype(np.int64)

    def cycles(self, horizon: int) -> NDArray[np.int64]:
        """For each of the next ``horizon`` points, how many whole seasons back the nearest value known is."""
        ahead = np.arange(1, horizon + 1)
        cycles = np.ceil(ahead / self.period).astype(np.int64)
        return cycles + (self.lag(cycles) < ahead)  # rounding a lag down may end in the future

    def latest_lags(self, horizon: int) -> NDArray[np.int64]:
        """The lags of those values.

        >>> Season(3).latest_lags(5)
        array([3, 3, 3, 6, 6])
        """
        return self.lag(self.cycles(horizon))

    def __str__(self) -> str:
        return f"{self.steps} ({self.name})" if self.name else str(self.steps)


def as_seasons(season: Any) -> tuple[Season, ...]:
    """Seasons as the user gives them: a number, several numbers, `Season`s; 1, 0 or nothing in the list for none.

    Raises:
        ArgumentError: A season is not a number of at least 2 points.

    >>> as_seasons([336, 48])
    (Season(period=48, name=None), Season(period=336, name=None))
    """
    given = list(season) if isinstance(season, Iterable) and not isinstance(season, str) else [season]
    found = []
    for one in given:
        period = one.period if isinstance(one, Season) else one
        if isinstance(period, bool) or not isinstance(period, (int, float, np.integer, np.floating)):
            raise ArgumentError(f"A season must be a number of points such as 12, received {period!r}.")
        if period in (0, 1) and len(given) == 1:
            return ()
        if not 2 <= period < 1e7:
            raise ArgumentError(f"A season must have at least 2 points, received {period}. For no season give 1.")
        whole = int(period) if period == int(period) else float(period)
        found.append(one if isinstance(one, Season) else Season(whole))
    return tuple(sorted(found, key=lambda s: s.period))


def autocorrelation(values: Floats, longest: int) -> Floats:
    """The correlation of a series with itself at lags 0 to ``longest``, by Fourier transform.

    >>> autocorrelation(np.array([1.0, -1.0] * 50), 2).round(2)
    array([ 1.  , -0.99,  0.98])
    """
    x = values - values.mean()
    size = 1 << (2 * len(x) - 1).bit_length()
    spectrum = np.fft.rfft(x, size)
    products = np.fft.irfft(spectrum * np.conj(spectrum), size)[: longest + 1]
    return products / products[0] if products[0] > 0 else np.zeros(longest + 1)


def find_seasons(values: Floats, frequency: Frequency) -> tuple[Season, ...]:
    """The seasons of a series, shortest first; none where it has none.

    Cycles of the clock (minute, hour, day, week, year) that the series holds at least three of are candidates. One is
    kept where, with its trend taken off, the series correlates with itself one cycle ago clearly more than half a cycle
    ago; and a longer one only for what the shorter ones leave over. Without a clock, or where no candidate holds, the
    highest peak of the autocorrelation is taken if it is clear.

    Args:
        values: The series, of shape (time,), which may hold NaN; its last 20,000 points are looked at.
        frequency: The distance between the points.
    """
    rest = fill(values[-20_000:])
    if np.ptp(rest) == 0:
        return ()
    found: list[Season] = []
    for candidate in _candidates(frequency, len(rest)):
        level = rest - _moving_average(rest, candidate.steps)
        if _clear(level, candidate.steps):
            found.append(candidate)
            rest = rest - _profile(level, candidate.period)
    if not found:
        peak = _peak(fill(values[-20_000:]))
        if peak is not None:
            found.append(Season(peak))
    return tuple(found)


def _candidates(frequency: Frequency, length: int) -> list[Season]:
    if frequency.kind == "steps":
        return []
    if frequency.kind == "business_days":
        named = {"week": 5 / frequency.count, "year": 365.2425 * 5 / 7 / frequency.count}
    else:
        seconds = frequency.seconds
        assert seconds is not None
        named = {name: cycle / seconds for name, cycle in _CYCLES.items()}
    # A week of weeks or a month of days is no candidate; a cycle that is whole but for rounding is made whole.
    periods = {name: round(p) if abs(p - round(p)) < 1e-6 * p else p for name, p in named.items()}
    return [Season(p, name) for name, p in periods.items() if p >= 3 and 3 * p <= length]


def _clear(level: Floats, steps: int) -> bool:
    correlation = autocorrelation(level, steps)
    return bool(correlation[steps] >= CLEAR and correlation[steps] >= correlation[max(1, steps // 2)] + CLEAR / 3)


def _moving_average(values: Floats, size: int) -> Floats:
    """The mean of the ``size`` points around each; near the ends of the nearest whole window."""
    size = min(size, len(values))
    total = np.cumsum(np.concatenate([[0.0], values]))
    means = (total[size:] - total[:-size]) / size
    before = (size - 1) // 2
    return np.pad(means, (before, len(values) - len(means) - before), mode="edge")


def _profile(level: Floats, period: float) -> Floats:
    """The mean of each phase of the season, laid out over the series."""
    phase = np.floor(np.arange(len(level)) % period).astype(np.int64)
    count = np.bincount(phase)
    return np.asarray((np.bincount(phase, level) / np.maximum(count, 1))[phase])


def _peak(values: Floats) -> int | None:
    """The lag of the first high peak of the autocorrelation behind its first dip, where it is clear."""
    position = np.arange(len(values)) - (len(values) - 1) / 2
    level = values - values.mean() - (position @ values) / (position @ position) * position
    longest = len(values) // 3
    if longest < 3:
        return None
    correlation = autocorrelation(level, longest)
    inner = correlation[1:-1]
    tops = np.flatnonzero((inner >= correlation[:-2]) & (inner > correlation[2:])) + 1
    lowest = np.minimum.accumulate(correlation)
    tops = tops[(tops >= 2) & (correlation[tops] >= CLEAR) & (correlation[tops] >= lowest[tops] + CLEAR)]
    if not tops.size:
        return None
    high = tops[correlation[tops] >= 0.9 * correlation[tops].max()]
    return int(high[0])
