"""LSTM: its numbers against a loop written here, masks, states, noise, initial values, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.harness.tolerances import check_close, tolerance

from recurra import config, engines
from recurra.errors import ArgumentError, ShapeError, UnknownNameError
from recurra.layers import LSTM, Concatenate, Dense, Embedding, Input, Masking
from recurra.models import Model

Array = np.ndarray
EXACT = tolerance("numpy", "float64", "forward")


@pytest.fixture(autouse=True)
def float64() -> None:
    config.set_floatx("float64")


def numbers(*shape: int, seed: int = 3) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def sigmoid(x: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-x))
    return result


def loop(
    layer: LSTM,
    x: Array,
    h: Array | None = None,
    c: Array | None = None,
    mask: Array | None = None,
    activation: Callable[[Array], Array] = np.tanh,
    gate: Callable[[Array], Array] = sigmoid,
    zero_output: bool = False,
) -> tuple[Array, Array, Array]:
    """The equations, step by step."""
    kernel, recurrent = layer.get_weights()[:2]
    bias = layer.get_weights()[2] if layer.use_bias else 0.0
    batch, steps, _ = x.shape
    h = np.zeros((batch, layer.units)) if h is None else h
    c = np.zeros((batch, layer.units)) if c is None else c
    outputs, last = [], h
    for t in range(steps)[:: -1 if layer.go_backwards else 1]:
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=-1)
        new_c = gate(f) * c + gate(i) * activation(g)
        new_h = gate(o) * activation(new_c)
        counts = np.ones((batch, 1)) if mask is None else mask[:, t : t + 1]
        h, c = np.where(counts, new_h, h), np.where(counts, new_c, c)
        last = np.where(counts, new_h, 0 * last if zero_output else last)
        outputs.append(last)
    return np.stack(outputs, axis=1), h, c


def all_results(**options: Any) -> LSTM:
    layer = LSTM(4, return_sequences=True, return_state=True, bias_initializer="random_normal", **options)
    layer.build((None, None, 3))
    return layer


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_equations(go_backwards: bool, use_bias: bool) -> None:
    layer = all_results(go_backwards=go_backwards, use_bias=use_bias)
    x = numbers(2, 5, 3)
    for actual, expected in zip(layer(x), loop(layer, x), strict=True):
        check_close(actual, expected, EXACT, "lstm")


def test_activations_reach_the_op() -> None:
    layer = all_results(activation="relu", recurrent_activation="hard_sigmoid")
    x = numbers(2, 5, 3)
    expected = loop(layer, x, activation=lambda z: np.maximum(z, 0), gate=lambda z: np.clip(z / 6 + 0.5, 0, 1))
    check_close(layer(x)[0], expected[0], EXACT, "relu and hard_sigmoid")
    layer = all_results(activation=None, recurrent_activation="hard_sigmoid_tfjs")
    expected = loop(layer, x, activation=lambda z: z, gate=lambda z: np.clip(0.2 * z + 0.5, 0, 1))
    check_close(layer(x)[0], expected[0], EXACT, "linear and hard_sigmoid of TensorFlow.js")


@pytest.mark.parametrize("zero_output", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_mask_of_any_form(go_backwards: bool, zero_output: bool) -> None:
    layer = all_results(go_backwards=go_backwards, zero_output_for_mask=zero_output)
    x = numbers(4, 5, 3)
    mask = np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], float)
    expected = loop(layer, x, mask=mask, zero_output=zero_output)
    for actual, wanted in zip(layer(x, mask=mask), expected, strict=True):
        check_close(actual, wanted, EXACT, "masked lstm")


def test_last_output_is_the_last_state_even_if_masked_outputs_are_zero() -> None:
    layer = LSTM(4, zero_output_for_mask=True)
    x = numbers(1, 3, 2)
    assert (layer(x, mask=np.array([[1.0, 1.0, 0.0]])) == layer(x[:, :2])).all()


def test_initial_state_and_mask_together() -> None:
    """Keras drops a mask that arrives beside its input when an initial state is given."""
    ids, h, c = Input((None,), dtype="int32"), Input((4,)), Input((4,))
    embedding = Embedding(6, 3, mask_zero=True)
    layer = LSTM(4, return_sequences=True, return_state=True)
    model = Model([ids, h, c], layer(embedding(ids), initial_state=[h, c]))
    words, first_h, first_c = np.array([[0, 5, 2, 0, 0], [1, 1, 4, 3, 2]]), numbers(2, 4), numbers(2, 4, seed=4)
    x = embedding.get_weights()[0][words]
    expected = loop(layer, x, first_h, first_c, mask=(words != 0).astype(float))
    for actual, wanted in zip(model.predict([words, first_h, first_c]), expected, strict=True):
        check_close(actual, wanted, EXACT, "initial state and mask")
    assert (expected[0][0, 0] == first_h[0]).all()


def test_a_mask_goes_through_stacked_layers_and_stops_at_the_last_output() -> None:
    series = Input((None, 2))
    first = LSTM(3, return_sequences=True)(Masking()(series))
    assert first.mask_dims == ("batch", "time")
    assert LSTM(3)(first).mask_dims is None
    sequence, h, c = LSTM(3, return_sequences=True, return_state=True)(first)
    assert [t.mask_dims for t in (sequence, h, c)] == [("batch", "time"), None, None]


def test_padding_changes_nothing() -> None:
    model = Model(series := Input((None, 2)), Dense(1)(LSTM(3)(LSTM(4, return_sequences=True)(Masking(-9.0)(series)))))
    x = numbers(2, 4, 2)
    padded = np.concatenate([x, np.full((2, 3, 2), -9.0)], axis=1)
    check_close(model.predict(padded), model.predict(x), EXACT, "padding behind")
    padded = np.concatenate([np.full((2, 3, 2), -9.0), x], axis=1)
    check_close(model.predict(padded), model.predict(x), EXACT, "padding in front")


def test_backwards_outputs_come_with_a_turned_mask() -> None:
    """The outputs are in the order of reading; Keras leaves the mask as it was."""
    series = Input((None, 2))
    layer = LSTM(3, return_sequences=True, go_backwards=True)
    second = LSTM(4)
    model = Model(series, second(layer(Masking()(series))))
    x = numbers(1, 5, 2)
    x[:, 3:] = 0.0
    mask = np.array([[1.0, 1, 1, 0, 0]])
    outputs, _, _ = loop(layer, x, mask=mask)
    expected = loop(second, outputs, mask=mask[:, ::-1])[1]
    check_close(model.predict(x), expected, EXACT, "turned mask")


def test_a_branch_without_mask_stays_without() -> None:
    """In TensorFlow.js a mask leaks into later branches of the same input."""
    series = Input((None, 2))
    masked, plain = LSTM(3)(Masking()(series)), LSTM(3)
    model = Model(series, Concatenate()([masked, plain(series)]))
    x = numbers(1, 4, 2)
    x[:, 2:] = 0.0
    check_close(model.predict(x)[:, 3:], loop(plain, x)[1], EXACT, "plain branch")


class TestStateful:
    @staticmethod
    def model(**options: Any) -> tuple[Model, LSTM]:
        series = Input(batch_shape=(2, None, 3))
        layer = LSTM(4, stateful=True, **options)
        return Model(series, layer(series)), layer

    @pytest.mark.parametrize("engine", engines.available())
    def test_predict_goes_on_where_it_stopped(self, engine: str) -> None:
        config.set_floatx("float32")
        model, _layer = self.model()
        model.compile("sgd", "mse", engine=engine)
        allowed = tolerance(engine, "float32", "forward")
        x = numbers(2, 6, 3)
        whole = model.predict(x)
        model.reset_states()
        model.predict(x[:, :4])
        check_close(model.predict(x[:, 4:]), whole, allowed, "two parts")

    @pytest.mark.parametrize("kind", ["train_on_batch", "test_on_batch"])
    def test_training_and_testing_move_the_states_too(self, kind: str) -> None:
        model, layer = self.model()
        model.compile("sgd", "mse")
        x = numbers(2, 6, 3)
        _, h, c = loop(layer, x)
        getattr(model, kind)(x, np.zeros((2, 4)))
        check_close(layer.states[0].value, h, EXACT, "h")
        check_close(layer.states[1].value, c, EXACT, "c")

    def test_states_can_be_set(self) -> None:
        model, layer = self.model()
        h, c, x = numbers(2, 4), numbers(2, 4, seed=5), numbers(2, 6, 3)
        layer.reset_states([h, c])
        check_close(model.predict(x), loop(layer, x, h, c)[1], EXACT, "states set")
        layer.reset_states()
        check_close(model.predict(x), loop(layer, x)[1], EXACT, "states reset")

    def test_states_are_no_weights(self) -> None:
        model, layer = self.model()
        assert [v.name for v in model.weights] == ["lstm/kernel", "lstm/recurrent_kernel", "lstm/bias"]
        assert [v.name for v in layer.states] == ["lstm/h", "lstm/c"]
        assert not any(v.trainable for v in layer.states)

    def test_masked_steps_leave_the_states(self) -> None:
        series = Input(batch_shape=(1, 3, 2))
        layer = LSTM(4, stateful=True)
        model = Model(series, layer(Masking()(series)))
        x = numbers(1, 3, 2)
        x[:, 1:] = 0.0
        model.predict(x)
        check_close(layer.states[0].value, loop(layer, x[:, :1])[1], EXACT, "h")

    def test_refusals(self) -> None:
        with pytest.raises(ShapeError, match=r"stateful, so the batch size must be fixed.*Input\(shape, batch_size="):
            LSTM(4, stateful=True)(Input((None, 3)))
        with pytest.raises(ArgumentError, match="made without stateful=True"):
            LSTM(4).reset_states()
        with pytest.raises(ArgumentError, match="is not built yet"):
            LSTM(4, stateful=True).reset_states()
        _, layer = self.model()
        with pytest.raises(ArgumentError, match=r"has 2 state\(s\) \(h, c\), received 1"):
            layer.reset_states([np.zeros((2, 4))])
        with pytest.raises(ShapeError, match=r"expected shape \(2, 4\), received \(3, 4\)"):
            layer.reset_states([np.zeros((3, 4)), np.zeros((3, 4))])


class TestDropout:
    def test_only_while_training(self) -> None:
        layer = LSTM(4, dropout=0.5, recurrent_dropout=0.5)
        x = numbers(2, 5, 3)
        layer.build((None, None, 3))
        check_close(layer(x), loop(layer, x)[1], EXACT, "not training")
        assert not np.allclose(layer(x, training=True), layer(x))

    def test_input_noise_is_the_same_at_all_steps(self) -> None:
        # With a kernel of ones and no recurrence the sequence shows which features each step saw.
        layer = LSTM(
            1,
            activation="linear",
            recurrent_activation="linear",
            dropout=0.5,
            seed=1,
            return_sequences=True,
            return_state=True,
        )
        layer.build((None, None, 8))
        kernel = np.zeros((8, 4))
        kernel[:, 2] = 2.0 ** np.arange(8)
        layer.set_weights([kernel, np.zeros((1, 4)), np.array([1.0, 0.0, 0.0, 1.0])])
        seen = layer(np.ones((3, 5, 8)), training=True)[0][..., 0] / 2
        assert (seen == seen[:, :1]).all()
        assert len(np.unique(seen[:, 0])) == 3
        assert ((seen >= 0) & (seen <= 255) & (seen == np.round(seen))).all()

    def test_recurrent_noise_is_the_same_at_all_steps(self) -> None:
        layer = LSTM(6, recurrent_dropout=0.5, seed=2, return_sequences=True)
        x = numbers(1, 5, 3)
        sequence = layer(x, training=True)
        layer_free = LSTM(6, return_sequences=True)
        layer_free.build((None, None, 3))
        kernel, recurrent, bias = layer.get_weights()
        # The same noise as a diagonal in front of the recurrent kernel: one of 2^6 masks must explain all steps.
        for bits in range(64):
            kept = np.array([(bits >> i) & 1 for i in range(6)]) * 2.0
            layer_free.set_weights([kernel, kept[:, None] * recurrent, bias])
            if np.allclose(layer_free(x), sequence, rtol=1e-10, atol=0):
                break
        else:
            pytest.fail("no mask explains the outputs")
        assert 0 < bits < 63

    def test_the_two_noises_differ(self) -> None:
        model = Model(series := Input((4, 6)), LSTM(6, dropout=0.5, recurrent_dropout=0.5, seed=9)(series))
        model.compile("sgd", "mse")
        explained = model.explain()
        assert "dropout" not in explained
        from recurra.graph import GraphBuilder

        builder = GraphBuilder(training=True)
        outputs, _ = model.trace(builder, [builder.input("x", (2, 4, 6))])
        builder.output("y", outputs[0])
        seeds = [node.attributes["seed"] for node in builder.finish().nodes if node.op == "dropout"]
        assert len(set(seeds)) == 2

    def test_seed(self) -> None:
        weights = LSTM(4, dropout=0.5)
        x = numbers(2, 5, 3)
        weights(x)

        def run(seed: int | None) -> Array:
            layer = LSTM(4, dropout=0.5, seed=seed)
            layer.build((None, None, 3))
            layer.set_weights(weights.get_weights())
            result: Array = layer(x, training=True)
            return result

        assert (run(7) == run(7)).all()
        assert not (run(7) == run(8)).all()
        assert not (run(None) == run(None)).all()

    def test_a_drawn_seed_is_kept_in_the_configuration(self) -> None:
        layer = LSTM(4, dropout=0.5)
        assert isinstance(layer.get_config()["seed"], int)
        assert LSTM.from_config(layer.get_config()).seed == layer.seed
        assert LSTM(4).get_config()["seed"] is None


class TestFirstValues:
    def test_bias(self) -> None:
        layer = LSTM(3)
        layer.build((None, None, 2))
        assert layer.get_weights()[2].tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]
        layer = LSTM(3, unit_forget_bias=False, bias_initializer="ones")
        layer.build((None, None, 2))
        assert layer.get_weights()[2].tolist() == [1] * 12
        layer = LSTM(1, bias_initializer={"class_name": "Constant", "config": {"value": 5}})
        layer.build((None, None, 2))
        assert layer.get_weights()[2].tolist() == [5, 1, 5, 5]

    def test_kernels(self) -> None:
        layer = LSTM(8)
        layer.build((None, None, 5))
        kernel, recurrent, _ = layer.get_weights()
        limit = np.sqrt(6 / (5 + 32))
        assert kernel.shape == (5, 32) and 0.9 * limit < np.abs(kernel).max() <= limit
        check_close(recurrent @ recurrent.T, np.eye(8), EXACT, "recurrent kernel")


def test_shapes() -> None:
    assert LSTM(4).compute_output_shape((None, None, 3)) == (None, 4)
    assert LSTM(4, return_sequences=True).compute_output_shape((2, 7, 3)) == (2, 7, 4)
    assert LSTM(4, return_state=True).compute_output_shape((2, 7, 3)) == [(2, 4), (2, 4), (2, 4)]


def test_refusals() -> None:
    with pytest.raises(ArgumentError, match="LSTM: units must be a positive integer, received 0"):
        LSTM(0)
    with pytest.raises(ArgumentError, match=r"units must be a positive integer, received 2\.5"):
        LSTM(2.5)  # type: ignore[arg-type]
    for units in ("many", None, True, float("nan"), float("inf"), -3):
        with pytest.raises(ArgumentError, match="units must be a positive integer"):
            LSTM(units)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"recurrent_dropout must lie in \[0, 1\), received 1"):
        LSTM(4, recurrent_dropout=1)
    with pytest.raises(UnknownNameError, match=r"Unknown activation 'tahn'\. Did you mean 'tanh'"):
        LSTM(4, activation="tahn")
    with pytest.raises(UnknownNameError, match="Unknown recurrent_activation of a recurrent layer 'softmax'"):
        LSTM(4, recurrent_activation="softmax")
    with pytest.raises(ArgumentError, match="kernel_constraint must be None"):
        LSTM(4, kernel_constraint="max_norm")
    with pytest.raises(UnknownNameError, match=r"Unknown argument of LSTM 'return_sequence'\. Did you mean 'return_"):
        LSTM(4, return_sequence=True)


def test_a_wrong_shape_names_the_layer_and_the_remedy() -> None:
    with pytest.raises(ShapeError, match=r"'lstm' has a wrong shape: expected 3 dimensions \(batch, time, features\)"):
        LSTM(4)(Input((3,)))
    with pytest.raises(ShapeError, match="return_sequences=True"):
        LSTM(4)(LSTM(4)(Input((None, 3))))
    layer = LSTM(4)
    layer(np.zeros((1, 2, 3)))
    with pytest.raises(ShapeError, match=r"expected the last dimension to be 3, as when .* received \(1, 2, 5\)"):
        layer(np.zeros((1, 2, 5)))
    with pytest.raises(ArgumentError, match=r"has 2 state\(s\) \(h, c\), received 3"):
        layer(np.zeros((1, 2, 3)), initial_state=[np.zeros((1, 4))] * 3)


def test_states_of_an_encoder_start_a_decoder() -> None:
    source, target = Input((None, 2)), Input((None, 3))
    encoder, decoder = LSTM(4, return_state=True), LSTM(4, return_sequences=True)
    _, h, c = encoder(source)
    model = Model([source, target], decoder(target, initial_state=[h, c]))
    a, b = numbers(2, 5, 2), numbers(2, 7, 3)
    _, last_h, last_c = loop(encoder, a)
    check_close(model.predict([a, b]), loop(decoder, b, last_h, last_c)[0], EXACT, "decoder")
