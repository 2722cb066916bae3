"""Reading a topology: layers and wiring in the spellings of TensorFlow.js and of its Python converter.

A model is ``{"class_name", "config"}``, alone or under ``model_config``; a Sequential is a list of layers or a mapping
with one; a web of layers names its inputs in lists (TensorFlow.js, Keras 2) or as marked tensors (Keras 3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ... import layers as room
from ...errors import FormatError, UnsupportedFeatureError
from ...typing import Config
from ..limits import MAX_LAYERS, MAX_RANK, count_layers
from .layers import LAYERS, RECURRENT
from .values import read_value, unwrap
from .wiring import read_wiring

__all__ = ["read_topology"]

_WEBS = ("Functional", "LayersModel", "Model")
_DTYPES = {"float32": "float32", "int32": "int32", "int64": "int32", "bool": "int32"}


def read_topology(topology: Any, document: object, custom: Collection[str] = ()) -> Config:
    """The model in recurra's own spelling.

    Args:
        topology: What ``modelTopology`` holds.
        document: The file it was found in, for messages.
        custom: Names of classes of the user's own; their configuration is passed on as it stands.

    Returns:
        ``{"class_name", "config"}``, which `recurra.models.model_from_config` takes.

    Raises:
        FormatError: It describes no model.
        UnsupportedFeatureError: It has a layer or an option that recurra does not have.
    """
    if not isinstance(topology, dict):
        raise FormatError(f"'{document}' has no 'modelTopology': it holds {str(topology)[:60]}.")
    if isinstance(topology.get("node"), list):
        raise UnsupportedFeatureError(
            f"'{document}' holds a graph model: single operations, from which no layers can be made. Convert the "
            f"original with --output_format=tfjs_layers_model."
        )
    version = topology.get("keras_version")
    model = topology.get("model_config", topology)
    if not isinstance(model, dict) or "class_name" not in model:
        raise FormatError(f"'{document}' describes no model: its topology has no 'class_name'.")
    if count_layers(model) > MAX_LAYERS:
        raise FormatError(f"'{document}' describes more than {MAX_LAYERS:,} layers.")
    keras = str(version or model.get("keras_version", "")).startswith("3.")
    return _Reader(document, keras, frozenset(custom)).model(unwrap(model))


class _Reader:
    def __init__(self, document: object, keras: bool, custom: frozenset[str]) -> None:
        self.document = document
        self.keras = keras
        self.custom = custom

    def model(self, entry: Mapping[str, Any]) -> Config:
        name = entry.get("class_name")
        if name == "Sequential":
            return self.sequential(entry.get("config"))
        if name in _WEBS:
            return self.web(entry.get("config"))
        raise FormatError(f"'{self.document}' describes no model but a {str(name)[:60]!r}.")

    def sequential(self, config: Any) -> Config:
        layers = config.get("layers") if isinstance(config, dict) else config
        if not isinstance(layers, list) or not layers:
            raise FormatError(f"A Sequential in '{self.document}' has no list of layers, or an empty one.")
        made = [self.layer(entry) for entry in layers]
        if made[0]["class_name"] != "InputLayer":
            first, shape = layers[0], None
            if isinstance(config, dict):
                shape = self.first_shape(first["config"]) or config.get("build_input_shape")
            elif isinstance(first.get("config"), dict):
                shape = self.first_shape(first["config"])
            if shape is not None and made[0]["class_name"] not in ("Sequential", "Model"):
                made.insert(0, self.input_for(made[0], shape, first["config"].get("dtype")))
        result: Config = {"layers": made}
        if isinstance(config, dict) and isinstance(config.get("name"), str):
            result["name"] = config["name"]
        return {"class_name": "Sequential", "config": result}

    def first_shape(self, config: Any) -> Any:
        if not isinstance(config, dict):
            return None
        shape = config.get("batch_input_shape") or config.get("batch_shape")
        if shape is None and config.get("input_length") is not None:
            length = config["input_length"]
            return [None, *(length if isinstance(length, list) else [length])]
        return shape

    def input_for(self, layer: Config, shape: Any, dtype: Any) -> Config:
        name = layer["config"].get("name")
        words = layer["class_name"] == "Embedding"
        config = {
            "batch_shape": self.shape(shape),
            "dtype": "int32" if words else self.dtype(dtype, f"the first layer of '{self.document}'"),
        }
        return {"class_name": "InputLayer", "config": {**config, **({"name": f"{name}_input"} if name else {})}}

    def web(self, config: Any) -> Config:
        layers = config.get("layers") if isinstance(config, dict) else None
        if not isinstance(layers, list) or not layers:
            raise FormatError(f"A model in '{self.document}' has no list of layers, or an empty one.")
        made = [self.layer(entry) for entry in layers]
        wired = read_wiring(config, layers, made, self.document)
        if isinstance(config.get("name"), str):
            wired["name"] = config["name"]
        return {"class_name": "Model", "config": wired}

    def layer(self, entry: Any) -> Config:
        kind = entry.get("class_name") if isinstance(entry, dict) else None
        config = entry.get("config") if isinstance(entry, dict) else None
        if not isinstance(kind, str) or not isinstance(config, (dict, list)):
            raise FormatError(f"A layer in '{self.document}' has no 'class_name' or 'config': {str(entry)[:100]}.")
        if kind == "Sequential" or kind in _WEBS:
            return self.model(entry)
        if not isinstance(config, dict):
            raise FormatError(f"The layer {kind!r} in '{self.document}' has no mapping 'config'.")
        name = config.get("name", entry.get("name"))
        if name is not None and (not isinstance(name, str) or not 0 < len(name) <= 1000):
            raise FormatError(f"A {kind} in '{self.document}' has no name but {str(name)[:60]!r}.")
        if kind == "InputLayer":
            return self.input_layer(config, name)
        if kind == "Bidirectional" and kind not in self.custom:
            return self.bidirectional(config, name)
        if kind in self.custom:
            return {"class_name": kind, "config": config}
        rule = LAYERS.get(kind)
        if rule is None or kind not in room.registry.names:
            known = ", ".join(sorted(name for name in (*LAYERS, "Bidirectional") if name in room.registry.names))
            raise UnsupportedFeatureError(
                f"'{self.document}' has a layer {kind[:60]!r}, which recurra does not have. It has: {known}. If it is "
                f"one of your own, give load_model custom_objects={{{kind[:60]!r}: it}}."
            )
        what = f"of the {kind} '{name}' in '{self.document}'"
        for option, value in config.items():
            if option not in rule.options and value not in (None, False, [], {}, ""):
                wanted = rule.ignored.get(option)
                if option not in rule.ignored or (wanted is not ... and value != wanted):
                    raise UnsupportedFeatureError(
                        f"The option '{option}' {what} is {str(value)[:60]!r}; recurra has none like it."
                    )
        result: Config = {} if name is None else {"name": name}
        result["trainable"] = config.get("trainable") is not False
        self.dtype(config.get("dtype"), what)
        for option, known_option in rule.options.items():
            value = config.get(option)
            if option == "activation" and option in config and value is None and kind != "SimpleRNN":
                value = "linear"
            found = read_value(known_option, value, self.keras, f"The option '{option}' {what}")
            # Left out where recurra's layer takes no such argument and the file asks for nothing.
            if found is not None or option == "activation":
                result[option] = found
        if kind in RECURRENT:
            self.no_cells(config, what)
        return {"class_name": kind, "config": result}

    def bidirectional(self, config: Mapping[str, Any], name: str | None) -> Config:
        what = f"of the Bidirectional '{name}' in '{self.document}'"
        forward = self.one_direction(config.get("layer"), what)
        mode = config.get("merge_mode", "concat")
        if mode not in (None, "ave", "concat", "mul", "sum"):
            raise FormatError(f"The option 'merge_mode' {what} must be concat, sum, mul, ave or null, not {mode!r}.")
        zeros = forward["config"].get("zero_output_for_mask", False)
        result: Config = {
            "trainable": config.get("trainable") is not False,
            "layer": forward,
            "merge_mode": mode,
            # Keras wants zeros at masked steps; TensorFlow.js repeats the output before.
            "zero_output_for_mask": None if self.keras else zeros,
        }
        if config.get("backward_layer") is not None:
            result["backward_layer"] = self.one_direction(config["backward_layer"], what)
        return {"class_name": "Bidirectional", "config": result if name is None else {"name": name, **result}}

    def one_direction(self, entry: Any, what: str) -> Config:
        kind = entry.get("class_name") if isinstance(entry, dict) else None
        if not isinstance(kind, str) or kind not in RECURRENT:
            raise UnsupportedFeatureError(f"The layer {what} is none of {', '.join(RECURRENT)}: {str(entry)[:100]}.")
        return self.layer(entry)

    def no_cells(self, config: Mapping[str, Any], what: str) -> None:
        if isinstance(config.get("cells"), list) and config["cells"]:
            raise UnsupportedFeatureError(f"The option 'cells' {what}: recurra has no stacks of cells in one layer.")

    def input_layer(self, config: Mapping[str, Any], name: str | None) -> Config:
        what = f"of the input '{name}' in '{self.document}'"
        shape = config.get("batch_input_shape") or config.get("batch_shape")
        if config.get("sparse") or config.get("ragged"):
            raise UnsupportedFeatureError(f"The option 'sparse' or 'ragged' {what}: recurra's inputs are dense arrays.")
        result: Config = {"batch_shape": self.shape(shape), "dtype": self.dtype(config.get("dtype"), what)}
        return {"class_name": "InputLayer", "config": result if name is None else {**result, "name": name}}

    def shape(self, shape: Any) -> list[int | None]:
        fits = isinstance(shape, list) and 0 < len(shape) <= MAX_RANK
        if not fits or not all(size is None or (type(size) is int and 0 < size < 2**31) for size in shape):
            raise FormatError(
                f"An input in '{self.document}' has no valid shape with the batch in front, but {str(shape)[:100]}."
            )
        return list(shape)

    def dtype(self, value: Any, what: str) -> str:
        if isinstance(value, dict):
            inner = value.get("config")
            value = inner.get("name") if isinstance(inner, dict) else None
        if value is None:
            return "float32"
        if not isinstance(value, str) or value not in _DTYPES:
            raise UnsupportedFeatureError(
                f"The dtype {what} is {str(value)[:60]!r}. TensorFlow.js computes in float32."
            )
        return _DTYPES[value]
