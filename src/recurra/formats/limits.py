"""The largest things a model file may hold. One place, for every reader of files from outside.

They are far above any real model; their purpose is that a damaged or hostile file is refused before it makes the
process allocate or recurse.
"""

from __future__ import annotations

import json
from typing import Any

from ..errors import FormatError

__all__ = [
    "MAX_HEADER_BYTES",
    "MAX_JSON_DEPTH",
    "MAX_LAYERS",
    "MAX_RANK",
    "MAX_STATE_ELEMENTS",
    "MAX_TENSORS",
    "count_layers",
    "parse_json",
]

MAX_HEADER_BYTES = 32 * 2**20
"""Bytes of the header of a safetensors file: names, shapes and the model's configuration."""

MAX_JSON_DEPTH = 64
"""Nesting of lists and mappings in a configuration. Five levels a nested model."""

MAX_LAYERS = 10_000
"""Layers of a model, those inside others included."""

MAX_RANK = 16
"""Dimensions of a tensor."""

MAX_STATE_ELEMENTS = 2**28
"""Elements of a stateful layer's state, which is no tensor of the file but made for the batch size it names."""

MAX_TENSORS = 200_000
"""Tensors in a file: weights and what the optimizer keeps for them."""


def parse_json(text: bytes | str, what: str) -> Any:
    """Parses JSON that came from outside.

    Args:
        text: The JSON.
        what: What it is, for messages, such as ``"The header of 'a.safetensors'"``.

    Raises:
        FormatError: It is no JSON, names a key twice, or is nested deeper than `MAX_JSON_DEPTH`.

    >>> parse_json('{"a": [1, 2]}', "It")
    {'a': [1, 2]}
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(f"{what} is not JSON: it is not UTF-8 text.") from error
    if _depth(text) > MAX_JSON_DEPTH:
        raise FormatError(f"{what} is nested deeper than {MAX_JSON_DEPTH} levels; this is no configuration of a model.")
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, what), parse_constant=_no_constant)
    except FormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{what} is not JSON: {error}.") from error


def count_layers(config: Any) -> int:
    """How many objects of a class a configuration holds, at any depth. They are the layers, and what layers hold.

    >>> count_layers({"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {}}]}})
    2
    """
    count, waiting = 0, [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            count += "class_name" in item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return count


def _depth(text: str) -> int:
    """The nesting of brackets outside of strings, found without recursion."""
    depth = deepest = 0
    inside = escaped = False
    for character in text:
        if inside:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside = False
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]], what: str) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        raise FormatError(f"{what} names '{next(n for n in names if names.count(n) > 1)}' twice.")
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number in JSON")
