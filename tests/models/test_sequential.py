"""Sequential: adding, removing, building late, refusals, configuration."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from recurra import engines, ops
from recurra.errors import ArgumentError, ShapeError
from recurra.layers import LSTM, Dense, Dropout, Embedding, Flatten, Input, InputLayer, Layer, Reshape
from recurra.models import Model, Sequential


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


def test_computes_layer_after_layer() -> None:
    first, second = Dense(3, "relu"), Dense(2)
    model = Sequential([Input((4,)), first, second])
    x = numbers(5, 4)
    w, b = first.get_weights()
    v, c = second.get_weights()
    np.testing.assert_allclose(model.predict(x), np.maximum(x @ w + b, 0) @ v + c, rtol=1e-5, atol=1e-6)


def test_the_ways_to_say_the_input_shape() -> None:
    for model in (
        Sequential([Input((4, 1)), LSTM(2)]),
        Sequential([InputLayer((4, 1)), LSTM(2)]),
        Sequential([LSTM(2, input_shape=(4, 1))]),
        Sequential([LSTM(2, batch_input_shape=(None, 4, 1))]),
    ):
        assert model.built
        assert model.input_shape == (None, 4, 1)
        assert model.output_shape == (None, 2)
        assert [type(layer) for layer in model.layers] == [LSTM]
    fixed = Sequential([LSTM(2, stateful=True, batch_input_shape=(3, 4, 1))])
    assert fixed.input_shape == (3, 4, 1)


def test_add_and_pop() -> None:
    model = Sequential(name="m")
    model.add(Input((4,)))
    model.add(Dense(3))
    assert model.output_shape == (None, 3)
    model.add(Dense(2))
    assert model.output_shape == (None, 2)
    assert model.pop().name == "dense_1"
    assert model.output_shape == (None, 3) and len(model.weights) == 2
    model.pop()
    assert not model.built
    with pytest.raises(ArgumentError, match="'m' has no layers to remove"):
        model.pop()
    model.add(Dense(5))
    assert model.output_shape == (None, 5)


@pytest.mark.parametrize("engine", engines.available())
def test_changes_after_compiling_count(engine: str) -> None:
    model = Sequential([Input((2,)), Dense(2, kernel_initializer="ones")])
    model.compile("sgd", "mse", engine=engine)
    x = np.array([[1.0, -3.0]])
    assert model.predict(x).tolist() == [[-2, -2]]
    model.add(Absolute())
    assert model.predict(x).tolist() == [[2, 2]]
    model.pop()
    model.add(Dense(1, kernel_initializer="ones"))
    assert model.predict(x).tolist() == [[-4]]


class Absolute(Layer):
    """A layer without weights."""

    def call(self, x: Any) -> Any:
        return ops.absolute(x)


class TestBuiltLate:
    def test_by_build(self) -> None:
        model = Sequential([LSTM(3, return_sequences=True), Dense(2)])
        assert not model.built
        assert model.weights == []
        model.build((None, None, 4))
        assert model.output_shape == (None, None, 2)
        assert [v.name for v in model.weights][:2] == ["lstm/kernel", "lstm/recurrent_kernel"]
        model.build((None, None, 4))
        assert len(model.weights) == 5

    def test_by_data(self) -> None:
        for use in ("fit", "predict", "evaluate", "train_on_batch"):
            model = Sequential([LSTM(3), Dense(1)])
            model.compile("sgd", "mse")
            x, y = numbers(4, 6, 2), numbers(4, 1)
            getattr(model, use)(*([x] if use == "predict" else [x, y]))
            assert model.input_shape == (None, 6, 2)
            assert model.count_params() == 4 * 3 * (2 + 3 + 1) + 4

    def test_by_indices(self) -> None:
        model = Sequential([Embedding(9, 3), LSTM(2)])
        model.compile("sgd", "mse")
        assert model.predict(np.array([[1, 2, 8]])).shape == (1, 2)
        assert model.inputs[0].dtype == "int32"

    def test_by_being_called_in_another_model(self) -> None:
        inner = Sequential([Dense(3)])
        outer = Model(x := Input((2,)), inner(x))
        assert inner.built and outer.output_shape == (None, 3)

    def test_asking_too_early_says_what_to_do(self) -> None:
        model = Sequential([Dense(3)])
        with pytest.raises(ArgumentError, match=r"does not know the shape of its input yet\. Begin it with rec"):
            _ = model.output_shape
        with pytest.raises(ArgumentError, match="build needs the input_shape"):
            model.build()
        with pytest.raises(ArgumentError, match="'sequential_1' has no layers"):
            Sequential().build((None, 3))

    def test_a_failed_build_can_be_repeated(self) -> None:
        model = Sequential([LSTM(3), Dense(2)])
        with pytest.raises(ShapeError, match=r"expected 3 dimensions \(batch, time, features\), received \(None, 4\)"):
            model.build((None, 4))
        assert not model.built
        model.build((None, 2, 4))
        assert model.output_shape == (None, 2)

    def test_equals_one_built_at_once(self) -> None:
        from recurra import random

        random.set_seed(5)
        early = Sequential([Input((4,)), Dense(3), Dense(2)])
        random.set_seed(5)
        late = Sequential([Dense(3), Dense(2)])
        late.build((None, 4))
        assert all((a == b).all() for a, b in zip(early.get_weights(), late.get_weights(), strict=True))


class TestRefusals:
    def test_shapes_that_do_not_fit_name_the_layer(self) -> None:
        with pytest.raises(ShapeError, match=r"'lstm_1' has a wrong shape: .* received \(None, 4\).*return_sequences"):
            Sequential([Input((None, 2)), LSTM(4), LSTM(4)])
        model = Sequential([Input((4,)), Dense(3)])
        with pytest.raises(ShapeError, match=r"Cannot reshape \(batch, 3\) to \(batch, 2, 2\)"):
            model.add(Reshape((2, 2)))
        assert [layer.name for layer in model.layers] == ["dense"]
        model.add(Dense(1))
        assert model.output_shape == (None, 1)

    def test_what_is_no_layer(self) -> None:
        with pytest.raises(ArgumentError, match=r"made of layers, received type.*Make an object of the class first"):
            Sequential([Dense])
        with pytest.raises(ArgumentError, match="made of layers, received str: 'dense'"):
            Sequential(["dense"])

    def test_equal_names(self) -> None:
        with pytest.raises(ArgumentError, match="2 layers of the model are named 'a'"):
            Sequential([Input((2,)), Dense(2, name="a"), Dense(2, name="a")])
        layer = Dense(2)
        with pytest.raises(ArgumentError, match="2 layers of the model are named 'dense'"):
            Sequential([Input((2,)), layer, layer])

    def test_a_late_input(self) -> None:
        with pytest.raises(ArgumentError, match="must be the first of a Sequential; 'sequential' has 1 layers already"):
            Sequential([Dense(2), Input((2,))])
        with pytest.raises(ArgumentError, match="has 0 layers and an Input already"):
            Sequential([Input((2,)), Input((2,))])

    def test_a_layer_after_several_results(self) -> None:
        with pytest.raises(ArgumentError, match=r"'lstm' gives 3 results.*Drop return_state=True"):
            Sequential([Input((None, 2)), LSTM(3, return_state=True), Dense(1)])
        model = Sequential([Input((None, 2)), LSTM(3, return_state=True)])
        assert len(model.predict(numbers(1, 2, 2))) == 3


def test_configuration() -> None:
    model = Sequential(
        [Input((5, 3), name="series"), LSTM(4, dropout=0.1, seed=3), Dropout(0.2, seed=1), Dense(2, "softmax")],
        name="net",
    )
    config = json.loads(json.dumps(model.get_config()))
    assert [layer["class_name"] for layer in config["layers"]] == ["InputLayer", "LSTM", "Dropout", "Dense"]
    copy = Sequential.from_config(config)
    assert copy.get_config() == model.get_config()
    assert copy.name == "net" and copy.input_names == ["series"]
    copy.set_weights(model.get_weights())
    x = numbers(2, 5, 3)
    assert (copy.predict(x) == model.predict(x)).all()


def test_configuration_of_a_model_not_built() -> None:
    copy = Sequential.from_config(Sequential([Flatten(), Dense(2)]).get_config())
    assert not copy.built
    assert copy.predict(numbers(1, 2, 2)).shape == (1, 2)


def test_frozen_models() -> None:
    model = Sequential([Input((2,)), Dense(2)], trainable=False)
    assert model.trainable_weights == []
    assert Sequential.from_config(model.get_config()).trainable_weights == []
    part = Sequential([Input((2,)), Dense(2, trainable=False), Dense(2)])
    assert [v.name for v in Sequential.from_config(part.get_config()).trainable_weights] == [
        "dense_2/kernel",
        "dense_2/bias",
    ]
