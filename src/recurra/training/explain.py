"""`model.explain()`: which engine runs a model, and what it runs."""

from __future__ import annotations

import math

from .. import engines
from ..graph import ABSENT, show_shape
from .programs import Compiled

__all__ = ["explain"]


def explain(compiled: Compiled, name: str) -> str:
    """Writes a table of the nodes of a graph.

    Args:
        compiled: The program, made for prediction.
        name: The model's name.
    """
    graph = compiled.traced.graph
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
        f"{name} runs on the {_engine(compiled.engine.name)}: {len(graph.nodes)} operations, "
        f"{len(graph.parameters)} weights with {count:,} numbers.",
        f"Precision of products: {compiled.precision}. It runs {engines.show_precisions(compiled.engine)}.",
        *([_recompute(compiled.engine.name)] if compiled.recompute else []),
        *table,
    ]
    return "\n".join(lines)


def _engine(name: str) -> str:
    if name != "native":
        return f"{name} engine"
    from ..engines import native

    threads = native.num_threads()
    return f"native engine ({native.instruction_set()}, {threads} thread{'s' if threads > 1 else ''})"


def _recompute(engine: str) -> str:
    if engine != "native":
        return f"Training keeps everything: recompute=True has no effect on the {engine} engine."
    return (
        "Training keeps the states at every n-th step of recurrent layers and makes the steps between again "
        "(recompute=True)."
    )


def _short(name: str) -> str:
    return name.rsplit("/", 1)[-1] if "/" in name else name
