"""The largest things a model file may hold. One place, for every reader of files from outside.

They are far above any real model; their purpose is that a damaged or hostile file is refused before it makes the
process allocate or recurse.
"""

from __future__ import annotations

import json
import math
from typing import Any

from ..errors import FormatError

__all__ = [
    "MAX_HEADER_BYTES",
    "MAX_JSON_DEPTH",
    "MAX_LAYERS",
    "MAX_RANK",
    "MAX_STATE_ELEMENTS",
    "MAX_TENSORS",
    "StateLimit",
    "count_layers",
    "finite",
    "parse_json",
]

MAX_HEADER_BYTES = 32 * 2**20
"""Bytes of the header of a safetensors file: names, shapes and the model's configuration."""

MAX_JSON_DEPTH = 64
"""Nesting of lists and mappings in a configuration. Five levels a nested model."""

MAX_LAYERS = 50_000
"""Layers of a model, those inside others included, as often as they are called."""

MAX_RANK = 16
"""Dimensions of a tensor."""

MAX_STATE_ELEMENTS = 2**24
"""Elements of all states of a model. They are no tensors of the file but made for the batch size it names."""

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


def finite(value: Any) -> float | None:
    """A number of JSON as a float, or None where it is none, infinite, or too large for one.

    >>> finite(3), finite(True), finite("3"), finite(10**400)
    (3.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def count_layers(config: Any) -> int:
    """How many objects of a class a configuration holds, at any depth. They are the layers, and what layers hold.

    What is called several times counts as often, and all inside it: a model that calls a model ten times, which calls
    one ten times, and so on, is a short text and endless work.

    >>> count_layers({"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {}}]}})
    2
    >>> count_layers({"class_name": "Model", "config": {"class_name": "Dense", "inbound_nodes": [[], [], []]}})
    4
    """
    if isinstance(config, list):
        return sum(map(count_layers, config))
    if not isinstance(config, dict):
        return 0
    inside = sum(count_layers(item) for key, item in config.items() if key != "inbound_nodes")
    calls = config.get("inbound_nodes")
    return (inside + ("class_name" in config)) * max(1, len(calls) if isinstance(calls, list) else 1)


class StateLimit:
    """Counts what the states of a model take while it is made.

    Args:
        file: Where the model is read from, for messages.
    """

    def __init__(self, file: object) -> None:
        self._left = MAX_STATE_ELEMENTS
        self._file = file

    def take(self, name: str, shape: tuple[int, ...]) -> None:
        """Raises FormatError where one more state is too much."""
        count = math.prod(shape)
        self._left -= count
        if self._left < 0:
            raise FormatError(
                f"'{self._file}' asks for a state '{name}' of {count:,} elements; all states of a model together may "
                f"have {MAX_STATE_ELEMENTS:,}."
            )


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
