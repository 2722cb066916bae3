"""The weights manifest: which bytes of which files are which weight.

Groups of files; in each, all files joined hold the weights one after the other, without gaps. A weight may lie across
the border of two files. Everything is checked against the sizes of the files before a byte of them is read.
"""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FormatError, UnsupportedFeatureError
from ...typing import Array
from ..limits import MAX_RANK, MAX_TENSORS
from .quantization import dequantize, quantize, stored_dtype

__all__ = ["Entry", "Group", "encode", "read_manifest", "read_weights"]

_DTYPES: dict[str, np.dtype[Any]] = {"float32": np.dtype("<f4"), "int32": np.dtype("<i4"), "bool": np.dtype("u1")}


@dataclass(frozen=True)
class Entry:
    """One weight of a manifest.

    Attributes:
        name: Its name.
        shape: Its shape.
        dtype: What it holds once read.
        stored: The type of its numbers in the file.
        quantization: How they stand for values, or None.
        optimizer: Whether it belongs to the optimizer.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    stored: np.dtype[Any]
    quantization: Mapping[str, Any] | None
    optimizer: bool

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The number of bytes in the file."""
        return self.size * self.stored.itemsize


@dataclass(frozen=True)
class Group:
    """Files that are read as one, and the weights in them.

    Attributes:
        files: The files in order.
        sizes: Their sizes when they were looked at.
        entries: The weights in order.
    """

    files: tuple[Path, ...]
    sizes: tuple[int, ...]
    entries: tuple[Entry, ...]


def read_manifest(manifest: Any, folder: Path, document: Path) -> list[Group]:
    """Checks a manifest and the files it names.

    Args:
        manifest: What ``weightsManifest`` holds.
        folder: The folder its paths are relative to.
        document: The file it was found in, for messages.

    Raises:
        FormatError: Something is described wrongly, a path leads out of the folder, a file is missing, or the sizes
            of files and weights do not agree. No file has been read then.
    """
    if not isinstance(manifest, list):
        raise FormatError(f"'{document}' has no list 'weightsManifest', but {str(manifest)[:60]}.")
    groups = []
    names: set[tuple[bool, str]] = set()
    known: set[Path] = set()
    for group in manifest:
        if not isinstance(group, Mapping) or not isinstance(group.get("paths"), list):
            raise FormatError(f"A group of weights in '{document}' has no list of 'paths': {str(group)[:100]}.")
        weights = group.get("weights")
        if not isinstance(weights, list) or len(weights) + len(names) > MAX_TENSORS:
            raise FormatError(f"A group in '{document}' has no list of 'weights', or more than {MAX_TENSORS:,}.")
        entries = tuple(_entry(weight, document) for weight in weights)
        for entry in entries:
            if (entry.optimizer, entry.name) in names:
                raise FormatError(f"'{document}' names the weight '{entry.name}' twice.")
            names.add((entry.optimizer, entry.name))
        files = tuple(_file(path, folder, document) for path in group["paths"])
        if len({*files, *known}) != len(files) + len(known):
            raise FormatError(f"'{document}' names a file twice: {', '.join(file.name for file in files)[:200]}.")
        known.update(files)
        sizes = tuple(_size(file) for file in files)
        wanted, there = sum(entry.nbytes for entry in entries), sum(sizes)
        if wanted != there:
            raise FormatError(
                f"The weights named in '{document}' take {wanted:,} bytes, but "
                f"{', '.join(file.name for file in files)[:200] or 'its files'} "
                f"{'has' if len(files) == 1 else 'have'} {there:,}: "
                f"{'cut short' if there < wanted else 'too many'}."
            )
        groups.append(Group(files, sizes, entries))
    return groups


def read_weights(groups: Iterable[Group]) -> tuple[list[tuple[str, Array]], list[tuple[str, Array]]]:
    """Reads the weights of a manifest that `read_manifest` has checked.

    Returns:
        The weights of the model and those of the optimizer, each by name in the order of the file.

    Raises:
        FormatError: A file cannot be read, or changed its size.
    """
    model: list[tuple[str, Array]] = []
    optimizer: list[tuple[str, Array]] = []
    for group in groups:
        data = _joined(group)
        place = 0
        for entry in group.entries:
            stored = np.frombuffer(data, entry.stored, entry.size, place).reshape(entry.shape)
            place += entry.nbytes
            values = stored if entry.quantization is None else dequantize(stored, entry.quantization, entry.dtype)
            (optimizer if entry.optimizer else model).append((entry.name, values))
    return model, optimizer


