"""Models with several inputs and outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.training.models import LINE_X, LINE_Y, line

from recurra.errors import (
    ArgumentError,
    UnknownNameError,
)
from recurra.layers import Concatenate, Dense, Input
from recurra.models import Model
from recurra.optimizers import SGD


def two_outputs(**options: Any) -> Model:
    a, b = Input((1,), name="a"), Input((1,), name="b")
    p = Dense(1, use_bias=False, name="p")(a)
    q = Dense(1, use_bias=False, name="q")(Concatenate()([a, b]))
    model = Model([a, b], [p, q])
    model.set_weights([np.array([[1.0]]), np.array([[1.0], [1.0]])])
    model.compile(optimizer=SGD(0.0), engine="numpy", **options)
    return model


def test_several_outputs_are_named_weighted_and_summed() -> None:
    model = two_outputs(loss=["mse", "mae"], loss_weights=[1.0, 10.0], metrics=[["mae"], []])
    logs = model.evaluate([LINE_X, LINE_X], [LINE_Y, LINE_Y], return_dict=True)
    p, q = LINE_X - LINE_Y, 2 * LINE_X - LINE_Y
    assert logs == pytest.approx(
        {
            "loss": (p**2).mean() + 10 * np.abs(q).mean(),
            "p_loss": (p**2).mean(),
            "q_loss": np.abs(q).mean(),
            "p_mae": np.abs(p).mean(),
        },
        rel=1e-6,
    )
    assert list(logs) == model.metrics_names


def test_several_outputs_by_name() -> None:
    model = two_outputs(loss={"q": "mse"}, metrics={"p": "mae"})
    logs = model.evaluate({"a": LINE_X, "b": LINE_X}, {"p": LINE_Y, "q": LINE_Y}, return_dict=True)
    assert logs["loss"] == pytest.approx(float(((2 * LINE_X - LINE_Y) ** 2).mean()), rel=1e-6)
    assert logs["p_mae"] == pytest.approx(float(np.abs(LINE_X - LINE_Y).mean()), rel=1e-6)
    # An output without loss and metrics needs no targets.
    model = two_outputs(loss={"q": "mse"})
    assert model.evaluate([LINE_X, LINE_X], {"q": LINE_Y}, return_dict=True)["loss"] == pytest.approx(logs["loss"])


def test_one_loss_and_one_set_of_weights_serve_every_output() -> None:
    model = two_outputs(loss="mse")
    factors = np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    logs = model.evaluate([LINE_X, LINE_X], [LINE_Y, LINE_Y], sample_weight=factors, return_dict=True)
    assert logs["p_loss"] == pytest.approx(1.0 / 5)
    assert logs["q_loss"] == pytest.approx(0.0)
    logs = model.evaluate([LINE_X, LINE_X], [LINE_Y, LINE_Y], sample_weight={"p": factors}, return_dict=True)
    assert logs["p_loss"] == pytest.approx(1.0 / 5)
    assert logs["q_loss"] == pytest.approx(float(((2 * LINE_X - LINE_Y) ** 2).mean()), rel=1e-6)


def test_predictions_of_several_outputs() -> None:
    outputs = two_outputs(loss="mse").predict([LINE_X, LINE_X], batch_size=2)
    assert [output.tolist() for output in outputs] == [LINE_X.tolist(), (2 * LINE_X).tolist()]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": ["mse"]}, "loss of compile must hold one entry for each output"),
        ({"loss": "mse", "metrics": ["mae"]}, "metrics of compile must hold one entry"),
        ({"loss": "mse", "loss_weights": 2.0}, "loss_weights of compile"),
    ],
)
def test_lists_of_a_wrong_length(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        two_outputs(**options)


def test_unknown_names_are_found_by_compile() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'MeanSquaredError'"):
        line(loss="mean_square_error")
    with pytest.raises(UnknownNameError, match="metric"):
        line(metrics=["nonsense"])
    with pytest.raises(UnknownNameError, match="Did you mean 'Adam'"):
        line("adma")
    with pytest.raises(UnknownNameError, match="engine"):
        line(engine="nampy")
    with pytest.raises(UnknownNameError, match=r"output.*Did you mean 'p'"):
        two_outputs(loss={"P": "mse"})


def test_the_same_metric_twice() -> None:
    with pytest.raises(ArgumentError, match="Two numbers would be called 'mae'"):
        line(metrics=["mae"], weighted_metrics=["mae"])


def test_class_weights_need_one_output() -> None:
    with pytest.raises(ArgumentError, match="one output"):
        two_outputs(loss="mse").fit([LINE_X, LINE_X], [LINE_Y, LINE_Y], class_weight={0: 1.0})
