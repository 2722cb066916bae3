"""Model: webs of layers, names, order of weights, nesting, configuration, refusals."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from recurra import engines
from recurra.errors import ArgumentError, FormatError, UnknownNameError
from recurra.graph import GraphBuilder
from recurra.layers import LSTM, Add, Concatenate, Dense, Embedding, Flatten, Input, Layer, serialize
from recurra.models import Model, Sequential, clone_model, model_from_config


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


def two_inputs() -> Model:
    words, series = Input((None,), dtype="int32", name="words"), Input((None, 2), name="series")
    read = LSTM(3, name="read")(Embedding(7, 4, name="table")(words))
    seen = LSTM(3, name="see")(series)
    both = Concatenate(name="both")([read, seen])
    return Model([words, series], [Dense(1, name="value")(both), Dense(2, "softmax", name="kind")(both)], name="web")


WORDS, SERIES = np.array([[1, 2, 3], [6, 5, 4]]), numbers(2, 5, 2)


class TestWebs:
    def test_names_and_shapes(self) -> None:
        model = two_inputs()
        assert model.input_names == ["words", "series"]
        assert model.output_names == ["value", "kind"]
        assert model.input_shape == [(None, None), (None, None, 2)]
        assert model.output_shape == [(None, 1), (None, 2)]
        assert [t.dtype for t in model.inputs] == ["int32", "float32"]

    @pytest.mark.parametrize("engine", engines.available())
    def test_compute_what_their_layers_compute(self, engine: str) -> None:
        model = two_inputs()
        model.compile("sgd", "mse", engine=engine)
        value, kind = model.predict([WORDS, SERIES])
        layers = {layer.name: layer for layer in model.layers}
        both = np.concatenate([layers["read"](layers["table"](WORDS)), layers["see"](SERIES)], axis=1)
        np.testing.assert_allclose(value, layers["value"](both), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(kind, layers["kind"](both), rtol=1e-5, atol=1e-6)

    def test_data_by_name(self) -> None:
        model = two_inputs()
        by_name = model.predict({"series": SERIES, "words": WORDS})
        assert all((a == b).all() for a, b in zip(by_name, model.predict([WORDS, SERIES]), strict=True))

    def test_of_mappings(self) -> None:
        a, b = Input((2,)), Input((3,))
        model = Model({"left": a, "right": b}, {"sum": Dense(1)(Concatenate()([a, b]))})
        assert model.input_names == ["left", "right"] and model.output_names == ["sum"]
        assert model.predict({"left": numbers(4, 2), "right": numbers(4, 3)}).shape == (4, 1)

    def test_a_layer_called_twice_has_its_weights_once(self) -> None:
        a, b = Input((3,)), Input((3,))
        shared = Dense(2, name="shared")
        model = Model([a, b], Add()([shared(a), shared(b)]))
        assert len(model.weights) == 2
        x, y = numbers(2, 3), 2 * numbers(2, 3)
        np.testing.assert_allclose(model.predict([x, y]), shared(x) + shared(y), rtol=1e-5, atol=1e-6)

    def test_share_parts(self) -> None:
        x = Input((3,))
        hidden = Dense(4, "tanh")
        whole = Model(x, Dense(1)(hidden(x)))
        part = Model(whole.input, whole.get_layer("dense").output)
        assert part.layers[-1] is hidden
        data = numbers(2, 3)
        np.testing.assert_allclose(part.predict(data), hidden(data), rtol=1e-6)

    def test_an_input_may_be_an_output(self) -> None:
        x = Input((3,))
        model = Model(x, [x, Dense(1)(x)])
        data = numbers(2, 3)
        assert (model.predict(data)[0] == data).all()

    def test_equal_names_of_outputs_are_numbered(self) -> None:
        x = Input((None, 3))
        assert Model(x, LSTM(2, return_state=True)(x)).output_names == ["lstm", "lstm_1", "lstm_2"]

    def test_long_chains(self) -> None:
        x = y = Input((1,))
        for _ in range(1500):
            y = Flatten()(y)
        assert Model(x, y).predict(np.ones((1, 1))).tolist() == [[1]]

    def test_weights_come_in_the_order_of_keras(self) -> None:
        """By distance from the outputs, which is not the order of the calls."""
        x = Input((2,))
        short = Dense(3, name="short")(x)
        first = Dense(3, name="first")(x)
        second = Dense(3, name="second")(first)
        model = Model(x, Add()([short, second]))
        assert [layer.name for layer in two_inputs().layers] == [
            *("words", "table", "series", "read", "see", "both", "value", "kind")
        ]
        assert [v.name for v in model.weights] == [
            *("first/kernel", "first/bias", "short/kernel", "short/bias", "second/kernel", "second/bias")
        ]


class TestNesting:
    def test_a_model_is_a_layer(self) -> None:
        inner = Sequential([Input((3,)), Dense(4, "relu"), Dense(2)], name="inner")
        x = Input((None, 3))
        outer = Model(first := Input((3,)), Dense(1)(inner(first)))
        assert [v.name for v in outer.weights][:4] == [v.name for v in inner.weights]
        data = numbers(5, 3)
        np.testing.assert_allclose(outer.predict(data), outer.layers[-1](inner.predict(data)), rtol=1e-5, atol=1e-6)
        assert x.shape == (None, None, 3)

    def test_of_several_inputs_and_outputs(self) -> None:
        web = two_inputs()
        words, series = Input((None,), dtype="int32"), Input((4, 2))
        outer = Model([words, series], web([words, series]))
        series_4 = SERIES[:, :4]
        for actual, expected in zip(outer.predict([WORDS, series_4]), web.predict([WORDS, series_4]), strict=True):
            np.testing.assert_allclose(actual, expected, rtol=1e-6)
        by_name = Model([words, series], web({"series": series, "words": words}))
        assert (by_name.predict([WORDS, series_4])[0] == outer.predict([WORDS, series_4])[0]).all()

    def test_in_a_sequential(self) -> None:
        encoder = Sequential([Input((None, 2)), LSTM(3)])
        model = Sequential([encoder, Dense(1)])
        assert model.built and model.input_shape == (None, None, 2)
        copy = Sequential.from_config(json.loads(json.dumps(model.get_config())))
        copy.set_weights(model.get_weights())
        assert (copy.predict(SERIES) == model.predict(SERIES)).all()

    def test_masks_go_in_and_out(self) -> None:
        words = Input((None,), dtype="int32")
        encoder = Model(words, LSTM(3, return_sequences=True)(Embedding(7, 4, mask_zero=True)(words)))
        outer = Model(second := Input((None,), dtype="int32"), LSTM(2)(encoder(second)))
        padded = np.array([[1, 2, 3, 0, 0]])
        np.testing.assert_allclose(outer.predict(padded), outer.predict(padded[:, :3]), rtol=1e-6)
        builder = GraphBuilder()
        _, masks = encoder.trace(builder, [builder.input("x", ("batch", "time"), "int")])
        assert masks[0] is not None and masks[0].shape == ("batch", "time")

    def test_called_on_arrays(self) -> None:
        model = two_inputs()
        for actual, expected in zip(model([WORDS, SERIES]), model.predict([WORDS, SERIES]), strict=True):
            np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)

    def test_freezing_reaches_all_layers(self) -> None:
        inner = Sequential([Input((3,)), Dense(2)])
        model = Sequential([inner, Dense(1)])
        inner.trainable = False
        assert [v.name for v in model.trainable_weights] == ["dense_1/kernel", "dense_1/bias"]


class TestConfiguration:
    def test_round_trip(self) -> None:
        model = two_inputs()
        config = json.loads(json.dumps(model.get_config()))
        copy = Model.from_config(config)
        assert copy.get_config() == model.get_config()
        copy.set_weights(model.get_weights())
        for a, b in zip(copy.predict([WORDS, SERIES]), model.predict([WORDS, SERIES]), strict=True):
            assert (a == b).all()

    def test_with_states_shared_layers_and_mappings(self) -> None:
        source, target = Input((None, 2)), Input((None, 2))
        encoder = LSTM(3, return_state=True)
        _, h, c = encoder(source)
        _, h2, _ = encoder(target, initial_state=[h, c])
        model = Model({"a": source, "b": target}, {"h": h2, "c": LSTM(3)(target, initial_state=[h2, c])})
        copy = Model.from_config(json.loads(json.dumps(model.get_config())))
        assert copy.output_names == ["h", "c"]
        copy.set_weights(model.get_weights())
        x = [numbers(2, 4, 2), numbers(2, 3, 2)]
        for a, b in zip(copy.predict(x), model.predict(x), strict=True):
            assert (a == b).all()

    def test_is_found_by_class_name(self) -> None:
        model = two_inputs()
        written = serialize(model)
        assert written["class_name"] == "Model"
        assert isinstance(model_from_config(written), Model)
        assert isinstance(model_from_config({**written, "class_name": "Functional"}), Model)
        with pytest.raises(ArgumentError, match="is that of a Flatten, not of a model"):
            model_from_config(serialize(Flatten()))

    def test_damaged(self) -> None:
        config = two_inputs().get_config()
        config["layers"] = [layer for layer in config["layers"] if layer["name"] != "table"]
        with pytest.raises(FormatError, match="inputs of these layers do not exist: .*read"):
            Model.from_config(config)
        config = two_inputs().get_config()
        config["output_layers"] = [["value", 3, 0]]
        with pytest.raises(FormatError, match=r"there is no result \['value', 3, 0\]"):
            Model.from_config(config)

    def test_clone(self) -> None:
        class Double(Layer):
            def call(self, x: Any) -> Any:
                return x + x

        model = Sequential([Input((2,)), Dense(2), Double()])
        copy = clone_model(model)
        assert type(copy.layers[1]) is Double
        assert (copy.get_weights()[0] != model.get_weights()[0]).any()
        copy.set_weights(model.get_weights())
        assert (copy.predict(numbers(1, 2)) == model.predict(numbers(1, 2))).all()
        assert not copy.compiled


class TestFinding:
    def test_layers(self) -> None:
        model = two_inputs()
        assert model.get_layer("see").name == "see"
        assert model.get_layer(index=-1).name == "kind"
        with pytest.raises(UnknownNameError, match=r"Unknown layer 'tabel'\. Did you mean 'table'"):
            model.get_layer("tabel")
        with pytest.raises(ArgumentError, match="has 8 layers; there is none with the index 8"):
            model.get_layer(index=8)
        with pytest.raises(ArgumentError, match="needs either a name or an index"):
            model.get_layer()


class TestRefusals:
    def test_a_missing_input(self) -> None:
        a, b = Input((2,), name="a"), Input((2,), name="b")
        with pytest.raises(ArgumentError, match=r"depend on the Input 'b', which is not among .* inputs \(a\)"):
            Model(a, Add()([a, b]))

    def test_an_input_that_is_none(self) -> None:
        x = Input((2,))
        y = Dense(2)(x)
        with pytest.raises(ArgumentError, match="received a result of the layer 'dense'"):
            Model(y, Dense(1)(y))
        with pytest.raises(ArgumentError, match="outputs must come from .* received ndarray"):
            Model(x, np.ones(3))

    def test_equal_names(self) -> None:
        x = Input((2,))
        with pytest.raises(ArgumentError, match="2 layers of the model are named 'same'"):
            Model(x, Dense(1, name="same")(Dense(1, name="same")(x)))

    def test_a_wrong_number_of_inputs(self) -> None:
        model = two_inputs()
        with pytest.raises(ArgumentError, match=r"'web' has 2 inputs \(words, series\), received 1"):
            model(WORDS)


def test_stateful_models_are_reset() -> None:
    model = Sequential([Input(batch_shape=(1, None, 2)), LSTM(3, stateful=True, return_sequences=True), LSTM(2)])
    x = numbers(1, 4, 2)
    first = model.predict(x)
    assert (model.predict(x) != first).any()
    model.reset_states()
    assert (model.predict(x) == first).all()
