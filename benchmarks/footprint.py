"""What a program costs before it computes anything: time and memory of its import, and its size on the disk."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from .measuring import summarize
from .processes import ROOT, environment

__all__ = ["import_costs", "installed_size"]

# What is imported, and the package it belongs to.
_IMPORTS = {
    "numpy": ("import numpy", "numpy"),
    "recurra": ("import recurra", "recurra"),
    "recurra, a model made": (
        "import recurra; recurra.Sequential([recurra.Input((1, 1)), recurra.layers.LSTM(16)])",
        "recurra",
    ),
    "torch": ("import torch", "torch"),
    "JAX": ("import jax, jax.numpy", "jax"),
    "Keras on JAX": ("import os; os.environ['KERAS_BACKEND'] = 'jax'; import keras", "keras"),
    "ONNX Runtime": ("import onnxruntime", "onnxruntime"),
}
_MEMORY = "; from benchmarks.memory import memory; print(memory()['peak'])"


def import_costs(rounds: int) -> dict[str, dict[str, Any]]:
    """For each program the seconds of a run of Python that imports it less one that does not, and its peak memory."""
    times: dict[str, list[float]] = {}
    peaks: dict[str, int] = {}
    found: dict[str, dict[str, Any]] = {}
    for number in range(rounds + 1):  # the first round fills the caches of files
        empty = _seconds("pass")
        for name, (code, package) in _IMPORTS.items():
            if name in found:
                continue
            if not _installed(package):
                found[name] = {"left_out": f"{package} is not installed"}
                continue
            try:
                if number == 0:
                    peaks[name] = int(_run(code + _MEMORY).split()[-1])
                else:
                    times.setdefault(name, []).append(_seconds(code) - empty)
            except subprocess.CalledProcessError as error:
                lines = error.stderr.strip().splitlines()
                found[name] = {"failed": lines[-1] if lines else "it did not run"}
    for name, seconds in times.items():
        if name not in found:
            found[name] = {**summarize(seconds), "peak": peaks[name]}
    return {name: found[name] for name in _IMPORTS}


def installed_size(package: str) -> dict[str, Any]:
    """The bytes of the files of a package and of all it needs, and the names of those packages."""
    if not _installed(package):
        return {"left_out": f"{package} is not installed"}
    names = sorted(_needed(package, set()))
    return {"bytes": sum(_bytes(name) for name in names), "packages": names}


def _run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT, env=environment()
    )
    return done.stdout


def _seconds(code: str) -> float:
    begin = perf_counter()
    _run(code)
    return perf_counter() - begin


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _needed(package: str, known: set[str]) -> set[str]:
    """The package and all it requires without extras, as far as it is installed here."""
    name = re.sub(r"[-_.]+", "-", package).lower()
    if name in known:
        return known
    try:
        requirements = importlib.metadata.requires(package) or []
    except importlib.metadata.PackageNotFoundError:
        return known
    known.add(name)
    for requirement in requirements:
        text, _, marker = requirement.partition(";")
        match = re.match(r"[A-Za-z0-9._-]+", text)
        # Markers of other systems ask for packages that are not installed here; only those of extras must be skipped.
        if match and "extra" not in marker:
            _needed(match.group(), known)
    return known


def _bytes(package: str) -> int:
    if package == "recurra":
        return _own_bytes()
    files = importlib.metadata.files(package) or []
    paths = {Path(str(file.locate())).resolve() for file in files if "__pycache__" not in str(file)}
    return sum(path.stat().st_size for path in paths if path.exists())


def _own_bytes() -> int:
    """recurra may be in use from its source, with the extension elsewhere."""
    import recurra

    folder = Path(recurra.__file__).parent
    files = {path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    files = {path.resolve() for path in files if path.suffix not in (".so", ".pyd")}
    extension = importlib.util.find_spec("recurra.engines.native._native")
    if extension is not None and extension.origin:
        files.add(Path(extension.origin).resolve())
    return sum(path.stat().st_size for path in files)