def encode(
    weights: Iterable[tuple[str, Array]], optimizer: Iterable[tuple[str, Array]], quantization: str | None = None
) -> tuple[list[dict[str, Any]], bytes]:
    """The entries of a manifest for some weights, and their bytes.

    Args:
        weights: Names and arrays of the model.
        optimizer: Names and arrays of the optimizer; they are never quantized.
        quantization: A key of `QUANTIZED`, or None.
    """
    entries: list[dict[str, Any]] = []
    parts: list[bytes] = []
    for kind, pairs in (("model", weights), ("optimizer", optimizer)):
        for name, array in pairs:
            dtype = "int32" if array.dtype.kind in "iu" else "float32"
            stored = np.ascontiguousarray(array, dtype=_DTYPES[dtype]).reshape(array.shape)
            entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": dtype}
            if kind == "optimizer":
                entry["group"] = "optimizer"
            elif quantization is not None and dtype == "float32":
                stored, entry["quantization"] = quantize(stored, quantization)
            entries.append(entry)
            parts.append(stored.tobytes())
    return entries, b"".join(parts)


def _entry(weight: Any, document: Path) -> Entry:
    name = weight.get("name") if isinstance(weight, Mapping) else None
    if not isinstance(name, str) or not name:
        raise FormatError(f"A weight in '{document}' has no name: {str(weight)[:100]}.")
    what = f"The weight '{name[:100]}' in '{document}'"
    shape, dtype = weight.get("shape"), weight.get("dtype")
    if (
        not isinstance(shape, list)
        or len(shape) > MAX_RANK
        or not all(type(d) is int and 0 <= d < 2**40 for d in shape)
    ):
        raise FormatError(f"{what} has no valid shape, but {str(shape)[:100]}.")
    if dtype in ("string", "complex64"):
        raise UnsupportedFeatureError(f"{what} is of dtype {dtype}; recurra's layers have weights of numbers only.")
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise FormatError(f"{what} has the unknown dtype {str(dtype)[:40]!r}. Known: {', '.join(sorted(_DTYPES))}.")
    quantization = weight.get("quantization")
    stored = _DTYPES[dtype] if quantization is None else stored_dtype(quantization, what)
    if quantization is not None and (dtype == "bool" or (dtype == "int32" and stored.kind == "f")):
        raise FormatError(f"{what} is of dtype {dtype}, which is never stored as {quantization['dtype']}.")
    return Entry(name, tuple(shape), dtype, stored, quantization, weight.get("group") == "optimizer")


def _file(path: Any, folder: Path, document: Path) -> Path:
    """A file beside the model, or in a folder below. Nothing else is ever opened."""
    plain = isinstance(path, str) and 0 < len(path) <= 1000 and "\0" not in path and "\\" not in path
    parts = path.split("/") if plain else []
    if not plain or any(part in ("", ".", "..") for part in parts) or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", path):
        raise FormatError(
            f"'{document}' names the file {str(path)[:100]!r}. Names must be relative and stay in the model's folder; "
            f"files of other places are not read."
        )
    return folder.joinpath(*parts)


def _size(file: Path) -> int:
    try:
        found = file.stat()
    except (OSError, ValueError) as error:
        raise FormatError(f"Cannot read the weights '{file}': {getattr(error, 'strerror', None) or error}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise FormatError(f"Cannot read the weights '{file}': it is no ordinary file.")
    return found.st_size


def _joined(group: Group) -> bytes:
    parts = []
    for file, size in zip(group.files, group.sizes, strict=True):
        try:
            with file.open("rb") as stream:
                data = stream.read(size + 1)
        except OSError as error:
            raise FormatError(f"Cannot read the weights '{file}': {error.strerror or error}.") from error
        if len(data) != size:
            raise FormatError(f"'{file}' changed while it was read. Read the model again.")
        parts.append(data)
    return parts[0] if len(parts) == 1 else b"".join(parts)
