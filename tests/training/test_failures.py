"""What goes wrong in training, and what is left then."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.training.models import LINE_X, LINE_Y, line, line_by_hand, weight

from recurra import engines
from recurra.callbacks import EarlyStopping, LambdaCallback, TerminateOnNaN
from recurra.errors import (
    ArgumentError,
    DataError,
    NonFiniteError,
    ShapeError,
    UnknownNameError,
)
from recurra.layers import Dense, Input
from recurra.models import Sequential
from recurra.optimizers import SGD


def test_a_loss_that_does_not_exist_is_found_when_the_model_is_built() -> None:
    model = Sequential([Dense(1)])
    model.compile(loss="nonsense")
    with pytest.raises(UnknownNameError, match="nonsense"):
        model.fit(LINE_X, LINE_Y)


@pytest.mark.parametrize("engine", engines.available())
def test_non_finite_training_names_the_place_and_keeps_the_weights(engine: str) -> None:
    model = line(SGD(0.01), engine=engine)
    x = LINE_X.copy()
    x[3] = np.nan
    ends: list[Any] = []
    with pytest.raises(NonFiniteError, match=r"Epoch 1 of 3, batch 2: .*input") as caught:
        model.fit(x, LINE_Y, batch_size=2, shuffle=False, epochs=3, callbacks=LambdaCallback(on_train_end=ends.append))
    expected, _ = line_by_hand(LINE_X, LINE_Y, [[0, 1]], 0.01)
    assert weight(model) == pytest.approx(expected, rel=1e-6)
    assert isinstance(caught.value.__cause__, NonFiniteError)
    assert len(ends) == 1
    assert model.optimizer.iterations == 1


def test_non_finite_training_keeps_the_best_weights() -> None:
    model = line(SGD(0.01))
    stop = EarlyStopping("loss", patience=9, restore_best_weights=True)

    def spoil(epoch: int, logs: Any) -> None:
        if epoch == 2:
            model.set_weights([np.array([[np.inf]])])

    with pytest.raises(NonFiniteError, match="Epoch 3 of 5, batch 1"):
        model.fit(LINE_X, LINE_Y, epochs=5, callbacks=[stop, LambdaCallback(on_epoch_begin=spoil)])
    assert math.isfinite(weight(model))


def test_terminate_on_nan_ends_normally(capsys: pytest.CaptureFixture[str]) -> None:
    model = line()
    history = model.fit(LINE_X, LINE_Y * np.nan, epochs=3, callbacks=TerminateOnNaN())
    assert history.epoch == []
    assert model.stop_training
    assert weight(model) == 1.0
    assert "Epoch 1 of 3, batch 1" in capsys.readouterr().out


def test_an_error_in_a_callback_still_ends_the_run() -> None:
    ends: list[Any] = []

    def fail(epoch: int, logs: Any) -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        line().fit(
            LINE_X, LINE_Y, callbacks=[LambdaCallback(on_epoch_end=fail), LambdaCallback(on_train_end=ends.append)]
        )
    assert len(ends) == 1


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"x": LINE_X, "y": LINE_Y[:3]}, DataError, "x has 5, y has 3"),
        ({"x": LINE_X}, DataError, "y is missing"),
        ({"x": LINE_X, "y": [["a"]] * 5}, DataError, "y must hold numbers"),
        ({"x": np.zeros((5, 2)), "y": LINE_Y}, ShapeError, r"x has a wrong shape: expected \(batch, 1\)"),
        ({"x": LINE_X, "y": np.zeros((5, 2))}, ShapeError, "y has a wrong shape"),
        ({"x": LINE_X, "y": LINE_Y, "batch_size": 0}, ArgumentError, "batch_size must be a whole number from 1"),
        ({"x": LINE_X, "y": LINE_Y, "batch_size": 2.5}, ArgumentError, "batch_size"),
        ({"x": LINE_X, "y": LINE_Y, "epochs": 0}, ArgumentError, "epochs"),
        ({"x": LINE_X, "y": LINE_Y, "initial_epoch": -1}, ArgumentError, "initial_epoch"),
        ({"x": LINE_X, "y": LINE_Y, "validation_split": 1.0}, ArgumentError, "validation_split must lie between"),
        ({"x": LINE_X, "y": LINE_Y, "validation_split": 0.99}, ArgumentError, "nothing to train on"),
        ({"x": LINE_X, "y": LINE_Y, "validation_split": -0.5}, ArgumentError, "validation_split must lie between"),
        ({"x": LINE_X, "y": LINE_Y, "validation_data": LINE_X}, ArgumentError, r"validation_data must be \(x, y\)"),
        ({"x": LINE_X, "y": LINE_Y, "validation_data": (LINE_X, LINE_Y[:1])}, DataError, "validation x has 5"),
        ({"x": LINE_X, "y": LINE_Y, "validation_data": (np.zeros((5, 3)), LINE_Y)}, ShapeError, "validation x"),
        ({"x": LINE_X, "y": LINE_Y, "validation_freq": 0}, ArgumentError, "validation_freq"),
        ({"x": LINE_X, "y": LINE_Y, "steps_per_epoch": 0}, ArgumentError, "steps_per_epoch"),
        ({"x": LINE_X, "y": LINE_Y, "verbose": 3}, ArgumentError, "verbose"),
        ({"x": LINE_X, "y": LINE_Y, "sample_weight": [1, 2]}, ShapeError, "sample_weight"),
        ({"x": LINE_X, "y": LINE_Y, "class_weight": [1, 2]}, ArgumentError, "class_weight"),
        ({"x": LINE_X, "y": LINE_Y, "callbacks": [print]}, ArgumentError, "callbacks"),
        ({"x": np.zeros((0, 1)), "y": np.zeros(0)}, DataError, "x is empty"),
    ],
)
def test_wrong_arguments_of_fit_change_nothing(options: dict[str, Any], error: type[Exception], words: str) -> None:
    model = line()
    with pytest.raises(error, match=words):
        model.fit(**options)
    assert weight(model) == 1.0
    assert model.optimizer.iterations == 0


def test_what_needs_compile_says_so() -> None:
    model = Sequential([Input((1,)), Dense(1)])
    for call in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
        with pytest.raises(ArgumentError, match=r"Call model\.compile"):
            call(LINE_X, LINE_Y)
    model.compile("sgd")
    with pytest.raises(ArgumentError, match="No output has a loss"):
        model.fit(LINE_X, LINE_Y)
