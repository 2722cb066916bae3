"""The table of layers."""

from __future__ import annotations

import pytest

from recurra.layers import LSTM, Add, Dense, Input
from recurra.models import Model, Sequential


def test_sequential(capsys: pytest.CaptureFixture[str]) -> None:
    model = Sequential([Input((10, 1)), LSTM(100), Dense(1, trainable=False)], name="net")
    assert model.summary() is None  # type: ignore[func-returns-value]
    assert capsys.readouterr().out == (
        "Model 'net' (Sequential)\n"
        "Layer (type)   Output shape  Weights\n"
        "------------------------------------\n"
        "lstm (LSTM)    (None, 100)    40,800\n"
        "dense (Dense)  (None, 1)         101\n"
        "------------------------------------\n"
        "Total weights: 40,901 (159.8 KiB)\n"
        "Trainable: 40,800 (159.4 KiB)\n"
        "Not trainable: 101 (404 B)\n"
    )


def test_not_built() -> None:
    lines: list[str] = []
    Sequential([Dense(2, name="out")], name="net").summary(print_fn=lines.append)
    assert lines == [
        "Model 'net' (Sequential)\n"
        "Layer (type)  Output shape  Weights\n"
        "-----------------------------------\n"
        "out (Dense)   ?                   ?\n"
        "-----------------------------------\n"
        "Not built yet: the shape of the input is unknown."
    ]


def test_web_with_nested_model() -> None:
    inner = Sequential([Input((3,)), Dense(2, name="deep")], name="inner")
    x = Input((3,), name="x")
    model = Model(x, Add(name="sum")([inner(x), Dense(2, name="side")(x)]), name="web")
    lines: list[str] = []
    model.summary(print_fn=lines.append, expand_nested=True, show_trainable=True)
    assert lines[0].splitlines()[1:8] == [
        "Layer (type)        Output shape  Weights  Reads        Trainable",
        "-----------------------------------------------------------------",
        "x (InputLayer)      (None, 3)           0  -            yes",
        "inner (Sequential)  (None, 2)           8  x            yes",
        "  deep (Dense)      (None, 2)           8               yes",
        "side (Dense)        (None, 2)           8  x            yes",
        "sum (Add)           (None, 2)           0  inner, side  yes",
    ]


def test_empty() -> None:
    lines: list[str] = []
    Sequential(name="net").summary(print_fn=lines.append)
    assert "Layer (type)" in lines[0]
