"""Saving and loading need numpy and safetensors, and nothing else that is not Python's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import recurra

CODE = """
import sys

allowed = {"numpy", "recurra", "safetensors", *sys.stdlib_module_names, *sys.builtin_module_names}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ImportError(f"{name} may not be imported")

before = set(sys.modules)
sys.meta_path.insert(0, Refuse())
import numpy as np
import recurra
from recurra.tfjs import train

path, format = sys.argv[1:]
model = recurra.Sequential([recurra.Input((3, 2)), recurra.layers.LSTM(4), recurra.layers.Dense(1)])
model.compile(train.adam(), "mse")
x = np.ones((2, 3, 2))
model.train_on_batch(x, x[:, 0, :1])
model.save(path, format=format)
again = recurra.load_model(path)
assert again.optimizer.iterations == 1
assert all((one == other).all() for one, other in zip(model.get_weights(), again.get_weights()))
found = {name.partition(".")[0] for name in set(sys.modules) - before}
packages = {name for name in found if getattr(sys.modules.get(name), "__spec__", None) and name not in allowed}
assert not packages, packages
assert ("safetensors" in found) == (format == "recurra")
"""


@pytest.mark.parametrize("format", ["recurra", "tfjs"])
def test_only_numpy_and_safetensors_are_imported(format: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CODE, str(tmp_path / "model"), format]
    environment = {**os.environ, "PYTHONPATH": str(Path(recurra.__file__).parents[1])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
