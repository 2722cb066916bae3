"""Ctrl-C, as a real signal in a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from recurra.training.interrupt import Interrupt

SCRIPT = """
import json, os, signal, sys, warnings
import numpy as np
import recurra.random
from recurra.callbacks import Callback, EarlyStopping
from recurra.layers import Dense, Input
from recurra.models import Sequential

how, out = sys.argv[1], sys.argv[2]
recurra.random.set_seed(0)
x = np.linspace(0, 1, 64)[:, None]
model = Sequential([Input((1,)), Dense(1)])
model.compile("sgd", "mse", engine="numpy")

class Press(Callback):
    batches = 0
    ended = False
    best = None
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            self.best = [w.tolist() for w in self.model.get_weights()]
    def on_train_batch_begin(self, batch, logs=None):
        self.batches += 1
        # In the third epoch, before its third batch.
        if self.batches == 2 * 8 + 3:
            os.kill(os.getpid(), signal.SIGINT)
            if how == "twice":
                os.kill(os.getpid(), signal.SIGINT)
    def on_test_batch_begin(self, batch, logs=None):
        if how == "validation":
            os.kill(os.getpid(), signal.SIGINT)
    def on_train_end(self, logs=None):
        self.ended = True

press = Press()
# The loss falls all the time, so the best epoch is the last complete one.
stop = EarlyStopping("loss", patience=99, restore_best_weights=True)
before = signal.getsignal(signal.SIGINT)
result = {}
try:
    held = (x, x) if how == "validation" else None
    history = model.fit(x, 2 * x, epochs=50, batch_size=8, shuffle=False, callbacks=[press, stop],
                        validation_data=held, verbose=0)
    result["epochs"] = history.epoch
    result["interrupted"] = history.interrupted
    result["val"] = "val_loss" in history.history
except KeyboardInterrupt:
    result["raised"] = True
result["stop_training"] = model.stop_training
result["batches"] = press.batches
result["ended"] = press.ended
result["iterations"] = model.optimizer.iterations
result["best"] = press.best is not None and press.best == [w.tolist() for w in model.get_weights()]
result["handler restored"] = signal.getsignal(signal.SIGINT) is before
model.fit(x, x, epochs=1, batch_size=32)
result["usable"] = model.predict(x).shape == (64, 1)
json.dump(result, open(out, "w"))
"""


def run(how: str, folder: Path) -> tuple[dict[str, Any], str]:
    out = folder / "result.json"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, how, str(out)], capture_output=True, text=True, env=environment, timeout=60
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(out.read_text())
    return result, done.stderr


def test_one_ctrl_c_ends_at_a_batch_boundary_with_the_best_weights(tmp_path: Path) -> None:
    result, said = run("once", tmp_path)
    # The batch that ran when the key was pressed is complete; it is the last one.
    assert result == {
        "epochs": [0, 1],
        "interrupted": True,
        "val": False,
        "stop_training": True,
        "batches": 19,
        "ended": True,
        "iterations": 19,
        "best": True,
        "handler restored": True,
        "usable": True,
    }
    assert "Interrupted in epoch 3 of 50, after batch 3 of 8" in said


def test_a_second_ctrl_c_raises_at_once(tmp_path: Path) -> None:
    result, _ = run("twice", tmp_path)
    assert result["raised"]
    assert result["ended"]
    assert result["iterations"] == 18
    assert result["handler restored"]
    assert result["usable"]


def test_ctrl_c_during_validation(tmp_path: Path) -> None:
    result, said = run("validation", tmp_path)
    assert result["interrupted"]
    # The epoch whose validation did not end is not recorded.
    assert result["epochs"] == []
    assert result["iterations"] == 8
    assert "epoch 1 of 50" in said


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_previous_handler_is_restored_and_gets_the_second_press() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        own = signal.getsignal(signal.SIGINT)
        with Interrupt() as interrupt:
            requested = [interrupt.requested]
            press()
            requested.append(interrupt.requested)
            assert requested == [False, True]
            assert seen == []
            press()
            assert seen == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_handler_is_restored_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError, match="mine"), Interrupt():
        raise RuntimeError("mine")
    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_ctrl_c_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupt() as interrupt:
            press()
            assert not interrupt.requested
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_the_handler_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    found: list[Any] = []

    def work() -> None:
        with Interrupt():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [before]
