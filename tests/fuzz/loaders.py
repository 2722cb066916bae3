"""What must hold for any bytes whatever that somebody calls a model file.

An input of the fuzzer is a string of bytes. For ``recurra`` it is the file; for ``tfjs`` the model.json, a zero byte,
and the weights: two bytes with the size of ``a.bin``, its bytes, and those of ``b.bin``.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import struct
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import recurra
from recurra.errors import RecurraError
from recurra.formats.limits import MAX_STATE_ELEMENTS

__all__ = ["CORPUS", "LOADERS", "check", "pack", "unpack"]

CORPUS = Path(__file__).parent / "corpus"

MEMORY = 2 * 4 * MAX_STATE_ELEMENTS + 32 * 2**20
"""Bytes that reading a small file may take: what its stateful layers may ask for, twice while copied, and some."""


def pack(document: str, a: bytes, b: bytes = b"") -> bytes:
    """The input that stands for a folder of TensorFlow.js."""
    return document.encode() + b"\0" + struct.pack("<H", len(a)) + a + b


def unpack(data: bytes) -> tuple[bytes, bytes, bytes]:
    """The model.json, ``a.bin`` and ``b.bin`` of an input."""
    document, _, rest = data.partition(b"\0")
    size = int.from_bytes(rest[:2], "little")
    return document, rest[2 : 2 + size], rest[2 + size :]


def _write_recurra(data: bytes, folder: Path) -> Path:
    path = folder / "model.safetensors"
    path.write_bytes(data)
    return path


def _write_tfjs(data: bytes, folder: Path) -> Path:
    for name, content in zip(("model.json", "a.bin", "b.bin"), unpack(data), strict=True):
        (folder / name).write_bytes(content)
    return folder


LOADERS: dict[str, Callable[[bytes, Path], Path]] = {"recurra": _write_recurra, "tfjs": _write_tfjs}
"""For each format: writes an input to a folder and says what to load."""


def check(loader: str, data: bytes, folder: Path, memory: bool = True) -> recurra.Model | None:
    """Reads an input. It is refused by an error of recurra, or is a model that can be written and read again.

    Args:
        loader: A key of `LOADERS`.
        data: The input.
        folder: An empty folder to work in; it is empty again afterwards.
        memory: Whether to see how much memory is taken, which takes four times as long.

    Returns:
        The model, or None where the input is refused.
    """
    place = folder / "given"
    place.mkdir()
    try:
        path = LOADERS[loader](data, place)
        before = _content(place)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = None
            with contextlib.suppress(RecurraError), _limited(MEMORY + 50 * len(data) if memory else None):
                model = recurra.load_model(path)
            assert _content(place) == before, "reading changed the folder"
            if model is not None:
                _round_trip(model, loader, folder / "again")
        return model
    finally:
        shutil.rmtree(place)


@contextlib.contextmanager
def _limited(memory: int | None) -> Iterator[None]:
    if memory is None:
        yield
        return
    tracemalloc.start()
    try:
        yield
    finally:
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert taken < memory, f"reading took {taken:,} bytes of memory"


def _content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def _round_trip(model: recurra.Model, loader: str, target: Path) -> None:
    try:
        try:
            model.save(target, format=loader)
        except RecurraError:  # a file can hold more than this format can express
            assert not target.exists(), "a refused model left something"
            return
        again = recurra.load_model(target)
        assert json.dumps(again.get_config()) == json.dumps(model.get_config()) or loader == "tfjs"
        for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
            assert one.tobytes() == other.tobytes(), "the weights changed on the way"
    finally:
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
