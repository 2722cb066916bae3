"""How far apart the points of a series are: a fixed time, a number of months, working days, or plain steps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, DataError

__all__ = ["Frequency", "Kind", "Times", "even_of", "unevenness"]

Kind: TypeAlias = Literal["business_days", "microseconds", "months", "steps"]

Times: TypeAlias = NDArray[Any]
"""Points of time, datetime64[us], or the numbers of steps, int64."""

_MICROSECONDS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "day": 86_400_000_000,
    "week": 604_800_000_000,
}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_SPELLINGS = {
    "us": ("us", "microsecond"),
    "ms": ("ms", "millisecond"),
    "s": ("s", "sec", "second", "secondly"),
    "min": ("min", "minute", "t", "minutely"),
    "h": ("h", "hour", "hourly"),
    "day": ("d", "day", "daily"),
    "week": ("w", "week", "weekly", "wk"),
    "month": ("m", "ms_", "me", "mo", "mon", "month", "monthly"),
    "quarter": ("q", "qs", "qe", "quarter", "quarterly"),
    "year": ("y", "a", "ys", "ye", "as", "year", "yearly", "annual", "annually"),
    "business day": ("b", "business day", "working day", "weekday"),
    "step": ("step",),
}
_UNITS = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings}
_TEXT = re.compile(r"(\d*)\s*([a-z ]*?)(?:-[a-z]{3})?")
_DAY = _MICROSECONDS["day"]


@dataclass(frozen=True)
class Frequency:
    """The distance between neighbouring points of a regular series.

    Attributes:
        kind: ``"microseconds"`` for a fixed time, ``"months"`` for calendar months, quarters and years,
            ``"business_days"`` for Monday to Friday, ``"steps"`` for numbered points without a clock.
        count: How many of these.

    >>> str(Frequency.parse("30min")), str(Frequency.parse("W")), str(Frequency.parse("quarterly"))
    ('30 min', '1 week', '1 quarter')
    """

    kind: Kind
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Frequency:
        """Reads a frequency such as ``30min``, ``15 minutes``, ``h``, ``D``, ``W``, ``2 months``, ``Q``, ``Y``, ``B``.

        A single ``M`` means a month, as in pandas.

        Raises:
            ArgumentError: The text is not a frequency.
        """
        match = _TEXT.fullmatch(text.strip().lower())
        unit = None
        if match:
            word = match[2].strip()
            # pandas writes the start of a month "MS"; with a number before it, "ms" is milliseconds.
            unit = "month" if text.strip() == "MS" else _UNITS.get(word) or _UNITS.get(word.removesuffix("s"))
            if word == "" and match[1]:
                unit = "step"
        count = int(match[1] or 1) if match else 0
        if unit is None or count < 1:
            raise ArgumentError(
                f"Cannot read the frequency {text!r}. Expected a number and a unit such as 30min, 1h, 1D, 1W, "
                f"1 month, 1 quarter, 1 year, or B for Monday to Friday."
            )
        if unit == "step":
            return cls("steps", count)
        if unit == "business day":
            return cls("business_days", count)
        if unit in _MONTHS:
            return cls("months", count * _MONTHS[unit])
        return cls("microseconds", count * _MICROSECONDS[unit])

    @classmethod
    def infer(cls, times: Times) -> Frequency:
        """The frequency of sorted times without duplicates: their most common distance, or one that divides all.

        Months are recognised by an equal day of the month (or always its last day), working days by a daily series
        without any Saturday or Sunday.

        Args:
            times: At least 2, sorted, without duplicates; datetime64[us] or int64.

        Raises:
            DataError: There are fewer than 2.
        """
        if len(times) < 2:
            raise DataError(f"A frequency cannot be found from {len(times)} points of time. Give it, such as '1h'.")
        if times.dtype.kind != "M":
            return cls("steps", _step(np.diff(times)))
        months, days, last = _split(times)
        regular = days == days[0]
        if bool((np.diff(months) > 0).all()) and (bool(regular.all()) or bool(last.all())):
            return cls("months", _step(np.diff(months)))
        step = _step(np.diff(times).astype(np.int64))
        if step == _DAY and len(times) > 10:
            weekday = (times.astype("datetime64[D]").astype(np.int64) + 3) % 7
            if bool((weekday < 5).all()):
                return cls("business_days")
        return cls("microseconds", step)

    def grid(self, start: np.datetime64 | int, count: int, first: int = 0) -> Times:
        """The points number ``first`` to ``first + count - 1`` of the regular series that begins at ``start``."""
        index = np.arange(first, first + count, dtype=np.int64) * self.count
        if self.kind == "steps":
            return np.asarray(int(start) + index)
        origin = np.asarray(start, dtype="datetime64[us]").reshape(1)
        if self.kind == "microseconds":
            return np.asarray(origin + index.astype("timedelta64[us]"))
        day = origin.astype("datetime64[D]")
        if self.kind == "business_days":
            days = np.busday_offset(day, index, roll="forward").astype("datetime64[us]")
            return np.asarray(days + (origin - day))
        months, _, last = _split(origin)
        target = months + index
        lengths = _month_length(target)
        within = origin - origin.astype("datetime64[M]").astype("datetime64[us]")
        day_number = within.astype(np.int64) // _DAY
        clock_us = within.astype(np.int64) % _DAY
        # The end of a month stays its end (31 Jan, 28 Feb, 31 Mar); a day that a month lacks becomes its last.
        chosen = lengths - 1 if bool(last[0]) and int(day_number[0]) >= 27 else np.minimum(day_number, lengths - 1)
        begin = target.astype("datetime64[M]").astype("datetime64[us]")
        return np.asarray(begin + (chosen * _DAY + clock_us).astype("timedelta64[us]"))

    def positions(self, times: Times, start: np.datetime64 | int) -> NDArray[np.int64]:
        """The index on the grid from ``start`` nearest to each time (it may be off the grid: compare with `grid`)."""
        if self.kind == "steps":
            return np.rint((times.astype(np.int64) - int(start)) / self.count).astype(np.int64)
        origin = np.asarray(start, dtype="datetime64[us]")
        if self.kind == "microseconds":
            distance = (times - origin).astype(np.int64)
            return np.asarray((distance + self.count // 2) // self.count)
        if self.kind == "business_days":
            days = np.busday_count(origin.astype("datetime64[D]"), times.astype("datetime64[D]"))
            return np.asarray(days, dtype=np.int64) // self.count
        months = _split(times)[0] - _split(origin.reshape(1))[0]
        return np.rint(months / self.count).astype(np.int64)

    def at(self, start: np.datetime64 | int, positions: NDArray[np.int64]) -> Times:
        """The times of the given positions on the grid from ``start``."""
        low = int(positions.min(initial=0))
        return self.grid(start, int(positions.max(initial=0)) - low + 1, low)[positions - low]

    def aligned(self, start: Any) -> Any:
        """The last round time at or before ``start``: a full hour for hours, midnight for days, a month's first."""
        if not isinstance(start, np.datetime64):
            return start
        if self.kind == "months":
            return start.astype("datetime64[M]").astype("datetime64[us]")
        if self.kind == "microseconds" and _DAY % self.count == 0:
            since = int(start.astype("datetime64[us]").astype(np.int64))
            return np.datetime64(since - since % self.count, "us")
        return start.astype("datetime64[D]").astype("datetime64[us]")

    @property
    def seconds(self) -> float | None:
        """The (mean) distance in seconds; None for plain steps."""
        if self.kind == "steps":
            return None
        each = {"microseconds": 1.0, "months": _DAY * 365.2425 / 12, "business_days": _DAY * 7 / 5}[self.kind]
        return self.count * each / 1e6

    def __str__(self) -> str:
        if self.kind == "steps":
            return f"{self.count} step" + ("s" if self.count > 1 else "")
        if self.kind == "business_days":
            return f"{self.count} business day" + ("s" if self.count > 1 else "")
        units = _MONTHS if self.kind == "months" else _MICROSECONDS
        unit, size = max(((name, size) for name, size in units.items() if self.count % size == 0), key=lambda u: u[1])
        number = self.count // size
        plural = "s" if number > 1 and unit in ("day", "week", "month", "quarter", "year") else ""
        return f"{number} {unit}{plural}"


