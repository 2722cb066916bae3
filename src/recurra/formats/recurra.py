"""recurra's own model file: one safetensors file with the weights, the configuration and the optimizer's state.

Tensors are called ``weights/<name>`` and ``optimizer/<slot>/<name>``. What else there is to say is JSON (see
`container`) with these keys::

    format     "recurra model" or "recurra weights"
    version    1
    recurra    the version of recurra that wrote it
    weights    the names of the weights in the model's order
    model      class_name and config of the model          (model only)
    input      the shapes of the inputs                    (model only)
    compile    what compile was given, or null             (model only)
    optimizer  iterations and the names of the slots, or null
    metadata   the user's own notes, or left out           (model only)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, FormatError
from ..graph import show_shape
from ..layers.layer import serialize
from ..layers.loading import weights_from
from ..models import Model
from ..models.clone import model_from_config
from ..registry import custom_object_scope
from .container import read, write
from .limits import MAX_LAYERS, StateLimit, count_layers
from .spec import require_built, require_finite, require_finite_state
from .version import writing_version

__all__ = ["load_model", "load_weights", "save_model", "save_weights", "weights_in"]

VERSION = 1
_MODEL = "recurra model"
_WEIGHTS = "recurra weights"

PathLike = str | os.PathLike[str]


def save_model(model: Model, path: PathLike) -> None:
    """Writes a model into one file: layers, weights, what `compile` was given, the optimizer's state.

    The file is replaced in one piece: a crash leaves the old one. Training goes on from the file exactly where it
    stopped; the states of stateful layers are not kept, they start at 0.

    Args:
        model: A built model.
        path: Where to; by custom the name ends in ``.safetensors``.

    Raises:
        ArgumentError: The model is not built, something in it cannot be written (such as a lambda), or the file
            cannot be written. Nothing is written then.

    Example:

    >>> import os, tempfile, recurra
    >>> model = recurra.Sequential([recurra.Input((3,)), recurra.layers.Dense(1)])
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save_model(model, path)
    >>> load_model(path).count_params()
    4
    """
    require_built(model, "saved")
    try:
        config = serialize(model)
        compiled = model.get_compile_config()
    except ArgumentError as error:
        raise ArgumentError(f"The model '{model.name}' cannot be saved. {error}") from error
    tensors, state = _optimizer_state(model)
    content = {
        **_head(_MODEL, model),
        "model": config,
        "input": [list(tensor.shape) for tensor in model.inputs],
        "compile": compiled,
        "optimizer": state,
    }
    if model.user_metadata is not None:
        content["metadata"] = model.user_metadata
    write(path, {**_weight_tensors(model), **tensors}, content)


def load_model(
    path: PathLike,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    allow_nonfinite: bool = False,
) -> Model:
    """Reads a model that `save_model` or `Model.save` wrote.

    Args:
        path: The file.
        custom_objects: Your own classes and functions that the model uses, by name.
        compile: Whether to compile the model as it was, with the optimizer's state. Default True.
        allow_nonfinite: Whether weights may be NaN or infinite. Default False: they are an error.

    Raises:
        FormatError: The file does not exist, is cut short, damaged, of another program or a newer version, or holds
            weights that do not fit its own configuration.
    """
    file = Path(path)
    tensors, content = read(file)
    _check_head(content, _MODEL, file)
    names = _weight_names(content, tensors, file)
    config = content.get("model")
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise FormatError(f"'{file}' describes no model.")
    layers = count_layers(config)
    if layers > MAX_LAYERS:
        raise FormatError(f"'{file}' describes {layers:,} layers; at most {MAX_LAYERS:,} are accepted.")
    source = _Source({name: tensors[f"weights/{name}"] for name in names}, file)
    with custom_object_scope(custom_objects), weights_from(source):
        model = _make(config, content.get("input"), file)
    made = [variable.name for variable in model.weights]
    if made != names:
        odd = sorted(set(made) ^ set(names)) or ["their order"]
        raise FormatError(f"The weights in '{file}' are not those of its model; they differ in {', '.join(odd[:5])}.")
    if not allow_nonfinite:
        require_finite(model.weights, file)
    metadata = content.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise FormatError(f"The metadata in '{file}' are no mapping.")
    model.user_metadata = metadata
    if compile and content.get("compile") is not None:
        with custom_object_scope(custom_objects):
            _compile(model, content["compile"], file)
        if not allow_nonfinite:
            require_finite_state(_optimizer_tensors(tensors).values(), file)
        _restore_optimizer(model, content.get("optimizer"), tensors, file)
    return model


def save_weights(model: Model, path: PathLike) -> None:
    """Writes the weights of a model, and the optimizer's state where it is compiled, but not the layers.

    Args:
        model: A built model.
        path: Where to.

    Raises:
        ArgumentError: The model is not built, or the file cannot be written.
    """
    require_built(model, "saved")
    tensors, state = _optimizer_state(model)
    write(path, {**_weight_tensors(model), **tensors}, {**_head(_WEIGHTS, model), "optimizer": state})


def load_weights(model: Model, path: PathLike) -> None:
    """Reads weights, from a file of `save_weights` or `save_model`, into a model of the same layers.

    Weights are matched by name; where the names differ (layers are numbered anew in each process), by their order, if
    number and shapes agree. The optimizer's state is taken over where the model is compiled and names and optimizer
    agree and it is finite. Either everything fits and is set, or nothing changes.

    Args:
        model: A built model.
        path: The file.

    Raises:
        FormatError: The file cannot be read, or its weights do not fit the model.
    """
    require_built(model, "given weights")
    file = Path(path)
    tensors, content = read(file)
    _check_head(content, None, file)
    names = _weight_names(content, tensors, file)
    variables = model.weights
    own = [variable.name for variable in variables]
    order = own if sorted(own) == sorted(names) else names
    if len(names) != len(own):
        raise FormatError(
            f"'{file}' holds {len(names)} weights, the model '{model.name}' has {len(own)}: not the same layers."
        )
    arrays = [tensors[f"weights/{name}"] for name in order]
    for variable, name, array in zip(variables, order, arrays, strict=True):
        if array.shape != variable.shape:
            raise FormatError(
                f"The weight '{name}' in '{file}' has shape {show_shape(array.shape)}, the model's '{variable.name}' "
                f"has {show_shape(variable.shape)}."
            )
    bad = [name for name, array in zip(order, arrays, strict=True) if not np.isfinite(array).all()]
    if bad:
        raise FormatError(f"Weights in '{file}' are NaN or infinite: {', '.join(bad[:5])}. None was set.")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    state = content.get("optimizer")
    if model.compiled and order is own and state is not None:
        model.optimizer.build(model.trainable_weights)
        finite = all(np.isfinite(array).all() for array in _optimizer_tensors(tensors).values())
        if finite and _slots_fit(model, state, tensors):
            _restore_optimizer(model, state, tensors, file)


def weights_in(path: PathLike) -> dict[str, np.ndarray] | None:
    """The weights in a file of `save_weights`, in order, or None where the file holds a model.

    Raises:
        FormatError: The file cannot be read.
    """
    file = Path(path)
    tensors, content = read(file)
    _check_head(content, None, file)
    names = _weight_names(content, tensors, file)
    return {name: tensors[f"weights/{name}"] for name in names} if content["format"] == _WEIGHTS else None


class _Source:
    """Hands out the tensors of a file as the layers ask for their weights, after checking shape and type."""

    def __init__(self, tensors: Mapping[str, np.ndarray], file: Path) -> None:
        self._tensors = tensors
        self._states = StateLimit(file)
        self._file = file

    def __call__(self, name: str, shape: tuple[int, ...], dtype: str, role: str) -> np.ndarray | None:
        if role != "parameter":
            self._states.take(name, shape)
            return None
        tensor = self._tensors.get(name)
        if tensor is None:
            raise FormatError(f"'{self._file}' lacks the weight '{name}', which its model needs.")
        if tensor.shape != tuple(shape) or tensor.dtype != np.dtype(dtype):
            raise FormatError(
                f"The weight '{name}' in '{self._file}' is {tensor.dtype} of shape {show_shape(tensor.shape)}, but its "
                f"model needs {dtype} of shape {show_shape(shape)}."
            )
        return tensor


def _head(kind: str, model: Model) -> dict[str, Any]:
    return {
        "format": kind,
        "version": VERSION,
        "recurra": writing_version(),
        "weights": [variable.name for variable in model.weights],
    }


def _weight_tensors(model: Model) -> dict[str, np.ndarray]:
    tensors = {f"weights/{variable.name}": variable.value for variable in model.weights}
    if len(tensors) != len(model.weights):
        raise ArgumentError(f"Two weights of the model '{model.name}' share a name. Give each layer a name of its own.")
    return tensors


def _optimizer_state(model: Model) -> tuple[dict[str, np.ndarray], dict[str, Any] | None]:
    if not model.compiled:
        return {}, None
    optimizer = model.optimizer
    slots = optimizer.slots
    tensors = {f"optimizer/{slot}/{name}": array for slot, arrays in slots.items() for name, array in arrays.items()}
    return tensors, {"iterations": int(optimizer.iterations), "slots": sorted(slots)}


def _check_head(content: Mapping[str, Any], kind: str | None, file: Path) -> None:
    found = content.get("format")
    if found not in (_MODEL, _WEIGHTS):
        raise FormatError(f"'{file}' has an unknown format: {str(found)[:60]!r}. Expected {_MODEL!r} or {_WEIGHTS!r}.")
    version = content.get("version")
    if type(version) is not int or version < 1:
        raise FormatError(f"'{file}' names no version of its format, but {str(version)[:60]!r}.")
    if version > VERSION:
        raise FormatError(
            f"'{file}' is in version {version} of its format; this recurra reads up to {VERSION}. It was written by "
            f"recurra {str(content.get('recurra'))[:40]}: install that version or a later one."
        )
    if kind == _MODEL and found == _WEIGHTS:
        raise FormatError(f"'{file}' holds weights only. Make the model first, then call model.load_weights.")


def _weight_names(content: Mapping[str, Any], tensors: Mapping[str, np.ndarray], file: Path) -> list[str]:
    """The names of the weights; every tensor of the file must be accounted for."""
    names = content.get("weights")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise FormatError(f"'{file}' does not list its weights.")
    present = {name.removeprefix("weights/") for name in tensors if name.startswith("weights/")}
    missing, unknown = sorted(set(names) - present), sorted(present - set(names))
    unknown += sorted(name for name in tensors if not name.startswith(("weights/", "optimizer/")))
    for what, odd in (("lacks", missing), ("holds unknown", unknown)):
        if odd:
            raise FormatError(f"'{file}' {what} tensors: {', '.join(odd[:5])}{' ...' if len(odd) > 5 else ''}.")
    return names


def _make(config: Mapping[str, Any], shapes: Any, file: Path) -> Model:
    try:
        model = model_from_config(config)
        if not model.built:
            model.build(tuple(shapes[0]))
        return model
    except FormatError:
        raise
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
        raise FormatError(
            f"The model in '{file}' cannot be made: {error} If it uses a class or function of your own, give "
            f"load_model custom_objects={{'name': it}}."
        ) from error


def _compile(model: Model, config: Any, file: Path) -> None:
    try:
        model.compile_from_config(config)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise FormatError(
            f"The model in '{file}' cannot be compiled as it was: {error} If it uses a function of your own, give "
            f"load_model custom_objects={{'name': it}}; load_model(..., compile=False) reads it without."
        ) from error


def _optimizer_tensors(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array for name, array in tensors.items() if name.startswith("optimizer/")}


def _slots_fit(model: Model, state: Any, tensors: Mapping[str, np.ndarray]) -> bool:
    slots = model.optimizer.slots
    wanted = {
        f"optimizer/{slot}/{name}": array.shape for slot, arrays in slots.items() for name, array in arrays.items()
    }
    present = {name: array.shape for name, array in _optimizer_tensors(tensors).items()}
    return wanted == present and isinstance(state, dict)


def _restore_optimizer(model: Model, state: Any, tensors: Mapping[str, np.ndarray], file: Path) -> None:
    optimizer = model.optimizer
    present = _optimizer_tensors(tensors)
    if state is None:
        if present:
            raise FormatError(f"'{file}' holds tensors of an optimizer but does not say what it is.")
        return
    iterations = state.get("iterations") if isinstance(state, dict) else None
    if type(iterations) is not int or not 0 <= iterations < 2**63:
        raise FormatError(f"'{file}' does not say how many steps its optimizer has made.")
    if present:
        optimizer.build(model.trainable_weights)
        if not _slots_fit(model, state, tensors):
            raise FormatError(f"The tensors of the optimizer in '{file}' do not fit its model.")
        for slot, arrays in optimizer.slots.items():
            for name, array in arrays.items():
                array[...] = tensors[f"optimizer/{slot}/{name}"]
    optimizer.iterations = iterations
