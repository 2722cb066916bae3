from __future__ import annotations

import numpy as np
import pytest

from recurra.data.frames import Table, to_table
from recurra.data.time import find_time_column, parse_times
from recurra.errors import DataError


def read(*cells: object, name: str = "time") -> tuple[list[str], list[str]]:
    array = np.array(cells) if not isinstance(cells[0], str) else np.array(cells, dtype=object)
    times, notes = parse_times(to_table({name: array}), name)
    return [str(time) for time in times], notes


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2014-07-01", "2014-07-01T00:00:00.000000"),
        ("2014/7/1", "2014-07-01T00:00:00.000000"),
        ("2014-07-01 13:30", "2014-07-01T13:30:00.000000"),
        ("2014-07-01T13:30:05", "2014-07-01T13:30:05.000000"),
        ("2014-07-01 13:30:05.25", "2014-07-01T13:30:05.250000"),
        ("2014-07-01T13:30:05Z", "2014-07-01T13:30:05.000000"),
        ("2014-07-01T00:30:00+01:00", "2014-07-01T00:30:00.000000"),
        ("2014-07-01 00:30:00 -0530", "2014-07-01T00:30:00.000000"),
        ("20140701", "2014-07-01T00:00:00.000000"),
        ("20140701 12:00", "2014-07-01T12:00:00.000000"),
        ("2014-07", "2014-07-01T00:00:00.000000"),
        ("2014M07", "2014-07-01T00:00:00.000000"),
        ("201407", "2014-07-01T00:00:00.000000"),
        ("2014", "2014-01-01T00:00:00.000000"),
        ("2014Q3", "2014-07-01T00:00:00.000000"),
        ("2014-q3", "2014-07-01T00:00:00.000000"),
        ("13.07.2014", "2014-07-13T00:00:00.000000"),
        ("07/13/2014 1:05 PM", "2014-07-13T13:05:00.000000"),
        ("07/13/2014 12:05 a.m.", "2014-07-13T00:05:00.000000"),
        ("07/2014", "2014-07-01T00:00:00.000000"),
        ("1 July 2014", "2014-07-01T00:00:00.000000"),
        ("01-Jul-2014", "2014-07-01T00:00:00.000000"),
        ("Jul 1, 2014", "2014-07-01T00:00:00.000000"),
        ("Jul 2014", "2014-07-01T00:00:00.000000"),
        ("2014 Jul", "2014-07-01T00:00:00.000000"),
    ],
)
def test_ways_of_writing(cell: str, expected: str) -> None:
    assert read(cell)[0] == [expected]


def test_day_and_month_are_told_apart_by_the_whole_column() -> None:
    days, notes = read("1/2/2020", "2/2/2020", "3/2/2020", "4/2/2020")
    assert [day[:10] for day in days] == ["2020-02-01", "2020-02-02", "2020-02-03", "2020-02-04"]
    assert "DD/MM/YYYY" in notes[0]
    months, notes = read("1/1/2020", "1/2/2020", "1/3/2020", "1/4/2020")
    assert [day[:10] for day in months] == ["2020-01-01", "2020-02-01", "2020-03-01", "2020-04-01"]
    assert len(notes) == 1  # either is even: what was chosen is said
    days, notes = read("12/30/2020", "12/31/2020", "01/01/2021")
    assert [day[:10] for day in days] == ["2020-12-30", "2020-12-31", "2021-01-01"]
    assert notes == []


def test_numbers() -> None:
    assert read(1990, 1991, name="Year")[0] == ["1990-01-01T00:00:00.000000", "1991-01-01T00:00:00.000000"]
    assert read("19580329", "19580405", name="x")[0][0] == "1958-03-29T00:00:00.000000"
    assert read(0, 1, 2)[0] == ["0", "1", "2"]
    assert read(1990, 1991, name="count")[0] == ["1990", "1991"]
    assert read(3.0, 4.0)[0] == ["3", "4"]
    times, notes = read(1_404_172_800, 1_404_174_600)
    assert times == ["2014-07-01T00:00:00.000000", "2014-07-01T00:30:00.000000"]
    assert notes == ["column 'time': the numbers were read as seconds since 1970"]
    times, notes = read(1_404_172_800_000, 1_404_174_600_000)
    assert times[1] == "2014-07-01T00:30:00.000000"
    assert "milliseconds" in notes[0]


def test_zones() -> None:
    """Days keep their local midnight; hours through a change of clocks are even in UTC only."""
    days, notes = read("2014-10-25T00:00:00+02:00", "2014-10-26T00:00:00+02:00", "2014-10-27T00:00:00+01:00")
    assert [day[:16] for day in days] == ["2014-10-25T00:00", "2014-10-26T00:00", "2014-10-27T00:00"]
    assert notes == ["column 'time': the local times were taken, without their zone"]
    hours, notes = read(
        "2014-10-26T01:00:00+02:00",
        "2014-10-26T02:00:00+02:00",
        "2014-10-26T02:00:00+01:00",
        "2014-10-26T03:00:00+01:00",
    )
    assert [hour[11:16] for hour in hours] == ["23:00", "00:00", "01:00", "02:00"]
    assert notes == ["column 'time': times with a zone were turned into UTC"]
    assert read("2014-07-01T00:30:00Z")[1] == []


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (("2020-01-01", "soon"), "row 1, column 'time': cannot read the time 'soon'.*like '2020-01-01'"),
        (("2020-02-30",), "row 0, column 'time': cannot read the time '2020-02-30'"),
        (("25 Foo 2020",), "cannot read"),
        (("07/13/2014 13:05 PM",), "cannot read"),
        (("2014-07-01T00:30:00+99:00",), "cannot read"),
        (("2020-01-01", ""), "row 1, column 'time': the time is missing"),
        ((1.5, 2.5), "expected a time or a whole number, received 1.5"),
    ],
)
def test_what_is_no_time(cells: tuple[object, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(*cells)


def test_missing_times() -> None:
    table = to_table({"t": np.array(["2020-01-01", "NaT"], dtype="datetime64[us]")})
    with pytest.raises(DataError, match="row 1, column 't': the time is missing"):
        parse_times(table, "t")


def table(**columns: object) -> Table:
    return Table({name: np.array(cells, dtype=object) for name, cells in columns.items()})


def test_the_time_column_is_found() -> None:
    numbers = ["1", "2"]
    days = ["2020-01-01", "2020-01-02"]
    assert find_time_column(table(y=numbers, Date=days), "y") == "Date"
    assert find_time_column(table(y=numbers, when=days), "y") == "when"
    assert find_time_column(table(y=numbers, step=numbers), "y") == "step"
    assert find_time_column(table(y=numbers, other=numbers), "y") is None
    assert find_time_column(table(y=numbers), "y") is None
    assert find_time_column(table(time=numbers, date=days), "time") == "date"
    assert find_time_column(table(y=numbers, time=["a", "b"]), "y") is None
    # One cell that is no time does not make the column another one: reading it then says what is wrong.
    assert find_time_column(table(y=numbers * 2, date=[*days, "soon", days[0]]), "y") == "date"
    assert find_time_column(table(y=numbers * 2, date=["a", "b", "c", days[0]]), "y") is None
    typed = to_table({"y": [1.0], "x": np.array(["2020"], dtype="datetime64[Y]")})
    assert find_time_column(typed, "y") == "x"
    assert find_time_column(to_table({"y": [1.0], "time": [0.5]}), "y") is None
