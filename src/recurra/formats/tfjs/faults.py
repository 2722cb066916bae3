"""Where TensorFlow.js 4.22 computes something else than its own files say.

recurra reads such models as they are meant, with a warning, and does not write them without one: numbers that differ in
silence are worse than an error. Each fault is tested beside TensorFlow.js itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...layers import Bidirectional, Layer
from ...layers.node import CallNode
from ...layers.rnn import Recurrent
from ...models import Model

__all__ = ["mask_faults", "penalty_faults"]


def mask_faults(model: Model) -> list[str]:
    """Where a mask has another effect there than here, with the way round it.

    Two faults: a recurrent layer without a mask takes the one of another layer, if there is any; and after a backward
    layer that returns its sequence the mask is not turned with it. And it has no zeros at masked steps.
    """
    found = []
    for inside in _models(model):
        masked = [node for node in inside._order if any(parent.mask_dims is not None for parent in node.parents)]
        for node in inside._order:
            if not _recurs(node.layer) or node in masked:
                continue
            if any(not _depends(other, node) for other in masked):
                found.append(
                    f"the layer '{node.layer.name}' has no mask, but TensorFlow.js gives it that of another layer. Put "
                    f"Masking before it, with a mask_value that never occurs"
                )
        for node in masked:
            layer = node.layer.forward_layer if isinstance(node.layer, Bidirectional) else node.layer
            if not isinstance(layer, Recurrent) or not layer.return_sequences:
                continue
            if layer.zero_output_for_mask:
                found.append(
                    f"'{layer.name}' gives zeros at masked steps, in TensorFlow.js the output before. Use "
                    f"zero_output_for_mask=False"
                )
            if layer.go_backwards:
                found.append(
                    f"TensorFlow.js does not turn the mask with the sequence that '{layer.name}' returns in the order "
                    f"of reading. Leave out go_backwards, or the mask"
                )
    return found


def penalty_faults(config: Any) -> list[str]:
    """Penalties on weights and outputs that count here and not there."""
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


def _penalties(kind: str, options: dict[str, Any]) -> list[str]:
    given = [key for key, value in options.items() if key.endswith("_regularizer") and value is not None]
    found = []
    for key in given:
        if kind in ("GRU", "LSTM", "SimpleRNN") or key == "activity_regularizer":
            found.append(f"TensorFlow.js does not count the {key} of the {kind} '{options.get('name')}'")
        elif options.get("trainable") is False:
            found.append(f"TensorFlow.js counts the {key} of '{options.get('name')}', which is frozen")
        elif options[key]["class_name"] not in ("L1", "L2", "L1L2"):
            found.append(f"TensorFlow.js has no regularizer {options[key]['class_name']}")
    return found


def _models(model: Model) -> Iterator[Model]:
    for layer in model.walk():
        if isinstance(layer, Model):
            yield layer


def _recurs(layer: Layer) -> bool:
    return any(isinstance(part, Recurrent) for part in layer.walk())


def _depends(node: CallNode, on: CallNode) -> bool:
    """Whether ``node`` reads, over any number of calls, a result of ``on``: then it runs later."""
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        here = waiting.pop()
        for parent in here.parents:
            if parent.node is on:
                return True
            if id(parent.node) not in seen:
                seen.add(id(parent.node))
                waiting.append(parent.node)
    return False
