"""Elementwise ops: each docstring's equation, evaluated by Python's own math one number at a time; shapes; errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recurra import ops
from recurra.errors import ArgumentError, ShapeError
from recurra.graph import GraphBuilder, Tensor
from tests.harness.graphs import evaluate

NUMBERS = [-7.5, -3.0, -2.5, -1.0, -0.3, -1e-3, 0.0, 1e-3, 0.2, 0.5, 1.0, 2.5, 3.0, 6.0, 9.25]

FORMULAS: list[tuple[str, Callable[[Tensor], Tensor], Callable[[float], float]]] = [
    ("absolute", ops.absolute, abs),
    ("clip", lambda x: ops.clip(x, -1, 2), lambda x: min(max(x, -1.0), 2.0)),
    ("elu", ops.elu, lambda x: x if x > 0 else math.exp(x) - 1),
    ("elu-alpha", lambda x: ops.elu(x, 0.25), lambda x: x if x > 0 else 0.25 * (math.exp(x) - 1)),
    ("exp", ops.exp, math.exp),
    ("gelu", ops.gelu, lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2),
    (
        "gelu-approximate",
        lambda x: ops.gelu(x, approximate=True),
        lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    ),
    ("hard_sigmoid", ops.hard_sigmoid, lambda x: min(max(x / 6 + 0.5, 0.0), 1.0)),
    ("hard_sigmoid_tfjs", ops.hard_sigmoid_tfjs, lambda x: min(max(0.2 * x + 0.5, 0.0), 1.0)),
    ("leaky_relu", ops.leaky_relu, lambda x: x if x > 0 else 0.2 * x),
    ("leaky_relu-slope", lambda x: ops.leaky_relu(x, 0.01), lambda x: x if x > 0 else 0.01 * x),
    ("mish", ops.mish, lambda x: x * math.tanh(math.log(1 + math.exp(x)))),
    ("negative", ops.negative, lambda x: -x),
    ("relu", ops.relu, lambda x: max(x, 0.0)),
    ("relu6", ops.relu6, lambda x: min(max(x, 0.0), 6.0)),
    (
        "selu",
        ops.selu,
        lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (math.exp(x) - 1)),
    ),
    ("sigmoid", ops.sigmoid, lambda x: 1 / (1 + math.exp(-x))),
    ("silu", ops.silu, lambda x: x / (1 + math.exp(-x))),
    ("softplus", ops.softplus, lambda x: math.log(1 + math.exp(x))),
    ("softsign", ops.softsign, lambda x: x / (1 + abs(x))),
    ("square", ops.square, lambda x: x * x),
    ("stop_gradient", ops.stop_gradient, lambda x: x),
    ("tanh", ops.tanh, math.tanh),
]


@pytest.mark.parametrize(("function", "formula"), [f[1:] for f in FORMULAS], ids=[f[0] for f in FORMULAS])
def test_unary_follows_its_equation(function: Any, formula: Any) -> None:
    expected = [formula(x) for x in NUMBERS]
    np.testing.assert_allclose(evaluate(function, np.array(NUMBERS)), expected, rtol=1e-12, atol=1e-15)


def test_log_and_sqrt() -> None:
    x = [0.01, 0.5, 1.0, 2.0, 100.0]
    np.testing.assert_allclose(evaluate(ops.log, np.array(x)), [math.log(v) for v in x], rtol=1e-15)
    np.testing.assert_allclose(evaluate(ops.sqrt, np.array(x)), [math.sqrt(v) for v in x], rtol=1e-15)
    assert evaluate(ops.log, np.array([0.0]))[0] == -np.inf
    assert np.isnan(evaluate(ops.log, np.array([-1.0]))[0])
    assert np.isnan(evaluate(ops.sqrt, np.array([-1.0]))[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nothing_overflows_in_the_tails(dtype: str) -> None:
    x = np.array([-1e4, -800.0, 800.0, 1e4])
    run = partial(evaluate, dtype=dtype)
    assert run(ops.sigmoid, x).tolist() == [0, 0, 1, 1]
    assert run(ops.softplus, x).tolist() == [0, 0, 800, 1e4]
    assert run(ops.tanh, x).tolist() == [-1, -1, 1, 1]
    assert run(ops.elu, x).tolist() == [-1, -1, 800, 1e4]
    assert run(ops.silu, x).tolist() == [0, 0, 800, 1e4]
    assert run(ops.mish, x).tolist() == [0, 0, 800, 1e4]
    assert run(ops.gelu, x).tolist() == [0, 0, 800, 1e4]


def test_small_tails_keep_their_digits() -> None:
    """Naive formulas return 0 or lose half their digits here."""
    x = np.array([-40.0, -30.0])
    np.testing.assert_allclose(evaluate(ops.sigmoid, x), np.exp(x), rtol=1e-12)
    np.testing.assert_allclose(evaluate(ops.softplus, x), np.exp(x), rtol=1e-12)
    np.testing.assert_allclose(evaluate(ops.elu, np.array([-1e-12])), [-1e-12], rtol=1e-11)
    # Phi(-10) = 7.619853024160527e-24 (Abramowitz and Stegun 26.2); 1 + erf would give 0.
    np.testing.assert_allclose(evaluate(ops.gelu, np.array([-10.0])), [-10 * 7.619853024160527e-24], rtol=1e-12)


UNARY_OF_ONE = [f[1] for f in FORMULAS] + [ops.log, ops.sqrt]


@pytest.mark.parametrize("function", UNARY_OF_ONE, ids=[f[0] for f in FORMULAS] + ["log", "sqrt"])
def test_nan_in_gives_nan_out(function: Any) -> None:
    y = evaluate(function, np.array([0.5, np.nan]))
    assert not np.isnan(y[0])
    assert np.isnan(y[1])


@pytest.mark.parametrize("function", [ops.add, ops.subtract, ops.multiply, ops.divide, ops.maximum, ops.minimum])
def test_nan_in_either_operand_gives_nan_out(function: Any) -> None:
    y = evaluate(function, np.array([np.nan, 1.0, 2.0]), np.array([1.0, np.nan, 4.0]))
    assert np.isnan(y).tolist() == [True, True, False]


PYTHON: dict[str, Callable[[float, float], float]] = {
    "add": lambda x, y: x + y,
    "divide": lambda x, y: x / y,
    "equal": lambda x, y: float(x == y),
    "greater": lambda x, y: float(x > y),
    "greater_equal": lambda x, y: float(x >= y),
    "maximum": max,
    "minimum": min,
    "multiply": lambda x, y: x * y,
    "subtract": lambda x, y: x - y,
}


@pytest.mark.parametrize("name", sorted(PYTHON))
def test_binary_of_numbers(name: str) -> None:
    x, y = [-2.0, 0.0, 1.5, 3.0, -4.0], [-2.0, 1.0, -0.5, 2.0, -8.0]
    expected = [PYTHON[name](a, b) for a, b in zip(x, y, strict=True)]
    assert evaluate(getattr(ops, name), np.array(x), np.array(y)).tolist() == expected


@settings(max_examples=40, deadline=None)
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4), data=st.data())
@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "maximum", "greater", "equal"])
def test_binary_broadcasts_like_numpy(name: str, shapes: Any, data: st.DataObject) -> None:
    numbers = st.integers(-3, 3).map(float)
    x, y = (data.draw(hnp.arrays(np.float64, shape, elements=numbers)) for shape in shapes.input_shapes)
    expected = {"maximum": np.maximum, "greater": np.greater, "equal": np.equal}.get(name, getattr(np, name))(x, y)
    actual = evaluate(getattr(ops, name), x, y)
    assert actual.shape == shapes.result_shape
    assert (actual == expected).all()


def test_operators_are_ops() -> None:
    x, y = np.array([1.0, 2.0]), np.array([4.0, 8.0])
    assert evaluate(lambda a, b: (a + b, a - b, a * b, a / b, -a), x, y)[3].tolist() == [0.25, 0.25]
    right = evaluate(lambda a: (1 + a, 1 - a, 2 * a, 1 / a), x)
    assert [value.tolist() for value in right] == [[2, 3], [0, -1], [2, 4], [1, 0.5]]


def test_where_chooses() -> None:
    y = evaluate(ops.where, np.array([[1.0], [0.0], [-0.5]]), np.array([1.0, 2.0]), np.array(9.0))
    assert y.tolist() == [[1, 2], [9, 9], [1, 2]]
    # What is not chosen does not matter, NaN neither.
    assert evaluate(ops.where, np.array([1.0, 0.0]), np.array([1.0, np.nan]), np.array([np.nan, 2.0])).tolist() == [
        1,
        2,
    ]


def test_cast() -> None:
    y = evaluate(lambda x: ops.cast(x, "int"), np.array([-2.9, -0.5, 0.5, 2.9]))
    assert (y.dtype, y.tolist()) == (np.int32, [-2, 0, 0, 2])
    assert evaluate(lambda x: ops.cast(x, "float") / 2, np.array([3, -1])).tolist() == [1.5, -0.5]


def test_symbols_travel_through_shapes() -> None:
    builder = GraphBuilder()
    x, y = builder.input("x", ("batch", "time", 3)), builder.input("y", ("time", 1))
    assert ops.tanh(x).shape == ("batch", "time", 3)
    assert (x + y).shape == ("batch", "time", 3)
    assert ops.where(y, x, 0.0).shape == ("batch", "time", 3)
    assert ops.greater(x, 0.0).dtype == "float"


def test_errors_name_the_trouble() -> None:
    builder = GraphBuilder()
    x, y, i = builder.input("x", (2, 3)), builder.input("y", (4,)), builder.input("i", (2, 3), "int")
    with pytest.raises(ShapeError, match=r"\(2, 3\) and \(1, 4\) cannot be combined"):
        ops.add(x, y)
    with pytest.raises(ShapeError, match=r"\(batch, 3\) and \(time, 3\)"):
        ops.add(builder.input("a", ("batch", 3)), builder.input("b", ("time", 3)))
    with pytest.raises(ArgumentError, match=r"must hold float values, received int\. Use ops\.cast"):
        ops.tanh(i)
    with pytest.raises(ArgumentError, match="must hold float values"):
        ops.multiply(x, i)
    with pytest.raises(ArgumentError, match="one element type"):
        ops.equal(x, i)
    with pytest.raises(ArgumentError, match="'float' or 'int', received 'bool'"):
        ops.cast(x, "bool")
    with pytest.raises(ArgumentError, match=r"ops.add works on symbolic tensors.* float, ndarray"):
        ops.add(1.0, np.ones(3))
    with pytest.raises(ArgumentError, match="no truth value"):
        bool(ops.greater(x, 0.0))
