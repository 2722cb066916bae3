"""A series of numbers at regular points of time, with what is missing marked: what a forecast starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, DataError, UnknownNameError
from .frames import Table, to_table
from .frequency import Frequency, Times
from .time import find_time_column, parse_times

__all__ = ["Duplicates", "TimeSeries", "to_series"]

Duplicates: TypeAlias = Literal["first", "last", "max", "mean", "min", "sum"]

DUPLICATES: tuple[Duplicates, ...] = ("first", "last", "max", "mean", "min", "sum")
STEPS = Frequency("steps")
MOST_MISSING = 1 / 3
"""The largest share of points that may be missing: with more, what is filled in would outweigh what was measured."""


@dataclass(frozen=True)
class TimeSeries:
    """A regular series.

    Attributes:
        name: What is measured.
        values: float64 of shape (time,), NaN where a value is missing.
        start: The time (or number) of the first point.
        frequency: The distance between the points.
        time_name: The name of the time column, or None where the rows were merely counted.
        notes: What was done to the user's data to get here, for the user to read.
    """

    name: str
    values: NDArray[np.float64]
    start: np.datetime64 | int = 0
    frequency: Frequency = STEPS
    time_name: str | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def times(self) -> Times:
        """The points of time, datetime64[us] or int64, of shape (time,)."""
        return self.frequency.grid(self.start, len(self.values))

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Where a value is missing, of shape (time,)."""
        return np.isnan(self.values)

    def future_times(self, horizon: int) -> Times:
        """The ``horizon`` points of time after the last one."""
        return self.frequency.grid(self.start, horizon, len(self.values))

    def filled(self) -> NDArray[np.float64]:
        """The values with straight lines drawn over what is missing.

        >>> TimeSeries("y", np.array([1.0, np.nan, 3.0])).filled()
        array([1., 2., 3.])
        """
        return fill(self.values)


