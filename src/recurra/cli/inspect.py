"""``recurra inspect``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..formats import load_model
from ..formats.files import format_of
from ..formats.recurra import weights_in
from ..graph import show_shape
from ..models import Model

__all__ = ["run_inspect"]

_NAMES = {"recurra": "safetensors file of recurra", "tfjs": "LayersModel of TensorFlow.js"}


def run_inspect(path: Path, weights: bool, as_json: bool) -> None:
    """Prints what a model file holds.

    Args:
        path: A file or folder that `recurra.load_model` reads.
        weights: Whether each weight is listed with its range.
        as_json: Whether to print JSON instead of text.
    """
    found = weights_in(path) if format_of(path) == "recurra" and not path.is_dir() else None
    model = load_model(path, allow_nonfinite=True) if found is None else None
    if model is not None:
        facts = _facts(model, path)
        found = {variable.name: variable.value for variable in model.weights}
    else:
        facts = {"file": str(path), "format": "weights of recurra, without the layers"}
        facts["parameters"] = sum(array.size for array in (found or {}).values())
    rows = [_range(name, array) for name, array in (found or {}).items()]
    if as_json:
        print(json.dumps({**facts, "weights": rows}, indent=2))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {f'{value:,}' if isinstance(value, int) else value}")
    if model is not None:
        print()
        model.summary()
    if weights:
        _print_table(rows)
    elif any(row["nonfinite"] for row in rows):
        print("Some weights are NaN or infinite; --weights shows which.")


def _facts(model: Model, path: Path) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "file": str(path),
        "format": _NAMES[format_of(path)],
        "model": f"{type(model).__name__} '{model.name}'",
        "inputs": ", ".join(
            f"{n} {show_shape(t.shape)} {t.dtype}" for n, t in zip(model.input_names, model.inputs, strict=True)
        ),
        "outputs": ", ".join(
            f"{n} {show_shape(t.shape)}" for n, t in zip(model.output_names, model.outputs, strict=True)
        ),
        "parameters": model.count_params(),
    }
    if model.compiled:
        optimizer = model.optimizer
        facts["optimizer"] = f"{type(optimizer).__name__}, {optimizer.iterations} steps done"
        loss = (model.get_compile_config() or {}).get("loss")
        facts["loss"] = loss if isinstance(loss, str) else json.dumps(loss)
    else:
        facts["optimizer"] = "none: the model is not compiled"
    if model.user_metadata is not None:
        facts["metadata"] = json.dumps(model.user_metadata)
    return facts


def _range(name: str, value: np.ndarray) -> dict[str, Any]:
    finite = value[np.isfinite(value)]
    known = finite.size > 0
    return {
        "name": name,
        "shape": list(value.shape),
        "dtype": str(value.dtype),
        "min": float(finite.min()) if known else None,
        "max": float(finite.max()) if known else None,
        "mean": float(finite.mean()) if known else None,
        "zeros": int((value == 0).sum()),
        "nonfinite": int(value.size - finite.size),
    }


def _print_table(rows: list[dict[str, Any]]) -> None:
    table = [["weight", "shape", "dtype", "min", "max", "mean", "zeros", "NaN or inf"]]
    for row in rows:
        numbers = ["-" if row[key] is None else f"{row[key]:.4g}" for key in ("min", "max", "mean")]
        shape = " x ".join(map(str, row["shape"])) or "scalar"
        table.append([row["name"], shape, row["dtype"], *numbers, str(row["zeros"]), str(row["nonfinite"])])
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    print()
    for line in table:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
