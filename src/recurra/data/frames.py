"""Tables from whatever the user has: a CSV or Parquet file, a data frame, a dictionary of arrays, an array."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, DataError, MissingDependencyError, UnknownNameError
from .csvfile import read_csv
from .frequency import even_of

__all__ = ["Column", "Table", "read_table", "to_table"]

Column: TypeAlias = NDArray[Any]
"""A column: float64, datetime64[us], int64, or an array of str objects."""

MISSING = frozenset({"", "-", "?", "#n/a", "n/a", "na", "nan", "nat", "none", "null"})
"""What counts as a missing value in text, in any case."""


@dataclass(frozen=True)
class Table:
    """Columns of equal length, and where each cell came from.

    Attributes:
        columns: The columns by name.
        source: What to call the data in messages: the file's path or "the data".
        lines: For a text file, the line number of each row.
        delimiter: For a text file, the sign between cells.
        index: Times that came as the frame's index (pandas), not as a column.
        notes: What was done to read a column of times, by its name (``"index"`` for the index).
    """

    columns: dict[str, Column]
    source: str = "the data"
    lines: Sequence[int] | None = None
    delimiter: str | None = None
    index: Column | None = field(default=None, compare=False)
    notes: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def column(self, name: str) -> Column:
        """A column by name. Raises `UnknownNameError` where there is none."""
        if name not in self.columns:
            raise UnknownNameError(f"column in {self.source}", name, self.columns)
        return self.columns[name]

    def where(self, row: int, column: str | None = None) -> str:
        """Names a cell for a message: ``data.csv, line 17, column 'value'``, or ``the data, row 15, ...`` from 0."""
        place = f"line {self.lines[row]}" if self.lines is not None else f"row {row}"
        return f"{self.source}, {place}" + (f", column {column!r}" if column is not None else "")

    def row_name(self, row: int) -> str:
        """Names a row within the table: ``line 17`` of a file, ``row 15`` of a frame."""
        return f"line {self.lines[row]}" if self.lines is not None else f"row {row}"

    def numbers(self, name: str, decimal: str | None = None) -> tuple[NDArray[np.float64], list[str]]:
        """A column as float64 with NaN where a value is missing, and notes on what was done to read it.

        Text is read with a decimal point. Where every number of the column has a decimal comma, and the comma cannot
        be a thousands separator, it is read as such and a note says so.

        Args:
            name: The column.
            decimal: ``"."``, ``","``, or None to find out.

        Raises:
            DataError: A cell is not a number, or is infinite; the message names its line and column.
            UnknownNameError: There is no such column.
        """
        if decimal not in (None, ".", ","):
            raise ArgumentError(f"decimal must be '.' or ',', received {decimal!r}.")
        cells = self.column(name)
        notes: list[str] = []
        if cells.dtype.kind in "mM":
            raise DataError(f"Column {name!r} of {self.source} holds times, expected numbers. Choose another target.")
        if cells.dtype.kind in "fiu":
            values = cells.astype(np.float64)
        else:
            values, notes = self._parse(name, cells, decimal)
        infinite = np.flatnonzero(np.isinf(values))
        if infinite.size:
            raise DataError(
                f"{self.where(int(infinite[0]), name)}: expected a finite number, received {values[infinite[0]]}. "
                f"Leave the cell empty where the value is not known."
            )
        return values, notes

    def _parse(self, name: str, cells: Column, decimal: str | None) -> tuple[NDArray[np.float64], list[str]]:
        texts = ["" if cell is None else str(cell).strip() for cell in cells]
        texts = ["nan" if text.lower() in MISSING else text for text in texts]
        notes: list[str] = []
        if decimal == "," or (decimal is None and self.delimiter != "," and _decimal_commas(texts)):
            if decimal is None:
                notes.append(f"column {name!r}: the comma was read as the decimal sign")
            texts = [text.replace(".", "").replace(",", ".") for text in texts]
        try:
            return np.array(texts, dtype=np.str_).astype(np.float64), notes
        except ValueError:
            pass
        for row, text in enumerate(texts):
            try:
                float(text)
            except ValueError:
                raise DataError(
                    f"{self.where(row, name)}: expected a number, received {str(cells[row])!r}.{_advice(text)}"
                ) from None
        raise AssertionError("numpy refused a number that Python reads")


_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")


def _decimal_commas(texts: Sequence[str]) -> bool:
    with_comma = [text for text in texts if "," in text]
    return (
        bool(with_comma)
        and all(_COMMA.fullmatch(text) for text in with_comma)
        and not all(_THOUSANDS.fullmatch(text) for text in with_comma)
    )


def _advice(text: str) -> str:
    if _THOUSANDS.fullmatch(text):
        return (
            " If the comma separates thousands, remove it from the file; "
            "if it is the decimal sign, give decimal=',' (--decimal)."
        )
    if _COMMA.fullmatch(text):
        return " If the comma is the decimal sign, give decimal=',' (--decimal)."
    return " Mend the cell, or leave it empty where the value is not known."


def read_table(path: str | Path, delimiter: str | None = None, encoding: str = "utf-8") -> Table:
    """Reads a CSV file (any delimiter) or a Parquet file (``.parquet``, ``.pq``; needs polars).

    Args:
        path: The file.
        delimiter: For CSV: the sign between cells. Default: found from the header line.
        encoding: For CSV: the encoding of the text. Default UTF-8.

    Raises:
        DataError: There is no such file, it cannot be read, is empty or is damaged.
        MissingDependencyError: A Parquet file, and polars is not installed.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"There is no file {path}. Expected a CSV or Parquet file.{_neighbour(path)}")
    if path.is_dir():
        raise DataError(f"{path} is a folder. Expected a CSV or Parquet file.")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return _read_parquet(path)
        text = read_csv(path, delimiter, encoding)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    columns: dict[str, Column] = {name: np.array(cells, dtype=object) for name, cells in text.columns.items()}
    return Table(columns, str(path), text.lines, text.delimiter)


