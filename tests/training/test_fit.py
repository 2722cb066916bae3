"""What `fit` does with data, epochs, validation and callbacks."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.training.models import LINE_X, LINE_Y, line, line_by_hand, weight

import recurra.random
from recurra import engines
from recurra.callbacks import Callback, History, LambdaCallback
from recurra.config import set_floatx
from recurra.layers import Dense, Dropout, Input
from recurra.models import Sequential
from recurra.optimizers import SGD


@pytest.mark.parametrize("engine", engines.available())
def test_batches_in_order_the_last_one_smaller(engine: str) -> None:
    model = line(SGD(0.01), engine=engine)
    history = model.fit(LINE_X, LINE_Y, batch_size=2, shuffle=False)
    expected, loss = line_by_hand(LINE_X, LINE_Y, [[0, 1], [2, 3], [4]], 0.01)
    assert weight(model) == pytest.approx(expected, rel=1e-6)
    # The loss is weighted by the size of the batch: the single last row does not count like two.
    assert history.history["loss"] == pytest.approx([loss], rel=1e-6)
    assert model.optimizer.iterations == 3


def test_the_default_batch_size_is_32() -> None:
    model = line()
    model.fit(np.zeros((65, 1)), np.zeros(65))
    assert model.optimizer.iterations == 3


def test_shuffles_come_from_the_seed() -> None:
    def run() -> tuple[float, list[float]]:
        recurra.random.set_seed(11)
        model = line(SGD(0.01))
        history = model.fit(LINE_X, LINE_Y, batch_size=2, epochs=3)
        return weight(model), history.history["loss"]

    first = run()
    assert run() == first
    recurra.random.set_seed(12)
    model = line(SGD(0.01))
    model.fit(LINE_X, LINE_Y, batch_size=2, epochs=3)
    assert weight(model) != first[0]


def test_each_epoch_sees_each_sample_once_in_another_order() -> None:
    recurra.random.set_seed(0)
    seen: list[list[int]] = []

    class Spy(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            seen.append([])

    model = line()
    program = None

    def train(feeds: Any, rows: Any, **options: Any) -> Any:
        seen[-1].extend(rows.tolist())
        return {"loss": np.float32(0)}

    model.fit(LINE_X, LINE_Y)
    assert model._programs is not None
    program = model._programs.refresh().get("train", (None,)).program
    object.__setattr__(program, "train", train)
    model.fit(LINE_X, LINE_Y, batch_size=2, epochs=4, callbacks=[Spy()])
    assert [sorted(epoch) for epoch in seen] == [[0, 1, 2, 3, 4]] * 4
    assert len({tuple(epoch) for epoch in seen}) > 1


def test_validation_split_takes_the_end_before_shuffling() -> None:
    recurra.random.set_seed(3)
    model = line(SGD(0.0))
    history = model.fit(LINE_X, LINE_Y, validation_split=0.4, batch_size=2)
    errors = (LINE_X - LINE_Y)[:, 0] ** 2
    assert history.history["loss"] == pytest.approx([errors[:3].mean()])
    assert history.history["val_loss"] == pytest.approx([errors[3:].mean()])


def test_validation_data_with_weights_and_its_own_batch_size() -> None:
    model = line(SGD(0.0))
    factors = [1.0, 0.0, 2.0, 1.0, 1.0]
    sizes: list[int] = []
    history = model.fit(
        LINE_X[:2],
        LINE_Y[:2],
        validation_data=(LINE_X, LINE_Y, factors),
        validation_batch_size=2,
        callbacks=LambdaCallback(on_test_batch_end=lambda batch, logs: sizes.append(batch)),
    )
    errors = (LINE_X - LINE_Y)[:, 0] ** 2
    assert history.history["val_loss"] == pytest.approx([float(np.mean(errors * factors))])
    assert sizes == [0, 1, 2]


def test_validation_goes_before_the_split() -> None:
    history = line(SGD(0.0)).fit(LINE_X, LINE_Y, validation_split=0.5, validation_data=(LINE_X[:1], LINE_Y[:1]))
    errors = (LINE_X - LINE_Y)[:, 0] ** 2
    assert history.history["loss"] == pytest.approx([errors.mean()])
    assert history.history["val_loss"] == pytest.approx([errors[0]])


@pytest.mark.parametrize(("frequency", "count"), [(1, 5), (2, 2), (5, 1), (6, 0), ([1, 4], 2)])
def test_validation_frequency(frequency: Any, count: int) -> None:
    history = line().fit(LINE_X, LINE_Y, epochs=5, validation_split=0.2, validation_freq=frequency)
    assert len(history.history.get("val_loss", [])) == count


def test_validation_steps() -> None:
    history = line(SGD(0.0)).fit(
        LINE_X, LINE_Y, validation_data=(LINE_X, LINE_Y), validation_steps=1, validation_batch_size=2
    )
    assert history.history["val_loss"] == pytest.approx([float(((LINE_X - LINE_Y)[:2] ** 2).mean())])


def test_initial_epoch_goes_on_counting() -> None:
    history = line().fit(LINE_X, LINE_Y, epochs=5, initial_epoch=3)
    assert history.epoch == [3, 4]


def test_steps_per_epoch_go_on_where_the_last_epoch_ended() -> None:
    model = line(SGD(0.01))
    history = model.fit(LINE_X, LINE_Y, batch_size=2, shuffle=False, epochs=2, steps_per_epoch=2)
    first, loss_1 = line_by_hand(LINE_X, LINE_Y, [[0, 1], [2, 3]], 0.01)
    expected, loss_2 = line_by_hand(LINE_X, LINE_Y, [[4], [0, 1]], 0.01, first)
    assert weight(model) == pytest.approx(expected, rel=1e-5)
    assert history.history["loss"] == pytest.approx([loss_1, loss_2], rel=1e-5)


def test_more_steps_than_one_pass_holds() -> None:
    model = line()
    model.fit(LINE_X, LINE_Y, batch_size=2, steps_per_epoch=7)
    assert model.optimizer.iterations == 7


def test_layers_frozen_after_compile_stay_as_they_are() -> None:
    model = Sequential([Input((1,)), Dense(1, name="a"), Dense(1, name="b")])
    model.compile(optimizer=SGD(0.1), loss="mse", engine="numpy")
    model.fit(LINE_X, LINE_Y)
    model.layers[0].trainable = False
    before = [array.copy() for array in model.get_weights()]
    model.fit(LINE_X, LINE_Y)
    after = model.get_weights()
    assert (after[0] == before[0]).all()
    assert (after[2] != before[2]).all()


def test_float64_models_run_on_the_numpy_engine() -> None:
    set_floatx("float64")
    try:
        model = Sequential([Input((1,)), Dense(1, use_bias=False)])
    finally:
        set_floatx("float32")
    model.compile(optimizer=SGD(0.01), loss="mse")
    model.set_weights([np.array([[1.0]])])
    model.fit(LINE_X, LINE_Y, shuffle=False, batch_size=2)
    expected, _ = line_by_hand(LINE_X, LINE_Y, [[0, 1], [2, 3], [4]], 0.01)
    assert abs(weight(model) - expected) < 1e-14
    assert "numpy engine" in model.explain()


@pytest.mark.parametrize("engine", engines.available())
def test_dropout_repeats_with_the_seed_and_the_step(engine: str) -> None:
    def run(epochs: int) -> list[float]:
        recurra.random.set_seed(5)
        model = Sequential([Input((4,)), Dense(8), Dropout(0.5), Dense(1)])
        model.compile(optimizer="adam", loss="mse", engine=engine)
        x = np.random.default_rng(0).normal(size=(16, 4))
        return model.fit(x, x[:, :1], epochs=epochs, batch_size=4).history["loss"]

    assert run(3) == run(3)
    assert run(2) == run(3)[:2]


def test_dropout_differs_from_step_to_step() -> None:
    model = Sequential([Input((64,)), Dropout(0.5)])
    model.compile(optimizer=SGD(0.0), loss="mse", engine="numpy")
    x = np.random.default_rng(0).normal(size=(8, 64))
    losses = [model.train_on_batch(x, np.zeros((8, 64))) for _ in range(3)]
    assert len(set(losses)) == 3
    assert model.evaluate(x, x) == 0.0


def test_a_callback_stops_within_an_epoch() -> None:
    model = line()

    class Stop(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 1

    history = model.fit(LINE_X, LINE_Y, batch_size=1, epochs=3, callbacks=Stop())
    assert model.optimizer.iterations == 2
    assert history.epoch == [0]
    # The next run begins afresh.
    model.fit(LINE_X, LINE_Y, batch_size=1)
    assert model.optimizer.iterations == 7


def test_the_order_of_callback_methods() -> None:
    seen: list[str] = []

    class Spy(Callback):
        def __getattribute__(self, name: str) -> Any:
            if name.startswith("on_") and name not in ("on_batch_begin", "on_batch_end"):
                seen.append(name)
            return super().__getattribute__(name)

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            seen.append(f"begin {batch}")

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            assert logs is not None
            seen.append(f"end {batch} {sorted(logs)}")

    spy = Spy()
    model = line()
    seen.clear()
    model.fit(LINE_X[:2], LINE_Y[:2], batch_size=1, validation_split=0.5, callbacks=spy)
    lifecycle = [name for name in seen if not name.endswith(("batch_begin", "batch_end"))]
    assert lifecycle == [
        "on_train_begin",
        "on_epoch_begin",
        "begin 0",
        "end 0 ['loss']",
        "on_test_begin",
        "on_test_end",
        "on_epoch_end",
        "on_train_end",
    ]


def test_batch_logs_are_running_means() -> None:
    seen: list[float] = []
    model = line(SGD(0.0))
    model.fit(
        LINE_X,
        LINE_Y,
        batch_size=2,
        shuffle=False,
        callbacks=LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"])),
    )
    errors = ((LINE_X - LINE_Y) ** 2)[:, 0]
    assert seen == pytest.approx([errors[:2].mean(), errors[:4].mean(), errors.mean()])


def test_history_is_returned_and_kept() -> None:
    model = line()
    history = model.fit(LINE_X, LINE_Y, epochs=2)
    assert isinstance(history, History)
    assert model.history is history
    assert not history.interrupted
    assert len(history.history["loss"]) == 2


def test_training_in_another_thread() -> None:
    model = line()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            model.fit(LINE_X, LINE_Y, epochs=2)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not errors
    assert model.history is not None
    assert len(model.history.epoch) == 2


def test_checkpoints_of_a_real_run(tmp_path: Path) -> None:
    from recurra.callbacks import ModelCheckpoint
    from recurra.formats import load_model

    model = line(SGD(0.01))
    best = ModelCheckpoint(tmp_path / "best.safetensors", monitor="loss", save_best_only=True)
    weights = ModelCheckpoint(tmp_path / "w-{epoch}.safetensors", save_weights_only=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(LINE_X, LINE_Y, epochs=3, callbacks=[best, weights])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best.safetensors",
        "w-1.safetensors",
        "w-2.safetensors",
        "w-3.safetensors",
    ]
    assert weight(load_model(tmp_path / "best.safetensors")) == weight(model)
    fresh = line()
    fresh.load_weights(tmp_path / "w-3.safetensors")
    assert weight(fresh) == weight(model)
