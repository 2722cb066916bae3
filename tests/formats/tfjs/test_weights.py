"""Manifests, shards, and the way into files and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.formats.tfjs.folders import dense, lstm, sequential, write

import recurra
from recurra.formats.tfjs.weights import encode, read_manifest, read_weights

WEIGHTS = [
    ("lstm/kernel", np.arange(8.0).reshape(1, 8)),
    ("lstm/recurrent_kernel", np.arange(16.0).reshape(2, 8) / 7),
    ("lstm/bias", np.arange(8.0) - 3),
    ("dense/kernel", np.ones((2, 1))),
    ("dense/bias", np.zeros(1)),
]


@pytest.mark.parametrize("split", [None, 1, 3, 4, 50, 131])
def test_shards_of_any_size(tmp_path: Path, split: int | None) -> None:
    """A weight may lie across the border of two files, even a number of it."""
    model = recurra.load_model(write(tmp_path, sequential(lstm(), dense()), WEIGHTS, split=split))
    for found, (_, expected) in zip(model.get_weights(), WEIGHTS, strict=True):
        assert (found == expected.astype(np.float32)).all()


def test_several_groups_and_folders(tmp_path: Path) -> None:
    arrays = {name: np.asarray(array, dtype=np.float32) for name, array in WEIGHTS}
    (tmp_path / "deep").mkdir()
    manifest = []
    for number, (name, array) in enumerate(arrays.items()):
        path = f"deep/{number}.bin" if number % 2 else f"{number}.bin"
        (tmp_path / path).write_bytes(array.tobytes())
        entry = {"name": name, "shape": list(array.shape), "dtype": "float32"}
        manifest.append({"paths": [path], "weights": [entry]})
    model, optimizer = read_weights(read_manifest(manifest, tmp_path, tmp_path / "model.json"))
    assert optimizer == []
    assert [name for name, _ in model] == list(arrays)
    assert all((array == arrays[name]).all() for name, array in model)


def test_there_and_back(tmp_path: Path) -> None:
    state = [("iter", np.array(7, dtype=np.int32)), ("a/m", np.array([0.5], dtype=np.float32))]
    for kind in (None, "uint8", "uint16", "float16"):
        entries, data = encode([("a", np.array([[-1.0, 0.25, 1.0]], dtype=np.float32))], state, kind)
        (tmp_path / "w").write_bytes(data)
        manifest = [{"paths": ["w"], "weights": entries}]
        ((name, values),), optimizer = read_weights(read_manifest(manifest, tmp_path, tmp_path))
        assert name == "a"
        assert values.shape == (1, 3)
        np.testing.assert_allclose(values, [[-1.0, 0.25, 1.0]], atol=0.004)
        assert optimizer[0][1].shape == ()
        # The optimizer's state is never rounded.
        assert [array.item() for _, array in optimizer] == [7, 0.5]


def test_no_weights_at_all(tmp_path: Path) -> None:
    assert read_weights(read_manifest([{"paths": [], "weights": []}], tmp_path, tmp_path)) == ([], [])
