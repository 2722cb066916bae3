from __future__ import annotations

import builtins
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recurra.data.frames import Table, read_table, to_table
from recurra.errors import ArgumentError, DataError, MissingDependencyError, UnknownNameError


def csv(folder: Path, text: str) -> Table:
    path = folder / "data.csv"
    path.write_text(text)
    return read_table(path)


def test_numbers_of_text(tmp_path: Path) -> None:
    table = csv(tmp_path, "y,z\n1,x\n 2.5 ,x\n1e3,x\n,x\nNaN,x\nn/a,x\n")
    values, notes = table.numbers("y")
    np.testing.assert_array_equal(values, [1.0, 2.5, 1000.0, np.nan, np.nan, np.nan])
    assert notes == []


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("abc", "received 'abc'. Mend the cell"), ("1,5", "decimal=','"), ("1,234", "separates thousands")],
)
def test_text_among_numbers_is_named_by_line_and_column(tmp_path: Path, cell: str, expected: str) -> None:
    table = csv(tmp_path, f'y\n1.5\n2\n"{cell}"\n')
    with pytest.raises(DataError, match=r"data\.csv, line 4, column 'y': expected a number") as error:
        table.numbers("y")
    assert expected in str(error.value)


def test_decimal_commas_are_read_where_they_can_be_nothing_else(tmp_path: Path) -> None:
    table = csv(tmp_path, "a;y\n1;1,5\n2;-2,25\n3;4\n")
    values, notes = table.numbers("y")
    assert values.tolist() == [1.5, -2.25, 4.0]
    assert notes == ["column 'y': the comma was read as the decimal sign"]


def test_a_comma_that_may_separate_thousands_is_asked_about(tmp_path: Path) -> None:
    table = csv(tmp_path, "a;y\n1;1,500\n2;2,250\n")
    with pytest.raises(DataError, match="separates thousands"):
        table.numbers("y")
    assert table.numbers("y", decimal=",")[0].tolist() == [1.5, 2.25]
    table = csv(tmp_path, "a;y\n1;1.500,5\n2;2\n")
    assert table.numbers("y")[0].tolist() == [1500.5, 2.0]


def test_infinity_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3, column 'y': expected a finite number, received -inf"):
        csv(tmp_path, "y\n1\n-inf\n").numbers("y")


def test_columns_that_are_no_numbers() -> None:
    table = to_table({"t": np.array(["2020-01-01"], dtype="datetime64[D]")})
    with pytest.raises(DataError, match="holds times, expected numbers"):
        table.numbers("t")
    with pytest.raises(UnknownNameError, match="Did you mean 't'"):
        table.numbers("T")
    with pytest.raises(ArgumentError, match="decimal"):
        table.numbers("t", decimal=";")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "taxi.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"There is no file .*taxy\.csv.*Did you mean 'taxi\.csv'"):
        read_table(tmp_path / "taxy.csv")
    with pytest.raises(DataError, match="There is no file"):
        read_table(tmp_path / "nowhere" / "x.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    frame = pl.DataFrame({"time": [datetime(2020, 1, 1), datetime(2020, 1, 2)], "y": [1, None], "n": [3, 4]})
    frame.write_parquet(path)
    table = read_table(path)
    assert table.source == str(path)
    assert table.columns["time"].tolist() == [datetime(2020, 1, 1), datetime(2020, 1, 2)]
    np.testing.assert_array_equal(table.columns["y"], [1.0, np.nan])
    assert table.columns["n"].dtype == np.int64
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_table(path)


def test_parquet_without_polars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.parquet"
    path.write_bytes(b"PAR1")
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name in ("polars", "narwhals"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"pip install 'recurra\[cli\]'"):
        read_table(path)
    with pytest.raises(MissingDependencyError, match="narwhals"):
        to_table(object())


def test_frames() -> None:
    frame = pl.DataFrame(
        {
            "zoned": [datetime(2020, 1, 1, tzinfo=UTC)],
            "day": [date(2020, 1, 2)],
            "y": [1.5],
            "text": ["x"],
        }
    ).with_columns(pl.col("zoned").dt.convert_time_zone("Europe/Berlin"))
    for native in (frame, frame.lazy()):
        columns = to_table(native).columns
        assert columns["zoned"][0] == np.datetime64("2020-01-01T01:00")
        assert columns["day"][0] == np.datetime64("2020-01-02")
        assert columns["zoned"].dtype == columns["day"].dtype == np.dtype("datetime64[us]")
        assert columns["y"].tolist() == [1.5]
        assert columns["text"].tolist() == ["x"]
    assert to_table(pl.Series("z", [1, 2])).columns["z"].tolist() == [1, 2]


class PandasLike:
    """An index as pandas has it, which is not installed for the tests: days of local midnights in Berlin."""

    def __init__(self, times: Any, tz: str | None = None) -> None:
        self.times, self.tz = times, tz

    def tz_convert(self, zone: str) -> PandasLike:
        assert zone == "UTC"
        return PandasLike(self.times - np.array([2, 2, 1], dtype="timedelta64[h]"), zone)

    def tz_localize(self, zone: None) -> PandasLike:
        return PandasLike(self.times)

    def to_numpy(self) -> Any:
        return self.times


def test_times_in_the_index_of_a_frame_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    import narwhals

    times = np.array(["2014-10-25", "2014-10-26", "2014-10-27"], dtype="datetime64[ns]")
    frame = pl.DataFrame({"y": [1.0, 2.0, 3.0]})
    for index in (PandasLike(times), PandasLike(times, "Europe/Berlin")):
        monkeypatch.setattr(narwhals, "maybe_get_index", lambda frame, index=index: index)
        table = to_table(frame)
        assert table.index is not None
        assert table.index.dtype == np.dtype("datetime64[us]")
        assert (table.index == times).all()
        assert ("index" in table.notes) == (index.tz is not None)
    monkeypatch.setattr(narwhals, "maybe_get_index", lambda frame: PandasLike(np.arange(3)))
    assert to_table(frame).index is None


def test_arrays() -> None:
    assert to_table(np.arange(3)).columns["value"].tolist() == [0, 1, 2]
    assert list(to_table(np.zeros((3, 2))).columns) == ["value_0", "value_1"]
    assert to_table({"a": [1, 2], 3: [1.0, 2.0]}).columns["3"].dtype == np.float64
    table = to_table([1.0])
    assert to_table(table) is table


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "no rows"),
        ({}, "no rows"),
        ({"a": [1], "b": [1, 2]}, "differ in length"),
        (np.zeros((2, 2, 2)), r"received shape \(2, 2, 2\)"),
        ({"a": np.zeros((2, 2))}, "Column 'a' must have shape"),
        ({"a": np.array([True])}, "dtype bool"),
        ([[1.0], [1.0, 2.0]], "cannot be made into an array"),
    ],
)
def test_what_is_no_table(data: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        to_table(data)


def test_what_is_no_data() -> None:
    with pytest.raises(ArgumentError, match="received builtins.int"):
        to_table(5)
