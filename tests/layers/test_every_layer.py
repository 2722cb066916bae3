"""Each layer through the checks that hold for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.harness.layers import check_layer

from recurra import layers
from recurra.layers import Layer


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


INDICES = np.array([[1, 4, 0], [2, 2, 3]], np.int32)

CASES: dict[str, tuple[Callable[[], Layer], tuple[np.ndarray, ...], int, dict[str, Any]]] = {
    "dense": (lambda: layers.Dense(3), (numbers(4, 5),), 2, {}),
    "dense over time": (
        lambda: layers.Dense(3, "tanh", use_bias=False, kernel_regularizer="l2"),
        (numbers(4, 6, 5),),
        1,
        {"open_axes": (1,)},
    ),
    "activation": (lambda: layers.Activation("softplus"), (numbers(4, 5),), 0, {"open_axes": (1,)}),
    "embedding": (lambda: layers.Embedding(5, 3), (INDICES,), 1, {"open_axes": (1,)}),
    "dropout": (lambda: layers.Dropout(0.3, noise_shape=(None, 1, 2), seed=4), (numbers(4, 3, 2),), 0, {}),
    "masking": (lambda: layers.Masking(0.5), (numbers(4, 3, 2),), 0, {"open_axes": (1,)}),
    "reshape": (lambda: layers.Reshape((2, -1)), (numbers(4, 3, 2),), 0, {}),
    "permute": (lambda: layers.Permute((2, 1)), (numbers(4, 3, 2),), 0, {"open_axes": (1,)}),
    "flatten": (lambda: layers.Flatten(), (numbers(4, 3, 2),), 0, {}),
    "flatten a vector": (lambda: layers.Flatten(), (numbers(4, 3),), 0, {}),
    "repeat vector": (lambda: layers.RepeatVector(3), (numbers(4, 2),), 0, {}),
    "add": (lambda: layers.Add(), (numbers(4, 2), numbers(4, 2), numbers(4, 2)), 0, {}),
    "subtract": (lambda: layers.Subtract(), (numbers(4, 2), numbers(4, 2) * 2), 0, {}),
    "multiply": (lambda: layers.Multiply(), (numbers(4, 2), numbers(4, 2)), 0, {}),
    "average": (lambda: layers.Average(), (numbers(4, 2), numbers(4, 2)), 0, {}),
    "maximum": (lambda: layers.Maximum(), (numbers(4, 2), -numbers(4, 2)), 0, {}),
    "minimum": (lambda: layers.Minimum(), (numbers(4, 2), -numbers(4, 2)), 0, {}),
    "concatenate": (lambda: layers.Concatenate(), (numbers(4, 3, 2), numbers(4, 3, 5)), 0, {}),
    "concatenate steps": (lambda: layers.Concatenate(1), (numbers(4, 3, 2), numbers(4, 5, 2)), 0, {"open_axes": (1,)}),
    "lstm": (lambda: layers.LSTM(4), (numbers(3, 6, 2),), 3, {"open_axes": (1,)}),
    "lstm with all results": (
        lambda: layers.LSTM(4, return_sequences=True, return_state=True, go_backwards=True),
        (numbers(3, 6, 2),),
        3,
        {"open_axes": (1,)},
    ),
    "lstm with everything": (
        lambda: layers.LSTM(
            4,
            activation="softsign",
            recurrent_activation="hard_sigmoid",
            use_bias=False,
            unit_forget_bias=False,
            kernel_initializer="he_normal",
            kernel_regularizer="l1",
            recurrent_regularizer={"class_name": "L2", "config": {"l2": 0.1}},
            activity_regularizer="l1_l2",
            dropout=0.2,
            recurrent_dropout=0.3,
            seed=5,
            unroll=True,
            zero_output_for_mask=True,
            name="all",
        ),
        (numbers(3, 6, 2),),
        2,
        {"open_axes": (1,)},
    ),
    "stateful lstm": (lambda: layers.LSTM(4, stateful=True), (numbers(3, 6, 2),), 3, {"fixed_batch": True}),
    "gru": (lambda: layers.GRU(4), (numbers(3, 6, 2),), 3, {"open_axes": (1,)}),
    "gru, reset before": (lambda: layers.GRU(4, reset_after=False), (numbers(3, 6, 2),), 3, {"open_axes": (1,)}),
    "gru with all results": (
        lambda: layers.GRU(4, return_sequences=True, return_state=True, go_backwards=True),
        (numbers(3, 6, 2),),
        3,
        {"open_axes": (1,)},
    ),
    "gru with everything": (
        lambda: layers.GRU(
            4,
            activation="softsign",
            recurrent_activation="hard_sigmoid",
            use_bias=False,
            kernel_initializer="he_normal",
            kernel_regularizer="l1",
            recurrent_regularizer={"class_name": "L2", "config": {"l2": 0.1}},
            activity_regularizer="l1_l2",
            dropout=0.2,
            recurrent_dropout=0.3,
            seed=5,
            unroll=True,
            reset_after=False,
            use_cudnn=False,
            zero_output_for_mask=True,
            name="all",
        ),
        (numbers(3, 6, 2),),
        2,
        {"open_axes": (1,)},
    ),
    "stateful gru": (lambda: layers.GRU(4, stateful=True), (numbers(3, 6, 2),), 3, {"fixed_batch": True}),
    "simple rnn": (lambda: layers.SimpleRNN(4), (numbers(3, 6, 2),), 3, {"open_axes": (1,)}),
    "simple rnn with everything": (
        lambda: layers.SimpleRNN(
            4,
            activation="relu",
            use_bias=False,
            recurrent_initializer="he_uniform",
            recurrent_regularizer="l2",
            dropout=0.2,
            recurrent_dropout=0.3,
            seed=5,
            return_sequences=True,
            return_state=True,
            go_backwards=True,
            unroll=True,
            zero_output_for_mask=True,
            name="all",
        ),
        (numbers(3, 6, 2),),
        2,
        {"open_axes": (1,)},
    ),
    "bidirectional": (
        lambda: layers.Bidirectional(layers.LSTM(4, name="inner"), name="both"),
        (numbers(3, 6, 2),),
        6,
        {"open_axes": (1,)},
    ),
    "bidirectional with all results": (
        lambda: layers.Bidirectional(
            layers.GRU(4, return_sequences=True, return_state=True, dropout=0.2, seed=3, name="inner"),
            merge_mode=None,
            name="both",
        ),
        (numbers(3, 6, 2),),
        6,
        {"open_axes": (1,)},
    ),
    "bidirectional with its own backward layer": (
        lambda: layers.Bidirectional(
            layers.SimpleRNN(4, name="there"),
            backward_layer=layers.SimpleRNN(2, activation="relu", go_backwards=True, name="back"),
            zero_output_for_mask=False,
            name="both",
        ),
        (numbers(3, 6, 2),),
        6,
        {"open_axes": (1,)},
    ),
    "stateful bidirectional": (
        lambda: layers.Bidirectional(layers.LSTM(4, stateful=True, name="inner"), "ave", name="both"),
        (numbers(3, 6, 2),),
        6,
        {"fixed_batch": True},
    ),
    "stateful simple rnn": (lambda: layers.SimpleRNN(4, stateful=True), (numbers(3, 6, 2),), 3, {"fixed_batch": True}),
}


@pytest.mark.parametrize("case", CASES)
def test_layer(case: str) -> None:
    make, inputs, weights, options = CASES[case]
    check_layer(make, *inputs, weights=weights, **options)


def test_every_layer_is_here() -> None:
    tried = {type(make()).__name__ for make, *_ in CASES.values()}
    public = {
        name
        for name in layers.__all__
        if isinstance(cls := getattr(layers, name), type) and issubclass(cls, Layer) and cls is not Layer
    }
    assert public - {"InputLayer"} == tried
