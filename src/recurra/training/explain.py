"""`model.explain()`: which engine runs a model, and what it runs."""

from __future__ import annotations

import math

from ..engines import Program
from ..graph import ABSENT, show_shape
from .graphs import Traced

__all__ = ["explain"]


def explain(traced: Traced, program: Program, engine: str, name: str) -> str:
    """Writes a table of the nodes of a graph.

    Args:
        traced: The graph, traced for prediction.
        program: What the engine made of it. Its ``describe()``, where it has one, is added.
        engine: The engine's name.
        name: The model's name.
    """
    graph = traced.graph
    names = {id: label for group in (graph.parameters, graph.states, graph.inputs) for label, id in group.items()}
    rows = [("layer", "operation", "output", "reads")]
    for node in graph.nodes:
        shapes = ", ".join(show_shape(graph.values[id].shape) for id in node.outputs)
        read = [names[id] for id in node.inputs if id != ABSENT and id in names]
        rows.append((node.scope or "-", node.op, shapes, ", ".join(map(_short, read)) or "-"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    table = [
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3])).rstrip()
        for row in rows
    ]
    count = sum(math.prod(map(int, graph.values[id].shape)) for id in graph.parameters.values())
    lines = [
        f"{name} runs on the {engine} engine: {len(graph.nodes)} operations, {len(graph.parameters)} weights with "
        f"{count:,} numbers.",
        *table,
    ]
    describe = getattr(program, "describe", None)
    if callable(describe):
        lines.append(str(describe()))
    return "\n".join(lines)


def _short(name: str) -> str:
    return name.rsplit("/", 1)[-1] if "/" in name else name
