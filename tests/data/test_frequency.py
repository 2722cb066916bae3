from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.data.frequency import Frequency
from recurra.errors import ArgumentError, DataError


def times(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[us]")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("30min", "30 min"),
        ("15 minutes", "15 min"),
        ("90min", "90 min"),
        ("60min", "1 h"),
        ("h", "1 h"),
        ("H", "1 h"),
        ("2h", "2 h"),
        ("D", "1 day"),
        ("daily", "1 day"),
        ("7D", "1 week"),
        ("W-SUN", "1 week"),
        ("2 weeks", "2 weeks"),
        ("M", "1 month"),
        ("MS", "1 month"),
        ("ME", "1 month"),
        ("6 months", "2 quarters"),
        ("Q", "1 quarter"),
        ("QS-OCT", "1 quarter"),
        ("12 months", "1 year"),
        ("Y", "1 year"),
        ("B", "1 business day"),
        ("10s", "10 s"),
        ("250ms", "250 ms"),
        ("5us", "5 us"),
        ("5", "5 steps"),
    ],
)
def test_spellings(text: str, shown: str) -> None:
    assert str(Frequency.parse(text)) == shown


@pytest.mark.parametrize("text", ["", "x", "0h", "-1h", "1.5h", "min30", "fortnight"])
def test_what_is_no_frequency(text: str) -> None:
    with pytest.raises(ArgumentError, match="Cannot read the frequency"):
        Frequency.parse(text)


ALL = [Frequency.parse(text) for text in ("1s", "30min", "1h", "D", "W", "M", "Q", "Y", "B", "3B", "2 months")]


@given(st.sampled_from(ALL), st.integers(-3000, 20000), st.integers(2, 60), st.integers(-40, 40))
def test_a_grid_is_found_again(frequency: Frequency, day: int, count: int, first: int) -> None:
    """Times made with a frequency lie on its grid, at their positions, and tell it again."""
    start = np.datetime64(day, "D").astype("datetime64[us]")
    if frequency.kind == "business_days":
        start = np.busday_offset(start.astype("datetime64[D]"), 0, roll="forward").astype("datetime64[us]")
    elif frequency.kind == "months":
        start = start.astype("datetime64[M]").astype("datetime64[us]")
    grid = frequency.grid(start, count, first)
    assert len(grid) == count
    assert (np.diff(grid).astype(np.int64) > 0).all()
    position = np.arange(first, first + count)
    np.testing.assert_array_equal(frequency.positions(grid, start), position)
    np.testing.assert_array_equal(frequency.at(start, position), grid)
    if first == 0:
        assert grid[0] == start
    if frequency.kind != "business_days":
        found = Frequency.infer(grid)
        assert (found == frequency) or (frequency.kind == "microseconds" and found.kind == "months")


def test_ends_of_months_stay_ends() -> None:
    months = Frequency.parse("M")
    grid = months.grid(np.datetime64("2020-01-31T18:00"), 4)
    assert grid.tolist() == times("2020-01-31T18", "2020-02-29T18", "2020-03-31T18", "2020-04-30T18").tolist()
    assert Frequency.infer(grid) == months
    # The 30th is cut to the end of February only.
    grid = months.grid(np.datetime64("2021-01-30"), 3)
    assert grid.tolist() == times("2021-01-30", "2021-02-28", "2021-03-30").tolist()


@pytest.mark.parametrize(
    ("known", "frequency"),
    [
        (times("2020-01-01", "2020-02-01", "2020-04-01", "2020-05-01"), "M"),
        (times("2020-01-31", "2020-02-29", "2020-03-31"), "M"),
        (times("2019-10-01", "2020-01-01", "2020-04-01"), "Q"),
        (times("2000-01-01", "2001-01-01", "2003-01-01"), "Y"),
        (times("2020-01-01", "2020-01-08", "2020-01-22"), "W"),
        (times("2020-01-01T00:00", "2020-01-01T00:30", "2020-01-01T02:00", "2020-01-01T02:30"), "30min"),
        (times("2020-01-01", "2020-01-03", "2020-01-05", "2020-01-06", "2020-01-08", "2020-01-09"), "D"),
        (times("2020-01-31T00", "2020-01-31T01", "2020-01-31T02"), "1h"),
        (np.array([3, 5, 7, 11]), "2"),
    ],
)
def test_frequency_is_found_beside_gaps(known: np.ndarray, frequency: str) -> None:
    assert Frequency.infer(known) == Frequency.parse(frequency)


def test_working_days() -> None:
    days = np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]")
    working = days[np.is_busday(days)].astype("datetime64[us]")
    frequency = Frequency.infer(working)
    assert str(frequency) == "1 business day"
    assert frequency.positions(working, working[0]).tolist() == list(range(len(working)))
    assert Frequency.infer(days.astype("datetime64[us]")) == Frequency.parse("D")


def test_one_point_tells_no_frequency() -> None:
    with pytest.raises(DataError, match="from 1 points"):
        Frequency.infer(times("2020-01-01"))


@pytest.mark.parametrize(
    ("frequency", "start", "aligned"),
    [
        ("1h", "2020-01-05T10:20:03", "2020-01-05T10:00"),
        ("D", "2020-01-05T10:20", "2020-01-05"),
        ("M", "2020-01-05", "2020-01-01"),
        ("W", "2020-01-05T10:20", "2020-01-05"),
        ("B", "2020-01-06T10:20", "2020-01-06"),
    ],
)
def test_round_starts(frequency: str, start: str, aligned: str) -> None:
    assert Frequency.parse(frequency).aligned(np.datetime64(start, "us")) == np.datetime64(aligned)


def test_seconds() -> None:
    assert Frequency.parse("1h").seconds == 3600
    assert Frequency.parse("Y").seconds == pytest.approx(365.2425 * 86400)
    assert Frequency.parse("B").seconds == pytest.approx(86400 * 7 / 5)
    assert Frequency("steps").seconds is None
