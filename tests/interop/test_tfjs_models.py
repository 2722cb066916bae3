"""Models of TensorFlow.js, made at random, trained and saved there: read here, trained on, and given back.

RECURRA_SEED=17 make test-interop tries other models than the usual ones.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recurra
from recurra import tfjs as tf

SCRIPT = Path(__file__).parents[1] / "golden" / "tfjs" / "random_models.mjs"
SEED = int(os.environ.get("RECURRA_SEED", "2"))
COUNT = 100

Case = dict[str, Any]


def node(*arguments: object) -> str:
    done = subprocess.run(
        ["node", str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=900
    )
    if done.returncode:
        raise RuntimeError(f"{SCRIPT.name} {arguments} failed:\n{done.stderr[-4000:]}")
    return done.stdout


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders 0, 1, ... with models of TensorFlow.js, and what becomes of them there."""
    folder = tmp_path_factory.mktemp("tfjs")
    node("make", folder, SEED, COUNT)
    return folder


def case_of(folder: Path) -> Case:
    case: Case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    return case


def single(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def inputs_of(case: Case) -> list[np.ndarray]:
    return [np.asarray(x, dtype=dtype) for x, dtype in zip(case["inputs"], case["dtypes"], strict=True)]


def check(predicted: Any, expected: list[Any]) -> float:
    arrays = predicted if isinstance(predicted, list) else [predicted]
    worst = 0.0
    for one, other in zip(arrays, expected, strict=True):
        np.testing.assert_allclose(one, np.asarray(other), rtol=1e-5, atol=1e-5)
        worst = max(worst, float(np.abs(one - np.asarray(other)).max()))
    return worst


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_models_made_there_predict_and_train_on_here(
    theirs: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECURRA_ENGINE", engine)
    worst = worst_loss = 0.0
    for index in range(COUNT):
        case = case_of(theirs / str(index))
        model = recurra.load_model(theirs / str(index))
        assert model.user_metadata == case["metadata"]
        x = inputs_of(case)
        worst = max(worst, check(model.predict_on_batch(single(x)), case["expected"]))
        y = [np.asarray(target) for target in case["targets"]]
        history = model.fit(single(x), single(y), batch_size=2, epochs=3, shuffle=False, verbose=0)
        np.testing.assert_allclose(history.history["loss"], case["continued"], rtol=2e-5, atol=1e-6)
        worst_loss = max(worst_loss, float(np.abs(np.subtract(history.history["loss"], case["continued"])).max()))
    print(f"{engine}: {COUNT} models, largest difference {worst:.1e}; of losses {worst_loss:.1e}")


def test_they_go_back(theirs: Path, tmp_path: Path) -> None:
    for index in range(COUNT):
        model = recurra.load_model(theirs / str(index))
        model.save(tmp_path / str(index), format="tfjs", include_optimizer=True)
        (tmp_path / str(index) / "case.json").write_bytes((theirs / str(index) / "case.json").read_bytes())
    text = node("run", tmp_path, COUNT)
    for index, result in enumerate(json.loads(text[text.index("[") :])):
        case = case_of(tmp_path / str(index))
        # The very numbers: the weights are the same bits.
        assert result["predicted"] == case["expected"], index
        assert result["continued"] == pytest.approx(case["continued"], rel=1e-6, abs=1e-7), index
        assert result["metadata"] == case["metadata"]


def test_training_here_goes_on_there(theirs: Path, tmp_path: Path) -> None:
    """Two epochs more here, saved, read there: the third loss there is the third of the whole run."""
    for index in range(COUNT):
        case = case_of(theirs / str(index))
        model = recurra.load_model(theirs / str(index))
        x, y = inputs_of(case), [np.asarray(target) for target in case["targets"]]
        model.fit(single(x), single(y), batch_size=2, epochs=2, shuffle=False, verbose=0)
        model.save(tmp_path / str(index), format="tfjs", include_optimizer=True)
        (tmp_path / str(index) / "case.json").write_bytes((theirs / str(index) / "case.json").read_bytes())
    text = node("run", tmp_path, COUNT)
    for index, result in enumerate(json.loads(text[text.index("[") :])):
        expected = case_of(tmp_path / str(index))["continued"][2]
        total = result["continued"][0]
        assert np.ravel(total)[0] == pytest.approx(np.ravel(expected)[0], rel=5e-5, abs=2e-6), index


def test_the_spelling_of_tensorflowjs_reads_them(theirs: Path) -> None:
    for index in range(0, COUNT, 10):
        case = case_of(theirs / str(index))
        model = tf.loadLayersModel(f"file://{theirs / str(index)}/model.json")
        predicted = model.predict(
            [tf.tensor(x) for x in inputs_of(case)] if len(case["inputs"]) > 1 else inputs_of(case)[0]
        )
        arrays = predicted if isinstance(predicted, list) else [predicted]
        check([np.asarray(array.arraySync()) for array in arrays], case["expected"])
        assert model.getUserDefinedMetadata() == case["metadata"]
