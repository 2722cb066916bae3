"""Bidirectional: against the two layers by themselves, merging, masks, states, configuration, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.harness.tolerances import check_close, tolerance

from recurra import config, engines
from recurra.errors import ArgumentError, ShapeError
from recurra.layers import GRU, LSTM, Bidirectional, Dense, Input, Masking, SimpleRNN, deserialize, serialize
from recurra.models import Model

Array = np.ndarray
EXACT = tolerance("numpy", "float64", "forward")


@pytest.fixture(autouse=True)
def float64() -> None:
    config.set_floatx("float64")


def numbers(*shape: int, seed: int = 3) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def alone(layer: Bidirectional, x: Array, **call: Any) -> tuple[Any, Any]:
    """What the two layers give by themselves; sequences both in the order of time."""
    forward, backward = layer.forward_layer(x, **call), layer.backward_layer(x, **call)
    if layer.return_sequences:
        if isinstance(backward, list):
            backward[0] = backward[0][:, ::-1]
        else:
            backward = backward[:, ::-1]
    return forward, backward


MERGED: dict[str, Callable[[Array, Array], Array]] = {
    "concat": lambda a, b: np.concatenate([a, b], axis=-1),
    "sum": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "ave": lambda a, b: (a + b) / 2,
}


@pytest.mark.parametrize("mode", MERGED)
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("cell", [LSTM, GRU, SimpleRNN])
def test_outputs_are_merged(cell: Any, mode: str, return_sequences: bool) -> None:
    layer = Bidirectional(cell(4, return_sequences=return_sequences), merge_mode=mode)
    x = numbers(2, 5, 3)
    y = layer(x)
    check_close(y, MERGED[mode](*alone(layer, x)), EXACT, mode)
    assert layer.compute_output_shape((2, 5, 3)) == y.shape


def test_both_outputs_and_all_states() -> None:
    layer = Bidirectional(LSTM(4, return_sequences=True, return_state=True), merge_mode=None)
    x = numbers(2, 5, 3)
    y, back, h, c, back_h, back_c = layer(x)
    first, second = alone(layer, x)
    for actual, expected in zip((y, h, c, back, back_h, back_c), (*first, *second), strict=True):
        check_close(actual, expected, EXACT, "parts")
    assert not np.allclose(h, back_h)
    # The backward layer has read all when it comes to the first step.
    assert (back[:, 0] == back_h).all()
    assert layer.compute_output_shape((2, 5, 3)) == [(2, 5, 4)] * 2 + [(2, 4)] * 4


def test_the_layer_is_copied() -> None:
    inner = LSTM(4, name="cells")
    layer = Bidirectional(inner)
    layer(numbers(1, 2, 3))
    assert not inner.built
    assert inner.name == "cells"
    assert [v.name for v in layer.weights] == [
        f"{side}_cells/{weight}"
        for side in ("forward", "backward")
        for weight in ("kernel", "recurrent_kernel", "bias")
    ]
    assert layer.backward_layer.go_backwards and not layer.forward_layer.go_backwards


def test_a_layer_that_reads_backwards_is_paired_with_one_that_does_not() -> None:
    layer = Bidirectional(GRU(4, go_backwards=True, return_sequences=True), merge_mode=None)
    x = numbers(2, 5, 3)
    turned = Bidirectional(GRU(4, return_sequences=True), merge_mode=None)
    turned.build(x.shape)
    layer.build(x.shape)
    turned.set_weights(layer.get_weights())
    for actual, expected in zip(layer(x), turned(x[:, ::-1]), strict=True):
        check_close(actual, expected, EXACT, "turned")


@pytest.mark.parametrize(("option", "zeros"), [(None, True), (True, True), (False, False)])
def test_masked_steps(option: bool | None, zeros: bool) -> None:
    """As in Keras they give 0 where sequences are returned, unless told otherwise, as in TensorFlow.js."""
    layer = Bidirectional(GRU(4, return_sequences=True), zero_output_for_mask=option)
    x = numbers(2, 5, 3)
    mask = np.array([[1.0, 1, 1, 0, 0], [0, 1, 1, 1, 1]])
    y = layer(x, mask=mask)
    check_close(y, MERGED["concat"](*alone(layer, x, mask=mask)), EXACT, "masked")
    assert (y[0, 3:] == 0).all() == zeros
    # Each direction sees the steps that count as if there were no others.
    check_close(y[0, :3], layer(x[:1, :3])[0], EXACT, "the steps that count")


def test_the_mask_travels_on() -> None:
    series = Input((None, 2))
    masked = Masking()(series)
    assert Bidirectional(LSTM(3))(masked).mask_dims is None
    sequence = Bidirectional(LSTM(3, return_sequences=True))(masked)
    assert sequence.mask_dims == ("batch", "time")
    pair = Bidirectional(LSTM(3, return_sequences=True, return_state=True), merge_mode=None)(masked)
    assert [t.mask_dims for t in pair] == [("batch", "time")] * 2 + [None] * 4
    model = Model(series, Dense(1)(LSTM(3)(sequence)))
    x = numbers(2, 4, 2)
    padded = np.concatenate([x, np.zeros((2, 3, 2))], axis=1)
    check_close(model.predict(padded), model.predict(x), EXACT, "padding")


def test_initial_states_are_those_of_both_layers() -> None:
    layer = Bidirectional(LSTM(4), merge_mode=None)
    x, states = numbers(2, 5, 3), [numbers(2, 4, seed=i) for i in range(4)]
    y, back = layer(x, initial_state=states)
    check_close(y, layer.forward_layer(x, initial_state=states[:2]), EXACT, "forward")
    check_close(back, layer.backward_layer(x, initial_state=states[2:]), EXACT, "backward")
    with pytest.raises(
        ArgumentError, match=r"has 4 states \(h, c of the forward layer, then of the backward.* rec.* 2"
    ):
        layer(x, initial_state=states[:2])


@pytest.mark.parametrize("engine", engines.available())
def test_states_are_carried_set_and_reset(engine: str) -> None:
    config.set_floatx("float32")
    series = Input(batch_shape=(2, 5, 3))
    layer = Bidirectional(GRU(4, stateful=True))
    model = Model(series, layer(series))
    model.compile("sgd", "mse", engine=engine)
    x = numbers(2, 5, 3)
    allowed = tolerance(engine, "float32", "forward")
    first = model.predict(x)
    check_close(layer.states[0].value, first[:, :4], allowed, "forward state")
    check_close(layer.states[1].value, first[:, 4:], allowed, "backward state")
    second = model.predict(x)
    assert not np.allclose(first, second)
    layer.reset_states([first[:, :4], first[:, 4:]])
    check_close(model.predict(x), second, allowed, "states set")
    layer.reset_states()
    check_close(model.predict(x), first, allowed, "states reset")


def test_noise_differs_between_the_directions() -> None:
    layer = Bidirectional(LSTM(4, dropout=0.5, seed=1))
    assert layer.forward_layer.seed == 1
    assert layer.backward_layer.seed not in (1, None)
    x = numbers(2, 5, 3)
    assert not np.allclose(layer(x, training=True), layer(x))


def test_configuration() -> None:
    layer = Bidirectional(GRU(4, dropout=0.5, reset_after=False, name="cells"), "sum", name="both")
    copy = deserialize(serialize(layer))
    assert isinstance(copy, Bidirectional)
    assert copy.get_config() == layer.get_config()
    assert isinstance(copy.forward_layer, GRU) and not copy.forward_layer.reset_after
    assert [copy.forward_layer.name, copy.backward_layer.name] == ["forward_cells", "backward_cells"]
    made = deserialize(
        {"class_name": "Bidirectional", "config": {"layer": {"class_name": "LSTM", "config": {"units": 2}}}}
    )
    assert made(np.zeros((1, 2, 3))).shape == (1, 4)


def test_weights_and_training() -> None:
    first = Bidirectional(SimpleRNN(2))
    first.build((None, None, 3))
    given = first.get_weights()
    layer = Bidirectional(SimpleRNN(2), weights=given, trainable=False)
    layer.build((None, None, 3))
    for one, other in zip(layer.get_weights(), given, strict=True):
        assert (one == other).all()
    assert layer.trainable_weights == []
    layer.trainable = True
    assert len(layer.trainable_weights) == 6


def test_refusals() -> None:
    with pytest.raises(ArgumentError, match=r"layer must be a recurrent layer such as LSTM\(16\), received <Dense"):
        Bidirectional(Dense(3))
    with pytest.raises(ArgumentError, match="merge_mode must be 'concat', 'sum', 'mul', 'ave' or None, received 'max'"):
        Bidirectional(LSTM(3), merge_mode="max")
    with pytest.raises(ArgumentError, match=r"read in different directions, but both have go_backwards=False\. Set"):
        Bidirectional(LSTM(3), backward_layer=LSTM(3))
    with pytest.raises(
        ArgumentError, match="the same return_sequences; the forward layer has True, the backward layer F"
    ):
        Bidirectional(LSTM(3, return_sequences=True), backward_layer=LSTM(3, go_backwards=True))
    with pytest.raises(ArgumentError, match="the same units; the forward layer has 3, the backward layer 4"):
        Bidirectional(LSTM(3), "sum", backward_layer=LSTM(4, go_backwards=True))
    assert Bidirectional(LSTM(3), backward_layer=LSTM(4, go_backwards=True))(np.zeros((1, 2, 2))).shape == (1, 7)
    with pytest.raises(ShapeError, match="return_sequences=True"):
        Bidirectional(LSTM(3))(Input((3,)))
