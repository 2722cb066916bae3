"""Windows over a series and memory-mapped files train as the copied arrays would, without being copied."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import recurra
from recurra.data.windows import sliding_windows
from recurra.engines import available
from recurra.layers import LSTM, Dense, Input
from recurra.models import Sequential


def make(features: int, window: int, engine: str = "native") -> Sequential:
    recurra.set_seed(5)
    model = Sequential([Input((window, features)), LSTM(4), Dense(1)])
    model.compile("adam", "mse", engine=engine)
    return model


@pytest.mark.parametrize("engine", available())
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("features", [1, 3])
def test_windows_train_as_their_copies_do(engine: str, dtype: str, features: int) -> None:
    series = (np.random.default_rng(0).standard_normal((60, features)) * 4).astype(dtype)
    x, y = sliding_windows(series, window=8, horizon=1)
    results = []
    for copied in (False, True):
        model = make(features, 8, engine)
        inputs = np.array(x) if copied else x
        history = model.fit(inputs, y[:, 0, :1], epochs=2, batch_size=16, verbose=0)
        results.append(
            (history.history["loss"], model.predict(inputs, verbose=0), model.predict(inputs[:5], verbose=0))
        )
    assert results[0][0] == results[1][0]
    assert (results[0][1] == results[1][1]).all()
    assert (results[0][2] == results[1][2]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_windows_are_never_materialised(dtype: type) -> None:
    series = np.zeros(200_000, dtype)
    x, y = sliding_windows(series, window=500, horizon=1)  # 400 MB as copies in float32
    model = make(1, 500)
    tracemalloc.start()
    try:
        model.fit(x, y, epochs=1, batch_size=8, steps_per_epoch=2, verbose=0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20e6


def test_memory_mapped_arrays_are_read_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(1).standard_normal((50, 6, 2)).astype(np.float32))
    mapped = np.load(path, mmap_mode="r")
    losses = [make(2, 6).fit(x, np.ones(50), epochs=1, verbose=0).history["loss"] for x in (mapped, np.array(mapped))]
    assert losses[0] == losses[1]
