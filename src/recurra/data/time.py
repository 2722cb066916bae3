"""Finding the time column and reading its times, in whatever common way they are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .frames import Column, Table
from .frequency import Times, even_of, unevenness

__all__ = ["find_time_column", "parse_times"]

_NAMES = (
    "time",
    "timestamp",
    "datetime",
    "date",
    "ds",
    "date_time",
    "month",
    "year",
    "quarter",
    "week",
    "day",
    "hour",
    "period",
    "index",
    "unnamed_1",
    "t",
    "step",
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_CLOCK = r"(?:[T ]\s*(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?\s*(?P<ap>[ap]\.?m\.?)?)?"
_ZONE = r"\s*(?P<z>z|utc|gmt|[+-]\d{2}(?::?\d{2})?)?"
_WORD = r"(?P<name>[a-z]{3,9})\.?"


def _pattern(date: str, zone: bool = False) -> re.Pattern[str]:
    return re.compile(date + _CLOCK + (_ZONE if zone else ""), re.IGNORECASE)


# In the order in which they are tried; the first that reads every cell wins. The two orders of day and month in
# 03/04/2020 are both tried, and where both read every cell the one that gives even steps is taken (see `_read_text`).
_FORMATS: dict[str, re.Pattern[str]] = {
    "YYYY-MM-DD": _pattern(r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})", zone=True),
    "YYYYMMDD": _pattern(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})", zone=True),
    "YYYY-MM": re.compile(r"(?P<y>\d{4})[-/.mM ]?(?P<m>\d{2})"),
    "YYYY-Q": re.compile(r"(?P<y>\d{4})[- ]?q(?P<q>[1-4])", re.IGNORECASE),
    "YYYY": re.compile(r"(?P<y>\d{4})"),
    "DD/MM/YYYY": _pattern(r"(?P<d>\d{1,2})[-/.](?P<m>\d{1,2})[-/.](?P<y>\d{4})"),
    "MM/DD/YYYY": _pattern(r"(?P<m>\d{1,2})[-/.](?P<d>\d{1,2})[-/.](?P<y>\d{4})"),
    "MM/YYYY": re.compile(r"(?P<m>\d{1,2})[-/.](?P<y>\d{4})"),
    "DD Mon YYYY": _pattern(rf"(?P<d>\d{{1,2}})[- ]{_WORD}[- ,]+(?P<y>\d{{4}})"),
    "Mon DD, YYYY": _pattern(rf"{_WORD}[- ](?P<d>\d{{1,2}}),?[- ]+(?P<y>\d{{4}})"),
    "Mon YYYY": re.compile(rf"{_WORD}[- ,]+(?P<y>\d{{4}})", re.IGNORECASE),
    "YYYY Mon": re.compile(rf"(?P<y>\d{{4}})[- ]{_WORD}", re.IGNORECASE),
}
_AMBIGUOUS = ("DD/MM/YYYY", "MM/DD/YYYY")
_EXAMPLES = "2014-07-01, 2014-07-01 00:30, 2014-07-01T00:30:00Z, 2014-07, 20140701, 01.07.2014, Jul 2014, 2014Q3, 2014"


def find_time_column(table: Table, target: str | None = None) -> str | None:
    """The column that most likely holds the times, or None.

    That is the first column of times; else the first with a usual name (time, date, ds, month, ...) whose cells can
    be read as times or as growing numbers; else the first text column that can be read as times.

    Args:
        table: The data.
        target: The column to forecast, which is never the answer.
    """
    names = [name for name in table.columns if name != target]
    for name in names:
        if table.columns[name].dtype.kind == "M":
            return name
    usual = sorted((name for name in names if name.lower() in _NAMES), key=lambda name: _NAMES.index(name.lower()))
    for name in usual + [name for name in names if name not in usual and table.columns[name].dtype == object]:
        if _looks_like_times(table.columns[name], usual=name in usual):
            return name
    return None


def _looks_like_times(cells: Column, usual: bool) -> bool:
    head = [str(cell).strip() for cell in cells[:20] if cell is not None]
    if not usual and all(re.fullmatch(r"[+-]?\d*[.,]?\d*", cell) for cell in head):
        return False  # a column of numbers under an unusual name is a column of numbers
    if cells.dtype.kind == "f":
        return False
    if 2 * sum(re.fullmatch(r"\d+", cell) is not None for cell in head) > len(head):
        return True
    # Most is enough: a cell that is no time among many that are is an error to be told, not another kind of column.
    return any(2 * sum(_one(pattern, cell) is not None for cell in head) > len(head) for pattern in _FORMATS.values())


def parse_times(table: Table, name: str) -> tuple[Times, list[str]]:
    """A column as points of time, and notes on what was done to read it.

    Text is read in any of the usual orders; whole numbers are years (1500 to 2199), YYYYMM, YYYYMMDD, seconds or
    milliseconds since 1970 where all of them fit such a reading, and plain step numbers otherwise. Of times with a
    zone the local time is taken, or UTC where its steps are more even, as those of hours through a change of clocks.

    Returns:
        datetime64[us] or int64 of shape (time,), and the notes.

    Raises:
        DataError: A cell is missing or is not a time; the message names its line.
        UnknownNameError: There is no such column.
    """
    cells = table.column(name)
    if cells.dtype.kind == "M":
        missing = np.flatnonzero(np.isnat(cells))
        if missing.size:
            raise DataError(f"{table.where(int(missing[0]), name)}: the time is missing. Remove the row or mend it.")
        note = table.notes.get(name)
        return cells.astype("datetime64[us]"), [note] if note else []
    if cells.dtype.kind == "f":
        whole = np.isfinite(cells) & (cells == np.rint(cells))
        if not whole.all():
            row = int(np.flatnonzero(~whole)[0])
            raise DataError(f"{table.where(row, name)}: expected a time or a whole number, received {cells[row]}.")
        cells = cells.astype(np.int64)
    if cells.dtype.kind in "iu":
        return _read_numbers([str(number) for number in cells], cells.astype(np.int64), name)
    texts = _texts(table, name, cells)
    if isinstance(texts, np.ndarray):
        return texts, []
    if all(re.fullmatch(r"[+-]?\d{1,18}", text) for text in texts):
        return _read_numbers(texts, np.array([int(text) for text in texts], dtype=np.int64), name)
    return _read_text(texts, table, name)


def _texts(table: Table, name: str, cells: Column) -> list[str] | NDArray[np.datetime64]:
    texts = []
    for row, cell in enumerate(cells):
        text = "" if cell is None or cell != cell else str(cell).strip()
        if not text or text.lower() in ("nan", "nat", "none", "null", "na"):
            raise DataError(f"{table.where(row, name)}: the time is missing. Remove the row or mend it.")
        texts.append(text)
    return texts


def _read_numbers(texts: Sequence[str], numbers: NDArray[np.int64], name: str) -> tuple[Times, list[str]]:
    """Whole numbers: the reading that fits all of them, else steps."""
    low, high = int(numbers.min()), int(numbers.max())
    usual = name.lower() in _NAMES
    if low >= 1500 and high < 2200 and (usual or name.lower().startswith("year")):
        return (numbers - 1970).astype("datetime64[Y]").astype("datetime64[us]"), []
    for length, form in ((8, "YYYYMMDD"), (6, "YYYY-MM")):
        if all(len(text) == length for text in texts) and 1500 <= low // 10 ** (length - 4) <= 2199:
            read = _read_all(_FORMATS[form], texts)
            if not isinstance(read, int):
                return read[0], []
    # Seconds and milliseconds since 1970, between the years 1990 and 2100.
    for unit, scale in (("s", 1), ("ms", 1_000)):
        if 631_152_000 * scale <= low and high < 4_102_444_800 * scale:
            return numbers.astype(f"datetime64[{unit}]").astype("datetime64[us]"), [
                f"column {name!r}: the numbers were read as {'milli' * (unit == 'ms')}seconds since 1970"
            ]
    return numbers, []


def _read_text(texts: Sequence[str], table: Table, name: str) -> tuple[Times, list[str]]:
    notes: list[str] = []
    furthest = 0
    found: dict[str, tuple[Times, str]] = {}
    for form, pattern in _FORMATS.items():
        read = _read_all(pattern, texts)
        if not isinstance(read, int):
            found[form] = read
            if form not in _AMBIGUOUS:
                break
        else:
            furthest = max(furthest, read)
    if not found:
        raise DataError(
            f"{table.where(furthest, name)}: cannot read the time {texts[furthest]!r}"
            + (f" (the lines before are like {texts[0]!r})" if furthest else "")
            + f". Expected one way of writing in the whole column, such as {_EXAMPLES}."
        )
    form = min(found, key=lambda form: unevenness(found[form][0]))
    if len(found) > 1:
        notes.append(f"column {name!r}: the times were read as {form}, which gives the more even steps")
    times, note = found[form]
    return times, [*notes, f"column {name!r}: {note}"] if note else notes


def _read_all(pattern: re.Pattern[str], texts: Sequence[str]) -> tuple[Times, str] | int:
    """All texts by one pattern and what was done about zones, or the number of the first text that does not fit."""
    times: list[datetime] = []
    for row, text in enumerate(texts):
        time = _one(pattern, text)
        if time is None:
            return row
        times.append(time)
    local = np.array([time.replace(tzinfo=None) for time in times], dtype="datetime64[us]")
    if all(time.tzinfo is None for time in times):
        return local, ""
    moved = [time.astimezone(UTC) if time.tzinfo else time for time in times]
    utc = np.array([time.replace(tzinfo=None) for time in moved], dtype="datetime64[us]")
    return even_of(utc, local)


def _one(pattern: re.Pattern[str], text: str) -> datetime | None:
    match = pattern.fullmatch(text)
    if match is None:
        return None
    part: Callable[[str], Any] = match.groupdict().get
    month = int(part("m") or 1)
    if part("q"):
        month = 3 * int(part("q")) - 2
    if part("name"):
        short = part("name").lower()[:3]
        if short not in _MONTHS:
            return None
        month = _MONTHS.index(short) + 1
    hour = int(part("h") or 0)
    if part("ap"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if part("ap").lower().startswith("p") else 0)
    fraction = int((part("f") or "0").ljust(6, "0")[:6])
    try:
        time = datetime(
            int(part("y")), month, int(part("d") or 1), hour, int(part("mi") or 0), int(part("s") or 0), fraction
        )
    except ValueError:
        return None
    zone = (part("z") or "").lower().replace(":", "")
    if not zone:
        return time
    if zone[0] not in "+-":
        return time.replace(tzinfo=UTC)
    sign = 1 if zone[0] == "+" else -1
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5] or 0))
    return time.replace(tzinfo=timezone(sign * offset)) if offset < timedelta(days=1) else None