def fill(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """``values`` with straight lines drawn over NaN. The start and the end are continued with the nearest value.

    To use only what was known at a time, give only the values up to that time.
    """
    known = np.flatnonzero(~np.isnan(values))
    if known.size == len(values) or not known.size:
        return values
    return np.interp(np.arange(len(values)), known, values[known])


def to_series(
    data: Any,
    target: str | None = None,
    time: str | None = None,
    frequency: str | Frequency | None = None,
    *,
    sort: bool = False,
    duplicates: Duplicates | None = None,
    decimal: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
) -> TimeSeries:
    """Makes a regular series of what the user has.

    The data is never bent in silence: times out of order and two rows of one time are errors unless ``sort`` or
    ``duplicates`` says what to do; missing values and missing rows become NaN and are counted in the notes.

    Args:
        data: Anything `recurra.data.frames.to_table` takes, or a `TimeSeries` (returned as it is).
        target: The column with the values. Default: the only one there is beside the times.
        time: The column with the times. Default: found by its type, name and content; without one the rows count as
            equally far apart.
        frequency: Such as ``"30min"`` or ``"1 month"``. Default: the most common distance. Where given, times are moved
            to the nearest point of the grid; where found, they must lie on it.
        sort: Put the rows in order of time. Default False: rows out of order are an error.
        duplicates: What becomes of several rows of one time. Default None: an error.
        decimal: The decimal sign of text, ``"."`` or ``","``. Default: found.
        delimiter, encoding: For a CSV file. Default: found, and UTF-8.

    Raises:
        DataError: The data cannot be read as a regular series; the message names line and column.
        UnknownNameError: There is no such column.
        ArgumentError: ``frequency``, ``decimal``, ``delimiter``, ``encoding`` or ``duplicates`` has a wrong value.

    >>> series = to_series({"month": ["1949-01", "1949-02", "1949-04"], "passengers": [112, 118, 129]})
    >>> series.name, series.values, str(series.frequency), series.notes
    ('passengers', array([112., 118.,  nan, 129.]), '1 month', ('1 row is missing',))
    """
    if isinstance(data, TimeSeries):
        return data
    if duplicates is not None and duplicates not in DUPLICATES:
        raise UnknownNameError("way to treat duplicates", duplicates, DUPLICATES)
    if isinstance(frequency, str):
        frequency = Frequency.parse(frequency)
    table = to_table(data, delimiter, encoding)
    if target is not None:
        table.column(target)
    if time is not None and time == target:
        raise ArgumentError(f"The time column and the target are the same, {time!r}. Name two different columns.")
    if time is None and table.index is None:
        time = find_time_column(table, target)
    target = target or _only_target(table, time)
    values, notes = table.numbers(target, decimal)
    if np.isnan(values).all():
        raise DataError(f"Column {target!r} of {table.source} has no values: every cell is empty.")
    if time is None and table.index is None:
        return _without_times(target, values, frequency, table, notes)
    if time is None:
        name, times, more = "index", table.index, [table.notes["index"]] if "index" in table.notes else []
        assert times is not None
    else:
        name, (times, more) = time, parse_times(table, time)
    notes += more
    rows = np.arange(len(times))
    times, values, rows, more = _ordered(times, values, rows, table, name, sort)
    notes += more
    times, values, rows, more = _unique(times, values, rows, table, name, duplicates)
    notes += more
    if len(times) < 2 and frequency is None:
        raise DataError(f"{table.source} has {len(times)} point of time. Expected a series of many.")
    series, more = _on_grid(target, times, values, rows, frequency, table, name, duplicates)
    return _finished(series, notes + more)


def _only_target(table: Table, time: str | None) -> str:
    rest = [name for name in table.columns if name != time]
    if len(rest) != 1:
        raise ArgumentError(
            f"Which column is to be forecast? Name it with target. "
            f"{table.source} has: {', '.join(repr(name) for name in rest) or 'only the times'}."
        )
    return rest[0]


def _without_times(
    target: str, values: NDArray[np.float64], frequency: Frequency | None, table: Table, notes: list[str]
) -> TimeSeries:
    if frequency is not None and frequency.kind != "steps":
        raise DataError(
            f"{table.source} has no column of times, so a frequency of {frequency} has nothing to count from. "
            f"Name the column with time, or leave the frequency out."
        )
    if table.lines is not None:
        notes = [*notes, "no column of times: the rows are taken as equally far apart"]
    return _finished(TimeSeries(target, values, 0, Frequency("steps")), notes)


def _ordered(
    times: Times, values: NDArray[np.float64], rows: NDArray[np.int64], table: Table, name: str, sort: bool
) -> tuple[Times, NDArray[np.float64], NDArray[np.int64], list[str]]:
    backwards = np.flatnonzero(times[1:] < times[:-1])
    if not backwards.size:
        return times, values, rows, []
    if not sort:
        row = int(backwards[0]) + 1
        falling = (
            "The rows run from the newest to the oldest"
            if backwards.size == len(times) - 1
            else "Rows are out of order"
        )
        raise DataError(
            f"{table.where(row, name)}: the time {show_time(times[row])} comes after {show_time(times[row - 1])}. "
            f"{falling}. Check that the dates were read as meant, then sort the rows, "
            f"or have it done with sort=True (--sort)."
        )
    order = np.argsort(times, kind="stable")
    return times[order], values[order], rows[order], [f"{_count(backwards.size, 'row')} out of order: sorted by time"]


def _unique(
    times: Times,
    values: NDArray[np.float64],
    rows: NDArray[np.int64],
    table: Table,
    name: str,
    duplicates: Duplicates | None,
    slots: NDArray[np.int64] | None = None,
) -> tuple[Times, NDArray[np.float64], NDArray[np.int64], list[str]]:
    """One row for each time; with ``slots``, for each number of these."""
    keys = times if slots is None else slots
    same = np.flatnonzero(keys[1:] == keys[:-1])
    if not same.size:
        return times, values, rows, []
    if duplicates is None:
        a, b = int(same[0]), int(same[0]) + 1
        moved = "" if slots is None else " at this frequency"
        raise DataError(
            f"{table.where(int(rows[b]), name)}: the time {show_time(times[b])} is the same{moved} as in "
            f"{table.row_name(int(rows[a]))} ({_count(same.size, 'such row')}). Expected one row for each time. "
            f"Remove one, or say which to take with duplicates= (--duplicates): {', '.join(DUPLICATES)}."
        )
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    last = np.append(first[1:], len(keys)) - 1
    merged = values[first if duplicates == "first" else last].copy()
    if duplicates not in ("first", "last"):
        for i, (begin, end) in enumerate(zip(first, last, strict=True)):
            known = values[begin : end + 1]
            known = known[~np.isnan(known)]
            merged[i] = getattr(known, duplicates)() if known.size else np.nan
    note = f"{_count(same.size, 'row')} of a time that was there already: took the {duplicates}"
    return times[first], merged, rows[first], [note]


def _on_grid(
    target: str,
    times: Times,
    values: NDArray[np.float64],
    rows: NDArray[np.int64],
    given: Frequency | None,
    table: Table,
    name: str,
    duplicates: Duplicates | None,
) -> tuple[TimeSeries, list[str]]:
    frequency = given or Frequency.infer(times)
    if (frequency.kind == "steps") != (times.dtype.kind != "M"):
        have = "numbers, not times" if times.dtype.kind != "M" else "times, not numbers"
        raise DataError(f"The frequency {frequency} does not fit column {name!r}, which holds {have}.")
    start: np.datetime64 | int = times[0] if times.dtype.kind == "M" else int(times[0])
    slots = frequency.positions(times, start)
    points = int(slots[-1]) + 1
    if points > 50_000_000 or points > 1000 * len(times):
        raise DataError(
            f"At a frequency of {frequency}, {table.source} from {show_time(times[0])} to {show_time(times[-1])} would "
            f"have {points} points, but has {len(times)} rows. Give a coarser frequency, or mend the times."
        )
    if given is not None and (frequency.at(start, slots) != times).any():
        start = frequency.aligned(start)
        slots = frequency.positions(times, start)
        points = int(slots[-1]) + 1
    off = np.flatnonzero(frequency.at(start, slots) != times)
    notes: list[str] = []
    if off.size and given is None:
        row = int(off[0])
        raise DataError(
            f"{table.where(int(rows[row]), name)}: the time {show_time(times[row])} does not lie on a regular grid: "
            f"the most common distance is {frequency}, counted from {show_time(times[0])} "
            f"({_count(off.size, 'such row')}). Resample the series, "
            f"or give frequency= (--frequency) to move the times to its grid."
        )
    if off.size:
        notes.append(f"{_count(off.size, 'time')} moved to the nearest point of the grid of {frequency}")
        times, values, rows, more = _unique(times, values, rows, table, name, duplicates, slots)
        notes += more
        slots = frequency.positions(times, start)
    regular = np.full(points, np.nan)
    regular[slots] = values
    gaps = points - len(slots)
    if gaps:
        notes.append(f"{_count(gaps, 'row')} {'is' if gaps == 1 else 'are'} missing")
    return TimeSeries(target, regular, start, frequency, name), notes


def _finished(series: TimeSeries, notes: list[str]) -> TimeSeries:
    """Cuts missing values off both ends, limits how many there may be, and puts the notes on."""
    known = np.flatnonzero(~series.missing)
    first, last = int(known[0]), int(known[-1])
    for count, place in ((first, "start"), (len(series) - 1 - last, "end")):
        if count:
            notes.append(f"{_count(count, 'point')} without a value at the {place}: left out")
    start = series.start if not first else series.times[first]
    values = series.values[first : last + 1]
    empty = int(np.isnan(values).sum())
    if empty > MOST_MISSING * len(values):
        raise DataError(
            f"{empty} of the {len(values)} points of {series.name!r} at a frequency of {series.frequency} have no "
            f"value. Expected at most a third. Give a coarser frequency, or a part of the series with fewer gaps."
        )
    inside = empty - sum(int(note.split()[0]) for note in notes if note.endswith("missing"))
    if inside > 0:
        notes.append(f"{_count(inside, 'value')} {'is' if inside == 1 else 'are'} missing")
    return TimeSeries(
        series.name,
        values,
        start if isinstance(start, np.datetime64) else int(start),
        series.frequency,
        series.time_name,
        tuple(notes),
    )


def show_time(time: np.datetime64 | np.int64 | int) -> str:
    """A time as short as it can be: without a clock at midnight, without seconds where there are none.

    >>> show_time(np.datetime64("2014-07-01T00:30:00"))
    '2014-07-01 00:30'
    """
    return show_times(np.asarray(time).reshape(1))[0]


def show_times(times: Times) -> list[str]:
    """All times written alike: with a clock if one of them needs it.

    >>> show_times(np.array(["2014-07-01T00:00", "2014-07-01T00:30"], dtype="datetime64[us]"))
    ['2014-07-01 00:00', '2014-07-01 00:30']
    """
    if times.dtype.kind != "M":
        return [str(int(time)) for time in times]
    unit = next(unit for unit in ("D", "m", "s", "us") if (times.astype(f"datetime64[{unit}]") == times).all())
    return [text.replace("T", " ") for text in np.datetime_as_string(times.astype(f"datetime64[{unit}]")).tolist()]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
