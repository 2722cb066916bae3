"""Writing a topology as TensorFlow.js 4.22 reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...errors import UnsupportedFeatureError
from ...typing import Config
from ..noting import warn
from .layers import LAYERS, LayerRule, Option
from .values import write_activation, write_initializer, write_regularizer
from .wiring import write_wiring

__all__ = ["Names", "write_topology"]

_VALID = re.compile(r"[A-Za-z0-9][-A-Za-z0-9._/]*")
_MODELS = ("Functional", "Model", "Sequential")
_NEAREST = {
    "Subtract": "a Dense without bias that multiplies by -1, then Add",
    "AdditiveAttention": "an LSTM",
}


class Names:
    """The names of layers in the file. TensorFlow.js takes letters, digits and ``-._/`` only."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._inside: dict[str, str] = {}

    def layer(self, name: str) -> str:
        """The name of a layer in the file."""
        if name not in self._names:
            found = name
            if not _VALID.fullmatch(name):
                found = re.sub(r"[^-A-Za-z0-9._/]", "_", name)
                found = found if _VALID.fullmatch(found) else f"layer{found}"
                while found in self._names.values():
                    found += "_"
                warn(
                    f"TensorFlow.js cannot have a layer named {name!r}; in the file it is called {found!r}.",
                )
            self._names[name] = found
        return self._names[name]

    def weight(self, name: str) -> str:
        """The name of a weight in the file."""
        layer, _, last = name.rpartition("/")
        outer = self._inside.get(layer)
        return f"{'' if outer is None else outer + '/'}{self.layer(layer)}/{last}"

    def put_inside(self, layer: str, outer: str) -> None:
        """Notes that the weights of a layer are named after the layer around it as well."""
        self._inside[layer] = self.layer(outer)


def write_topology(config: Config, names: Names) -> dict[str, Any]:
    """What ``modelTopology`` holds for a model.

    Args:
        config: The model's ``{"class_name", "config"}``.
        names: Finds the names of layers.

    Raises:
        UnsupportedFeatureError: TensorFlow.js has no such layer or option; names the nearest it has.
    """
    return {**_model(config, names), "keras_version": "tfjs-layers 4.22.0", "backend": "tensor_flow.js"}


def _model(entry: Mapping[str, Any], names: Names) -> dict[str, Any]:
    config = entry["config"]
    name = names.layer(config["name"])
    if entry["class_name"] == "Sequential":
        layers = config["layers"]
        made = [_layer(layer, names) for layer in layers if layer["class_name"] != "InputLayer"]
        if layers and layers[0]["class_name"] == "InputLayer" and layers[1]["class_name"] not in _MODELS:
            # As TensorFlow.js writes it: the first layer carries the shape. Its dtype is that of its weights.
            made[0]["config"]["batch_input_shape"] = _shape(layers[0]["config"])
        return {"class_name": "Sequential", "config": {"name": name, "layers": made}}
    nested = [layer["name"] for layer in config["layers"] if layer["class_name"] in _MODELS]
    calls, inputs, outputs = write_wiring(config, nested)

    def renamed(references: list[Any]) -> list[Any]:
        return [[names.layer(reference[0]), *reference[1:]] for reference in references]

    made = []
    for layer, nodes in zip(config["layers"], calls, strict=True):
        written = _layer(layer, names)
        inbound = [renamed(node) for node in nodes]
        made.append({"name": names.layer(layer["name"]), **written, "inbound_nodes": inbound})
    web = {"name": name, "layers": made, "input_layers": renamed(inputs), "output_layers": renamed(outputs)}
    return {"class_name": "Model", "config": web}


def _layer(entry: Mapping[str, Any], names: Names) -> dict[str, Any]:
    kind, config = entry["class_name"], entry["config"]
    if kind in _MODELS:
        return _model(entry, names)
    name = names.layer(config["name"])
    if kind == "InputLayer":
        dtype = "int32" if config["dtype"].startswith("int") else "float32"
        shape = {"batch_input_shape": _shape(config), "dtype": dtype, "sparse": False}
        return {"class_name": kind, "config": {**shape, "name": name}}
    if kind == "Bidirectional":
        return {"class_name": kind, "config": {"name": name, **_bidirectional(config, names)}}
    rule = LAYERS.get(kind)
    if rule is None:
        nearest = _NEAREST.get(kind)
        raise UnsupportedFeatureError(
            f"TensorFlow.js has no layer {kind}, which '{config['name']}' is. "
            + (f"The nearest is {nearest}." if nearest else f"It has: {', '.join(sorted((*LAYERS, 'Bidirectional')))}.")
        )
    if config.get("dtype", "float32") != "float32":
        raise UnsupportedFeatureError(
            f"The layer '{config['name']}' is of dtype {config['dtype']}; TensorFlow.js computes in float32. Make the "
            f"model under recurra.config.set_floatx('float32') and give it the weights."
        )
    return {"class_name": kind, "config": {"name": name, **_options(kind, config, rule)}}


def _bidirectional(config: Mapping[str, Any], names: Names) -> dict[str, Any]:
    forward, backward = config["layer"]["config"], config["backward_layer"]["config"]
    name = forward["name"].removeprefix("forward_")
    mirrored = {**forward, "name": f"backward_{name}", "go_backwards": not forward["go_backwards"]}
    own = ("seed", "zero_output_for_mask")
    if config["backward_layer"]["class_name"] != config["layer"]["class_name"] or any(
        backward[key] != value for key, value in mirrored.items() if key not in own
    ):
        raise UnsupportedFeatureError(
            f"The layer '{config['name']}' has a backward_layer of its own; in TensorFlow.js it is always the mirror "
            f"image of the forward layer. Two recurrent layers and a Concatenate do the same in a Model."
        )
    for one in (forward, backward):
        names.put_inside(one["name"], config["name"])
    layer = _layer({"class_name": config["layer"]["class_name"], "config": {**forward, "name": name}}, names)
    return {"trainable": config.get("trainable", True), "layer": layer, "merge_mode": config["merge_mode"]}


def _options(kind: str, config: Mapping[str, Any], rule: LayerRule) -> dict[str, Any]:
    written: dict[str, Any] = {"trainable": config.get("trainable", True), "dtype": "float32"}
    for key, option in rule.options.items():
        value = config.get(key)
        what = f"{key} of the {kind} '{config['name']}'"
        if key == "zero_output_for_mask":
            continue  # TensorFlow.js has no such option; see `faults`.
        if option.only is not None:
            only, reason = option.only
            if value is not None and value != only:
                raise UnsupportedFeatureError(f"TensorFlow.js cannot express {what} = {value!r}: {reason}.")
        written[key] = _value(option, value, what)
    return written


def _value(option: Option, value: Any, what: str) -> Any:
    if option.kind == "activation":
        return write_activation("linear" if value is None else value, what)
    if option.kind == "initializer":
        return write_initializer(value, what)
    if option.kind == "regularizer":
        return write_regularizer(value)
    return value


def _shape(config: Mapping[str, Any]) -> list[int | None]:
    # Sizes that have a name in recurra are unknown to others.
    return [size if isinstance(size, int) else None for size in config["batch_shape"]]
