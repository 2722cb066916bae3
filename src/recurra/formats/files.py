"""`load_model` and `save_model`: which format a path means."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, FormatError, UnknownNameError
from ..models import Model
from . import recurra

__all__ = ["FORMATS", "format_of", "load_model", "save_model"]

FORMATS = ("recurra", "tfjs")
"""The formats of models."""

PathLike = str | os.PathLike[str]


def format_of(path: PathLike) -> str:
    """The format that a path means: ``"tfjs"`` for a ``.json`` or a folder with a model.json, otherwise ``"recurra"``.

    A path that ends in a slash means a folder, even before it exists.

    >>> format_of("web/model.json"), format_of("model.safetensors")
    ('tfjs', 'recurra')
    """
    file = Path(path)
    folder = str(path).endswith(("/", os.sep)) or (file / "model.json").exists()
    return "tfjs" if folder or file.suffix == ".json" else "recurra"


def save_model(model: Model, path: PathLike, format: str | None = None, **options: Any) -> None:
    """Writes a model: layers, weights, what `compile` was given, the optimizer's state.

    Args:
        model: A built model.
        path: Where to: a file by custom ending in ``.safetensors``, or a folder for TensorFlow.js.
        format: ``"recurra"``, one safetensors file from which training goes on exactly where it stopped; ``"tfjs"``, a
            folder for ``tf.loadLayersModel``. Default None: as the path says, see `format_of`.
        **options: For ``"tfjs"``, ``include_optimizer`` and ``quantization``; see `recurra.formats.tfjs.save_model`.

    Raises:
        UnknownNameError: There is no such format.
        ArgumentError: The model is not built, something in it cannot be written (such as a lambda), or the file
            cannot be written. Nothing is written then.
        UnsupportedFeatureError: The format cannot express the model.

    Example:

    >>> import os, tempfile, recurra
    >>> model = recurra.Sequential([recurra.Input((3,)), recurra.layers.Dense(1)])
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save_model(model, path)
    >>> load_model(path).count_params()
    4
    """
    chosen = format_of(path) if format is None else format
    if chosen not in FORMATS:
        raise UnknownNameError("format", format, FORMATS)
    if chosen == "tfjs":
        from . import tfjs

        tfjs.save_model(model, path, **options)
        return
    if options:
        raise ArgumentError(f"The format 'recurra' has no options; received {', '.join(sorted(options))}.")
    recurra.save_model(model, path)


def load_model(
    path: PathLike,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    allow_nonfinite: bool = False,
) -> Model:
    """Reads a model: a file of `save_model`, or a folder or ``model.json`` of TensorFlow.js.

    Args:
        path: The file or folder.
        custom_objects: Your own classes and functions that the model uses, by name.
        compile: Whether to compile the model as it was, with the optimizer's state. Default True.
        allow_nonfinite: Whether weights may be NaN or infinite. Default False: they are an error.

    Raises:
        FormatError: The file does not exist, is cut short, damaged, of another program or a newer version, or holds
            weights that do not fit its own configuration.
    """
    if format_of(path) == "tfjs":
        from . import tfjs

        return tfjs.load_model(path, custom_objects, compile, allow_nonfinite)
    if Path(path).is_dir():
        raise FormatError(f"'{path}' is a directory without a 'model.json', so it holds no model of TensorFlow.js.")
    return recurra.load_model(path, custom_objects, compile, allow_nonfinite)
