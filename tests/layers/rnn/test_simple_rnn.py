"""SimpleRNN: its numbers against a loop written here, masks, states, noise, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.harness.tolerances import check_close, tolerance

from recurra import config
from recurra.errors import ArgumentError, UnknownNameError
from recurra.layers import Input, SimpleRNN
from recurra.models import Model

Array = np.ndarray
EXACT = tolerance("numpy", "float64", "forward")


@pytest.fixture(autouse=True)
def float64() -> None:
    config.set_floatx("float64")


def numbers(*shape: int, seed: int = 3) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def loop(
    layer: SimpleRNN,
    x: Array,
    h: Array | None = None,
    mask: Array | None = None,
    activation: Any = np.tanh,
    zero_output: bool = False,
) -> tuple[Array, Array]:
    """The equation, step by step."""
    kernel, recurrent = layer.get_weights()[:2]
    bias = layer.get_weights()[2] if layer.use_bias else 0.0
    batch, steps, _ = x.shape
    h = np.zeros((batch, layer.units)) if h is None else h
    outputs, last = [], h
    for t in range(steps)[:: -1 if layer.go_backwards else 1]:
        new_h = activation(x[:, t] @ kernel + h @ recurrent + bias)
        counts = np.ones((batch, 1)) if mask is None else mask[:, t : t + 1]
        h = np.where(counts, new_h, h)
        last = np.where(counts, new_h, 0 * last if zero_output else last)
        outputs.append(last)
    return np.stack(outputs, axis=1), h


def all_results(**options: Any) -> SimpleRNN:
    layer = SimpleRNN(4, return_sequences=True, return_state=True, bias_initializer="random_normal", **options)
    layer.build((None, None, 3))
    return layer


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_equation(go_backwards: bool, use_bias: bool) -> None:
    layer = all_results(go_backwards=go_backwards, use_bias=use_bias)
    x, h = numbers(2, 5, 3), numbers(2, 4)
    for actual, expected in zip(layer(x), loop(layer, x), strict=True):
        check_close(actual, expected, EXACT, "simple rnn")
    for actual, expected in zip(layer(x, initial_state=h), loop(layer, x, h), strict=True):
        check_close(actual, expected, EXACT, "simple rnn with a first state")


def test_the_activation_reaches_the_op() -> None:
    x = numbers(2, 5, 3)
    layer = all_results(activation="relu")
    check_close(layer(x)[0], loop(layer, x, activation=lambda z: np.maximum(z, 0))[0], EXACT, "relu")
    layer = all_results(activation=None)
    check_close(layer(x)[0], loop(layer, x, activation=lambda z: z)[0], EXACT, "linear")


@pytest.mark.parametrize("zero_output", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_mask_of_any_form(go_backwards: bool, zero_output: bool) -> None:
    layer = all_results(go_backwards=go_backwards, zero_output_for_mask=zero_output)
    x = numbers(4, 5, 3)
    mask = np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], float)
    expected = loop(layer, x, mask=mask, zero_output=zero_output)
    for actual, wanted in zip(layer(x, mask=mask), expected, strict=True):
        check_close(actual, wanted, EXACT, "masked simple rnn")


def test_a_stateful_layer_goes_on_where_it_stopped() -> None:
    series = Input(batch_shape=(2, None, 3))
    layer = SimpleRNN(4, stateful=True)
    model = Model(series, layer(series))
    x = numbers(2, 6, 3)
    model.predict(x[:, :4])
    check_close(model.predict(x[:, 4:]), loop(layer, x)[1], EXACT, "two parts")
    assert [v.name for v in model.weights] == [
        "simple_rnn/kernel",
        "simple_rnn/recurrent_kernel",
        "simple_rnn/bias",
    ]
    assert [v.name for v in layer.states] == ["simple_rnn/h"]


def test_recurrent_noise_is_the_same_at_all_steps() -> None:
    layer = SimpleRNN(6, recurrent_dropout=0.5, seed=2, return_sequences=True)
    x = numbers(1, 5, 3)
    sequence = layer(x, training=True)
    free = SimpleRNN(6, return_sequences=True)
    free.build((None, None, 3))
    kernel, recurrent, bias = layer.get_weights()
    # The same noise as a diagonal in front of the recurrent kernel: one of 2^6 masks must explain all steps.
    for bits in range(64):
        kept = np.array([(bits >> i) & 1 for i in range(6)]) * 2.0
        free.set_weights([kernel, kept[:, None] * recurrent, bias])
        if np.allclose(free(x), sequence, rtol=1e-10, atol=0):
            break
    else:
        pytest.fail("no mask explains the outputs")
    assert 0 < bits < 63
    check_close(layer(x), loop(layer, x)[0], EXACT, "not training")


def test_shapes_and_weights() -> None:
    assert SimpleRNN(4).compute_output_shape((None, None, 3)) == (None, 4)
    assert SimpleRNN(4, return_state=True).compute_output_shape((2, 7, 3)) == [(2, 4), (2, 4)]
    layer = SimpleRNN(4, bias_initializer="ones")
    layer.build((None, None, 3))
    kernel, recurrent, bias = layer.get_weights()
    assert kernel.shape == (3, 4) and bias.tolist() == [1.0] * 4
    check_close(recurrent @ recurrent.T, np.eye(4), EXACT, "recurrent kernel")


def test_refusals() -> None:
    with pytest.raises(ArgumentError, match="SimpleRNN: units must be a positive integer, received 0"):
        SimpleRNN(0)
    with pytest.raises(UnknownNameError, match="Unknown activation of a recurrent layer 'softmax'"):
        SimpleRNN(4, activation="softmax")
    with pytest.raises(UnknownNameError, match="Unknown argument of SimpleRNN 'recurrent_activation'"):
        SimpleRNN(4, recurrent_activation="sigmoid")
