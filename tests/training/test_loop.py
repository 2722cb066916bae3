"""Many batches in one call of the engine must be the same training as one call a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import recurra
from recurra.callbacks import Callback
from recurra.engines import available
from recurra.engines.native import NativeProgram
from recurra.layers import LSTM, Dense, Dropout, Input
from recurra.models import Sequential
from recurra.optimizers import Adam
from recurra.optimizers.schedules import ExponentialDecay


class Watcher(Callback):
    """Looks at every batch, which makes the loop go batch by batch."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.batches.append(batch)


def trained(engine: str, watched: bool, schedule: bool) -> tuple[dict[str, list[float]], list[np.ndarray], int]:
    recurra.set_seed(11)
    recurra.config.clear_session()
    rng = np.random.default_rng(0)
    x = rng.standard_normal((45, 6, 2)).astype(np.float32)
    y = x[:, -1, :1] * 0.5
    model = Sequential([Input((6, 2)), LSTM(5), Dropout(0.3), Dense(1)])
    rate = ExponentialDecay(0.01, decay_steps=3, decay_rate=0.9) if schedule else 0.01
    model.compile(Adam(rate), "mse", metrics=["mae"], engine=engine)
    watcher = Watcher()
    history = model.fit(x, y, batch_size=10, epochs=3, verbose=0, callbacks=[watcher] if watched else [])
    if watched:
        assert watcher.batches == [0, 1, 2, 3, 4] * 3
    return history.history, model.get_weights(), model.optimizer.iterations


@pytest.mark.parametrize("engine", available())
@pytest.mark.parametrize("schedule", [False, True])
def test_the_same_bits_whether_or_not_a_callback_looks_at_batches(engine: str, schedule: bool) -> None:
    history, weights, steps = trained(engine, True, schedule)
    other_history, other_weights, other_steps = trained(engine, False, schedule)
    assert history == other_history
    assert steps == other_steps == 15
    assert all((a == b).all() for a, b in zip(weights, other_weights, strict=True))


@pytest.mark.parametrize("steps", [None, 9, 40])
def test_many_batches_in_one_call_of_the_engine(monkeypatch: pytest.MonkeyPatch, steps: int | None) -> None:
    """Whether an epoch is a pass over the data, or so many steps: a part of one, or more than one."""
    calls: list[int] = []
    before = NativeProgram.train_steps

    def train_steps(self: Any, feeds: Any, rows: np.ndarray, size: int, **more: Any) -> Any:
        calls.append(len(rows) // size)
        return before(self, feeds, rows, size, **more)

    monkeypatch.setattr(NativeProgram, "train_steps", train_steps)
    x = np.zeros((60, 4, 1), np.float32)
    model = Sequential([Input((4, 1)), LSTM(3), Dense(1)])
    model.compile("adam", "mse", engine="native")
    model.fit(x, x[:, 0], batch_size=2, epochs=3, steps_per_epoch=steps, verbose=0)
    assert sum(calls) == 3 * (steps or 30)
    assert len(calls) <= 3 * 3
