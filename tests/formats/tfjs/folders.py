"""Folders with models of TensorFlow.js, for tests."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["SAMPLES", "dense", "layer", "lstm", "sequential", "write"]

_FILE = Path(__file__).parents[2] / "golden" / "tfjs" / "files" / "layersmodels.json"
SAMPLES: dict[str, dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))
"""Models that TensorFlow.js 4.22 saved."""


def write(
    folder: Path,
    topology: Any,
    weights: Sequence[tuple[str, Any]] = (),
    *,
    split: int | None = None,
    **more: Any,
) -> Path:
    """Writes a model with float32 weights, in files of ``split`` bytes each."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = [(name, np.asarray(value, dtype=np.float32)) for name, value in weights]
    data = b"".join(array.tobytes() for _, array in arrays)
    parts = [data] if split is None else [data[at : at + split] for at in range(0, len(data), split)]
    names = [f"group1-shard{number + 1}of{len(parts)}.bin" for number in range(len(parts))]
    for name, part in zip(names, parts, strict=True):
        (folder / name).write_bytes(part)
    entries = [{"name": name, "shape": list(array.shape), "dtype": "float32"} for name, array in arrays]
    document = {
        "format": "layers-model",
        "modelTopology": topology,
        "weightsManifest": [{"paths": names, "weights": entries}],
        **more,
    }
    (folder / "model.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def layer(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": kind.lower(), **config}}


def sequential(*layers: Any, **more: Any) -> dict[str, Any]:
    config = {"name": "sequential", "layers": copy.deepcopy(list(layers))}
    return {"class_name": "Sequential", "config": config, **more}


def lstm(**config: Any) -> dict[str, Any]:
    """An LSTM of 2 units on (3 steps, 1 feature), with nothing given but what must be."""
    return layer("LSTM", **{"units": 2, "batch_input_shape": [None, 3, 1], **config})


def dense(**config: Any) -> dict[str, Any]:
    return layer("Dense", **{"units": 1, **config})
