"""recurra convert, inspect and export."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.cli.test_main import code_of

import recurra
from recurra import layers
from recurra.formats.tfjs import node
from recurra.tfjs import train


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    recurra.set_seed(1)
    made = recurra.Sequential([recurra.Input((3, 1), name="series"), layers.LSTM(40, name="lstm"), layers.Dense(2)])
    made.compile(train.adam(), "mse")
    made.fit(np.ones((4, 3, 1)), np.ones((4, 2)), verbose=0)
    made.user_metadata = {"note": "mine"}
    made.save(path)
    return path


def weights_of(path: Path) -> list[bytes]:
    return [weight.tobytes() for weight in recurra.load_model(path).get_weights()]


def test_convert_there_and_back(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    web, back = tmp_path / "web", tmp_path / "back.safetensors"
    assert code_of("convert", str(model), str(web)) == 0
    assert code_of("convert", str(web / "model.json"), str(back)) == 0
    there, again = capsys.readouterr().out.splitlines()
    assert there == f"{model} (recurra) -> {web} (tfjs): 6,802 weights"
    assert again == f"{web}/model.json (tfjs) -> {back} (recurra): 6,802 weights"
    assert weights_of(back) == weights_of(model)
    read = recurra.load_model(back)
    assert read.optimizer.iterations == 1
    assert read.user_metadata == {"note": "mine"}


def test_convert_with_options(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, bare = tmp_path / "small", tmp_path / "bare"
    assert code_of("convert", str(model), str(small), "--quantization", "uint8", "--no-optimizer") == 0
    assert sum(file.stat().st_size for file in small.glob("*.bin")) == 6802
    assert code_of("convert", str(model), str(bare), "--no-optimizer", "--format", "recurra") == 0
    assert not recurra.load_model(bare).compiled
    assert code_of("convert", str(model), str(tmp_path / "x.safetensors"), "--quantization", "uint8") == 2
    assert "Leave out --quantization" in capsys.readouterr().err
    assert code_of("convert", str(model), str(tmp_path / "x"), "--quantization", "int4") == 2
    assert "received 'int4'" in capsys.readouterr().err
    assert code_of("convert", str(model), str(tmp_path / "x"), "--format", "keras") == 2
    assert "Unknown format 'keras'" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "x.safetensors").exists()


def test_what_cannot_be_expressed_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gru.safetensors"
    recurra.Sequential([recurra.Input((3, 1)), layers.GRU(2)]).save(path)
    assert code_of("convert", str(path), str(tmp_path / "web")) == 2
    assert "Train a GRU(reset_after=False)" in capsys.readouterr().err
    assert code_of("convert", str(tmp_path / "none"), str(tmp_path / "web")) == 2
    assert "No such file" in capsys.readouterr().err
    assert not (tmp_path / "web").exists()


@pytest.mark.parametrize(("difference", "largest", "code"), [(9e-6, 0.5, 0), (9e-4, 100, 0), (2e-5, 1, 2)])
def test_verify_says_how_far_off(
    difference: float,
    largest: float,
    code: int,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether the numbers are right is seen beside TensorFlow.js, in tests/interop."""
    monkeypatch.setattr(node, "compare", lambda model, document: (difference, largest))
    assert code_of("convert", str(model), str(tmp_path / "web"), "--verify") == code
    captured = capsys.readouterr()
    assert f"the largest difference is {difference:.1e}" in (captured.err if code else captured.out)
    assert ("verified" in captured.out) == (code == 0)


def test_verify_without_node(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_of("convert", str(model), str(tmp_path / "web"), "--verify") == 2
    assert "Node.js was not found" in capsys.readouterr().err
    assert weights_of(tmp_path / "web") == weights_of(model)


def test_inspect(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("inspect", str(model), "--weights") == 0
    text = capsys.readouterr().out
    for line in (
        "format      safetensors file of recurra",
        "inputs      series (None, 3, 1) float32",
        "parameters  6,802",
        "optimizer   Adam, 1 steps done",
        "loss        mse",
        'metadata    {"note": "mine"}',
        "lstm/recurrent_kernel  40 x 160  float32",
    ):
        assert line in text
    assert code_of("convert", str(model), str(tmp_path / "web")) == 0
    capsys.readouterr()
    assert code_of("inspect", str(tmp_path / "web"), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["format"] == "LayersModel of TensorFlow.js"
    assert found["parameters"] == 6802
    assert [row["shape"] for row in found["weights"]] == [[1, 160], [40, 160], [160], [40, 2], [2]]


def test_inspect_looks_at_weights_that_are_no_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = recurra.Sequential([recurra.Input((2,)), layers.Dense(1, name="out")])
    made.set_weights([np.array([[np.nan], [1.0]]), np.array([np.inf])])
    made.save(tmp_path / "m.safetensors")
    assert code_of("inspect", str(tmp_path / "m.safetensors")) == 0
    assert "Some weights are NaN or infinite" in capsys.readouterr().out
    assert code_of("inspect", str(tmp_path / "m.safetensors"), "--json") == 0
    kernel, bias = json.loads(capsys.readouterr().out)["weights"]
    assert (kernel["nonfinite"], kernel["max"], bias["nonfinite"], bias["max"]) == (1, 1.0, 1, None)


def test_inspect_weights_without_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = recurra.Sequential([recurra.Input((2,)), layers.Dense(1, name="out")])
    made.save_weights(tmp_path / "w.safetensors")
    assert code_of("inspect", str(tmp_path / "w.safetensors"), "--weights") == 0
    text = capsys.readouterr().out
    assert "format      weights of recurra, without the layers" in text
    assert "out/kernel  2 x 1" in text


def test_export(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, example = tmp_path / "page", tmp_path / "window.csv"
    example.write_text("1\n2\n3\n", encoding="utf-8")
    assert code_of("export", str(model), str(page), "--title", "A & B", "--example", str(example)) == 0
    assert "npm install @tensorflow/tfjs" in capsys.readouterr().out
    names = {file.name for file in page.iterdir() if file.suffix != ".bin"}
    assert names == {
        "README.md", "app.js", "charts.js", "example.json", "index.html", "model.json", "predict.mjs", "style.css",
    }  # fmt: skip
    assert len((page / "README.md").read_text(encoding="utf-8").strip().splitlines()) == 2
    assert "`node predict.mjs '[[[1], [1], [1]]]'`" in (page / "README.md").read_text(encoding="utf-8")
    assert "<h1>A &amp; B</h1>" in (page / "index.html").read_text(encoding="utf-8")
    assert json.loads((page / "example.json").read_text(encoding="utf-8")) == [[1.0], [2.0], [3.0]]
    assert "trainingConfig" not in json.loads((page / "model.json").read_text(encoding="utf-8"))
    for name, content in (("bad.csv", "a,b"), ("bad.json", "{"), ("none.npy", None)):
        if content is not None:
            (tmp_path / name).write_text(content, encoding="utf-8")
        assert code_of("export", str(model), str(tmp_path / "no"), "--example", str(tmp_path / name)) == 2
        assert f"Cannot read the example '{tmp_path / name}'" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
