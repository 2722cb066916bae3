"""``recurra info``."""

from __future__ import annotations

import importlib.metadata
import os
import platform

from .. import __version__, engines

__all__ = ["print_info"]

_PACKAGES = ("numpy", "safetensors", "rich", "typer", "matplotlib", "polars", "narwhals")


def print_info() -> None:
    """Prints versions, the engine, the processor, and what the engine can do on it."""
    engine = engines.default()
    lines = {
        "recurra": __version__,
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "engine": engine.name,
        "engines": ", ".join(engines.available()),
        "processors": str(os.cpu_count()),
    }
    if engine.name == "native":
        from ..engines.native import instruction_set, instruction_sets, num_threads

        lines["instruction set"] = f"{instruction_set()} (of {', '.join(instruction_sets())})"
        lines["threads"] = str(num_threads())
    lines["precisions"] = engines.show_precisions(engine)
    for package in _PACKAGES:
        try:
            lines[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            lines[package] = "not installed"
    width = max(map(len, lines))
    for name, value in lines.items():
        print(f"{name:<{width}}  {value}")
