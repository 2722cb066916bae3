"""Calling a layer on numpy arrays: a graph is made, run once on the numpy engine, and thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import engines
from ..errors import ArgumentError
from ..graph import GraphBuilder
from .calling import trace
from .structure import flatten, map_structure
from .tracing import trace_of

if TYPE_CHECKING:
    from .layer import Layer

__all__ = ["compute"]


def compute(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Runs ``layer.call`` on arrays (or nested lists) and returns arrays. States advance."""
    builder = GraphBuilder(training=bool(kwargs.get("training")))
    trace_of(builder).only_shapes = not layer.built
    feeds: dict[str, np.ndarray] = {}

    def give(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        if value.dtype.kind not in "fiub":
            raise ArgumentError(f"Layer '{layer.name}' needs numbers, received an array of type {value.dtype}.")
        element = "int" if value.dtype.kind in "iu" and layer.input_element == "int" else "float"
        name = f"x{len(feeds)}"
        feeds[name] = np.ascontiguousarray(value, dtype=np.int32 if element == "int" else layer.dtype)
        return builder.input(name, value.shape, element)

    if args and not any(isinstance(leaf, np.ndarray) for leaf in flatten(args[0])):
        args = (np.asarray(args[0]), *args[1:])
    results = trace(layer, map_structure(give, args), map_structure(give, kwargs))
    for i, tensor in enumerate(flatten(results)):
        builder.output(f"y{i}", tensor)
    arrays = {name: variable.value for name, variable in builder.variables.items()}
    values = engines.get("numpy").compile(builder.finish(), arrays).predict(feeds)
    count = iter(range(len(values)))
    return map_structure(lambda _: values[f"y{next(count)}"], results)
