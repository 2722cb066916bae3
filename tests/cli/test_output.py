from __future__ import annotations

from pathlib import Path

import pytest

from recurra.cli.output import output_folder
from recurra.errors import ArgumentError


def test_a_new_folder_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with output_folder(target) as folder:
        (folder / "a").write_text("new")
        assert not target.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (target / "a").read_text() == "new"


def test_files_of_an_old_folder_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").write_text("kept")
    with output_folder(tmp_path) as folder:
        (folder / "a").write_text("new")
        assert (tmp_path / "a").read_text() == "old"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new", "b": "kept"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_everything_is_as_before(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "a").write_text("old")
    for target in (tmp_path, tmp_path / "new"):
        with pytest.raises(error), output_folder(target) as folder:
            (folder / "a").write_text("half")
            raise error
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(ArgumentError, match="it is a file, not a folder"), output_folder(file):
        pass
    with pytest.raises(ArgumentError, match="does not exist. Make it first"), output_folder(tmp_path / "a" / "b"):
        pass
    (tmp_path / "out" / "a").mkdir(parents=True)
    with pytest.raises(ArgumentError, match="it is a folder. Move it"), output_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("x")
    assert file.read_text() == "x"


def test_a_folder_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root every folder can be written to, so the refusal is made up."""

    def refuse(self: Path, *arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ArgumentError, match="Cannot write into .*: Permission denied"), output_folder(tmp_path):
        pass
