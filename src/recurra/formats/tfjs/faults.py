"""Where TensorFlow.js 4.22 computes something else than its own files say.

recurra reads such models as they are meant, with a warning, and does not write them: numbers that differ in silence are
worse than an error. Each fault is tested beside TensorFlow.js itself.

The faults about masks have one cause. TensorFlow.js runs a model tensor by tensor and hands all layers the same mapping
of arguments, once any of them has met a mask: what one layer puts there, the next one finds. So the order of running
decides, and `_order` follows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...layers import Bidirectional, Layer
from ...layers.node import CallNode, KerasTensor
from ...layers.rnn import Recurrent
from ...models import Model

__all__ = ["penalty_faults", "running_faults"]


def running_faults(model: Model) -> list[str]:
    """What TensorFlow.js computes differently when it runs a model, each with the way round it."""
    found: list[str] = []
    for inside in (layer for layer in model.walk() if isinstance(layer, Model)):
        found += _mask_faults(inside)
    return list(dict.fromkeys(found))


def _mask_faults(model: Model) -> Iterator[str]:
    left_mask = left_states = False
    shared = False  # whether the mapping of arguments exists yet
    runs: dict[int, int] = {}
    for tensor in _order(model):
        node, layer = tensor.node, tensor.layer
        runs[id(node)] = runs.get(id(node), 0) + 1
        masks = [parent.mask_dims is not None for parent in node.parents]
        masked = any(masks)
        if masked:
            shared, left_mask = True, masks[0]
        if _recurs(layer):
            if left_mask and not masks[0]:
                yield (
                    f"the layer '{layer.name}' has no mask, but TensorFlow.js gives it that of a layer before. Put "
                    f"Masking before it, with a mask_value that never occurs"
                )
            elif left_mask and isinstance(layer, Model) and not all(part.supports_masking for part in _layers(layer)):
                yield (
                    f"the mask ends within the model '{layer.name}', but TensorFlow.js hands it on to the recurrent "
                    f"layers there. Leave out the mask, or the layer that ends it"
                )
            if left_states:
                yield (
                    f"TensorFlow.js raises an error in '{layer.name}', because a layer before was given an "
                    f"initial_state in a model with masks. Leave out one or the other"
                )
            if shared and _has_states(node):
                left_states = True
            if getattr(layer, "stateful", False) and runs[id(node)] > 1:
                yield (
                    f"TensorFlow.js runs the stateful layer '{layer.name}' once for each of its results, and its state "
                    f"moves on each time. Leave out return_state, or stateful"
                )
        if masked:
            yield from _masked_faults(layer)


def _masked_faults(layer: Layer) -> Iterator[str]:
    inner = layer.forward_layer if isinstance(layer, Bidirectional) else layer
    if not isinstance(inner, Recurrent) or not inner.return_sequences:
        return
    if inner.zero_output_for_mask:
        yield (
            f"'{layer.name}' gives zeros at masked steps, in TensorFlow.js the output before. Use "
            f"zero_output_for_mask=False"
        )
    if inner.go_backwards:
        yield (
            f"TensorFlow.js does not turn the mask with the sequence that '{layer.name}' returns in the order of "
            f"reading. Leave out go_backwards, or the mask"
        )


def _order(model: Model) -> list[KerasTensor]:
    """The tensors in the order in which TensorFlow.js computes them: of several inputs the last one first."""
    done = {id(tensor) for tensor in model.inputs}
    order: list[KerasTensor] = []
    for fetch in model.outputs:
        waiting: list[tuple[KerasTensor, bool]] = [(fetch, False)]
        while waiting:
            tensor, ready = waiting.pop()
            if id(tensor) in done:
                continue
            if ready:
                done.add(id(tensor))
                order.append(tensor)
            else:
                waiting.append((tensor, True))
                waiting.extend((parent, False) for parent in tensor.node.parents)
    return order


def _has_states(node: CallNode) -> bool:
    if not isinstance(node.layer, (Bidirectional, Recurrent)):
        return False
    return node.kwargs.get("initial_state") is not None or len(node.args) > 1


def _recurs(layer: Layer) -> bool:
    return any(isinstance(part, Recurrent) for part in layer.walk())


def _layers(model: Model) -> Iterator[Layer]:
    return (part for part in model.walk() if isinstance(part, Layer) and not isinstance(part, Model))


def penalty_faults(config: Any) -> list[str]:
    """Penalties on weights and outputs that count here and not there, or the other way round."""
    found: list[str] = []
    waiting = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += item
        elif isinstance(item, dict):
            waiting += item.values()
            options = item.get("config")
            if isinstance(options, dict) and isinstance(item.get("class_name"), str):
                found += _penalties(item["class_name"], options)
    return found


def _penalties(kind: str, options: dict[str, Any]) -> Iterator[str]:
    for key, value in options.items():
        if not key.endswith("_regularizer") or value is None:
            continue
        if kind in ("GRU", "LSTM", "SimpleRNN") or key == "activity_regularizer":
            yield f"TensorFlow.js does not count the {key} of the {kind} '{options.get('name')}'"
        elif options.get("trainable") is False:
            yield f"TensorFlow.js counts the {key} of '{options.get('name')}', which is frozen"
        elif value["class_name"] not in ("L1", "L2", "L1L2"):
            yield f"TensorFlow.js has no regularizer {value['class_name']}"