def _neighbour(path: Path) -> str:
    from ..errors import did_you_mean

    try:
        return did_you_mean(path.name, [file.name for file in path.parent.iterdir() if file.is_file()])
    except OSError:
        return ""


def _read_parquet(path: Path) -> Table:
    try:
        import polars
    except ImportError:
        raise MissingDependencyError("polars", "Parquet files", "cli") from None
    try:
        frame = polars.read_parquet(path)
    except OSError:
        raise
    except Exception as error:  # polars raises many kinds, some not its own, on damaged files
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"{path} cannot be read as Parquet: {first}. Is the file complete?") from None
    return _from_frame(frame, str(path))


def to_table(data: Any, delimiter: str | None = None, encoding: str = "utf-8") -> Table:
    """A table from anything that holds columns.

    Args:
        data: A path; a data frame or series that narwhals knows (pandas, polars, pyarrow, modin, ...); a mapping of
            names to arrays; a numpy array of shape (time,) or (time, columns); a sequence of numbers; a `Table`.
        delimiter, encoding: For a path, see `read_table`.

    Raises:
        DataError: The data is empty, or its columns differ in length.
        ArgumentError: It is none of these.

    >>> to_table([1.0, 2.0]).columns
    {'value': array([1., 2.])}
    """
    if isinstance(data, Table):
        return data
    if isinstance(data, (str, Path)):
        return read_table(data, delimiter, encoding)
    if isinstance(data, Mapping):
        return _checked({str(name): _column(np.asarray(values), str(name)) for name, values in data.items()})
    if isinstance(data, (np.ndarray, list, tuple)):
        return _from_array(data)
    return _from_frame(data, "the data")


def _from_array(data: Any) -> Table:
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise DataError(f"The data cannot be made into an array: {error}.") from None
    if array.ndim == 1:
        return _checked({"value": _column(array, "value")})
    if array.ndim == 2:
        return _checked({f"value_{i}": _column(array[:, i], f"value_{i}") for i in range(array.shape[1])})
    raise DataError(f"Expected an array of shape (time,) or (time, columns), received shape {array.shape}.")


