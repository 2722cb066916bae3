"""Activations: names, options, and what recurrent ops call them. Values are checked in golden/functions."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from recurra import activations, ops
from recurra.errors import ArgumentError, UnknownNameError
from tests.harness.graphs import evaluate

PUBLIC = [
    name
    for name in activations.__all__
    if inspect.isfunction(getattr(activations, name)) and name not in ("get", "serialize", "gate_name")
]
X = np.linspace(-3, 3, 13).reshape(1, 13)


@pytest.mark.parametrize("name", PUBLIC)
def test_names_survive_serialisation(name: str) -> None:
    function = getattr(activations, name)
    assert activations.serialize(function) == name
    assert activations.get(name) is function


def test_names_of_tensorflow_js() -> None:
    for name, function in {
        "hardSigmoid": activations.hard_sigmoid,
        "logSoftmax": activations.log_softmax,
        "gelu_new": activations.gelu_new,
        "swish": activations.silu,
        "relu6": activations.relu6,
    }.items():
        assert activations.get(name) is function


def test_every_activation_of_recurrent_ops_has_a_function() -> None:
    named = {activations.gate_name(getattr(activations, name)) for name in PUBLIC if name in _GATES}
    assert named == set(ops.GATE_ACTIVATIONS)


_GATES = [*(name for name in ops.GATE_ACTIVATIONS if name != "exp"), "exponential"]


def test_gate_names_mean_what_the_functions_compute() -> None:
    """The recurrent op with all other parts switched off shows its activation."""
    for name in _GATES:
        function = activations.get(name)
        gate = activations.gate_name(function)
        x = X.reshape(13, 1, 1)
        # Only the candidate g is driven by x; the gates are linear with bias 1, so that c = a(x), h = a(c).
        kernel, bias = np.array([[0.0, 0.0, 1.0, 0.0]]), np.array([1.0, 1.0, 0.0, 1.0])

        def cell(x: object, kernel: object, recurrent: object, bias: object, gate: str = gate) -> object:
            return ops.lstm(x, kernel, recurrent, bias, activation=gate, recurrent_activation="linear")[2]

        c = evaluate(cell, x, kernel, np.zeros((1, 4)), bias)
        np.testing.assert_allclose(c[:, 0], evaluate(function, X)[0], rtol=1e-12, atol=1e-15)


def test_options() -> None:
    np.testing.assert_allclose(evaluate(lambda x: activations.celu(x, 2.0), X)[0, 0], 2 * (np.exp(-1.5) - 1))
    np.testing.assert_allclose(evaluate(lambda x: activations.elu(x, 2.0), X)[0, 0], 2 * (np.exp(-3) - 1))
    np.testing.assert_allclose(evaluate(lambda x: activations.leaky_relu(x, 0.1), X)[0, 0], -0.3)
    assert evaluate(lambda x: activations.threshold(x, 1.0, -7.0), X)[0].tolist() == [-7.0] * 9 + [1.5, 2, 2.5, 3]
    assert evaluate(lambda x: activations.hard_shrink(x, 1.0), X)[0].tolist() == [
        *(-3, -2.5, -2, -1.5, 0, 0, 0, 0, 0, 1.5, 2, 2.5, 3)
    ]
    exact, tanh = evaluate(activations.gelu, X), evaluate(activations.gelu_new, X)
    assert 0 < np.abs(exact - tanh).max() < 1e-3


def test_extremes_do_not_overflow() -> None:
    x = np.array([[-1000.0, 1000.0]])
    for name in ("log_sigmoid", "softplus", "sigmoid", "tanh", "silu", "mish", "gelu", "softmax", "log_softmax"):
        with np.errstate(over="raise", invalid="raise"):
            assert np.isfinite(evaluate(activations.get(name), x)).all(), name
    assert evaluate(activations.log_sigmoid, x).tolist() == [[-1000, 0]]


def test_refusals() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown activation 'sigmod'\. Did you mean 'sigmoid'"):
        activations.get("sigmod")
    with pytest.raises(ArgumentError, match="No activation can be made of 3"):
        activations.get(3)
    with pytest.raises(UnknownNameError, match=r"of a recurrent layer 'gelu'.*exponential"):
        activations.gate_name(activations.gelu)
