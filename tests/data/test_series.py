from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.data.frequency import Frequency
from recurra.data.series import TimeSeries, fill, show_time, to_series
from recurra.errors import ArgumentError, DataError, UnknownNameError

DAYS = [f"2020-01-{day:02d}" for day in range(1, 11)]


def daily(*days: int, values: Any = None, **options: Any) -> TimeSeries:
    return to_series(
        {"time": [DAYS[day] for day in days], "y": np.asarray(values if values is not None else days, dtype=float)},
        **options,
    )


def test_a_regular_series_is_taken_as_it_is() -> None:
    series = daily(0, 1, 2)
    assert series.values.tolist() == [0.0, 1.0, 2.0]
    assert str(series.frequency) == "1 day"
    assert (series.name, series.time_name, series.notes) == ("y", "time", ())
    assert [show_time(t) for t in series.times] == DAYS[:3]
    assert [show_time(t) for t in series.future_times(2)] == DAYS[3:5]
    assert to_series(series) is series


def test_gaps_become_missing_values_and_are_counted() -> None:
    series = daily(0, 1, 2, 4, 5, 6)
    np.testing.assert_array_equal(series.values, [0, 1, 2, np.nan, 4, 5, 6])
    assert series.missing.tolist() == [False, False, False, True, False, False, False]
    assert series.filled().tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert series.notes == ("1 row is missing",)
    series = daily(0, 1, 2, 3, 5, 6, values=[1, np.nan, 3, 4, 6, 7])
    assert series.notes == ("1 row is missing", "1 value is missing")


def test_missing_ends_are_cut_off() -> None:
    series = daily(0, 1, 2, 3, values=[np.nan, 2, 3, np.nan])
    assert series.values.tolist() == [2.0, 3.0]
    assert show_time(series.times[0]) == DAYS[1]
    assert series.notes == (
        "1 point without a value at the start: left out",
        "1 point without a value at the end: left out",
    )


def test_rows_out_of_order() -> None:
    with pytest.raises(DataError, match="row 2, column 'time': the time 2020-01-02 comes after 2020-01-03") as error:
        daily(0, 2, 1, 3)
    assert "out of order" in str(error.value)
    with pytest.raises(DataError, match="from the newest to the oldest"):
        daily(3, 2, 1, 0)
    series = daily(0, 2, 1, 3, sort=True)
    assert series.values.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert series.notes == ("1 row out of order: sorted by time",)


@pytest.mark.parametrize(
    ("way", "value"), [("first", 1.0), ("last", 5.0), ("mean", 3.0), ("sum", 6.0), ("min", 1.0), ("max", 5.0)]
)
def test_several_rows_of_one_time(way: Any, value: float) -> None:
    options = {"values": [0, 1, 5, 3]}
    with pytest.raises(
        DataError, match=r"row 2, column 'time': the time 2020-01-02 is the same as in row 1 \(1 such row\)"
    ):
        daily(0, 1, 1, 2, **options)
    series = daily(0, 1, 1, 2, duplicates=way, **options)
    assert series.values.tolist() == [0.0, value, 3.0]
    assert series.notes == (f"1 row of a time that was there already: took the {way}",)


def test_missing_values_do_not_count_among_duplicates() -> None:
    series = daily(0, 1, 1, 2, values=[0, np.nan, 5, 3], duplicates="mean")
    assert series.values.tolist() == [0.0, 5.0, 3.0]


def test_times_off_the_grid() -> None:
    times = ["2020-01-01 00:00", "2020-01-01 01:00", "2020-01-01 02:00", "2020-01-01 02:58", "2020-01-01 04:00"]
    data = {"time": times, "y": [0.0, 1, 2, 3, 4]}
    with pytest.raises(DataError, match=r"row 3, column 'time'.*not lie on a regular grid.*1 h.*\(1 such row\)"):
        to_series(data)
    series = to_series(data, frequency="1h")
    assert series.values.tolist() == [0, 1, 2, 3, 4]
    assert series.notes == ("1 time moved to the nearest point of the grid of 1 h",)