def _from_frame(data: Any, source: str) -> Table:
    try:
        import narwhals
    except ImportError:
        raise MissingDependencyError("narwhals", "Data frames", "cli") from None
    try:
        frame = narwhals.from_native(data, allow_series=True)
    except TypeError:
        raise ArgumentError(
            "Expected a path, a data frame (pandas, polars, pyarrow, ...), a mapping of names to arrays or a numpy "
            f"array, received {type(data).__module__}.{type(data).__qualname__}."
        ) from None
    notes: dict[str, str] = {}
    if isinstance(frame, narwhals.Series):
        index = _index_times(frame, notes)
        frame = frame.alias(str(frame.name or "value")).to_frame()
    else:
        if isinstance(frame, narwhals.LazyFrame):
            frame = frame.collect()
        index = _index_times(frame, notes)
    columns = {str(name): _frame_column(frame[name], str(name), notes) for name in frame.columns}
    return _checked(columns, source, index, notes)


def _frame_column(series: Any, name: str, notes: dict[str, str]) -> Column:
    import narwhals

    dtype = series.dtype
    if isinstance(dtype, narwhals.Datetime):
        if dtype.time_zone is None:
            return _micros(series)
        utc = _micros(series.dt.convert_time_zone("UTC").dt.replace_time_zone(None))
        return _without_zone(utc, _micros(series.dt.replace_time_zone(None)), name, notes)
    if isinstance(dtype, narwhals.Date):
        return _micros(series)
    if dtype.is_integer() and not series.is_null().any():
        return series.to_numpy().astype(np.int64)  # type: ignore[no-any-return]
    if dtype.is_numeric():
        return series.cast(narwhals.Float64).to_numpy().astype(np.float64)  # type: ignore[no-any-return]
    return np.array(series.to_list(), dtype=object)


def _micros(series: Any) -> Column:
    import narwhals

    return np.asarray(series.cast(narwhals.Datetime("us")).to_numpy(), dtype="datetime64[us]")


def _without_zone(utc: Column, local: Column, name: str, notes: dict[str, str]) -> Column:
    times, note = even_of(utc, local)
    if note:
        notes[name] = f"column {name!r}: {note}"
    return times


def _index_times(frame: Any, notes: dict[str, str]) -> Column | None:
    """The times in a pandas index, if it holds times. Other frames have no index."""
    import narwhals

    index = narwhals.maybe_get_index(frame)
    if index is None:
        return None
    if hasattr(index, "to_timestamp"):
        index = index.to_timestamp()
    if getattr(index, "tz", None) is not None:
        utc, local = index.tz_convert("UTC").tz_localize(None), index.tz_localize(None)
        utc, local = (np.asarray(times.to_numpy(), dtype="datetime64[us]") for times in (utc, local))
        return _without_zone(utc, local, "index", notes)
    values = index.to_numpy()
    return values.astype("datetime64[us]") if values.dtype.kind == "M" else None


def _column(array: NDArray[Any], name: str) -> Column:
    if array.ndim != 1:
        raise DataError(f"Column {name!r} must have shape (time,), received shape {array.shape}.")
    if array.dtype.kind == "M":
        return array.astype("datetime64[us]")
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    if array.dtype.kind == "f":
        return array.astype(np.float64)
    if array.dtype.kind in "OUST":
        return array.astype(object)
    raise DataError(f"Column {name!r} has dtype {array.dtype}. Expected numbers, times or text.")


def _checked(
    columns: dict[str, Column],
    source: str = "the data",
    index: Column | None = None,
    notes: Mapping[str, str] | None = None,
) -> Table:
    lengths = {name: len(values) for name, values in columns.items()}
    if not columns or max(lengths.values()) == 0:
        raise DataError(f"{source[0].upper()}{source[1:]} has no rows. Expected one row per point of time.")
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r}: {length}" for name, length in lengths.items())
        raise DataError(f"The columns differ in length ({shown}). Expected one value per point of time in each.")
    return Table(columns, source, index=index, notes=notes or {})
