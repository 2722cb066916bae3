"""A file that is being replaced is the old one or the new one at every moment."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.formats.models import lstm_model

from recurra.errors import ArgumentError
from recurra.formats import load_model
from recurra.formats.atomic import replacing


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_new_content_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert files(tmp_path) == ["a"]


def test_an_error_while_writing_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="mine"), replacing(path) as file:
        file.write(b"half of the n")
        raise RuntimeError("mine")
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == ["a"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_an_error_of_the_system_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(ArgumentError, match="No space left on device"), replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == ["a"]


def test_content_then_file_then_folder_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    sync, replace = os.fsync, os.replace

    def spy_sync(descriptor: int) -> None:
        order.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        sync(descriptor)

    def spy_replace(a: str, b: str) -> None:
        order.append("rename")
        replace(a, b)

    monkeypatch.setattr(os, "fsync", spy_sync)
    monkeypatch.setattr(os, "replace", spy_replace)
    with replacing(tmp_path / "a") as file:
        file.write(b"new")
    assert order == ["sync file", "rename", "sync folder"]


SAVE_AND_DIE = """
import os, signal, sys
from tests.formats.models import lstm_model
where = sys.argv[2]
real = getattr(os, where)
def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(os, where, die)
lstm_model().save(sys.argv[1])
"""

SAVE_FOREVER = """
import sys
from tests.formats.models import lstm_model
models = [lstm_model(), lstm_model()]
print("ready", flush=True)
while True:
    for model in models:
        model.save(sys.argv[1])
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_killed_in_the_middle_the_old_model_is_intact(tmp_path: Path, where: str) -> None:
    path = tmp_path / "m.safetensors"
    model = lstm_model()
    model.save(path)
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", SAVE_AND_DIE, str(path), where], env=environment(), capture_output=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert path.read_bytes() == before
    assert (load_model(path).get_weights()[0] == model.get_weights()[0]).all()


def test_killed_at_any_moment_the_model_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    lstm_model().save(path)
    for delay in (0.003, 0.011, 0.024):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVE_FOREVER, str(path)], env=environment(), stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(delay)
        process.kill()
        process.communicate(timeout=60)
        assert load_model(path).count_params() == 117
