"""Models that TensorFlow.js 4.22 saved, with what it predicts and how its training goes on."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.formats.tfjs.folders import SAMPLES
from tests.harness.tolerances import check_close, tolerance

import recurra


def load(name: str, folder: Path) -> Any:
    sample = SAMPLES[name]
    (folder / "model.json").write_text(json.dumps(sample["model_json"]), encoding="utf-8")
    (folder / "weights.bin").write_bytes(base64.b64decode(sample["weights_bin_base64"]))
    return recurra.load_model(folder)


@pytest.fixture(params=["numpy", "native"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RECURRA_ENGINE", request.param)
    return str(request.param)


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if "expected" in sample])
def test_predictions(name: str, engine: str, tmp_path: Path) -> None:
    model = load(name, tmp_path)
    x = np.asarray(SAMPLES[name]["input"][0], dtype=np.float32)
    check_close(model.predict_on_batch(x), SAMPLES[name]["expected"], tolerance(engine, "float32", "parity"), name)
    # And once more after a way back and forth, with the very same weights.
    model.save(tmp_path / "back", format="tfjs")
    again = recurra.load_model(tmp_path / "back")
    assert all((a == b).all() for a, b in zip(model.get_weights(), again.get_weights(), strict=True))
    assert [v.name for v in again.weights] == [v.name for v in model.weights]
    if model.states:
        model.reset_states()
    assert (again.predict_on_batch(x) == model.predict_on_batch(x)).all()


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if "x" in sample])
def test_training_goes_on(name: str, engine: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    model = load(name, tmp_path)
    assert model.optimizer.iterations == 2
    assert model.optimizer.get_config()["epsilon_hat"] is False
    history = model.fit(
        np.asarray(sample["x"]), np.asarray(sample["y"]), epochs=2, batch_size=4, shuffle=False, verbose=0
    )
    expected = sample["continued_training_loss"]["after_reload"]
    assert history.history["loss"] == pytest.approx(expected, rel=2e-6)
    assert "mae" in history.history
