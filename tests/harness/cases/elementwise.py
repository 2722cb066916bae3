"""Cases of the ops in `recurra.ops.elementwise`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from recurra import ops
from recurra.graph import Tensor

from ..graphs import rounded
from ._case import Case, away, label, normal, on

__all__ = ["cases"]

_SHAPES = ((), (1,), (37,), (3, 1), (2, 3, 5), (2, 1, 3, 4))
_PAIRS = (
    ((3, 5), (3, 5)),
    ((3, 5), (5,)),
    ((5,), (3, 5)),
    ((3, 1), (1, 5)),
    ((2, 3, 5), ()),
    ((), (19,)),
    ((2, 1, 5), (3, 1)),
    ((2, 3, 1, 5), (4, 1)),
    ((1,), (1, 1)),
)


def cases() -> Iterator[Case]:
    """Every elementwise op."""
    yield from _unary()
    yield from _binary()


def _unary() -> Iterator[Case]:
    settings: list[tuple[str, Callable[[Tensor], Tensor], tuple[float, ...]]] = [
        ("absolute", ops.absolute, (0,)),
        ("clip", lambda x: ops.clip(x, -0.75, 1.5), (-0.75, 1.5)),
        ("elu", ops.elu, (0,)),
        ("elu-alpha", lambda x: ops.elu(x, alpha=0.3), (0,)),
        ("exp", ops.exp, ()),
        ("gelu", ops.gelu, ()),
        ("gelu-approximate", lambda x: ops.gelu(x, approximate=True), ()),
        ("hard_sigmoid", ops.hard_sigmoid, (-3, 3)),
        ("hard_sigmoid_tfjs", ops.hard_sigmoid_tfjs, (-2.5, 2.5)),
        ("leaky_relu", ops.leaky_relu, (0,)),
        ("leaky_relu-slope", lambda x: ops.leaky_relu(x, negative_slope=0.01), (0,)),
        ("mish", ops.mish, ()),
        ("negative", ops.negative, ()),
        ("relu", ops.relu, (0,)),
        ("relu6", ops.relu6, (0, 6)),
        ("selu", ops.selu, (0,)),
        ("sigmoid", ops.sigmoid, ()),
        ("silu", ops.silu, ()),
        ("softplus", ops.softplus, ()),
        ("softsign", ops.softsign, (0,)),
        ("square", ops.square, ()),
        ("tanh", ops.tanh, ()),
    ]
    for name, function, kinks in settings:
        for shape in _SHAPES:
            x = away(normal(name + label(shape), *shape, scale=1 if name == "exp" else 3), *kinks)
            yield Case(f"{name}-{label(shape)}", on(function, "x"), {"x": x})
    for name, function in (("log", ops.log), ("sqrt", ops.sqrt)):
        for shape in _SHAPES:
            x = rounded(0.2 + np.abs(normal(name, *shape, scale=2)))
            yield Case(f"{name}-{label(shape)}", on(function, "x"), {"x": x})
    # Where a careless formula overflows, or loses every digit.
    extreme = rounded([-1e4, -750, -100, -40, -20, -9, -5, -1e-3, 1e-4, 5, 9, 20, 40, 100, 750, 1e4])
    bounded = (
        "elu",
        "gelu",
        "gelu-approximate",
        "hard_sigmoid",
        "mish",
        "selu",
        "sigmoid",
        "silu",
        "softplus",
        "softsign",
        "tanh",
    )
    for name, function, _ in settings:
        if name in bounded:
            yield Case(f"{name}-extreme", on(function, "x"), {"x": extreme}, smooth=False, trains=False)
    # On the kinks themselves every engine must take the slope the docstring names.
    on_kinks = rounded([-3, -2.5, -0.75, 0, 1.5, 2.5, 3, 6])
    for name, function, kinks in settings:
        if kinks and name not in ("hard_sigmoid", "hard_sigmoid_tfjs"):  # x / 6 + 0.5 rounds differently in each type
            yield Case(f"{name}-kinks", on(function, "x"), {"x": on_kinks}, smooth=False)
    yield Case(
        "stop_gradient", lambda b, t: t["x"] * ops.stop_gradient(t["x"]), {"x": normal("sg", 3, 5)}, smooth=False
    )


def _with_numbers(function: Callable[[Any, Any], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    return function(x, 0.5), function(-1.25, x)


def _in_product(comparison: Callable[[Any, Any], Tensor], x: Tensor, y: Tensor) -> Tensor:
    return comparison(x, 0.0) * y


def _binary() -> Iterator[Case]:
    arithmetic = {
        "add": ops.add,
        "divide": ops.divide,
        "maximum": ops.maximum,
        "minimum": ops.minimum,
        "multiply": ops.multiply,
        "subtract": ops.subtract,
    }
    comparisons = {"equal": ops.equal, "greater": ops.greater, "greater_equal": ops.greater_equal}
    for name, function in arithmetic.items():
        for a, b in _PAIRS:
            x, y = normal("x" + label(a, b), *a), away(normal("y" + label(b, a), *b), 0, margin=0.4)
            yield Case(f"{name}-{label(a, b)}", on(function, "x", "y"), {"x": x, "y": y})
        yield Case(
            f"{name}-number",
            on(partial(_with_numbers, function), "x"),
            {"x": away(normal("number", 2, 3), 0, margin=0.2)},
        )
        yield Case(
            f"{name}-itself",
            on(function, "x", "x"),
            {"x": normal("self", 2, 9)},
            smooth=name not in ("maximum", "minimum"),
        )
    ties = {"x": rounded([[1, 2, 3], [3, 2, 1]]), "y": rounded([2, 2, 2])}
    for name in ("maximum", "minimum"):
        yield Case(f"{name}-ties", on(arithmetic[name], "x", "y"), ties, smooth=False)
    for name, function in comparisons.items():
        for a, b in _PAIRS:
            x, y = np.round(normal("x" + label(a), *a)), np.round(normal("y" + label(b), *b))
            yield Case(f"{name}-{label(a, b)}", on(function, "x", "y"), feeds={"x": x, "y": y})
        # No gradient comes out of a comparison; the other factor gets its own.
        yield Case(
            f"{name}-in-product",
            on(partial(_in_product, function), "x", "y"),
            {"x": away(normal("product", 3, 5), 0), "y": normal("factor", 3, 5)},
        )
    yield Case(
        "equal-int",
        on(ops.equal, "x", "y"),
        feeds={"x": np.array([[1, 2, 3], [3, 2, 1]], np.int32), "y": np.array([3, 2, 3], np.int32)},
    )
    for c, a, b in (((3, 5), (3, 5), (3, 5)), ((3, 1), (5,), ()), ((4,), (2, 1, 1), (3, 4)), ((), (2, 3), (3,))):
        condition = (normal("condition" + label(c), *c) > 0) * 2.0
        yield Case(
            f"where-{label(c, a, b)}",
            on(ops.where, "condition", "x", "y"),
            {"x": normal("wx", *a), "y": normal("wy", *b)},
            {"condition": condition},
        )
    # The branch not chosen has an infinite slope; no gradient may pass through it.
    yield Case(
        "where-guards-log",
        lambda b, t: ops.where(
            ops.greater(t["x"], 0.0), ops.log(ops.where(ops.greater(t["x"], 0.0), t["x"], 1.0)), 0.0
        ),
        {"x": away(normal("guard", 11), 0, margin=0.2)},
    )
    yield Case(
        "cast-to-int",
        on(ops.cast, "x", dtype="int"),
        feeds={"x": rounded([-2.7, -1.0, -0.4, 0.0, 0.9, 1.5, 2.0, 1e6])},
    )
    yield Case(
        "cast-to-float",
        lambda b, t: ops.cast(t["x"], "float") * t["w"],
        {"w": normal("w", 3)},
        {"x": np.array([[-7, 0, 5], [1, 2, 3]], np.int32)},
    )
    yield Case(
        "cast-float-to-float", lambda b, t: ops.cast(t["x"], "float") + t["x"], {"x": normal("cast", 4)}, smooth=False
    )
