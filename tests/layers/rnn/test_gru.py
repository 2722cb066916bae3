"""GRU: its numbers against a loop written here, masks, states, noise, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.harness.tolerances import check_close, tolerance

from recurra import config, engines
from recurra.errors import ArgumentError, ShapeError, UnknownNameError
from recurra.layers import GRU, LSTM, Dense, Embedding, Input, Masking
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
    layer: GRU,
    x: Array,
    h: Array | None = None,
    mask: Array | None = None,
    activation: Callable[[Array], Array] = np.tanh,
    gate: Callable[[Array], Array] = sigmoid,
    zero_output: bool = False,
    kept: Array | float = 1.0,
) -> tuple[Array, Array]:
    """The equations, step by step; ``kept`` stands for recurrent dropout."""
    kernel, recurrent = layer.get_weights()[:2]
    nothing = np.zeros(3 * layer.units)
    bias = layer.get_weights()[2] if layer.use_bias else nothing
    beside_x, beside_h = bias if bias.ndim == 2 else (bias, nothing)
    batch, steps, _ = x.shape
    rz, rr, rh = np.split(recurrent, 3, axis=1)
    cz, cr, ch = np.split(beside_h, 3)
    h = np.zeros((batch, layer.units)) if h is None else h
    outputs, last = [], h
    for t in range(steps)[:: -1 if layer.go_backwards else 1]:
        xz, xr, xh = np.split(x[:, t] @ kernel + beside_x, 3, axis=-1)
        q = h * kept
        z, r = gate(xz + q @ rz + cz), gate(xr + q @ rr + cr)
        candidate = activation(xh + (r * (q @ rh + ch) if layer.reset_after else (r * q) @ rh))
        new_h = z * h + (1 - z) * candidate
        counts = np.ones((batch, 1)) if mask is None else mask[:, t : t + 1]
        h = np.where(counts, new_h, h)
        last = np.where(counts, new_h, 0 * last if zero_output else last)
        outputs.append(last)
    return np.stack(outputs, axis=1), h


def all_results(**options: Any) -> GRU:
    layer = GRU(4, return_sequences=True, return_state=True, bias_initializer="random_normal", **options)
    layer.build((None, None, 3))
    return layer


@pytest.mark.parametrize("reset_after", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_equations(reset_after: bool, go_backwards: bool, use_bias: bool) -> None:
    layer = all_results(reset_after=reset_after, go_backwards=go_backwards, use_bias=use_bias)
    x = numbers(2, 5, 3)
    for actual, expected in zip(layer(x), loop(layer, x), strict=True):
        check_close(actual, expected, EXACT, "gru")


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
@pytest.mark.parametrize("reset_after", [False, True])
def test_mask_of_any_form(reset_after: bool, go_backwards: bool, zero_output: bool) -> None:
    layer = all_results(reset_after=reset_after, go_backwards=go_backwards, zero_output_for_mask=zero_output)
    x = numbers(4, 5, 3)
    mask = np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], float)
    expected = loop(layer, x, mask=mask, zero_output=zero_output)
    for actual, wanted in zip(layer(x, mask=mask), expected, strict=True):
        check_close(actual, wanted, EXACT, "masked gru")


@pytest.mark.parametrize("listed", [False, True])
def test_initial_state_and_mask_together(listed: bool) -> None:
    ids, h = Input((None,), dtype="int32"), Input((4,))
    embedding = Embedding(6, 3, mask_zero=True)
    layer = GRU(4, return_sequences=True, return_state=True)
    model = Model([ids, h], layer(embedding(ids), initial_state=[h] if listed else h))
    words, first = np.array([[0, 5, 2, 0, 0], [1, 1, 4, 3, 2]]), numbers(2, 4)
    x = embedding.get_weights()[0][words]
    expected = loop(layer, x, first, mask=(words != 0).astype(float))
    for actual, wanted in zip(model.predict([words, first]), expected, strict=True):
        check_close(actual, wanted, EXACT, "initial state and mask")
    assert (expected[0][0, 0] == first[0]).all()


def test_padding_changes_nothing() -> None:
    model = Model(series := Input((None, 2)), Dense(1)(GRU(3)(GRU(4, return_sequences=True)(Masking(-9.0)(series)))))
    x = numbers(2, 4, 2)
    padded = np.concatenate([x, np.full((2, 3, 2), -9.0)], axis=1)
    check_close(model.predict(padded), model.predict(x), EXACT, "padding behind")


class TestStateful:
    @staticmethod
    def model() -> tuple[Model, GRU]:
        series = Input(batch_shape=(2, None, 3))
        layer = GRU(4, stateful=True)
        return Model(series, layer(series)), layer

    @pytest.mark.parametrize("engine", engines.available())
    def test_predict_goes_on_where_it_stopped(self, engine: str) -> None:
        config.set_floatx("float32")
        model, _layer = self.model()
        model.compile("sgd", "mse", engine=engine)
        x = numbers(2, 6, 3)
        whole = model.predict(x)
        model.reset_states()
        model.predict(x[:, :4])
        check_close(model.predict(x[:, 4:]), whole, tolerance(engine, "float32", "forward"), "two parts")

    def test_the_state_can_be_set(self) -> None:
        model, layer = self.model()
        h, x = numbers(2, 4), numbers(2, 6, 3)
        for given in (h, [h]):
            layer.reset_states(given)
            check_close(model.predict(x), loop(layer, x, h)[1], EXACT, "state set")
        layer.reset_states()
        check_close(model.predict(x), loop(layer, x)[1], EXACT, "state reset")

    def test_the_state_is_no_weight(self) -> None:
        model, layer = self.model()
        assert [v.name for v in model.weights] == ["gru/kernel", "gru/recurrent_kernel", "gru/bias"]
        assert [v.name for v in layer.states] == ["gru/h"]
        with pytest.raises(ArgumentError, match=r"has 1 state\(s\) \(h\), received 2"):
            layer.reset_states([np.zeros((2, 4))] * 2)


class TestDropout:
    def test_only_while_training(self) -> None:
        layer = GRU(4, dropout=0.5, recurrent_dropout=0.5)
        x = numbers(2, 5, 3)
        layer.build((None, None, 3))
        check_close(layer(x), loop(layer, x)[1], EXACT, "not training")
        assert not np.allclose(layer(x, training=True), layer(x))

    @pytest.mark.parametrize("reset_after", [False, True])
    def test_recurrent_noise_is_the_same_at_all_steps_and_spares_the_state(self, reset_after: bool) -> None:
        layer = GRU(6, recurrent_dropout=0.5, seed=2, return_sequences=True, reset_after=reset_after)
        x = numbers(1, 5, 3)
        sequence = layer(x, training=True)
        # One of 2^6 masks must explain all steps, in the products only.
        for bits in range(64):
            kept = np.array([(bits >> i) & 1 for i in range(6)]) * 2.0
            if np.allclose(loop(layer, x, kept=kept)[0], sequence, rtol=1e-10, atol=0):
                break
        else:
            pytest.fail("no mask explains the outputs")
        assert 0 < bits < 63


def test_weights() -> None:
    layer = GRU(8)
    layer.build((None, None, 5))
    kernel, recurrent, bias = layer.get_weights()
    limit = np.sqrt(6 / (5 + 24))
    assert kernel.shape == (5, 24) and 0.9 * limit < np.abs(kernel).max() <= limit
    check_close(recurrent @ recurrent.T, np.eye(8), EXACT, "recurrent kernel")
    assert (bias == np.zeros((2, 24))).all()
    before = GRU(8, reset_after=False, bias_initializer="ones")
    before.build((None, None, 5))
    assert (before.get_weights()[2] == np.ones(24)).all()


def test_shapes() -> None:
    assert GRU(4).compute_output_shape((None, None, 3)) == (None, 4)
    assert GRU(4, return_sequences=True).compute_output_shape((2, 7, 3)) == (2, 7, 4)
    assert GRU(4, return_state=True).compute_output_shape((2, 7, 3)) == [(2, 4), (2, 4)]


def test_refusals() -> None:
    with pytest.raises(ArgumentError, match="GRU: units must be a positive integer, received 0"):
        GRU(0)
    with pytest.raises(UnknownNameError, match="Unknown recurrent_activation of a recurrent layer 'softmax'"):
        GRU(4, recurrent_activation="softmax")
    with pytest.raises(ArgumentError, match="bias_constraint must be None"):
        GRU(4, bias_constraint="max_norm")
    with pytest.raises(UnknownNameError, match=r"Unknown argument of GRU 'reset_afer'\. Did you mean 'reset_after'"):
        GRU(4, reset_afer=True)
    with pytest.raises(ShapeError, match="return_sequences=True"):
        GRU(4)(LSTM(4)(Input((None, 3))))
