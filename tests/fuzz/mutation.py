"""Changes that keep an input readable: the JSON in it is taken apart, changed in places, and put together again."""

from __future__ import annotations

import copy
import json
import random
import struct
from collections.abc import Callable
from typing import Any

from recurra import activations, initializers, layers, losses, optimizers, regularizers
from recurra.formats.tfjs.layers import LAYERS

from .loaders import pack, unpack

__all__ = ["mutate"]

Bytes = Callable[[bytes, int], bytes]

_NUMBERS = [0, 1, 2, 3, 7, -1, -(2**31), 2**15, 2**24, 2**31, 2**40, 2**53, 2**63, 2**70, 10**400]
_NUMBERS += [0.5, -0.0, 1e-320, 1e308, -1e308, 3.0]
_PLAIN = [None, True, False, "", "a", "é\u2028", "\ud800", [], {}, [[]], [None], [None, 4, 2], {"class_name": "x"}]
_ROOMS = (activations, initializers, layers, losses, optimizers, regularizers)
_NAMES = sorted(
    {name for room in _ROOMS for name in room.registry.names}
    | {"hardSigmoid", "VarianceScaling", "Functional", "Bidirectional", "Momentum", "__keras_tensor__", "function"}
    | {"uint8", "uint16", "float16", "float32", "int32", "bool", "string", "float64"}
    | {"optimizer", "a.bin", "b.bin", "../a.bin"}
)
_KEYS = sorted(
    {key for rule in LAYERS.values() for key in (*rule.options, *rule.ignored)}
    | {"layer", "layers", "backward_layer", "merge_mode", "inbound_nodes", "kwargs", "args", "initial_state", "config"}
    | {"quantization", "group", "optimizer_config", "metrics", "loss", "loss_weights", "batch_shape", "dtype"}
)


def mutate(loader: str, data: bytes, max_size: int, seed: int, of_bytes: Bytes) -> bytes:
    """Another input that resembles one.

    Args:
        loader: Whose input it is.
        data: The input.
        max_size: The size of the result, at most.
        seed: The same seed gives the same result.
        of_bytes: Changes bytes without regard to what they mean; given a largest size.
    """
    draw = random.Random(seed)
    if draw.random() < 0.15:
        return of_bytes(data, max_size)
    try:
        changed = _PARTS[loader](data, draw, of_bytes)
    except (ValueError, TypeError, LookupError, struct.error, RecursionError):
        return of_bytes(data, max_size)
    return changed if len(changed) <= max_size else of_bytes(data, max_size)


def _mutate_recurra(data: bytes, draw: random.Random, of_bytes: Bytes) -> bytes:
    (size,) = struct.unpack("<Q", data[:8])
    header, tensors = json.loads(data[8 : 8 + size]), data[8 + size :]
    notes = json.loads(header["__metadata__"]["recurra"])
    both = _changed({"header": header, "notes": notes}, draw)
    header, notes = both["header"], both["notes"]
    header["__metadata__"] = {"recurra": notes if isinstance(notes, str) else json.dumps(notes)}
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + _some_bytes(tensors, draw, of_bytes)


def _mutate_tfjs(data: bytes, draw: random.Random, of_bytes: Bytes) -> bytes:
    document, a, b = unpack(data)
    text = json.dumps(_changed(json.loads(document), draw))
    return pack(text, _some_bytes(a, draw, of_bytes)[:65535], _some_bytes(b, draw, of_bytes))


_PARTS = {"recurra": _mutate_recurra, "tfjs": _mutate_tfjs}


def _some_bytes(data: bytes, draw: random.Random, of_bytes: Bytes) -> bytes:
    return of_bytes(data, len(data) + 16) if data and draw.random() < 0.1 else data


def _changed(tree: Any, draw: random.Random) -> Any:
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        _change(tree, draw)
    return tree


def _change(tree: Any, draw: random.Random) -> None:
    places = list(_places(tree))
    if not places:
        return
    inside, key = draw.choice(places)
    value = inside[key]
    kind = draw.randrange(9)
    if kind == 0:
        del inside[key]
    elif kind == 1:
        other, place = draw.choice(places)
        inside[key] = copy.deepcopy(other[place])
    elif kind == 2 and isinstance(inside, list):
        inside.insert(draw.randrange(len(inside) + 1), copy.deepcopy(value))
    elif kind == 3 and isinstance(inside, dict):
        inside[draw.choice(_KEYS)] = inside.pop(key) if draw.random() < 0.5 else copy.deepcopy(value)
    elif kind == 4 and isinstance(value, dict):
        value[draw.choice(_KEYS)] = _value(draw)
    elif kind == 5 and isinstance(inside, list):
        draw.shuffle(inside)
    elif isinstance(value, str) and draw.random() < 0.7:
        inside[key] = draw.choice(_NAMES)
    elif isinstance(value, (int, float)) and draw.random() < 0.7:
        inside[key] = draw.choice([*_NUMBERS, value + 1, value - 1])
    else:
        inside[key] = _value(draw)


def _value(draw: random.Random) -> Any:
    return copy.deepcopy(draw.choice(draw.choice([_NUMBERS, _PLAIN, _NAMES])))


def _places(tree: Any) -> Any:
    waiting = [tree]
    while waiting:
        inside = waiting.pop()
        for key in list(inside) if isinstance(inside, dict) else range(len(inside)):
            yield inside, key
            if isinstance(inside[key], (dict, list)):
                waiting.append(inside[key])
