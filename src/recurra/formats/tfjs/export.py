"""A folder with a model for TensorFlow.js, a page that shows it and a script for Node.js."""

from __future__ import annotations

import html
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...models import Model
from ..atomic import replacing
from .writer import save_model

__all__ = ["export_web"]

_ASSETS = Path(__file__).parent / "web"


def export_web(
    model: Model,
    folder: str | os.PathLike[str],
    *,
    title: str | None = None,
    example: Any = None,
    quantization: str | None = None,
) -> None:
    """Writes a folder that shows a model in a browser, and runs it in Node.js.

    The page loads the model with TensorFlow.js, lets its input be changed, draws the prediction and measures the time
    it takes. It fetches nothing from elsewhere; TensorFlow.js from npm must lie beside it, as the README there says.

    Args:
        model: A built model.
        folder: The folder, which is made where needed. Other files in it stay.
        title: The heading of the page. Default None: the model's name.
        example: What the page shows at first: one sample for each input, without the batch. Default None: waves.
        quantization: As in `save_model`.

    Raises:
        UnsupportedFeatureError: TensorFlow.js cannot express the model.
        ArgumentError: The model is not built, the example is no list of numbers, or the folder cannot be written.
    """
    try:
        text = None if example is None else json.dumps(example, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"The example must be a list of numbers: {error}.") from error
    target = Path(folder)
    save_model(model, target / "model.json", include_optimizer=False, quantization=quantization)
    if text is not None:
        with replacing(target / "example.json") as stream:
            stream.write(text.encode())
    filled = {b"@TITLE@": html.escape(title or model.name), b"@EXAMPLE@": _example(model)}
    for asset in sorted(_ASSETS.iterdir()):
        content = asset.read_bytes()
        for mark, found in filled.items():
            content = content.replace(mark, found.encode())
        with replacing(target / asset.name) as stream:
            stream.write(content)


def _example(model: Model) -> str:
    """How the script is given an input, where one is short enough to be shown."""
    shapes = [[size or (2 if axis else 1) for axis, size in enumerate(tensor.shape)] for tensor in model.inputs]
    if sum(map(math.prod, shapes)) > 12:
        return ""
    given = [np.ones(shape, int).tolist() for shape in shapes]
    return f" or `node predict.mjs '{json.dumps(given[0] if len(given) == 1 else given)}'`"
