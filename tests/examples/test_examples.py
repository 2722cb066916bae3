"""Every example runs; those of the article learn."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
ARTICLE = ["article_keras", "article_node", "article_tensorflowjs"]


def load(name: str) -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


@pytest.mark.parametrize("name", ARTICLE)
def test_the_article_runs_as_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    load(name)["main"]()
    out = capsys.readouterr().out
    assert out.startswith("[[" if name == "article_keras" else "Tensor\n     [[")


@pytest.mark.parametrize("name", ARTICLE)
def test_the_article_learns_its_two_examples(name: str) -> None:
    model = load(name)["main"](2000)
    model = getattr(model, "recurra", model)
    fitted = model.predict(np.array([[1.0], [2.0]]), verbose=0)
    assert np.abs(fitted - [[1.0], [2.0]]).max() < 0.05


def test_both_halves_of_the_article_are_one_model(capsys: pytest.CaptureFixture[str]) -> None:
    load("article_tensorflowjs")["main"]()
    first = capsys.readouterr().out
    load("article_node")["main"]()
    assert capsys.readouterr().out == first
