"""Settings of the process."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import config, losses
from recurra.errors import UnknownNameError
from recurra.layers import Dense
from tests.harness.graphs import evaluate


def test_floatx() -> None:
    config.set_floatx("float64")
    layer = Dense(1)
    layer.build((None, 1))
    assert layer.get_weights()[0].dtype == np.float64
    with pytest.raises(UnknownNameError, match=r"Unknown float type 'float16'\. .* Known: float32, float64"):
        config.set_floatx("float16")
    assert config.floatx() == "float64"


def test_epsilon_reaches_the_losses() -> None:
    one, zero = np.ones((1, 1)), np.zeros((1, 1))
    assert evaluate(losses.binary_crossentropy, one, zero).item() == pytest.approx(-np.log(1e-7))
    config.set_epsilon(1e-3)
    assert evaluate(losses.binary_crossentropy, one, zero).item() == pytest.approx(-np.log(1e-3))


def test_names() -> None:
    assert [config.unique_name(n) for n in ("a", "a", "b", "a")] == ["a", "a_1", "b", "a_2"]
    config.clear_session()
    assert config.unique_name("a") == "a"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Dense", "dense"),
        ("LSTM", "lstm"),
        ("RepeatVector", "repeat_vector"),
        ("LSTMCell", "lstm_cell"),
        ("L1L2", "l1_l2"),
        ("KLDivergence", "kl_divergence"),
        ("meanSquaredError", "mean_squared_error"),
    ],
)
def test_snake_case(name: str, expected: str) -> None:
    assert config.snake_case(name) == expected
