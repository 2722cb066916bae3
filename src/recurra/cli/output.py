"""An output folder whose files appear together at the end, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ..errors import ArgumentError

__all__ = ["output_folder"]


@contextlib.contextmanager
def output_folder(folder: Path) -> Iterator[Path]:
    """Gives a temporary folder whose files move into ``folder`` when the block ends without an error.

    The temporary folder is made at once, so that a place that cannot be written to is noticed before the work, not
    after it. Files of the same names are replaced one by one, each in one piece, in the order of their names; other
    files in the folder stay. After an error ``folder`` is what it was before.

    Args:
        folder: The folder to fill. It is made where it does not exist; its parent must.

    Raises:
        ArgumentError: It cannot be written to.
    """
    fresh = not folder.exists()
    # Beside a folder that is to be made, within one that exists: always on the same file system.
    place = folder.parent if fresh else folder
    if not fresh and not folder.is_dir():
        raise ArgumentError(f"Cannot write into '{folder}': it is a file, not a folder. Choose another output folder.")
    if not place.is_dir():
        raise ArgumentError(f"Cannot make '{folder}': the folder '{place}' does not exist. Make it first.")
    temporary = place / f".{folder.name or 'output'}.{os.urandom(6).hex()}.tmp"
    try:
        temporary.mkdir()
    except OSError as error:
        raise ArgumentError(
            f"Cannot write into '{folder}': {error.strerror or error}. Choose another output folder."
        ) from None
    try:
        yield temporary
        _move(temporary, folder, fresh)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move(temporary: Path, folder: Path, fresh: bool) -> None:
    try:
        if fresh and not folder.exists():
            temporary.rename(folder)
            return
        files = sorted(temporary.iterdir())
        for file in files:
            if (folder / file.name).is_dir():
                raise ArgumentError(f"Cannot write '{folder / file.name}': it is a folder. Move it out of the way.")
        for file in files:
            file.replace(folder / file.name)
    except OSError as error:
        raise ArgumentError(f"Cannot write into '{folder}': {error.strerror or error}.") from None
