"""The web of layer calls between a model's inputs and outputs: its order, and its form as plain data."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ArgumentError, FormatError
from ..layers.input_layer import InputLayer
from ..layers.layer import Layer, deserialize, serialize
from ..layers.node import CallNode, KerasTensor
from ..layers.structure import flatten, map_structure
from ..registry import encode
from ..typing import Config

__all__ = ["layers_of", "node_order", "web_config", "web_from_config"]

_TENSOR = "__keras_tensor__"


def node_order(inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> list[CallNode]:
    """The calls that lead from ``inputs`` to ``outputs``, each after the calls it reads from.

    Raises:
        ArgumentError: An output depends on an `Input` that is not among ``inputs``.
    """
    given = {id(tensor) for tensor in inputs}
    order: list[CallNode] = []
    done: set[int] = set()
    for output in outputs:
        # Depth first without recursion: long chains of layers must not meet Python's limit.
        waiting: list[tuple[KerasTensor, bool]] = [(output, False)]
        while waiting:
            tensor, read = waiting.pop()
            node = tensor.node
            if id(tensor) in given or id(node) in done:
                continue
            if isinstance(node.layer, InputLayer):
                raise ArgumentError(
                    f"The outputs of the model depend on the Input '{tensor.name}', which is not among the model's "
                    f"inputs ({', '.join(t.name for t in inputs)}). Add it to inputs."
                )
            if read:
                done.add(id(node))
                order.append(node)
            else:
                waiting.append((tensor, True))
                waiting.extend((parent, False) for parent in reversed(node.parents))
    return order


def layers_of(inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor], order: Sequence[CallNode]) -> list[Layer]:
    """The layers in the order of Keras, which is that of weights in files: by distance from the outputs.

    Raises:
        ArgumentError: Two layers share a name.
    """
    depths: dict[int, int] = {}
    for node in reversed(order):
        depth = depths.setdefault(id(node), 0)
        for parent in node.parents:
            depths[id(parent.node)] = max(depths.get(id(parent.node), 0), depth + 1)
    # Inputs come just before what first reads them; those that nothing reads, at the end.
    nodes = [near for node in order for near in (*(parent.node for parent in node.parents), node)]
    by_layer: dict[int, int] = {}
    layers: dict[int, Layer] = {}
    for node in [*nodes, *(tensor.node for tensor in inputs)]:
        key = id(node.layer)
        layers.setdefault(key, node.layer)
        by_layer[key] = max(by_layer.get(key, 0), depths.get(id(node), 0))
    result = sorted(layers.values(), key=lambda layer: -by_layer[id(layer)])
    check_names(result)
    return result


def check_names(layers: Sequence[Layer]) -> None:
    """Raises ArgumentError where two layers share a name."""
    for name, count in Counter(layer.name for layer in layers).items():
        if count > 1:
            raise ArgumentError(
                f"{count} layers of the model are named '{name}'. Weights are told apart by the layer's name: give "
                f"each layer a name of its own."
            )


def web_config(
    inputs: Sequence[KerasTensor], outputs: Any, layers: Sequence[Layer], order: Sequence[CallNode]
) -> Config:
    """The web as plain data, in the form Keras 3 has for it."""
    numbers: dict[int, int] = {id(tensor.node): 0 for tensor in inputs}
    calls: dict[int, list[CallNode]] = {id(layer): [] for layer in layers}
    for node in order:
        numbers[id(node)] = len(calls[id(node.layer)])
        calls[id(node.layer)].append(node)

    def history(tensor: KerasTensor) -> list[Any]:
        return [tensor.layer.name, numbers[id(tensor.node)], tensor.index]

    def plain(leaf: Any) -> Any:
        if not isinstance(leaf, KerasTensor):
            return encode(leaf)
        shape = list(leaf.shape)
        return {"class_name": _TENSOR, "config": {"shape": shape, "dtype": leaf.dtype, "keras_history": history(leaf)}}

    entries = []
    for layer in layers:
        nodes = [
            {"args": [map_structure(plain, arg) for arg in node.args], "kwargs": map_structure(plain, node.kwargs)}
            for node in calls[id(layer)]
        ]
        entries.append({**serialize(layer), "name": layer.name, "inbound_nodes": nodes})
    return {
        "layers": entries,
        "input_layers": [history(tensor) for tensor in inputs],
        "output_layers": map_structure(history, outputs),
    }


def web_from_config(config: Mapping[str, Any]) -> tuple[list[KerasTensor], Any]:
    """Makes the layers and calls them again as `web_config` wrote it down.

    Returns:
        The inputs and the outputs.

    Raises:
        FormatError: A call refers to a layer or a result that does not exist.
    """
    results: dict[tuple[str, int], Any] = {}
    ready: deque[_Call] = deque()
    for entry in config["layers"]:
        layer = deserialize(entry)
        if isinstance(layer, InputLayer):
            results[layer.name, 0] = [layer.tensor]
        ready.extend(_Call(layer, number, node) for number, node in enumerate(entry.get("inbound_nodes") or ()))
    waiting: dict[tuple[str, int], list[_Call]] = {}
    while ready:
        call = ready.popleft()
        lacking = call.lacks(results)
        if lacking is None:
            results[call.key] = call.make(results)
            ready.extend(waiting.pop(call.key, ()))
        else:
            waiting.setdefault(lacking, []).append(call)
    if waiting:
        names = ", ".join(sorted({call.key[0] for calls in waiting.values() for call in calls}))
        raise FormatError(f"The model's configuration is damaged: inputs of these layers do not exist: {names}.")

    def tensor(history: Sequence[Any]) -> KerasTensor:
        name, number, index = history
        try:
            found: KerasTensor = results[name, number][index]
        except (KeyError, IndexError):
            raise FormatError(f"The model's configuration is damaged: there is no result {list(history)}.") from None
        return found

    return [tensor(history) for history in config["input_layers"]], _map_histories(tensor, config["output_layers"])


class _Call:
    """One call that is to be made once all it reads is there."""

    def __init__(self, layer: Layer, number: int, node: Mapping[str, Any]) -> None:
        self.key = (layer.name, number)
        self._layer = layer
        self._args, self._kwargs = node.get("args", ()), node.get("kwargs", {})
        reads = [*_reads(self._args), *_reads(self._kwargs)]
        if not reads:
            raise FormatError(
                f"The model's configuration is damaged: the layer '{layer.name}' is called on nothing that the model "
                f"computes."
            )
        # The calls of one layer keep their order, since they are counted.
        self._needs: list[tuple[str, int]] = [*reads, *([(layer.name, number - 1)] if number else ())]

    def lacks(self, results: Mapping[tuple[str, int], Any]) -> tuple[str, int] | None:
        """One result that is not there yet, or None."""
        while self._needs:
            if self._needs[-1] not in results:
                return self._needs[-1]
            self._needs.pop()
        return None

    def make(self, results: Mapping[tuple[str, int], Any]) -> list[Any]:
        """Calls the layer."""
        return flatten(self._layer(*_fill(self._args, results), **_fill(self._kwargs, results)))


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("class_name") == _TENSOR


def _reads(value: Any) -> list[tuple[str, int]]:
    if _is_tensor(value):
        name, number, _ = value["config"]["keras_history"]
        return [(name, number)]
    if isinstance(value, Mapping):
        return [key for item in value.values() for key in _reads(item)]
    if isinstance(value, (list, tuple)):
        return [key for item in value for key in _reads(item)]
    return []


def _fill(value: Any, results: Mapping[tuple[str, int], Any]) -> Any:
    if _is_tensor(value):
        name, number, index = value["config"]["keras_history"]
        return results[name, number][index]
    if isinstance(value, Mapping):
        return {key: _fill(item, results) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_fill(item, results) for item in value]
    return value


def _map_histories(function: Any, structure: Any) -> Any:
    if isinstance(structure, Mapping):
        return {key: _map_histories(function, item) for key, item in structure.items()}
    if structure and isinstance(structure[0], str):
        return function(structure)
    return [_map_histories(function, item) for item in structure]
