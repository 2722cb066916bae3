"""Windows over a series and memory-mapped files train as the copied arrays would, without being copied."""

from __future__ import annotations

import gc
import subprocess
import sys
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


@pytest.mark.parametrize("validated", [False, True])
def test_the_order_of_windows_goes_with_the_run(validated: bool) -> None:
    """Without waiting for the collector of circles, which does not see that an array is large."""
    x, y = sliding_windows(np.zeros(200_000, np.float32), window=8, horizon=1)
    model = make(1, 8)
    more = {"validation_data": (x[:8], y[:8])} if validated else {}
    model.fit(x[:8], y[:8], verbose=0, **more)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        model.fit(x, y, batch_size=8, steps_per_epoch=2, verbose=0, **more)
        now, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert now < 4 * 200_000


def test_memory_mapped_arrays_are_read_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(1).standard_normal((50, 6, 2)).astype(np.float32))
    mapped = np.load(path, mmap_mode="r")
    losses = [make(2, 6).fit(x, np.ones(50), epochs=1, verbose=0).history["loss"] for x in (mapped, np.array(mapped))]
    assert losses[0] == losses[1]


# What a process has grown by at most, in megabytes, since `start` was called.
GROWTH = """
import re, numpy as np, recurra
from recurra.data.windows import sliding_windows
def kilobytes(what): return int(re.search(what + r":\\s+(\\d+)", open("/proc/self/status").read())[1])
def start():
    global begin
    open("/proc/self/clear_refs", "w").write("5")  # the peak is counted from here
    begin = kilobytes("VmRSS")
def growth(): return (kilobytes("VmHWM") - begin) / 1000
def make(window):
    model = recurra.Sequential([recurra.Input((window, 1)), recurra.layers.LSTM(4), recurra.layers.Dense(1)])
    model.compile("adam", "mse", engine="native")
    x = np.zeros((32, window, 1), np.float32)
    model.fit(x, x[:, 0], epochs=2, verbose=0)  # what a program needs once
    return model
"""


def grown_by(code: str) -> float:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("reads how much memory a process takes as Linux says it")
    ran = subprocess.run([sys.executable, "-c", GROWTH + code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return float(ran.stdout)


def test_training_on_two_million_points_takes_the_memory_of_the_series() -> None:
    """The windows would be 1.6 GB. Beside the series there is one number a window: their order."""
    code = """
series = np.random.default_rng(0).standard_normal(2_000_000).astype(np.float32)
model = make(200)
start()
x, y = sliding_windows(series, 200, horizon=1)
model.fit(x, y, epochs=2, steps_per_epoch=20, validation_split=0.0001, verbose=0)
print(growth())
"""
    assert grown_by(code) < 2 * 8 + 8  # the series was there before; twice, for the order may be made anew


def test_the_order_of_very_many_windows_is_not_held() -> None:
    """One number a window would be 80 MB, as much as the series."""
    code = """
series = np.random.default_rng(0).standard_normal(20_000_000, dtype=np.float32)
model = make(200)
start()
x, y = sliding_windows(series, 200, horizon=1)
for shuffle in (True, False):
    model.fit(x, y, epochs=2, steps_per_epoch=20, shuffle=shuffle, validation_split=0.0001, verbose=0)
model.evaluate(x, y, steps=2, verbose=0)
model.predict(x, steps=2, verbose=0)
print(growth())
"""
    assert grown_by(code) < 20


def test_files_are_not_read_whole(tmp_path: Path) -> None:
    """A file of 400 MB, of which some batches are taken."""
    path = tmp_path / "x.npy"
    mapped = np.lib.format.open_memmap(path, "w+", np.float32, (500_000, 200, 1))  # a sparse file
    mapped[0] = 1
    del mapped
    code = f"""
x = np.load({str(path)!r}, mmap_mode="r")
y = np.zeros((len(x), 1), np.float32)
model = make(200)
start()
model.fit(x, y, epochs=2, steps_per_epoch=4, verbose=0)
model.predict(x, steps=4, verbose=0)
print(growth())
"""
    assert grown_by(code) < 50
