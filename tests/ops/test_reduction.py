"""Reductions, softmax and what picks along the last dimension: equations, ties, shapes and errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recurra import ops
from recurra.errors import ArgumentError, ShapeError
from recurra.graph import GraphBuilder
from tests.harness.graphs import evaluate

ARRAYS = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=0, max_dims=4, max_side=4), elements=st.integers(-8, 8).map(float)
)


@settings(max_examples=60, deadline=None)
@given(x=ARRAYS, keepdims=st.booleans(), data=st.data())
def test_reductions_agree_with_folding_by_hand(x: np.ndarray, keepdims: bool, data: st.DataObject) -> None:
    axes = data.draw(st.none() | st.sets(st.integers(-x.ndim, x.ndim - 1) if x.ndim else st.nothing()))
    chosen = set(range(x.ndim)) if axes is None else {axis % x.ndim for axis in axes}
    groups: dict[tuple[int, ...], list[float]] = {}
    for place in np.ndindex(x.shape):
        key = tuple(0 if i in chosen else p for i, p in enumerate(place) if keepdims or i not in chosen)
        groups.setdefault(key, []).append(float(x[place]))
    given_axes = None if axes is None else tuple(axes)
    for function, fold in ((ops.reduce_sum, sum), (ops.reduce_max, max), (ops.reduce_mean, _mean)):
        y = evaluate(lambda t, f=function: f(t, given_axes, keepdims), x)
        assert y.size == len(groups)
        for key, members in groups.items():
            assert y[key] == pytest.approx(fold(members), rel=1e-14, abs=1e-14)


def _mean(numbers: list[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def test_nan_survives_reductions() -> None:
    x = np.array([[1.0, np.nan], [3.0, 2.0]])
    for function in (ops.reduce_sum, ops.reduce_max, ops.reduce_mean):
        assert np.isnan(evaluate(lambda t, f=function: f(t, (1,)), x)).tolist() == [True, False]
    assert np.isnan(evaluate(ops.softmax, x)).tolist() == [[True, True], [False, False]]
    assert np.isnan(evaluate(ops.log_softmax, x)).tolist() == [[True, True], [False, False]]


@settings(max_examples=30, deadline=None)
@given(
    x=hnp.arrays(np.float64, hnp.array_shapes(max_dims=3, max_side=5), elements=st.floats(-30, 30)),
    shift=st.floats(-1000, 1000),
)
def test_softmax(x: np.ndarray, shift: float) -> None:
    y, z = evaluate(ops.softmax, x), evaluate(ops.log_softmax, x)
    for row, result, logarithm in zip(*(a.reshape(-1, x.shape[-1]) for a in (x, y, z)), strict=True):
        total = math.fsum(math.exp(v) for v in row)
        assert result.tolist() == pytest.approx([math.exp(v) / total for v in row], rel=1e-12)
        assert logarithm.tolist() == pytest.approx([v - math.log(total) for v in row], rel=1e-11, abs=1e-12)
        assert math.fsum(result) == pytest.approx(1, rel=1e-14)
    # The same number added to a whole row changes nothing.
    np.testing.assert_allclose(evaluate(ops.softmax, x + shift), y, rtol=1e-10)


def test_softmax_does_not_overflow() -> None:
    x = np.array([[1e5, 0.0, -1e5], [-1e5, -1e5, -1e5]])
    assert evaluate(ops.softmax, x)[0].tolist() == [1, 0, 0]
    np.testing.assert_allclose(evaluate(ops.softmax, x)[1], [1 / 3] * 3, rtol=1e-15)
    assert evaluate(ops.log_softmax, x)[0].tolist() == [0, -1e5, -2e5]


def test_argmax_takes_the_first_of_equals() -> None:
    y = evaluate(ops.argmax, np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [0.0, -1.0, 5.0]]))
    assert (y.dtype, y.tolist()) == (np.int32, [1, 0, 2])


def test_one_hot() -> None:
    y = evaluate(lambda i: ops.one_hot(i, 3), np.array([[2, 0], [1, 1]]))
    assert y.tolist() == [[[0, 0, 1], [1, 0, 0]], [[0, 1, 0], [0, 1, 0]]]


def test_take_along_last() -> None:
    x = np.arange(12.0).reshape(2, 2, 3)
    assert evaluate(ops.take_along_last, x, np.array([[0, 2], [1, 1]])).tolist() == [[0, 5], [7, 10]]


def test_symbols_travel_through_shapes() -> None:
    builder = GraphBuilder()
    x = builder.input("x", ("batch", "time", 3))
    assert ops.reduce_mean(x).shape == ()
    assert ops.reduce_sum(x, (-1,)).shape == ("batch", "time")
    assert ops.reduce_max(x, (0, 2), keepdims=True).shape == (1, "time", 1)
    assert (ops.argmax(x).shape, ops.argmax(x).dtype) == (("batch", "time"), "int")
    assert ops.one_hot(ops.argmax(x), 5).shape == ("batch", "time", 5)
    assert ops.take_along_last(x, ops.argmax(x)).shape == ("batch", "time")


def test_errors_name_the_trouble() -> None:
    builder = GraphBuilder()
    x: Any = builder.input("x", (2, 3))
    with pytest.raises(ArgumentError, match="reduce_sum: axis 2 does not exist in a tensor of 2 dimensions"):
        ops.reduce_sum(x, (2,))
    with pytest.raises(ArgumentError, match="at least one dimension"):
        ops.softmax(builder.input("s", ()))
    with pytest.raises(ShapeError, match=r"'indices' must have shape \(2,\) and hold int values"):
        ops.take_along_last(x, builder.input("i", (3,), "int"))
    with pytest.raises(ShapeError, match=r"received \(2,\) with float values"):
        ops.take_along_last(x, builder.input("f", (2,)))
    with pytest.raises(ArgumentError, match="'indices' must hold int values"):
        ops.one_hot(x, 3)
