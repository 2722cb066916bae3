"""The container of a model file: safetensors, read with distrust.

A safetensors file is eight bytes with the length of a header, the header (JSON: type, shape and place of every tensor,
and text under ``__metadata__``), then the bytes of the tensors. recurra keeps all it has to say beside the tensors
as one JSON text under the metadata key ``"recurra"``.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, FormatError
from .atomic import replacing
from .limits import MAX_HEADER_BYTES, MAX_TENSORS, parse_json

__all__ = ["KEY", "read", "write"]

KEY = "recurra"
_FLOATS = ("F32", "F64")


def write(path: str | os.PathLike[str], tensors: Mapping[str, np.ndarray], content: Mapping[str, Any]) -> None:
    """Writes tensors and what belongs to them, in one piece (see `atomic.replacing`).

    Raises:
        ArgumentError: The content is no JSON, or the file cannot be written.
    """
    from safetensors.numpy import save

    try:
        text = json.dumps(content, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"The configuration of the model cannot be written as JSON: {error}.") from error
    data = save({name: np.ascontiguousarray(array) for name, array in tensors.items()}, {KEY: text})
    with replacing(path) as file:
        file.write(data)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Reads what `write` wrote.

    Returns:
        The tensors by name, and the content.

    Raises:
        FormatError: There is no such file, it is cut short or damaged, or of another program.
    """
    file = Path(path)
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise FormatError(f"Cannot read '{file}': it is {'a directory' if file.is_dir() else 'no ordinary file'}.")
        size = found.st_size
        with file.open("rb") as stream:
            begin = stream.read(8)
            length = int.from_bytes(begin, "little")
            if len(begin) < 8 or length > size - 8 or length > MAX_HEADER_BYTES or stream.peek(1)[:1] != b"{":
                raise FormatError(_no_safetensors(file, size, length))
            header_bytes = stream.read(length)
            header = parse_json(header_bytes, f"The header of '{file}'")
            content = _content(header, file)
            _check_extent(header, size - 8 - length, file)
            data = begin + header_bytes + stream.read()
    except OSError as error:
        raise FormatError(f"Cannot read '{file}': {error.strerror or error}.") from error
    return _tensors(data, file), content


def _no_safetensors(file: Path, size: int, length: int) -> str:
    if size == 0:
        return f"'{file}' is empty."
    return (
        f"'{file}' is no safetensors file, or only its beginning: it has {size:,} bytes, and the header should have "
        f"{length:,} if it were one. Expected a file written by model.save."
    )


def _content(header: Any, file: Path) -> dict[str, Any]:
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    text = metadata.get(KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise FormatError(
            f"'{file}' is a safetensors file of another program: it does not say that recurra wrote it. Expected a "
            f"file written by model.save or model.save_weights."
        )
    content = parse_json(text, f"What recurra notes in '{file}'")
    if not isinstance(content, dict):
        raise FormatError(f"What recurra notes in '{file}' is no mapping.")
    return content


def _check_extent(header: Mapping[str, Any], size: int, file: Path) -> None:
    """Checks that the bytes of all tensors are there before they are read; safetensors checks the rest."""
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    if len(tensors) > MAX_TENSORS:
        raise FormatError(f"'{file}' holds {len(tensors):,} tensors; at most {MAX_TENSORS:,} are accepted.")
    end = 0
    for name, entry in tensors.items():
        offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
        whole = isinstance(offsets, list) and len(offsets) == 2 and all(type(o) is int and o >= 0 for o in offsets)
        if not whole or entry.get("dtype") not in _FLOATS:
            raise FormatError(f"The tensor '{name}' in '{file}' is described wrongly: {str(entry)[:200]}.")
        end = max(end, entry["data_offsets"][1])
    if end != size:
        raise FormatError(
            f"'{file}' is {'cut short' if size < end else 'too long'}: its header promises {end:,} bytes of tensors, "
            f"the file has {size:,}."
        )


def _tensors(data: bytes, file: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return dict(load(data))
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise FormatError(f"'{file}' is damaged: {error}.") from error
