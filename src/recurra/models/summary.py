"""The table that `Model.summary` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError
from ..graph import show_shape
from ..layers.layer import Layer
from ..layers.structure import flatten

if TYPE_CHECKING:
    from .model import Model

__all__ = ["summarize"]


def summarize(model: Model, expand_nested: bool = False, show_trainable: bool = False) -> str:
    """Returns the table as text.

    >>> from recurra.layers import Dense, Input
    >>> from recurra.models import Sequential
    >>> print(summarize(Sequential([Input((3,)), Dense(2, name="out")], name="small")))
    Model 'small' (Sequential)
    Layer (type)  Output shape  Weights
    -----------------------------------
    out (Dense)   (None, 2)           8
    -----------------------------------
    Total weights: 8 (32 B)
    Trainable: 8 (32 B)
    Not trainable: 0 (0 B)
    """
    from .model import Model

    linear = _is_chain(model)
    header = ["Layer (type)", "Output shape", "Weights"]
    if not linear:
        header.append("Reads")
    if show_trainable:
        header.append("Trainable")

    def rows(container: Any, depth: int) -> list[list[str]]:
        result = []
        for layer in container.layers:
            row = [
                f"{'  ' * depth}{layer.name} ({type(layer).__name__})",
                _output_shape(layer),
                f"{layer.count_params():,}" if layer.built else "?",
            ]
            if not linear:
                row.append(_reads(layer) if depth == 0 else "")
            if show_trainable:
                row.append("yes" if layer.trainable else "no")
            result.append(row)
            if expand_nested and isinstance(layer, Model):
                result.extend(rows(layer, depth + 1))
        return result

    table = [header, *rows(model, 0)]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]

    def line(row: list[str]) -> str:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        cells[2] = row[2].rjust(widths[2])
        return "  ".join(cells).rstrip()

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [f"Model '{model.name}' ({type(model).__name__})", line(header), rule, *map(line, table[1:]), rule]
    if all(layer.built for layer in model.layers):
        for label, variables in (
            ("Total weights", model.weights),
            ("Trainable", model.trainable_weights),
            ("Not trainable", model.non_trainable_weights),
        ):
            count = sum(v.value.size for v in variables)
            lines.append(f"{label}: {count:,} ({_size(sum(v.value.nbytes for v in variables))})")
    else:
        lines.append("Not built yet: the shape of the input is unknown.")
    return "\n".join(lines)


def _output_shape(layer: Layer) -> str:
    try:
        outputs = layer.output
    except ArgumentError:
        return "?"
    return ", ".join(show_shape(t.shape) for t in flatten(outputs))


def _reads(layer: Layer) -> str:
    names = [
        f"{leaf.name}[{leaf.index}]" if leaf.index else leaf.name for node in layer._nodes for leaf in node.parents
    ]
    return ", ".join(dict.fromkeys(names)) or "-"


def _is_chain(model: Model) -> bool:
    from .sequential import Sequential

    return isinstance(model, Sequential)


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
