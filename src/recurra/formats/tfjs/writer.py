"""Writing a LayersModel for TensorFlow.js."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from ...errors import ArgumentError, UnsupportedFeatureError
from ...models import Model
from ...typing import Array
from ..atomic import replacing
from ..limits import parse_json
from ..noting import warn
from ..spec import ModelSpec
from ..version import writing_version
from .faults import penalty_faults, running_faults
from .topology_writing import Names, write_topology
from .training import write_state, write_training
from .weights import encode

__all__ = ["save_model"]

_OURS = re.compile(r"weights-[0-9a-f]{16}\.bin")


def save_model(
    model: Model,
    path: str | os.PathLike[str],
    *,
    include_optimizer: bool | None = None,
    quantization: str | None = None,
) -> None:
    """Writes a model for ``tf.loadLayersModel``: a folder with ``model.json`` and one file of weights.

    A model that was there before is replaced in one step: the new weights get a name of their own, then ``model.json``
    is exchanged. Whatever happens in between, the folder holds the old model or the new.

    Args:
        model: A built model.
        path: The folder, which is made where needed, or the ``model.json`` in it.
        include_optimizer: Whether loss, metrics and the optimizer's state are written, for training to go on. Default
            None: where TensorFlow.js can go on exactly; otherwise a warning gives the reasons. True makes them an
            error.
        quantization: ``"float16"``, ``"uint8"`` or ``"uint16"`` to store weights in fewer bits, with a loss of
            precision. Default None.

    Raises:
        UnsupportedFeatureError: TensorFlow.js cannot express the model; says why and what comes nearest. Nothing is
            written then.
        ArgumentError: The model is not built, or the folder cannot be written.

    Example:

    >>> import os, tempfile, recurra
    >>> model = recurra.Sequential([recurra.Input((3,)), recurra.layers.Dense(1, name="out")])
    >>> folder = tempfile.mkdtemp()
    >>> save_model(model, folder)
    >>> recurra.load_model(folder).count_params()
    4
    """
    spec = ModelSpec.of(model)
    faults = running_faults(model)
    if faults:
        raise UnsupportedFeatureError(
            f"The model '{model.name}' would predict other numbers in TensorFlow.js 4.22 than here: "
            f"{'; '.join(faults)}."
        )
    names = Names()
    topology = write_topology(spec.config, names)
    weights = [(names.weight(name), array) for name, array in spec.weights]
    trainable = [(names.weight(variable.name), variable.value) for variable in model.trainable_weights]
    document: dict[str, Any] = {
        "format": "layers-model",
        "generatedBy": f"recurra v{writing_version()}",
        "convertedBy": None,
        "modelTopology": topology,
    }
    optimizer = _training(spec, document, trainable, include_optimizer, model.name)
    if spec.metadata is not None:
        document["userDefinedMetadata"] = spec.metadata
    entries, data = encode(weights, optimizer, quantization)
    target = _document(Path(path))
    # The name of the document is part of the digest: two models in one folder never share a file, whatever they hold.
    file = f"weights-{hashlib.sha256(os.fsencode(target.name) + data).hexdigest()[:16]}.bin"
    document["weightsManifest"] = [{"paths": [file], "weights": entries}]
    try:
        text = json.dumps(document, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"The model '{model.name}' cannot be written as JSON: {error}.") from error
    _write(target, text.encode(), file, data)


def _training(
    spec: ModelSpec,
    document: dict[str, Any],
    trainable: list[tuple[str, Array]],
    include: bool | None,
    name: str,
) -> list[tuple[str, Array]]:
    """Adds the trainingConfig and returns the optimizer's weights, where both can be had."""
    if include is False:
        return []
    if spec.compile is None:
        if include:
            raise ArgumentError(f"The model '{name}' is not compiled; there is no optimizer to include.")
        return []
    config, reasons, dropped = write_training(spec.compile, spec.masked_outputs)
    reasons += penalty_faults(spec.config)
    if reasons:
        text = "; ".join(reasons)
        if include:
            raise UnsupportedFeatureError(f"TensorFlow.js cannot go on training '{name}' as recurra would: {text}.")
        warn(
            f"'{name}' is written without its optimizer and loss, because TensorFlow.js cannot go on training it as "
            f"recurra would: {text}. Predictions are not concerned. include_optimizer=False says that this is meant.",
        )
        return []
    if dropped:
        warn(
            f"Metrics of '{name}' that TensorFlow.js does not have are left out: {', '.join(dropped)}.",
        )
    document["trainingConfig"] = config
    if spec.optimizer is None:
        return []
    return write_state(spec.optimizer, spec.compile, config["optimizer_config"]["class_name"], trainable)


def _document(path: Path) -> Path:
    return path if path.suffix == ".json" else path / "model.json"


def _write(document: Path, text: bytes, file: str, data: bytes) -> None:
    folder = document.parent
    if folder.exists() and not folder.is_dir():
        raise ArgumentError(f"Cannot write a model of TensorFlow.js to '{folder}': it is a file, not a folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArgumentError(f"Cannot make the folder '{folder}': {error.strerror or error}.") from error
    before = _own_files(document)
    with replacing(folder / file) as stream:
        stream.write(data)
    with replacing(document) as stream:
        stream.write(text)
    for old in before - {file}:
        with contextlib.suppress(OSError):
            (folder / old).unlink()


def _own_files(document: Path) -> set[str]:
    """Files of weights that a model here before has named and that recurra has written."""
    try:
        content = parse_json(document.read_bytes(), str(document))
        paths = [path for group in content["weightsManifest"] for path in group["paths"]]
    except (OSError, ValueError, LookupError, TypeError):
        return set()
    return {path for path in paths if isinstance(path, str) and _OURS.fullmatch(path)}
