"""Reading a CSV file so that every complaint can name its line and column."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path

from ..errors import ArgumentError, DataError

__all__ = ["CsvText", "read_csv"]

_DELIMITERS = ",;\t|"
_SIGNATURES = {
    b"PAR1": "a Parquet file: give it a name that ends in .parquet",
    b"PK\x03\x04": "an Excel workbook or a zip archive: export the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: export the sheet as CSV",
    b"\x1f\x8b": "a gzip archive: unpack it first",
    b"SQLite format 3": "an SQLite database: export the table as CSV",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\x89HDF": "an HDF5 file: export the series as CSV",
}
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True)
class CsvText:
    """The cells of a CSV file as text.

    Attributes:
        columns: Each column's cells by its name, in the order of the file.
        lines: The line number in the file (from 1) of each row.
        delimiter: The sign between the cells.
    """

    columns: dict[str, list[str]]
    lines: list[int]
    delimiter: str


def read_csv(path: Path, delimiter: str | None = None, encoding: str = "utf-8") -> CsvText:
    """Reads a CSV file with one header line. Blank lines are skipped.

    Args:
        path: The file.
        delimiter: The sign between cells; None takes the one of ``, ; tab |`` that the header line has most of.
        encoding: The encoding of the text. Default UTF-8, with or without a byte order mark.

    Raises:
        DataError: The file is empty, of another kind, not in the encoding, or its rows do not fit its header.
        ArgumentError: Python does not know the encoding, or the delimiter is not one character.
    """
    if delimiter is not None and len(delimiter) != 1:
        raise ArgumentError(f"The delimiter must be one character such as ';', received {delimiter!r}.")
    raw = path.read_bytes()
    if not raw.strip():
        raise DataError(f"{path} is empty. Expected a header line with column names and one line per point of time.")
    text = _decode(raw, path, encoding)
    first_line = next(line for line in text.splitlines() if line.strip())
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    rows: list[list[str]] = []
    lines: list[int] = []
    before = 0
    try:
        for row in reader:
            # A quoted cell may span lines: a row is named by the line it begins on.
            line, before = before + 1, reader.line_num
            if not row or (len(row) == 1 and not row[0].strip()):
                continue
            if header is None:
                header = _header(row, path)
            elif len(row) != len(header):
                raise DataError(
                    f"{path}, line {line}: expected {len(header)} cells as in the header "
                    f"({_shown(delimiter)} between them), received {len(row)}. "
                    f"Mend the line, put quotes around cells that hold the delimiter, "
                    f"or give another delimiter= (--delimiter)."
                )
            else:
                rows.append(row)
                lines.append(line)
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: not valid CSV ({error}). Is a quote left open?") from None
    assert header is not None  # the text has a line that is not blank
    if not rows:
        raise DataError(f"{path} has a header line but no rows. Expected one line per point of time.")
    return CsvText(
        {name: list(cells) for name, cells in zip(header, zip(*rows, strict=True), strict=True)}, lines, delimiter
    )


def _decode(raw: bytes, path: Path, encoding: str) -> str:
    for signature, kind in _SIGNATURES.items():
        if raw.startswith(signature):
            raise DataError(f"{path} is not CSV text but {kind}.")
    try:
        known = codecs.lookup(encoding).name
    except LookupError:
        raise ArgumentError(
            f"Unknown encoding {encoding!r}. Expected one such as 'utf-8', 'latin-1', 'utf-16'."
        ) from None
    if known == "utf-8":
        for mark, name in _MARKS.items():
            if raw.startswith(mark):
                raise DataError(
                    f"{path} is {name.upper()} text, expected UTF-8. Read it with encoding='{name}' (--encoding)."
                )
        known = "utf-8-sig"
    try:
        text = raw.decode(known)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}, line {line}: byte 0x{raw[error.start]:02x} is not {encoding} text. "
            f"Save the file as UTF-8, or give its encoding= (--encoding), such as 'latin-1' or 'cp1252'."
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(f"{path}, line {line}: a zero byte: this is not CSV text in {encoding}.")
    return text


def _header(row: list[str], path: Path) -> list[str]:
    names = [cell.strip() or f"unnamed_{number}" for number, cell in enumerate(row, 1)]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{path}: two columns are called {name!r}. Rename one in the header line.")
    return names


def _shown(delimiter: str) -> str:
    return "a tab" if delimiter == "\t" else repr(delimiter)
