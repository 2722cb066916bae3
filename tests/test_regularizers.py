"""Regularizers: values, names, refusals. That they reach the loss is tested with the layers."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import regularizers
from recurra.errors import ArgumentError, UnknownNameError
from tests.harness.graphs import evaluate

X = np.array([[1.0, -2.0], [0.0, 3.0]])


def test_values() -> None:
    assert evaluate(regularizers.L1(0.1), X).item() == pytest.approx(0.6)
    assert evaluate(regularizers.L2(0.1), X).item() == pytest.approx(1.4)
    assert evaluate(regularizers.L1L2(0.1, 0.5), X).item() == pytest.approx(0.6 + 7)
    assert evaluate(regularizers.get("l1l2"), X).item() == 0


def test_defaults_and_names() -> None:
    assert regularizers.get("l1").l1 == 0.01
    assert regularizers.get("L2").l2 == 0.01
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.0, "l2": 0.0}
    assert regularizers.l1(0.5).l1 == 0.5
    written = regularizers.serialize(regularizers.L1L2(0.25, 0.5))
    assert regularizers.get(written).get_config() == {"l1": 0.25, "l2": 0.5}
    assert regularizers.get(None) is None
    assert regularizers.serialize(None) is None


@pytest.mark.parametrize("factor", [-1, float("nan"), float("inf")])
def test_factors_are_checked(factor: float) -> None:
    with pytest.raises(ArgumentError, match="factor l2 of a regularizer must be a finite number >= 0"):
        regularizers.L2(factor)


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match="Unknown regularizer 'l3'"):
        regularizers.get("l3")
