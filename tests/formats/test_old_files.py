"""Files of every version of the format: read, predicting and training on as when they were written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.harness.tolerances import check_close, tolerance

import recurra
from recurra.formats import recurra as room

GOLDEN = Path(__file__).parents[1] / "golden" / "recurra"
FILES = sorted(GOLDEN.glob("*.safetensors"))


def test_there_is_a_file_of_every_version() -> None:
    assert [file.stem for file in FILES] == [f"version_{number + 1}" for number in range(room.VERSION)]


@pytest.mark.parametrize("engine", ["numpy", "native"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_an_old_file(file: Path, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_ENGINE", engine)
    expected = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    shutil.copy(file, tmp_path / "old")
    model = recurra.load_model(tmp_path / "old")
    x, y = [np.asarray(part) for part in expected["x"]], [np.asarray(part) for part in expected["y"]]
    allowed = tolerance(engine, "float32", "training")
    for found, wanted in zip(model.predict_on_batch(x), expected["predictions"], strict=True):
        check_close(found, wanted, allowed, file.stem)
    assert model.optimizer.iterations == expected["iterations"]
    assert model.user_metadata == expected["metadata"]
    # The same noise, the same learning rates, the same moments: the same losses.
    losses = model.fit(x, y, epochs=3, batch_size=3, shuffle=False, verbose=0).history["loss"]
    assert losses == pytest.approx(expected["losses"], rel=1e-5)
    # Weights alone go into a model of the same layers.
    model.load_weights(tmp_path / "old")
    check_close(model.predict_on_batch(x)[0], expected["predictions"][0], allowed, file.stem)
