"""What `import recurra` costs and offers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pytest

import recurra

HEAVY = {"rich", "matplotlib", "narwhals", "polars", "pandas", "pyarrow", "safetensors", "typer", "click", "torch"}


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def loaded_by(code: str) -> set[str]:
    modules = json.loads(run(f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"))
    return {module.partition(".")[0] for module in modules}


def test_import_loads_no_heavy_package() -> None:
    assert not loaded_by("import recurra") & HEAVY


def test_making_and_training_a_model_loads_no_heavy_package() -> None:
    code = """
import recurra
model = recurra.Sequential([recurra.Input((2, 1)), recurra.layers.LSTM(2), recurra.layers.Dense(1)])
model.compile(optimizer="adam", loss="mse")
model.fit([[[1.0], [2.0]]], [[1.0]])
model.predict([[[1.0], [2.0]]])
"""
    assert not loaded_by(code) & HEAVY


def test_import_takes_at_most_16_tenths_of_the_time_of_numpy() -> None:
    def seconds(module: str) -> float:
        begin = perf_counter()
        run(f"import {module}")
        return perf_counter() - begin

    pairs = [(seconds("numpy"), seconds("recurra")) for _ in range(5)]
    assert min(own for _, own in pairs) <= 1.6 * min(base for base, _ in pairs)


def test_names_are_sorted_exist_and_are_listed() -> None:
    assert list(recurra.__all__) == sorted(recurra.__all__)
    for name in recurra.__all__:
        assert getattr(recurra, name) is getattr(recurra, name)
    assert set(recurra.__all__) <= set(dir(recurra))


def test_a_wrong_name_is_an_attribute_error_with_a_suggestion() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Sequental'. Did you mean 'Sequential'"):
        _ = recurra.Sequental
    with pytest.raises(ImportError):
        from recurra import Lstm  # noqa: F401


def test_the_version_is_the_one_in_the_changelog_or_not_released() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", recurra.__version__)
    changelog = (Path(__file__).parents[1] / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{recurra.__version__}]" in changelog or "## [Unreleased]" in changelog