def test_a_given_frequency_counts_from_round_times() -> None:
    data = {"time": ["2020-01-01 00:05", "2020-01-01 01:02", "2020-01-01 01:58"], "y": [0.0, 1, 2]}
    series = to_series(data, frequency="1h")
    assert show_time(series.times[0]) == "2020-01-01"
    assert series.values.tolist() == [0, 1, 2]
    data = {"time": ["2020-01-01 00:05", "2020-01-01 01:02", "2020-01-01 01:10"], "y": [0.0, 1, 2]}
    with pytest.raises(DataError, match="is the same at this frequency as in row 1"):
        to_series(data, frequency="1h")
    assert to_series(data, frequency="1h", duplicates="mean").values.tolist() == [0, 1.5]


def test_without_times() -> None:
    series = to_series([1.0, 2.0, float("nan"), 4.0])
    assert (series.frequency, series.start, series.time_name) == (Frequency("steps"), 0, None)
    assert series.times.tolist() == [0, 1, 2, 3]
    assert series.notes == ("1 value is missing",)
    with pytest.raises(DataError, match="no column of times"):
        to_series([1.0, 2.0], frequency="1h")
    series = to_series({"t": [10, 20, 40], "y": [1.0, 2, 3]})
    assert str(series.frequency) == "10 steps"
    np.testing.assert_array_equal(series.values, [1, 2, np.nan, 3])


def test_a_file_without_times_says_so(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("y\n1\n2\n")
    assert to_series(path).notes == ("no column of times: the rows are taken as equally far apart",)


@pytest.mark.parametrize(
    ("data", "options", "error", "message"),
    [
        ({"a": [1], "b": [2]}, {}, ArgumentError, "Which column"),
        ({"a": [1], "b": [2]}, {"target": "c"}, UnknownNameError, "Known: a, b"),
        ({"a": [1], "b": [2]}, {"target": "a", "time": "c"}, UnknownNameError, "Known: a, b"),
        ({"a": [1], "b": [2]}, {"target": "a", "time": "a"}, ArgumentError, "are the same"),
        ({"time": DAYS[:2], "y": [np.nan, np.nan]}, {}, DataError, "every cell is empty"),
        ({"time": DAYS[:1], "y": [1.0]}, {}, DataError, "1 point of time"),
        ({"time": DAYS[:2], "y": [1.0, 2.0]}, {"frequency": "5"}, DataError, "does not fit column 'time'"),
        ({"time": DAYS[:2], "y": [1.0, 2.0]}, {"duplicates": "best"}, UnknownNameError, "best"),
        ({"time": DAYS[:2], "y": [1.0, 2.0]}, {"frequency": "6h"}, DataError, "Expected at most a third"),
        ({"time": DAYS[:2], "y": [1.0, 2.0]}, {"frequency": "1us"}, DataError, "would have 86400000001 points"),
    ],
)
def test_wrong_input(data: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        to_series(data, **options)


def test_times_in_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    from recurra.data.frames import Table

    index = np.array(DAYS[:3], dtype="datetime64[us]")
    series = to_series(Table({"y": np.arange(3.0)}, index=index))
    assert (series.time_name, str(series.frequency)) == ("index", "1 day")


@given(st.lists(st.booleans(), min_size=8, max_size=40))
def test_whatever_rows_are_left_out_come_back_as_missing(kept: list[bool]) -> None:
    """Leaving out rows of a regular series changes nothing but that they are missing."""
    kept[0] = kept[1] = kept[-1] = True
    rows = np.flatnonzero(kept)
    if len(kept) - len(rows) > len(kept) / 3:
        return
    times = np.datetime64("2020-01-01", "us") + rows * np.timedelta64(1, "h")
    series = to_series({"time": times, "y": rows.astype(float)})
    assert len(series) == len(kept)
    assert (series.missing == ~np.array(kept)).all()
    np.testing.assert_allclose(series.filled(), np.arange(len(kept)))


def test_fill_keeps_the_nearest_value_at_the_ends() -> None:
    assert fill(np.array([np.nan, 1.0, np.nan, 3.0, np.nan])).tolist() == [1, 1, 2, 3, 3]
    nothing = np.array([np.nan, np.nan])
    assert fill(nothing) is nothing
