"""Callbacks alone, called as a run would call them. Whole runs are in test_fit.py."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.errors import ArgumentError, UnknownNameError
from recurra.training.callbacks import (
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    MonitorCallback,
    ReduceLROnPlateau,
    TerminateOnNaN,
)


class Optimizer:
    learning_rate = 1.0


class Model:
    """A model with one weight, the number of the epoch that set it."""

    def __init__(self) -> None:
        self.stop_training = False
        self.optimizer = Optimizer()
        self.weight = np.zeros(1)
        self.saved: list[str] = []

    def get_weights(self) -> list[np.ndarray]:
        return [self.weight]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.weight = weights[0]

    def save(self, path: Any) -> None:
        self.saved.append(f"model {Path(path).name}")

    def save_weights(self, path: Any) -> None:
        self.saved.append(f"weights {Path(path).name}")


def run(callback: Callback, values: list[float], name: str = "val_loss") -> Model:
    """Plays a run that reports ``values``; returns the model when it stopped."""
    model = Model()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_begin(epoch)
        model.weight = np.full(1, float(epoch))
        callback.on_epoch_end(epoch, {name: value})
        if model.stop_training:
            break
    callback.on_train_end()
    return model


@pytest.mark.parametrize(
    ("patience", "values", "stopped"),
    [
        (0, [3, 2, 1], 0),
        (0, [3, 2, 2], 2),
        (1, [3, 2, 2.5, 2.6], 2),
        (2, [3, 2, 2.5, 1.9, 2, 2, 2], 5),
        (3, [3, 3, 3, 3, 3], 3),
    ],
)
def test_early_stopping_waits(patience: int, values: list[float], stopped: int) -> None:
    stop = EarlyStopping(patience=patience)
    assert run(stop, values).stop_training == bool(stopped)
    assert stop.stopped_epoch == stopped


def test_early_stopping_restores_the_best_weights_however_the_run_ends() -> None:
    stop = EarlyStopping(patience=10, restore_best_weights=True)
    model = run(stop, [3, 1, 2, 2])
    assert not model.stop_training
    assert model.weight[0] == 1.0
    assert stop.best_epoch == 1
    assert stop.best == 1


def test_early_stopping_keeps_the_last_weights_unless_asked() -> None:
    assert run(EarlyStopping(patience=1), [1, 2, 3]).weight[0] == 1.0
    assert run(EarlyStopping(patience=10), [1, 2, 3]).weight[0] == 2.0


def test_early_stopping_keeps_copies() -> None:
    class InPlace(Model):
        def set_weights(self, weights: list[np.ndarray]) -> None:
            self.weight[...] = weights[0]

    model = InPlace()
    stop = EarlyStopping(patience=10, restore_best_weights=True)
    stop.set_model(model)
    stop.on_train_begin()
    for epoch in range(3):
        model.weight[0] = epoch
        stop.on_epoch_end(epoch, {"val_loss": float(epoch)})
    stop.on_train_end()
    assert model.weight[0] == 0.0


def test_early_stopping_min_delta() -> None:
    assert run(EarlyStopping(min_delta=0.5, patience=1), [3, 2.8, 2.6]).stop_training
    assert not run(EarlyStopping(min_delta=0.5, patience=1), [3, 2.4, 1.8]).stop_training


def test_early_stopping_max_mode_by_name_and_by_argument() -> None:
    stop = EarlyStopping("val_accuracy", patience=1, restore_best_weights=True)
    assert run(stop, [0.5, 0.9, 0.8, 0.7], "val_accuracy").weight[0] == 1.0
    stop = EarlyStopping("val_gain", mode="max", patience=1, restore_best_weights=True)
    assert run(stop, [0.5, 0.9, 0.8, 0.7], "val_gain").weight[0] == 1.0


def test_early_stopping_baseline() -> None:
    # It improves all the time but does not beat the baseline, so the waiting goes on counting.
    stop = EarlyStopping(baseline=1.0, patience=2)
    model = run(stop, [5, 4, 4.5])
    assert model.stop_training
    assert not run(EarlyStopping(baseline=4.5, patience=2), [5, 4, 4.5]).stop_training


def test_early_stopping_start_from_epoch() -> None:
    stop = EarlyStopping(start_from_epoch=3, patience=1, restore_best_weights=True)
    model = run(stop, [0.1, 5, 5, 2, 1, 3, 3])
    assert stop.stopped_epoch == 5
    assert model.weight[0] == 4.0


def test_early_stopping_with_nan_keeps_some_epoch() -> None:
    stop = EarlyStopping(patience=5, restore_best_weights=True)
    assert run(stop, [float("nan"), 2.0, float("nan")]).weight[0] == 1.0
    assert run(stop, [float("nan"), float("nan")]).weight[0] == 0.0


def test_a_second_run_starts_afresh() -> None:
    stop = EarlyStopping(patience=1, restore_best_weights=True)
    run(stop, [0.1, 0.2])
    model = run(stop, [5, 4, 3])
    assert not model.stop_training
    assert model.weight[0] == 2.0


def test_a_missing_number_is_one_warning() -> None:
    with pytest.warns(UserWarning, match="watches 'val_loss'.*Did you mean 'loss'.*validation_data") as caught:
        run(EarlyStopping(), [1, 2, 3], "loss")
    assert len(caught) == 1


@pytest.mark.parametrize("bad", [{"mode": "up"}, {"patience": -1}])
def test_early_stopping_arguments(bad: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(bad))):
        EarlyStopping(**bad)


@pytest.mark.parametrize("name", ["accuracy", "val_acc", "auc", "top_k_categorical_accuracy", "cosine_similarity"])
def test_names_of_which_more_is_better(name: str) -> None:
    assert MonitorCallback(name).improves(1, 0)


@pytest.mark.parametrize("name", ["loss", "val_loss", "mae", "val_mean_squared_error", "perplexity"])
def test_names_of_which_less_is_better(name: str) -> None:
    assert MonitorCallback(name).improves(0, 1)


def test_checkpoint_every_epoch_with_a_formatted_name(tmp_path: Path) -> None:
    model = run(ModelCheckpoint(tmp_path / "new" / "m-{epoch:02d}-{val_loss:.1f}.st"), [0.52, 0.31])
    assert model.saved == ["model m-01-0.5.st", "model m-02-0.3.st"]
    assert (tmp_path / "new").is_dir()


def test_checkpoint_best_only(tmp_path: Path) -> None:
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}", save_best_only=True, save_weights_only=True)
    assert run(checkpoint, [3, 4, 2, 2, 1]).saved == ["weights 1", "weights 3", "weights 5"]
    assert checkpoint.saved == tmp_path / "5"
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}", save_best_only=True, initial_value_threshold=2.5)
    assert run(checkpoint, [3, 4, 2]).saved == ["model 3"]


def test_checkpoint_by_batches(tmp_path: Path) -> None:
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}-{batch}-{loss:.0f}", save_freq=2)
    model = Model()
    watchers = CallbackList(checkpoint, model)
    assert len(watchers.train_batch_end) == 1
    for epoch in range(2):
        watchers.call("on_epoch_begin", epoch)
        for batch in range(3):
            for hook in watchers.train_batch_end:
                hook(batch, {"loss": 7.0})
        watchers.call("on_epoch_end", epoch, {"loss": 7.0})
    assert model.saved == ["model 1-2-7", "model 2-1-7", "model 2-3-7"]


def test_checkpoint_names_something_unknown(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'val_loss'"):
        run(ModelCheckpoint(tmp_path / "{val_los:.2f}"), [1.0])


def test_where_callbacks_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArgumentError, match=r"ModelCheckpoint cannot make '.*file': File exists"):
        run(ModelCheckpoint(tmp_path / "file" / "m"), [1.0])
    with pytest.raises(ArgumentError, match=r"CSVLogger cannot write '.*log\.csv': Not a directory"):
        run(CSVLogger(tmp_path / "file" / "log.csv"), [1.0])


@pytest.mark.parametrize("bad", ["batch", 0, True])
def test_checkpoint_frequency(bad: Any) -> None:
    with pytest.raises(ArgumentError, match="save_freq"):
        ModelCheckpoint("x", save_freq=bad)


def test_learning_rate_scheduler_with_one_and_two_arguments() -> None:
    assert run(LearningRateScheduler(lambda epoch, lr: lr / 2), [1, 1, 1]).optimizer.learning_rate == 0.125
    assert run(LearningRateScheduler(lambda epoch: epoch + 1), [1, 1, 1]).optimizer.learning_rate == 3


def test_learning_rate_scheduler_reports_it() -> None:
    callback = LearningRateScheduler(lambda epoch: 0.5)
    callback.set_model(Model())
    callback.on_epoch_begin(0)
    logs = {"loss": 1.0}
    callback.on_epoch_end(0, logs)
    assert logs == {"loss": 1.0, "learning_rate": 0.5}


@pytest.mark.parametrize("bad", [None, float("nan"), "fast"])
def test_learning_rate_scheduler_needs_a_number(bad: Any) -> None:
    with pytest.raises(ArgumentError, match="must return a finite number"):
        run(LearningRateScheduler(lambda epoch: bad), [1])


def test_reduce_on_plateau() -> None:
    assert run(ReduceLROnPlateau(factor=0.5, patience=2), [3, 3, 3]).optimizer.learning_rate == 0.5
    assert run(ReduceLROnPlateau(factor=0.5, patience=2), [3, 2, 1, 0]).optimizer.learning_rate == 1.0
    assert run(ReduceLROnPlateau(factor=0.5, patience=1), [3] * 4).optimizer.learning_rate == 0.125
    assert run(ReduceLROnPlateau(factor=0.5, patience=1, cooldown=2), [3] * 4).optimizer.learning_rate == 0.25
    assert run(ReduceLROnPlateau(factor=0.1, patience=1, min_lr=0.3), [3] * 4).optimizer.learning_rate == 0.3


def test_reduce_on_plateau_min_delta_and_factor() -> None:
    assert run(ReduceLROnPlateau(factor=0.5, patience=1, min_delta=0.5), [3, 2.9]).optimizer.learning_rate == 0.5
    with pytest.raises(ArgumentError, match="factor"):
        ReduceLROnPlateau(factor=1.0)


def test_csv_logger(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    run(CSVLogger(path), [1.5, 0.25])
    assert path.read_text() == "epoch,val_loss\n0,1.5\n1,0.25\n"
    run(CSVLogger(path, append=True), [0.125])
    assert path.read_text() == "epoch,val_loss\n0,1.5\n1,0.25\n0,0.125\n"
    run(CSVLogger(path, separator=";"), [2.0])
    with path.open(newline="") as file:
        assert list(csv.reader(file, delimiter=";")) == [["epoch", "val_loss"], ["0", "2.0"]]


def test_csv_logger_keeps_its_columns(tmp_path: Path) -> None:
    callback = CSVLogger(tmp_path / "log.csv")
    callback.on_train_begin()
    callback.on_epoch_end(0, {"loss": 1.0, "val_loss": 2.0})
    callback.on_epoch_end(1, {"loss": 3.0})
    callback.on_train_end()
    assert (tmp_path / "log.csv").read_text() == "epoch,loss,val_loss\n0,1.0,2.0\n1,3.0,NA\n"


def test_lambda_callback() -> None:
    seen: list[Any] = []
    callback = LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch, logs)), on_test_begin=lambda logs: seen.append(logs)
    )
    run(callback, [1.0, 2.0])
    callback.on_test_begin(None)
    assert seen == [(0, {"val_loss": 1.0}), (1, {"val_loss": 2.0}), None]
    with pytest.raises(UnknownNameError, match="Did you mean 'on_epoch_end'"):
        LambdaCallback(on_epoch_ends=print)


def test_terminate_on_nan_asks_for_a_normal_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert TerminateOnNaN().on_non_finite(ArithmeticError("the loss is nan"))
    assert "the loss is nan" in capsys.readouterr().out
    assert not Callback().on_non_finite(ArithmeticError())


def test_history_records_and_starts_afresh() -> None:
    history = History()
    run(history, [1.0, 2.0])
    run(history, [3.0])
    assert history.history == {"val_loss": [3.0]}
    assert history.epoch == [0]
    assert repr(history) == "History(epochs=1, last={'val_loss': 3.0})"


def test_only_overridden_batch_methods_are_called() -> None:
    class Begin(Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None: ...

    class Old(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None: ...

    class Other(Callback):
        def on_test_batch_end(self, batch: int, logs: Any = None) -> None: ...
        def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None: ...

    watchers = CallbackList([Callback(), Begin(), Old(), Other(), EarlyStopping(), History()], None)
    counts = {
        name: len(getattr(watchers, name))
        for name in (
            "train_batch_begin",
            "train_batch_end",
            "test_batch_begin",
            "test_batch_end",
            "predict_batch_begin",
            "predict_batch_end",
        )
    }
    assert list(counts.values()) == [1, 1, 0, 1, 1, 0]


def test_the_old_name_of_a_batch_method_is_called() -> None:
    seen: list[int] = []

    class Old(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(batch)

    for hook in CallbackList(Old(), None).train_batch_end:
        hook(4, None)
    assert seen == [4]


def test_callbacks_know_model_and_parameters() -> None:
    callback = Callback()
    CallbackList(callback, model="m", params={"epochs": 3})
    assert callback.model == "m"
    assert callback.params == {"epochs": 3}


@pytest.mark.parametrize("bad", [[print], [EarlyStopping], ["early_stopping"]])
def test_what_is_no_callback(bad: Any) -> None:
    with pytest.raises(ArgumentError, match="must be objects of"):
        CallbackList(bad, None)
