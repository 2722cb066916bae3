"""Walking through lists, tuples and mappings of things, as layers take and return them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["flatten", "map_structure"]


def flatten(structure: Any) -> list[Any]:
    """The things inside nested lists, tuples and mappings, in order.

    >>> flatten([1, (2, None), {"a": 3}])
    [1, 2, None, 3]
    """
    if isinstance(structure, (list, tuple)):
        return [leaf for item in structure for leaf in flatten(item)]
    if isinstance(structure, Mapping):
        return [leaf for item in structure.values() for leaf in flatten(item)]
    return [structure]


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """The same structure with ``function`` applied to each thing inside.

    >>> map_structure(lambda x: x + 1, [1, (2, 3), {"a": 4}])
    [2, (3, 4), {'a': 5}]
    """
    if isinstance(structure, (list, tuple)):
        return type(structure)([map_structure(function, item) for item in structure])
    if isinstance(structure, Mapping):
        return {key: map_structure(function, item) for key, item in structure.items()}
    return function(structure)
