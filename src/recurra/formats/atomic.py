"""Files that are replaced in one piece: whoever reads sees the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import ArgumentError

__all__ = ["replacing"]


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Opens a file to be written that takes the place of ``path`` when the block ends without an error.

    The content goes to a temporary file beside it, which is synced to the disk and renamed; then the folder is synced.
    After a crash at any moment ``path`` is what it was before or complete.

    Args:
        path: The file to make or replace. A symbolic link is followed.

    Raises:
        ArgumentError: It cannot be written there.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise ArgumentError(f"Cannot write to '{target}': it is a folder. Give the name of a file.")
    if not target.parent.is_dir():
        raise ArgumentError(f"Cannot write '{target}': the folder '{target.parent}' does not exist. Make it first.")
    temporary = target.with_name(f".{target.name[:100]}.{os.urandom(6).hex()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            with os.fdopen(descriptor, "wb") as file:
                with contextlib.suppress(FileNotFoundError):
                    temporary.chmod(target.stat().st_mode & 0o777)
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)  # noqa: PTH105 - the call that tests interrupt
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(target.parent)
    except OSError as error:
        raise ArgumentError(f"Cannot write '{target}': {error.strerror or error}.") from error


def _sync_folder(folder: Path) -> None:
    # Not every system lets a folder be opened, and not every file system lets it be synced.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
