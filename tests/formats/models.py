"""Models and damaged files for the tests of formats."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from recurra.layers import LSTM, Dense, Dropout, Input
from recurra.models import Sequential
from recurra.optimizers import Adam

__all__ = ["X", "Y", "assemble", "lstm_model", "parts"]

_random = np.random.default_rng(0)
X = _random.normal(size=(24, 6, 2)).astype(np.float32)
Y = X[:, -1, :1]


def lstm_model(optimizer: Any = None, compiled: bool = True, **options: Any) -> Sequential:
    model = Sequential([Input((6, 2)), LSTM(4, dropout=0.2, name="lstm"), Dropout(0.3), Dense(1, name="dense")])
    if compiled:
        options.setdefault("engine", "numpy")
        model.compile(optimizer=optimizer or Adam(0.01), loss="mse", metrics=["mae"], **options)
    return model


def parts(path: Path) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The header, what recurra notes in it, and the bytes of the tensors of a file."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    return header, json.loads(header["__metadata__"]["recurra"]), data[8 + length :]


def assemble(path: Path, header: Any, content: Any, tensors: bytes) -> None:
    """Writes a file of parts that were tampered with."""
    if content is not None:
        text = content if isinstance(content, str) else json.dumps(content)
        header = {**header, "__metadata__": {"recurra": text}}
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + tensors)