def unevenness(times: Times) -> float:
    """How far the steps between times are from being alike: the share of steps that are not the most common one."""
    if len(times) < 3:
        return 0.0
    steps = np.diff(times).astype(np.int64)
    values, counts = np.unique(steps, return_counts=True)
    months = np.diff(times.astype("datetime64[M]").astype(np.int64))
    same_day = np.ptp((times - times.astype("datetime64[M]").astype("datetime64[us]")).astype(np.int64)) == 0
    most = max(int(counts.max()), int(np.unique(months, return_counts=True)[1].max()) if same_day else 0)
    backwards = int((steps < 0).sum()) if values[np.argmax(counts)] > 0 else 0
    return 1.0 - (most - backwards) / len(steps)


def even_of(utc: Times, local: Times) -> tuple[Times, str]:
    """Of times in UTC and the local ones, those with the more even steps, local ones if level; and what was taken."""
    if bool((utc == local).all()):
        return utc, ""
    if unevenness(utc) < unevenness(local):
        return utc, "times with a zone were turned into UTC"
    return local, "the local times were taken, without their zone"


def _step(distances: NDArray[np.int64]) -> int:
    """The most common distance; or, where others are no multiples of it, the largest that divides all of them.

    The latter only where it leaves at most a third of the points without a value.
    """
    values, counts = np.unique(distances, return_counts=True)
    common = int(values[np.argmax(counts)])
    divisor = int(np.gcd.reduce(values))
    few_gaps = int(distances.sum()) // divisor + 1 <= 1.5 * (len(distances) + 1)
    return divisor if few_gaps and bool((values % common).any()) else common


def _split(times: Times) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Of each time: the number of its month, the time within the month in microseconds, whether it is the last day."""
    month = times.astype("datetime64[M]")
    number = month.astype(np.int64)
    within = (times - month.astype("datetime64[us]")).astype(np.int64)
    return number, within, within // _DAY == _month_length(number) - 1


def _month_length(months: NDArray[np.int64]) -> NDArray[np.int64]:
    begin = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    end = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return end - begin
