"""Installing where the extension cannot be compiled, and where it must be."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]

USE = """
import numpy as np, recurra, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(2):
        model = recurra.Sequential([recurra.Input((2, 1)), recurra.layers.LSTM(2), recurra.layers.Dense(1)])
        model.compile(optimizer="adam", loss="mse")
        model.fit(np.ones((2, 2, 1)), np.ones(2))
print(recurra.__file__, recurra.engines.available(), [str(w.message)[:33] for w in caught])
"""


def install(target: Path, build: Path, required: str) -> subprocess.CompletedProcess[str]:
    """Installs into a folder of its own, with a compiler that always fails."""
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--quiet"]
    command += ["--disable-pip-version-check", "--target", str(target), "-C", f"build-dir={build}", str(ROOT)]
    environment = {**os.environ, "CXX": "/bin/false", "RECURRA_REQUIRE_NATIVE": required}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_without_a_compiler_a_package_for_the_numpy_engine_is_installed(tmp_path: Path) -> None:
    done = install(tmp_path / "packages", tmp_path / "build", required="0")
    assert done.returncode == 0, done.stderr
    # Without the site module the copy installed for development stays out of sight.
    path = os.pathsep.join([str(tmp_path / "packages"), sysconfig.get_path("purelib")])
    command = [sys.executable, "-S", "-c", USE]
    shown = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True)
    assert str(tmp_path) in shown.stdout
    assert "['numpy'] ['recurra runs on its numpy engine:']" in shown.stdout


def test_developers_get_the_error_of_the_compiler(tmp_path: Path) -> None:
    done = install(tmp_path / "packages", tmp_path / "build", required="1")
    assert done.returncode != 0
    assert "CMake configuration failed" in done.stderr
