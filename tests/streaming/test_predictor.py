"""Predictors give the numbers of predict, for weights as they were."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import engines
from recurra.errors import ArgumentError, DataError, ShapeError
from recurra.layers import GRU, LSTM, Bidirectional, Dense, Embedding, Input, Masking
from recurra.models import Model, Sequential

ENGINES = engines.available()


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(4).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch", [1, 5])
def test_the_numbers_are_those_of_predict(engine: str, batch: int) -> None:
    model = Sequential(
        [Input((None, 3)), Masking(), Bidirectional(LSTM(17, return_sequences=True)), GRU(5), Dense(2, "softmax")]
    )
    model.compile("adam", "mse", engine=engine)
    x = numbers(batch, 9, 3)
    x[0, 4:] = 0
    predictor = model.predictor(batch, time_steps=9)
    assert predictor.input_shape == (batch, 9, 3)
    assert predictor.output_shapes == [(batch, 2)]
    y = predictor(x)
    assert y.dtype == np.float32
    assert (y == model.predict(x, batch_size=batch, verbose=0)).all()
    assert (predictor(x.astype(np.float64).tolist()) == y).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_the_weights_stay_those_of_the_beginning(engine: str) -> None:
    model = Sequential([Input((4, 1)), LSTM(6), Dense(1)])
    model.compile("adam", "mse", engine=engine)
    x = numbers(2, 4, 1)
    predictor = model.predictor(2)
    before = predictor(x)
    model.fit(x, numbers(2, 1), epochs=3, verbose=0)
    assert (predictor(x) == before).all()
    assert (model.predictor(2)(x) == model.predict(x, verbose=0)).all()
    assert (model.predictor(2)(x) != before).any()


@pytest.mark.parametrize("engine", ENGINES)
def test_outputs_can_be_written_where_the_caller_says(engine: str) -> None:
    inputs = Input((3,), dtype="int32")
    hidden = LSTM(5, return_sequences=True)(Embedding(7, 4)(inputs))
    model = Model(inputs, [hidden, Dense(2)(hidden)])
    model.compile("adam", ["mse", "mse"], engine=engine)
    x = np.array([[1, 2, 6], [0, 0, 3]])
    predictor = model.predictor(2)
    out = [np.empty((2, 3, 5), np.float32), np.empty((2, 3, 2), np.float32)]
    returned = predictor(x, out)
    expected = model.predict(x, verbose=0)
    for target, made, wanted in zip(out, returned, expected, strict=True):
        assert target is made
        assert (target == wanted).all()
    with pytest.raises(ArgumentError, match="out must be"):
        predictor(x, out[0])


def test_what_does_not_fit_is_said() -> None:
    model = Sequential([Input((None, 3)), LSTM(4), Dense(1)])
    with pytest.raises(ArgumentError, match="give time_steps for axis 1"):
        model.predictor()
    with pytest.raises(ArgumentError, match="batch_size must be a whole number from 1, received 0"):
        model.predictor(0, 5)
    with pytest.raises(ArgumentError, match="time_steps must be a whole number from 1, received 2.5"):
        model.predictor(1, 2.5)  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match=r"takes arrays of shape \(1, 5, 3\), received \(5, 3\)"):
        model.predictor(1, 5)(numbers(5, 3))
    for wrong, words in {None: "is None", "a": "is text", (("a", "b"),): "must hold numbers"}.items():
        with pytest.raises(DataError, match=f"The input {words}"):
            model.predictor(1, 5)(wrong)
    with pytest.raises(DataError, match="numbers too large for float32, from 1e"):
        model.predictor(1, 1)([[[1e300] * 3]])
    indexed = Sequential([Input((2,), dtype="int32"), Embedding(5, 3), LSTM(2)]).predictor()
    assert (indexed([[1.0, 2.0]]) == indexed(np.array([[1, 2]], np.uint8))).all()
    for wrong, words in {1.7: "whole numbers .* received 1.7", 2**32 + 1: "fit into 32 bits"}.items():
        with pytest.raises(DataError, match=words):
            indexed([[wrong, 0]])
    fixed = Sequential([Input((4, 3)), LSTM(4)])
    with pytest.raises(ArgumentError, match=r"shape \(None, 4, 3\): it does not take time_steps=5"):
        fixed.predictor(1, 5)
    assert fixed.predictor(1, 4).input_shape == (1, 4, 3)
    stateful = Sequential([Input((4, 3), batch_size=2), LSTM(4, stateful=True)])
    with pytest.raises(ArgumentError, match="fixed batch size 2"):
        stateful.predictor(1)
    with pytest.raises(ArgumentError, match="carries its state from batch to batch"):
        stateful.predictor(2)
    a, b = Input((1,)), Input((2,))
    two = Model([a, b], [Dense(1)(a), Dense(1)(b)])
    with pytest.raises(ArgumentError, match=r"has 2\. Use predict_on_batch"):
        two.predictor()
