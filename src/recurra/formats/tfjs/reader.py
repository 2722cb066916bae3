"""Reading a LayersModel of TensorFlow.js."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ...errors import FormatError, UnsupportedFeatureError
from ...models import Model
from ...typing import Array, Config
from ..limits import MAX_HEADER_BYTES, parse_json
from ..noting import warn
from ..spec import ModelSpec
from .faults import penalty_faults, running_faults
from .topology import read_topology
from .training import read_state, read_training
from .weights import read_manifest, read_weights

__all__ = ["load_model", "read_document", "read_spec"]

ATTEMPTS = 20
"""How often a model is read that is replaced all the while."""

Named = list[tuple[str, Array]]


def load_model(
    path: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    allow_nonfinite: bool = False,
) -> Model:
    """Reads a model that TensorFlow.js, its Python converter or recurra saved as a LayersModel.

    Weights may lie in one file or in many, and be stored as float32, float16, uint8 or uint16. The model is compiled as
    it was, with the optimizer's state, so that training goes on along the same curve.

    Args:
        path: The folder, or the ``model.json`` in it.
        custom_objects: Your own classes and functions that the model uses, by name.
        compile: Whether to compile the model as it was. Default True. Where recurra lacks the optimizer or the loss,
            a warning says so and the model is not compiled.
        allow_nonfinite: Whether weights may be NaN or infinite. Default False: they are an error.

    Raises:
        FormatError: A file is missing, cut short or damaged, or leads out of its folder.
        UnsupportedFeatureError: The model has something that recurra does not have.
    """
    document = _document_path(Path(path))
    spec = read_spec(document, custom_objects or {}, compile)
    model = spec.build(document, custom_objects, compile, allow_nonfinite)
    faults = running_faults(model)
    if faults:
        warn(f"'{document}' predicts other numbers in TensorFlow.js 4.22 than here: {'; '.join(faults)}.")
    if model.compiled:
        _warn_of_masks(model, document)
        penalties = penalty_faults(spec.config)
        if penalties:
            warn(f"Training '{document}' goes on with another loss: {'; '.join(penalties)}. recurra does.")
    return model


def read_spec(path: str | os.PathLike[str], custom_objects: Mapping[str, Any], compile: bool = True) -> ModelSpec:
    """Reads the files into a `ModelSpec`; see `load_model`."""
    document = _document_path(Path(path))
    content, config, weights, optimizer = _read_files(document, custom_objects)
    metadata = content.get("userDefinedMetadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise FormatError(f"userDefinedMetadata in '{document}' is no mapping.")
    spec = ModelSpec(config, weights, metadata=metadata)
    if compile and content.get("trainingConfig") is not None:
        outputs = config["config"].get("output_layers", [""])
        count = 1 if isinstance(outputs[0], str) else len(outputs)
        try:
            spec.compile, slots = read_training(content["trainingConfig"], count, document)
            spec.optimizer = read_state(optimizer, slots, document)
        except UnsupportedFeatureError as error:
            warn(f"{error} The model is read without being compiled.")
    return spec


def _read_files(document: Path, custom: Collection[str]) -> tuple[dict[str, Any], Config, Named, Named]:
    """The document, the model in it, the weights of the model and those of the optimizer.

    Whoever replaces a model exchanges the document, then removes the weights that it named before. So if they are gone
    and the document is another one by now, there is a new model to be read.
    """
    content = read_document(document)
    for _ in range(ATTEMPTS):
        try:
            config = read_topology(content.get("modelTopology"), document, custom)
            groups = read_manifest(content.get("weightsManifest"), document.parent, document)
            return content, config, *read_weights(groups)
        except FormatError:
            before, content = content, read_document(document)
            if content == before:
                raise
    raise FormatError(f"'{document}' is replaced faster than it can be read.")


def read_document(document: Path) -> dict[str, Any]:
    """Reads and checks a ``model.json``.

    Raises:
        FormatError: It cannot be read, is no JSON, or no LayersModel.
    """
    try:
        found = document.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_HEADER_BYTES:
            raise FormatError(f"'{document}' is no ordinary file, or larger than {MAX_HEADER_BYTES:,} bytes.")
        with document.open("rb") as stream:
            text = stream.read(found.st_size)
    except (OSError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"Cannot read '{document}': {getattr(error, 'strerror', None) or error}.") from error
    content = parse_json(text, f"'{document}'")
    if not isinstance(content, dict) or "modelTopology" not in content:
        raise FormatError(f"'{document}' is no model of TensorFlow.js: it has no 'modelTopology'.")
    if content.get("format", "layers-model") != "layers-model":
        raise UnsupportedFeatureError(
            f"'{document}' holds a {str(content['format'])[:40]!r}: single operations, no layers. "
            f"Convert the original with --output_format=tfjs_layers_model."
        )
    return content


def _document_path(path: Path) -> Path:
    return path / "model.json" if path.is_dir() else path


def _warn_of_masks(model: Model, document: Path) -> None:
    masked = [n for n, t in zip(model.output_names, model.outputs, strict=True) if t.mask_dims is not None]
    if masked:
        warn(
            f"The output '{masked[0]}' of '{document}' is masked. TensorFlow.js counts masked steps in the loss, "
            f"recurra and Keras do not: training goes on with another loss. recurra.tfjs.loadLayersModel counts them.",
        )
