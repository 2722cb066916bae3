"""The wiring of a web of layers, both ways.

TensorFlow.js and Keras 2 list, for each call of a layer, the tensors it reads: ``[layer, call, result, {}]``. First
states of recurrent layers are further tensors of the list. recurra, like Keras 3, keeps the call's arguments with a
mark for each tensor. Calls of a model inside the model are counted from 1 by the former: there, a model begins with a
call of itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import FormatError, UnsupportedFeatureError
from ...typing import Config
from .layers import MERGING, STATES

__all__ = ["read_wiring", "write_wiring"]

_MARK = "__keras_tensor__"
_MODELS = ("Model", "Sequential")

Reference = tuple[str, int, int]


def read_wiring(config: Mapping[str, Any], layers: Sequence[Any], made: Sequence[Config], document: object) -> Config:
    """The configuration of a recurra model of these layers.

    Args:
        config: The web, with ``input_layers`` and ``output_layers``.
        layers: Its layers as the file has them.
        made: The same layers as recurra takes them.
        document: The file, for messages.

    Raises:
        FormatError: A call is described wrongly.
        UnsupportedFeatureError: A layer is called in a way that recurra cannot express.
    """
    calls = [_calls(entry, layer, document) for entry, layer in zip(layers, made, strict=True)]
    inputs = _references(config.get("input_layers"), document)
    outputs = _references(config.get("output_layers"), document)
    read = [ref for nodes in calls for tensors, states, _ in nodes for ref in (*tensors, *states)] + outputs
    nested = {layer["config"].get("name") for layer in made if layer["class_name"] in _MODELS}
    first = {name: 0 if any(ref[:2] == (name, 0) for ref in read) else 1 for name in nested}

    def mark(reference: Reference) -> Config:
        return {"class_name": _MARK, "config": {"keras_history": history(reference)}}

    def history(reference: Reference) -> list[Any]:
        name, call, result = reference
        return [name, call - first.get(name, 0), result]

    entries = []
    for layer, nodes in zip(made, calls, strict=True):
        kind = layer["class_name"]
        inbound = []
        for tensors, states, as_list in nodes:
            marks = [mark(reference) for reference in tensors]
            several = as_list or kind in MERGING or (kind in _MODELS and len(marks) > 1)
            if len(marks) != 1 and not several:
                raise UnsupportedFeatureError(
                    f"The {kind} '{layer['config'].get('name')}' in '{document}' is called on {len(marks)} tensors; "
                    f"recurra's takes one."
                )
            node: Config = {"args": [marks if several else marks[0]], "kwargs": {}}
            if states:
                node["kwargs"]["initial_state"] = [mark(reference) for reference in states]
            inbound.append(node)
        entries.append({**layer, "name": layer["config"].get("name"), "inbound_nodes": inbound})
    single = len(outputs) == 1
    return {
        "layers": entries,
        "input_layers": [history(reference) for reference in inputs],
        "output_layers": history(outputs[0]) if single else [history(reference) for reference in outputs],
    }


def _calls(
    entry: Mapping[str, Any], layer: Config, document: object
) -> list[tuple[list[Reference], list[Reference], bool]]:
    """For each call: the tensors read, the first states, and whether the tensors were given as a list."""
    nodes = entry.get("inbound_nodes") or []
    what = f"A call of the layer '{layer['config'].get('name')}' in '{document}'"
    if not isinstance(nodes, list):
        raise FormatError(f"{what} is described wrongly: {str(nodes)[:100]}.")
    recurrent = layer["class_name"] in STATES
    result = []
    for node in nodes:
        if isinstance(node, dict):
            tensors, options, as_list = _marked(node, what)
        else:
            tensors, options = _listed(node, what)
            as_list = False
        states = _states(options.pop("initial_state", None), what)
        if recurrent and len(tensors) > 1:
            tensors, states, as_list = tensors[:1], [*tensors[1:], *states], False
        given = [key for key, value in options.items() if value not in (None, False, [], {})]
        if given:
            raise UnsupportedFeatureError(f"{what} has the arguments {', '.join(given)[:200]}, which are not read.")
        result.append((tensors, states, as_list))
    return result


def _listed(node: Any, what: str) -> tuple[list[Reference], dict[str, Any]]:
    if isinstance(node, list) and node and isinstance(node[0], str):
        node = [node]
    if not isinstance(node, list) or not node:
        raise FormatError(f"{what} is described wrongly: {str(node)[:100]}.")
    options: dict[str, Any] = {}
    for item in node:
        if isinstance(item, list) and len(item) > 3:
            if not isinstance(item[3], dict):
                raise FormatError(f"{what} has arguments that are no mapping: {str(item[3])[:100]}.")
            options |= item[3]
    return [_reference(item, what) for item in node], options


def _marked(node: Mapping[str, Any], what: str) -> tuple[list[Reference], dict[str, Any], bool]:
    args, options = node.get("args"), node.get("kwargs") or {}
    if not isinstance(args, list) or not args or not isinstance(options, dict):
        raise FormatError(f"{what} is described wrongly: {str(node)[:100]}.")
    if len(args) > 1:
        raise UnsupportedFeatureError(f"{what} has {len(args)} arguments without a name; only the first can be read.")
    several = isinstance(args[0], list)
    return [_reference(item, what) for item in (args[0] if several else args)], dict(options), several


def _states(value: Any, what: str) -> list[Reference]:
    if value is None:
        return []
    if isinstance(value, list) and value and isinstance(value[0], str):
        value = [value]
    if not isinstance(value, list):
        raise FormatError(f"{what} has no valid initial_state, but {str(value)[:100]}.")
    return [_reference(item, what) for item in value]


def _reference(item: Any, what: str) -> Reference:
    if isinstance(item, dict):
        config = item.get("config")
        item = config.get("keras_history") if isinstance(config, dict) and item.get("class_name") == _MARK else None
    if isinstance(item, list) and len(item) in (3, 4):
        name, call, result = item[:3]
        if isinstance(name, str) and type(call) is int and type(result) is int and call >= 0 and result >= 0:
            return name, call, result
    raise FormatError(f"{what} reads no tensor but {str(item)[:100]}.")


def _references(value: Any, document: object) -> list[Reference]:
    what = f"The model in '{document}'"
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list) and value and isinstance(value[0], str):
        value = [value]
    if not isinstance(value, list) or not value:
        raise FormatError(f"{what} does not say what its inputs and outputs are.")
    return [_reference(item, what) for item in value]


def write_wiring(config: Mapping[str, Any], nested: Sequence[str]) -> tuple[list[list[Any]], list[Any], list[Any]]:
    """The calls of each layer, the inputs and the outputs, as TensorFlow.js writes them.

    Args:
        config: The configuration of a recurra model.
        nested: Names of the layers that are models.

    Raises:
        UnsupportedFeatureError: A layer is called with arguments that TensorFlow.js's files cannot hold.
    """

    def history(value: Sequence[Any]) -> list[Any]:
        name, call, result = value
        return [name, call + (name in nested), result]

    def tensor(mark: Mapping[str, Any]) -> list[Any]:
        return [*history(mark["config"]["keras_history"]), {}]

    calls = []
    for entry in config["layers"]:
        what = f"A call of the layer '{entry['name']}'"
        recurrent = entry["class_name"] in STATES
        nodes = []
        for node in entry["inbound_nodes"]:
            args, options = list(node["args"]), dict(node["kwargs"])
            if "initial_state" not in options and recurrent and len(args) > 1:
                options["initial_state"] = args.pop(1)
            states = options.pop("initial_state", None) or []
            states = states if isinstance(states, list) else [states]
            given = [key for key, value in options.items() if value is not None]
            if given or len(args) != 1:
                raise UnsupportedFeatureError(
                    f"{what} has the arguments {', '.join(given) or 'without a name'}; files of TensorFlow.js hold the "
                    f"input and initial_state only. Leave them out; a mask can come from Masking or Embedding."
                )
            inputs = args[0] if isinstance(args[0], list) else [args[0]]
            nodes.append([tensor(mark) for mark in (*inputs, *states)])
        calls.append(nodes)
    outputs = config["output_layers"]
    flat = [outputs] if isinstance(outputs, list) and isinstance(outputs[0], str) else _leaves(outputs)
    return calls, [history(item) for item in config["input_layers"]], [history(item) for item in flat]


def _leaves(structure: Any) -> list[Any]:
    if isinstance(structure, Mapping):
        return [leaf for item in structure.values() for leaf in _leaves(item)]
    if structure and isinstance(structure[0], str):
        return [structure]
    return [leaf for item in structure for leaf in _leaves(item)]
