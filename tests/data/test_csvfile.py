from __future__ import annotations

from pathlib import Path

import pytest

from recurra.data.csvfile import read_csv
from recurra.errors import ArgumentError, DataError


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "data.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found_from_the_header(tmp_path: Path, delimiter: str) -> None:
    text = read_csv(write(tmp_path, "a,b\n1,2\n3,4\n".replace(",", delimiter)))
    assert text.columns == {"a": ["1", "3"], "b": ["2", "4"]}
    assert text.delimiter == delimiter


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    text = read_csv(write(tmp_path, '\n"a",b\n\n"x\ny",2\n3,4\n\n'))
    assert text.columns == {"a": ["x\ny", "3"], "b": ["2", "4"]}
    assert text.lines == [4, 6]  # the quoted cell spans lines 4 and 5


def test_byte_order_mark_and_carriage_returns_are_no_part_of_the_data(tmp_path: Path) -> None:
    assert read_csv(write(tmp_path, b"\xef\xbb\xbfa,b\r\n1,2\r\n")).columns == {"a": ["1"], "b": ["2"]}


def test_other_encodings_are_read_when_named(tmp_path: Path) -> None:
    path = write(tmp_path, "größe\n1\n".encode("latin-1"))
    assert list(read_csv(path, encoding="latin-1").columns) == ["größe"]
    path = write(tmp_path, "größe\n1\n".encode("utf-16"))
    assert list(read_csv(path, encoding="utf-16").columns) == ["größe"]


def test_a_column_without_a_name_gets_one(tmp_path: Path) -> None:
    assert list(read_csv(write(tmp_path, ",y\n0,1\n")).columns) == ["unnamed_1", "y"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"a,b\n", "header line but no rows"),
        (b"a,b\n1,2\n3\n", "line 3: expected 2 cells"),
        (b"a,b\n1,2,3\n", "line 2: expected 2 cells as in the header (',' between them), received 3"),
        (b"a,a\n1,2\n", "two columns are called 'a'"),
        (b'a,b\n1,"2\n', "not valid CSV"),
        (b"a\n1\n\xe9\n", "line 3: byte 0xe9 is not utf-8"),
        (b"\xff\xfea\x00", "UTF-16"),
        (b"a\n1\x002\n", "line 2: a zero byte"),
        (b"PAR1", "Parquet"),
        (b"PK\x03\x04", "Excel"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x89PNG\r\n", "picture"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match="data.csv") as error:
        read_csv(write(tmp_path, content))
    assert message in str(error.value)


def test_wrong_arguments(tmp_path: Path) -> None:
    path = write(tmp_path, "a\n1\n")
    with pytest.raises(ArgumentError, match="Unknown encoding 'klingon'"):
        read_csv(path, encoding="klingon")
    with pytest.raises(ArgumentError, match="one character"):
        read_csv(path, delimiter=";;")
