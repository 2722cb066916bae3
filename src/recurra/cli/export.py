"""``recurra export``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..formats import load_model
from ..formats.tfjs.export import export_web
from .convert import verify_model

__all__ = ["run_export"]


def run_export(
    source: Path, folder: Path, title: str | None, example: Path | None, quantization: str | None, verify: bool
) -> None:
    """Writes a folder with a model, a page that shows it and a script for Node.js.

    Args:
        source: A file or folder that `recurra.load_model` reads.
        folder: The folder to write.
        title: The heading of the page, or None: the model's name.
        example: A JSON, CSV or npy file with what the page shows at first.
        quantization: See `recurra.formats.tfjs.save_model`.
        verify: Whether the result is run in Node.js and compared.
    """
    model = load_model(source, compile=False)
    export_web(
        model,
        folder,
        title=title,
        example=None if example is None else read_example(example),
        quantization=quantization,
    )
    print(f"{folder}: {model.count_params():,} weights, a page and a script for Node.js. To look at it:")
    print(f"  cd {folder} && npm install @tensorflow/tfjs && python3 -m http.server 8000")
    print("  then open http://localhost:8000, or run: node predict.mjs")
    if verify:
        verify_model(folder)


def read_example(path: Path) -> Any:
    """The numbers in a file.

    Raises:
        ArgumentError: It cannot be read, or holds something else.
    """
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False).tolist()
        if path.suffix == ".json":
            return json.loads(path.read_text(encoding="utf-8"))
        return np.loadtxt(path, delimiter=",", ndmin=2).tolist()
    except (OSError, ValueError) as error:
        raise ArgumentError(f"Cannot read the example '{path}': {error}. Expected .json, .csv or .npy.") from error
