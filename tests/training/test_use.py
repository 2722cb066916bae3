"""evaluate, predict, the batch methods, stateful models, explain."""

from __future__ import annotations

import numpy as np
import pytest
from tests.harness.tolerances import check_close, tolerance
from tests.training.models import LINE_X, LINE_Y, line, line_by_hand, weight

import recurra.random
from recurra import engines
from recurra.errors import (
    ArgumentError,
    DataError,
)
from recurra.layers import LSTM, Dense, Input
from recurra.models import Sequential
from recurra.optimizers import SGD


def test_predict_joins_batches_and_does_not_need_compile() -> None:
    model = Sequential([Input((1,)), Dense(1, use_bias=False)])
    model.set_weights([np.array([[3.0]])])
    assert model.predict(LINE_X, batch_size=2).tolist() == (3 * LINE_X).tolist()
    assert model.predict(LINE_X, batch_size=2, steps=2).shape == (4, 1)
    assert model.predict_on_batch(LINE_X).tolist() == (3 * LINE_X).tolist()


@pytest.mark.parametrize("engine", engines.available())
def test_predictions_do_not_depend_on_the_batch_size(engine: str) -> None:
    recurra.random.set_seed(2)
    model = Sequential([Input((7, 2)), LSTM(5), Dense(3)])
    model.compile(engine=engine)
    x = np.random.default_rng(0).normal(size=(23, 7, 2))
    whole = model.predict(x, batch_size=23)
    for size in (1, 4, 22):
        parts = model.predict(x, batch_size=size)
        if engine == "native":
            assert (parts == whole).all()
        else:  # numpy's matrix products round by their sizes, on some processors
            check_close(parts, whole, tolerance(engine, "float32", "forward"), f"batches of {size}")


def test_batch_methods() -> None:
    model = line(SGD(0.01), metrics=["mae"])
    errors = LINE_X - LINE_Y
    before = [float((errors**2).mean()), float(np.abs(errors).mean())]
    assert model.test_on_batch(LINE_X, LINE_Y) == pytest.approx(before)
    assert model.train_on_batch(LINE_X, LINE_Y) == pytest.approx(before)
    expected, _ = line_by_hand(LINE_X, LINE_Y, [[0, 1, 2, 3, 4]], 0.01)
    assert weight(model) == pytest.approx(expected, rel=1e-6)
    assert model.optimizer.iterations == 1
    # Each call reports its own batch, not a mean over calls.
    after = model.train_on_batch(LINE_X, LINE_Y, return_dict=True)
    assert after["loss"] == pytest.approx(float(((expected * LINE_X - LINE_Y) ** 2).mean()), rel=1e-5)
    assert line().train_on_batch(LINE_X, LINE_Y, sample_weight=[1, 0, 0, 0, 0]) == pytest.approx(1 / 5)


def test_evaluate_returns_a_number_a_list_or_a_dict() -> None:
    expected = float(((LINE_X - LINE_Y) ** 2).mean())
    assert line().evaluate(LINE_X, LINE_Y, batch_size=2) == pytest.approx(expected)
    values = line(metrics=["mae"]).evaluate(LINE_X, LINE_Y)
    assert isinstance(values, list)
    assert len(values) == 2
    assert line().evaluate(LINE_X, LINE_Y, return_dict=True) == {"loss": pytest.approx(expected)}
    assert line().evaluate(LINE_X, LINE_Y, batch_size=2, steps=1) == pytest.approx(0.5 * (1 + 4))


def test_a_sequential_without_input_is_built_by_the_data() -> None:
    model = Sequential([LSTM(3), Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    model.fit(np.zeros((4, 6, 2)), np.zeros(4))
    assert model.input_shape == (None, 6, 2) or model.input_shape == (None, None, 2)
    model = Sequential([Dense(1)])
    assert model.predict([1.0, 2.0, 3.0]).shape == (3, 1)


def stateful(batch: int = 2) -> Sequential:
    model = Sequential([Input(batch_shape=(batch, 3, 1)), LSTM(2, stateful=True), Dense(1)])
    model.compile(optimizer=SGD(0.1), loss="mse", engine="numpy")
    return model


def test_stateful_models_carry_their_states() -> None:
    recurra.random.set_seed(4)
    model = stateful()
    x = np.random.default_rng(1).normal(size=(4, 3, 1))
    joined = model.predict(x)
    model.reset_states()
    first, second = model.predict(x[:2]), model.predict(x[2:])
    assert (joined == np.concatenate([first, second])).all()
    model.reset_states()
    assert (model.predict(x[2:]) != second).any()


def test_validation_leaves_the_states_of_training() -> None:
    x, y = np.random.default_rng(1).normal(size=(4, 3, 1)), np.zeros(4)
    results = []
    for held in (None, (5 + x, y)):
        recurra.random.set_seed(4)
        model = stateful()
        model.fit(x, y, epochs=3, shuffle=False, validation_data=held)
        results.append(model.get_weights())
    assert all((a == b).all() for a, b in zip(*results, strict=True))


def test_a_fixed_batch_size_is_the_default_and_is_kept() -> None:
    model = stateful()
    x = np.zeros((6, 3, 1))
    model.fit(x, np.zeros(6))
    assert model.optimizer.iterations == 3
    with pytest.raises(ArgumentError, match="fixed batch size 2, but fit received batch_size=3"):
        model.fit(x, np.zeros(6), batch_size=3)
    with pytest.raises(DataError, match="predict needs a multiple of 2 samples, received 5"):
        model.predict(x[:5])
    with pytest.raises(DataError, match="validation needs a multiple of 2"):
        model.fit(x, np.zeros(6), validation_data=(x[:1], np.zeros(1)))
    for samples in (1, 4):
        with pytest.raises(ArgumentError, match=f"train_on_batch needs 2 samples, received {samples}"):
            model.train_on_batch(x[:samples], np.zeros(samples))
        with pytest.raises(ArgumentError, match="test_on_batch needs 2"):
            model.test_on_batch(x[:samples], np.zeros(samples))
        with pytest.raises(ArgumentError, match="predict_on_batch needs 2"):
            model.predict_on_batch(x[:samples])


def test_data_are_neither_changed_nor_copied() -> None:
    x, y = LINE_X.copy(), LINE_Y.copy()
    model = line()
    model.fit(x, y, epochs=2, batch_size=2)
    assert (x == LINE_X).all()
    assert (y == LINE_Y).all()
    assert model._programs is not None
    assert model._programs.samples(x, y).feeds["target_0"] is y


def test_explain_names_engine_layers_and_weights() -> None:
    model = Sequential([Input((5, 2)), LSTM(3, name="first"), Dense(1, name="last")])
    model.compile(engine="numpy")
    text = model.explain()
    for part in ("numpy engine", "first", "lstm", "recurrent_kernel", "last", "dense", "(batch, 1)", "76 numbers"):
        assert part in text
    with pytest.raises(ArgumentError, match="built"):
        Sequential([Dense(1)]).explain()
