"""Writers that are killed: what was there before is there still, or the new model is, whole."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import recurra
from recurra import layers
from recurra.formats import load_model

SOURCE = Path(recurra.__file__).parents[1]

# Saves a model over and over, its weights all 2, all 3, ..., and says when each is saved.
SAVE = """
import os, shutil, sys
import numpy as np
import recurra
from recurra import layers

path, format = sys.argv[1], sys.argv[2]
model = recurra.Sequential([recurra.Input((4, 64)), layers.LSTM(128, name="lstm"), layers.Dense(1, name="out")])

def save(path, value):
    model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])
    model.save(path, format=format)
    print("saved", value, flush=True)
"""
FOREVER = """
print("ready", flush=True)
value = 1
while True:
    value += 1
    save(path, value)
"""
# Saves twice, in a process of its own that dies in its n-th call to the system, for n = 1, 2, ... until none dies.
IN_EVERY_CALL = """
def watched(name, real, dies_at):
    def call(*args, **kwargs):
        global calls
        calls += 1
        if calls == dies_at:
            os.kill(os.getpid(), 9)
        return real(*args, **kwargs)
    setattr(os, name, call)

save(path + "/0", 1)
for dies_at in range(1, 200):
    target = f"{path}/{dies_at}"
    (shutil.copytree if os.path.isdir(path + "/0") else shutil.copy)(path + "/0", target)
    print("begin", dies_at, flush=True)
    process = os.fork()
    if process == 0:
        calls = 0
        for name in ("open", "fdopen", "fsync", "replace", "unlink", "mkdir", "close"):
            watched(name, getattr(os, name), dies_at)
        save(target, 2)
        save(target, 3)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    if status == 0:
        break
"""


def start(code: str, path: Path, format: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SAVE + code, str(path), format],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "RECURRA_ENGINE": "numpy"},
    )


def first(path: Path, format: str) -> None:
    model = recurra.Sequential([recurra.Input((4, 64)), layers.LSTM(128, name="lstm"), layers.Dense(1, name="out")])
    model.set_weights([np.ones_like(weight) for weight in model.get_weights()])
    model.save(path, format=format)


def value_of(path: Path) -> int:
    """The number that all weights have; a mixture of two models has none."""
    weights = load_model(path).get_weights()
    values = {float(value) for weight in weights for value in (weight.min(), weight.max())}
    assert len(values) == 1, "a mixture of two models"
    return int(values.pop())


@pytest.mark.parametrize("format", ["recurra", "tfjs"])
def test_killed_in_every_call(format: str, tmp_path: Path) -> None:
    with start(IN_EVERY_CALL, tmp_path, format) as child:
        out, _ = child.communicate()
    assert child.returncode == 0
    runs = [part.split("\n") for part in out.split("begin ")[1:]]
    assert len(runs) > 10
    seen = []
    for run in runs:
        saved = [int(line.split()[1]) for line in run if line.startswith("saved")]
        last = saved[-1] if saved else 1
        value = value_of(tmp_path / run[0])
        # What was reported as saved is there; what was begun may be.
        assert value in (last, last + 1)
        seen.append(value - last)
    assert set(seen) == {0, 1}
    assert seen[-1] == 0


@pytest.mark.parametrize("format", ["recurra", "tfjs"])
def test_killed_at_any_moment(format: str, tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    path = tmp_path / "model"
    first(path, format)
    previous = 1
    for _ in range(6):
        with start(FOREVER, path, format) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            time.sleep(float(draw.uniform(0.002, 0.05)))
            child.kill()
            out = child.stdout.read()
        saved = [int(line.split()[1]) for line in out.split("\n")[:-1] if line.startswith("saved ")]
        value = value_of(path)
        assert value in ({saved[-1], saved[-1] + 1} if saved else {previous, 2})
        previous = value
    # The next save leaves nothing behind that it does not use itself, but for what kills left half written.
    first(path, format)
    assert value_of(path) == 1


@pytest.mark.parametrize("format", ["recurra", "tfjs"])
def test_read_while_it_is_replaced(format: str, tmp_path: Path) -> None:
    path = tmp_path / "model"
    first(path, format)
    with start(FOREVER, path, format) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        values = [value_of(path) for _ in range(60)]
        child.kill()
    assert values == sorted(values)
    assert len(set(values)) > 5


def test_models_side_by_side_keep_their_own_weights(tmp_path: Path) -> None:
    model = recurra.Sequential([recurra.Input((3, 2)), layers.LSTM(2)])
    weights = model.get_weights()
    for name in ("a.json", "b.json", "model.json"):
        model.save(tmp_path / name, format="tfjs")
    model.set_weights([weight + 1 for weight in weights])
    model.save(tmp_path / "a.json", format="tfjs")
    for name in ("b.json", "model.json"):
        again = load_model(tmp_path / name).get_weights()
        assert all((one == other).all() for one, other in zip(weights, again, strict=True))
    assert len(list(tmp_path.glob("*.bin"))) == 3


def test_a_folder_keeps_one_model(tmp_path: Path) -> None:
    for _ in range(3):
        first(tmp_path, "tfjs")
    assert len(list(tmp_path.iterdir())) == 2
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "weights-0123456789abcdef.bin").write_text("not of the model here before")
    model = recurra.Sequential([recurra.Input((4, 2)), layers.LSTM(2)])
    model.save(tmp_path, format="tfjs")
    assert sorted(file.name for file in tmp_path.iterdir())[1:3] == ["notes.txt", "weights-0123456789abcdef.bin"]
    assert len(list(tmp_path.iterdir())) == 4
