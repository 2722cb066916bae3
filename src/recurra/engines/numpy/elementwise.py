"""Operations that treat every element alone, and broadcasting arithmetic.

For y = f(x) element by element, dL/dx = dL/dy * f'(x). Each function below is given as its value and its slope f'.
`GATES` holds those whose slope can be had from y alone; recurrent ops use them.
"""

# numpy's stubs call arithmetic on arrays of any type "Any".
# mypy: disable-error-code="no-any-return"
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ._declare import Array, Call, backward, forward, unbroadcast

__all__ = ["GATES", "sigmoid", "softplus"]

SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), written with e^-|x| only, which cannot overflow and keeps full accuracy in both tails."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def softplus(x: Array) -> Array:
    """ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), which cannot overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _selu(x: Array) -> Array:
    return SELU_SCALE * _elu(x, SELU_ALPHA)


def _hard(x: Array, slope: float) -> Array:
    return np.clip(slope * x + 0.5, 0, 1)


GATES: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    # name: (y from x, f'(x) from y)
    "elu": (_elu, lambda y: np.where(y > 0, 1, y + 1)),
    "exp": (np.exp, lambda y: y),
    "hard_sigmoid": (lambda x: _hard(x, 1 / 6), lambda y: ((y > 0) & (y < 1)) * (1 / 6)),
    "hard_sigmoid_tfjs": (lambda x: _hard(x, 0.2), lambda y: ((y > 0) & (y < 1)) * 0.2),
    "linear": (lambda x: x, lambda y: np.ones_like(y)),
    "relu": (lambda x: np.maximum(x, 0), lambda y: y > 0),
    "relu6": (lambda x: np.clip(x, 0, 6), lambda y: (y > 0) & (y < 6)),
    "selu": (_selu, lambda y: np.where(y > 0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA)),
    "sigmoid": (sigmoid, lambda y: y * (1 - y)),
    # y = ln(1 + e^x), so f' = e^x / (1 + e^x) = 1 - e^-y
    "softplus": (softplus, lambda y: -np.expm1(-y)),
    # y = x / (1 + |x|), so 1 + |x| = 1 / (1 - |y|) and f' = 1 / (1 + |x|)^2
    "softsign": (lambda x: x / (1 + np.abs(x)), lambda y: np.square(1 - np.abs(y))),
    "tanh": (np.tanh, lambda y: 1 - y * y),
}


def _normal_distribution(x: Array) -> Array:
    """Phi(x) = erfc(-x / sqrt 2) / 2. The complement keeps its accuracy where Phi is nearly 0; 1 + erf would not."""
    values = [0.5 * math.erfc(-value / math.sqrt(2)) for value in x.ravel().tolist()]
    return np.array(values, x.dtype).reshape(x.shape)


def _gelu(x: Array, approximate: bool) -> Array:
    if approximate:
        return 0.5 * x * (1 + np.tanh(_gelu_inner(x)))
    return x * _normal_distribution(x)


def _gelu_inner(x: Array) -> Array:
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)


def _gelu_slope(x: Array, y: Array, approximate: bool) -> Array:
    if approximate:
        # y = x (1 + t) / 2 with t = tanh(u(x)), so f' = (1 + t) / 2 + x (1 - t^2) u' / 2
        t = np.tanh(_gelu_inner(x))
        inner_slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner_slope
    # (x Phi)' = Phi + x phi, phi the normal density
    return _normal_distribution(x) + x * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def _silu_slope(x: Array, y: Array) -> Array:
    # (x s)' = s + x s (1 - s)
    s = sigmoid(x)
    return s + x * s * (1 - s)


def _mish_slope(x: Array, y: Array) -> Array:
    # y = x t with t = tanh(p), p = softplus(x), p' = sigmoid(x): f' = t + x (1 - t^2) p'
    t = np.tanh(softplus(x))
    return t + x * (1 - t * t) * sigmoid(x)


def _unary(name: str, value: Callable[..., Array], slope: Callable[..., Array]) -> None:
    """Registers y = value(x, attributes) with dL/dx = dL/dy * slope(x, y, attributes)."""

    @forward(name)
    def run(call: Call, x: Array) -> Array:
        return value(x, **call.attributes)

    @backward(name)
    def run_back(call: Call, g: Array, x: Array) -> tuple[Array]:
        return (g * slope(x, call.outputs[0], **call.attributes),)


def _gate(name: str) -> None:
    value, slope = GATES[name]
    _unary(name, value, lambda x, y: slope(y))


for _name in sorted(set(GATES) - {"elu", "linear"}):
    _gate(_name)
_unary("absolute", np.abs, lambda x, y: np.sign(x))
_unary("clip", lambda x, low, high: np.clip(x, low, high), lambda x, y, low, high: (x >= low) & (x <= high))
# for x <= 0, y = alpha (e^x - 1), so f' = alpha e^x = y + alpha
_unary("elu", _elu, lambda x, y, alpha: np.where(x > 0, 1, y + alpha))
_unary("gelu", _gelu, _gelu_slope)
_unary(
    "leaky_relu",
    lambda x, negative_slope: np.where(x > 0, x, negative_slope * x),
    lambda x, y, negative_slope: np.where(x > 0, 1, np.full_like(x, negative_slope)),
)
_unary("log", np.log, lambda x, y: 1 / x)
_unary("mish", lambda x: x * np.tanh(softplus(x)), _mish_slope)
_unary("negative", np.negative, lambda x, y: np.full_like(x, -1))
_unary("silu", lambda x: x * sigmoid(x), _silu_slope)
_unary("sqrt", np.sqrt, lambda x, y: 0.5 / y)
_unary("square", np.square, lambda x, y: 2 * x)


def _binary(
    name: str, value: Callable[[Array, Array], Array], back: Callable[[Array, Array, Array, Array], tuple[Any, Any]]
) -> None:
    """Registers z = value(x, y), broadcasting, with (dL/dx, dL/dy) = back(dL/dz, x, y, z) before summing up."""

    @forward(name)
    def run(call: Call, x: Array, y: Array) -> Array:
        return value(x, y)

    @backward(name)
    def run_back(call: Call, g: Array, x: Array, y: Array) -> tuple[Array, Array]:
        gx, gy = back(g, x, y, call.outputs[0])
        return unbroadcast(np.asarray(gx), x.shape), unbroadcast(np.asarray(gy), y.shape)


_binary("add", np.add, lambda g, x, y, z: (g, g))
_binary("subtract", np.subtract, lambda g, x, y, z: (g, -g))
_binary("multiply", np.multiply, lambda g, x, y, z: (g * y, g * x))
# d(x/y)/dy = -x / y^2 = -z / y
_binary("divide", np.divide, lambda g, x, y, z: (g / y, -g * z / y))
_binary("maximum", np.maximum, lambda g, x, y, z: (np.where(x >= y, g, 0), np.where(x >= y, 0, g)))
_binary("minimum", np.minimum, lambda g, x, y, z: (np.where(x <= y, g, 0), np.where(x <= y, 0, g)))


@forward("greater")
def _greater(call: Call, x: Array, y: Array) -> Array:
    return x > y


@forward("greater_equal")
def _greater_equal(call: Call, x: Array, y: Array) -> Array:
    return x >= y


@forward("equal")
def _equal(call: Call, x: Array, y: Array) -> Array:
    return x == y


@forward("where")
def _where(call: Call, condition: Array, x: Array, y: Array) -> Array:
    return np.where(condition != 0, x, y)


@backward("where")
def _where_back(call: Call, g: Array, condition: Array, x: Array, y: Array) -> tuple[None, Array, Array]:
    # Chosen, not multiplied by 0 and 1: what was not chosen may have an infinite gradient, and must not matter.
    chosen = np.broadcast_to(condition != 0, g.shape)
    return None, unbroadcast(np.where(chosen, g, 0), x.shape), unbroadcast(np.where(chosen, 0, g), y.shape)


@forward("stop_gradient")
def _stop_gradient(call: Call, x: Array) -> Array:
    return x


@forward("cast")
def _cast(call: Call, x: Array) -> Array:
    # numpy, like C, cuts the fraction off.
    return x.astype(np.int32 if call.attributes["dtype"] == "int" else call.dtype)
