"""Every op in many shapes and settings, and small whole models: the input of the gradient check and of engine parity.

What should get a gradient is a parameter; what cannot have one (indices, masks, data) is a feed. Sizes are chosen so
that they are not multiples of the widths vector code likes, with batches of 1 and sequences of 1 among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recurra import ops
from recurra.engines import UpdateRule
from recurra.graph import GraphBuilder, Shape, Tensor

from .graphs import Arrays, Build, rounded, seeded
from .rules import RULES

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """One graph with its numbers.

    Attributes:
        name: Unique.
        build: See `harness.graphs.Build`.
        parameters, feeds, states, shapes: See `harness.graphs.trace`.
        smooth: Whether finite differences can be compared: no kink or jump is near, nothing stops the gradient.
        trains: Whether training steps can be compared. Not where float32 cannot hold the change of a step.
        same_zeros: Whether other engines must make zeros in the very same places.
        rule: The update rule of the training steps.
    """

    name: str
    build: Build
    parameters: Arrays = field(default_factory=dict)
    feeds: Arrays = field(default_factory=dict)
    states: Arrays = field(default_factory=dict)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    smooth: bool = True
    trains: bool = True
    same_zeros: bool = False
    rule: UpdateRule = RULES["sgd"]

    def __str__(self) -> str:
        return self.name


def _normal(name: str, *shape: int, scale: float = 1.0) -> np.ndarray:
    return rounded(scale * seeded(name).normal(size=shape))


def _away(x: np.ndarray, *kinks: float, margin: float = 0.02) -> np.ndarray:
    """Moves numbers out of the neighbourhood of kinks, where a finite difference means nothing."""
    for kink in kinks:
        near = np.abs(x - kink) < margin
        x = np.where(near, kink + np.where(x >= kink, margin, -margin), x)
    return rounded(x)


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


def _label(*shapes: tuple[int, ...]) -> str:
    return "-".join("x".join(map(str, shape)) or "scalar" for shape in shapes)


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
            x = _away(_normal(name + _label(shape), *shape, scale=1 if name == "exp" else 3), *kinks)
            yield Case(f"{name}-{_label(shape)}", lambda b, t, f=function: f(t["x"]), {"x": x})
    for name, function in (("log", ops.log), ("sqrt", ops.sqrt)):
        for shape in _SHAPES:
            x = rounded(0.2 + np.abs(_normal(name, *shape, scale=2)))
            yield Case(f"{name}-{_label(shape)}", lambda b, t, f=function: f(t["x"]), {"x": x})
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
            yield Case(
                f"{name}-extreme", lambda b, t, f=function: f(t["x"]), {"x": extreme}, smooth=False, trains=False
            )
    # On the kinks themselves every engine must take the slope the docstring names.
    on_kinks = rounded([-3, -2.5, -0.75, 0, 1.5, 2.5, 3, 6])
    for name, function, kinks in settings:
        if kinks and name not in ("hard_sigmoid", "hard_sigmoid_tfjs"):  # x / 6 + 0.5 rounds differently in each type
            yield Case(f"{name}-kinks", lambda b, t, f=function: f(t["x"]), {"x": on_kinks}, smooth=False)
    yield Case(
        "stop_gradient", lambda b, t: t["x"] * ops.stop_gradient(t["x"]), {"x": _normal("sg", 3, 5)}, smooth=False
    )


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
            x, y = _normal("x" + _label(a, b), *a), _away(_normal("y" + _label(b, a), *b), 0, margin=0.4)
            yield Case(f"{name}-{_label(a, b)}", lambda b, t, f=function: f(t["x"], t["y"]), {"x": x, "y": y})
        yield Case(
            f"{name}-number",
            lambda b, t, f=function: (f(t["x"], 0.5), f(-1.25, t["x"])),
            {"x": _away(_normal("number", 2, 3), 0, margin=0.2)},
        )
        yield Case(
            f"{name}-itself",
            lambda b, t, f=function: f(t["x"], t["x"]),
            {"x": _normal("self", 2, 9)},
            smooth=name not in ("maximum", "minimum"),
        )
    ties = {"x": rounded([[1, 2, 3], [3, 2, 1]]), "y": rounded([2, 2, 2])}
    for name in ("maximum", "minimum"):
        yield Case(f"{name}-ties", lambda b, t, f=arithmetic[name]: f(t["x"], t["y"]), ties, smooth=False)
    for name, function in comparisons.items():
        for a, b in _PAIRS:
            x, y = np.round(_normal("x" + _label(a), *a)), np.round(_normal("y" + _label(b), *b))
            yield Case(f"{name}-{_label(a, b)}", lambda b, t, f=function: f(t["x"], t["y"]), feeds={"x": x, "y": y})
        # No gradient comes out of a comparison; the other factor gets its own.
        yield Case(
            f"{name}-in-product",
            lambda b, t, f=function: f(t["x"], 0.0) * t["y"],
            {"x": _away(_normal("product", 3, 5), 0), "y": _normal("factor", 3, 5)},
        )
    yield Case(
        "equal-int",
        lambda b, t: ops.equal(t["x"], t["y"]),
        feeds={"x": np.array([[1, 2, 3], [3, 2, 1]], np.int32), "y": np.array([3, 2, 3], np.int32)},
    )
    for c, a, b in (((3, 5), (3, 5), (3, 5)), ((3, 1), (5,), ()), ((4,), (2, 1, 1), (3, 4)), ((), (2, 3), (3,))):
        condition = (_normal("condition" + _label(c), *c) > 0) * 2.0
        yield Case(
            f"where-{_label(c, a, b)}",
            lambda b, t: ops.where(t["condition"], t["x"], t["y"]),
            {"x": _normal("wx", *a), "y": _normal("wy", *b)},
            {"condition": condition},
        )
    # The branch not chosen has an infinite slope; no gradient may pass through it.
    yield Case(
        "where-guards-log",
        lambda b, t: ops.where(
            ops.greater(t["x"], 0.0), ops.log(ops.where(ops.greater(t["x"], 0.0), t["x"], 1.0)), 0.0
        ),
        {"x": _away(_normal("guard", 11), 0, margin=0.2)},
    )
    yield Case(
        "cast-to-int",
        lambda b, t: ops.cast(t["x"], "int"),
        feeds={"x": rounded([-2.7, -1.0, -0.4, 0.0, 0.9, 1.5, 2.0, 1e6])},
    )
    yield Case(
        "cast-to-float",
        lambda b, t: ops.cast(t["x"], "float") * t["w"],
        {"w": _normal("w", 3)},
        {"x": np.array([[-7, 0, 5], [1, 2, 3]], np.int32)},
    )
    yield Case(
        "cast-float-to-float", lambda b, t: ops.cast(t["x"], "float") + t["x"], {"x": _normal("cast", 4)}, smooth=False
    )


def _linear() -> Iterator[Case]:
    for x_shape, units in (
        ((4, 3), 5),
        ((1, 1), 1),
        ((7,), 3),
        ((2, 3, 7), 17),
        ((2, 1, 3, 2), 4),
        ((1, 33), 9),
        ((19, 16), 32),
        ((5, 70), 65),
    ):
        for bias in (True, False):
            n = x_shape[-1]
            parameters = {"x": _normal("dx", *x_shape), "w": _normal("dw", n, units, scale=n**-0.5)}
            if bias:
                parameters["b"] = _normal("db", units)
            yield Case(
                f"dense-{_label(x_shape)}-{units}{'-bias' if bias else ''}",
                lambda b, t: ops.dense(t["x"], t["w"], t.get("b")),
                parameters,
            )
    indices = {
        "vector": np.array([2, 0, 2, 4, 2], np.int32),
        "matrix": np.array([[0, 1, 1], [4, 4, 4]], np.int32),
        "cube": np.arange(12).reshape(2, 3, 2).astype(np.int32) % 5,
        "one": np.array([[3]], np.int32),
        "scalar": np.array(1, np.int32),
    }
    for name, index in indices.items():
        for units in (1, 7, 18):
            yield Case(
                f"embedding-{name}-{units}",
                lambda b, t: ops.embedding(t["i"], t["table"]),
                {"table": _normal("table", 5, units)},
                {"i": index},
            )
    yield Case(
        "embedding-symbolic",
        lambda b, t: ops.embedding(t["i"], t["table"]),
        {"table": _normal("table", 6, 3)},
        {"i": np.array([[5, 0, 5], [2, 1, 5]], np.int32)},
        shapes={"i": ("batch", "time")},
    )


def _reduction() -> Iterator[Case]:
    functions = {"reduce_max": ops.reduce_max, "reduce_mean": ops.reduce_mean, "reduce_sum": ops.reduce_sum}
    settings: list[tuple[tuple[int, ...], Any]] = [
        ((), None),
        ((9,), None),
        ((9,), (0,)),
        ((3, 5), None),
        ((3, 5), (0,)),
        ((3, 5), (-1,)),
        ((3, 5), ()),
        ((2, 3, 5), (1,)),
        ((2, 3, 5), (0, 2)),
        ((2, 3, 4, 5), (1, 2)),
        ((2, 3, 4, 5), (3, 0)),
        ((2, 1, 35), (2,)),
        ((300, 3), (0,)),
    ]
    for name, function in functions.items():
        for shape, axes in settings:
            for keepdims in (False, True):
                # Numbers far enough from each other, so that the largest stays the largest.
                size = int(np.prod(shape))
                x = rounded(seeded(name + _label(shape)).permutation(size).reshape(shape) * (4 / size) - 2)
                yield Case(
                    f"{name}-{_label(shape)}-{axes}{'-keepdims' if keepdims else ''}",
                    lambda b, t, f=function, a=axes, k=keepdims: f(t["x"], a, k),
                    {"x": x},
                )
    ties = rounded([[[1, 3], [3, 0]], [[2, 2], [2, 2]]])
    for axes in ((0,), (2,), (1, 2), (0, 2)):
        yield Case(f"reduce_max-ties-{axes}", lambda b, t, a=axes: ops.reduce_max(t["x"], a), {"x": ties}, smooth=False)
    for name, function in (("softmax", ops.softmax), ("log_softmax", ops.log_softmax)):
        for shape in ((1,), (37,), (4, 3), (2, 3, 5), (2, 1, 3, 18)):
            yield Case(
                f"{name}-{_label(shape)}", lambda b, t, f=function: f(t["x"]), {"x": _normal(name, *shape, scale=3)}
            )
        large = rounded([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [90, 89, 88], [1e4, 9999, 1e4]])
        yield Case(f"{name}-extreme", lambda b, t, f=function: f(t["x"]), {"x": large}, smooth=False, trains=False)
    for shape in ((5,), (3, 5), (2, 3, 17), (2, 1, 2, 1)):
        x = rounded(seeded("argmax").permutation(int(np.prod(shape))).reshape(shape))
        yield Case(f"argmax-{_label(shape)}", lambda b, t: ops.argmax(t["x"]), feeds={"x": x})
        label = seeded("label").integers(0, shape[-1], shape[:-1]).astype(np.int32)
        yield Case(
            f"take_along_last-{_label(shape)}", lambda b, t: ops.take_along_last(t["x"], t["i"]), {"x": x}, {"i": label}
        )
        yield Case(
            f"one_hot-{_label(shape)}",
            lambda b, t, n=shape[-1]: ops.one_hot(t["i"], n) * t["w"],
            {"w": _normal("w", shape[-1])},
            {"i": label},
        )
    yield Case("argmax-ties", lambda b, t: ops.argmax(t["x"]), feeds={"x": rounded([[1, 3, 3], [2, 2, 2], [0, -1, 0]])})


def _shape() -> Iterator[Case]:
    for start, target in (
        ((6,), (2, 3)),
        ((2, 3), (6,)),
        ((2, 3, 4), (4, -1)),
        ((), (1, 1)),
        ((1,), ()),
        ((2, 3, 4), (2, 1, 12, 1)),
    ):
        yield Case(
            f"reshape-{_label(start)}-{target}",
            lambda b, t, s=target: ops.reshape(t["x"], s),
            {"x": _normal("r", *start)},
        )
    yield Case("reshape-int", lambda b, t: ops.reshape(t["x"], (3, -1)), feeds={"x": np.arange(12, dtype=np.int32)})
    yield Case(
        "reshape-symbolic",
        lambda b, t: ops.reshape(ops.dense(t["x"], t["w"]), ("batch", -1)),
        {"w": _normal("w", 3, 2)},
        {"x": _normal("x", 2, 4, 3)},
        shapes={"x": ("batch", "time", 3)},
    )
    yield Case(
        "reshape-symbolic-wild",
        lambda b, t: ops.reshape(ops.dense(t["x"], t["w"]), (-1, 2)),
        {"w": _normal("w", 3, 2)},
        {"x": _normal("x", 2, 4, 3)},
        shapes={"x": ("batch", "time", 3)},
    )
    for axes in ((0, 1, 2), (0, 2, 1), (2, 0, 1), (1, 2, 0), (2, 1, 0)):
        yield Case(f"permute-{axes}", lambda b, t, a=axes: ops.permute(t["x"], a), {"x": _normal("p", 2, 3, 5)})
    yield Case("permute-4d", lambda b, t: ops.permute(t["x"], (3, 1, 0, 2)), {"x": _normal("p", 2, 3, 4, 5)})
    for shape, axis in (((7,), 0), ((3, 5), 0), ((3, 5), 1), ((2, 3, 5), 1), ((2, 3, 4, 5), -1), ((4, 1), 1)):
        yield Case(
            f"reverse-{_label(shape)}-{axis}", lambda b, t, a=axis: ops.reverse(t["x"], a), {"x": _normal("v", *shape)}
        )
    for shape, axis, start, stop in (
        ((7,), 0, 2, 5),
        ((3, 5), 1, 0, 1),
        ((3, 5), 0, 1, None),
        ((2, 5, 3), 1, -1, None),
        ((2, 5, 3), 1, -3, -1),
        ((2, 5, 3), 2, 0, 3),
        ((2, 3, 4, 5), -1, 1, -1),
    ):
        yield Case(
            f"slice-{_label(shape)}-{axis}-{start}-{stop}",
            lambda b, t, a=axis, i=start, j=stop: ops.slice(t["x"], a, i, j),
            {"x": _normal("s", *shape)},
        )
    for axis, first, last in ((1, -1, None), (1, 0, 2), (1, 1, None)):
        yield Case(
            f"slice-symbolic-{axis}-{first}-{last}",
            lambda b, t, a=axis, i=first, j=last: ops.slice(ops.dense(t["x"], t["w"]), a, i, j),
            {"w": _normal("w", 3, 2)},
            {"x": _normal("x", 2, 4, 3)},
            shapes={"x": ("batch", "time", 3)},
        )
    for shapes, axis in (
        (((3, 2), (3, 5)), -1),
        (((1, 4), (3, 4), (2, 4)), 0),
        (((2, 3, 5),), 1),
        (((2, 3, 5), (2, 1, 5)), 1),
        (((4,), (9,)), 0),
    ):
        parts = {f"x{i}": _normal(f"c{i}", *shape) for i, shape in enumerate(shapes)}
        names = list(parts)
        yield Case(
            f"concatenate-{_label(*shapes)}-{axis}",
            lambda b, t, names=names, a=axis: ops.concatenate([t[name] for name in names], a),
            parts,
        )
    yield Case("concatenate-itself", lambda b, t: ops.concatenate([t["x"], t["x"]], 1), {"x": _normal("c", 2, 3)})
    for start, goal in (
        ((), (3,)),
        ((5,), (3, 5)),
        ((3, 1), (3, 5)),
        ((2, 1, 1, 4), (2, 3, 5, 4)),
        ((1,), (2, 2)),
        ((2, 3), (2, 3)),
    ):
        yield Case(
            f"broadcast_to-{_label(start)}-{_label(goal)}",
            lambda b, t, s=goal: ops.broadcast_to(t["x"], s),
            {"x": _normal("b", *start)},
        )


def _dropout() -> Iterator[Case]:
    for shape in ((), (5,), (3, 7), (2, 3, 5), (2, 1, 3, 4), (1031,)):
        for rate in (0.0, 0.3, 0.5, 0.9):
            yield Case(
                f"dropout-{_label(shape)}-{rate}",
                lambda b, t, r=rate: ops.dropout(t["x"], r, seed=0x9E3779B97F4A7C15),
                {"x": _away(_normal("drop", *shape), 0)},
                same_zeros=True,
            )
    for noise in ((2, 1, 5), (1, 3, 1), (1, 1, 1), (2, 3, 5)):
        yield Case(
            f"dropout-noise-{_label(noise)}",
            lambda b, t, n=noise: ops.dropout(t["x"], 0.4, seed=12, noise_shape=n),
            {"x": _away(_normal("drop", 2, 3, 5), 0)},
            same_zeros=True,
        )
    yield Case(
        "dropout-symbolic",
        lambda b, t: ops.dropout(ops.dense(t["x"], t["w"]), 0.4, seed=7, noise_shape=("batch", 1, 5)),
        {"w": _normal("w", 3, 5)},
        {"x": _normal("x", 4, 6, 3)},
        shapes={"x": ("batch", "time", 3)},
        same_zeros=True,
    )


def _lstm_parameters(
    batch: int, time: int, features: int, units: int, *extra: str, scale: float = 1.0
) -> dict[str, np.ndarray]:
    name = f"lstm{batch}-{time}-{features}-{units}"
    shapes: dict[str, tuple[int, ...]] = {
        "x": (batch, time, features),
        "w": (features, 4 * units),
        "r": (units, 4 * units),
        "b": (4 * units,),
        "h": (batch, units),
        "c": (batch, units),
        "rm": (batch, units),
    }
    scales = {"w": features**-0.5, "r": units**-0.5}
    return {
        key: _normal(name + key, *shapes[key], scale=scale * scales.get(key, 1.0)) for key in ("x", "w", "r", *extra)
    }


def _lstm_build(**options: Any) -> Build:
    def build(builder: GraphBuilder, t: dict[str, Tensor]) -> Any:
        return ops.lstm(
            t["x"], t["w"], t["r"], t.get("b"), t.get("h"), t.get("c"), t.get("mask"), t.get("rm"), **options
        )

    return build


def _lstm() -> Iterator[Case]:
    for batch, time, features, units in (
        (3, 4, 2, 5),
        (1, 1, 1, 1),
        (1, 5, 3, 4),
        (4, 1, 2, 3),
        (2, 3, 1, 17),
        (17, 2, 9, 16),
        (5, 7, 19, 33),
        (33, 3, 4, 8),
    ):
        sizes = (batch, time, features, units)
        yield Case(f"lstm-{_label(sizes)}", _lstm_build(), _lstm_parameters(*sizes, "b"))
    masks = {
        "right": [[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]],
        "left": [[0, 0, 1, 1], [1, 1, 1, 1], [0, 1, 1, 1]],
        "holes": [[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 0, 1]],
        "nothing": [[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]],
    }
    settings: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
        ("no-bias", (), {}),
        ("initial-h", ("b", "h"), {}),
        ("initial-c", ("b", "c"), {}),
        ("initial-both", ("b", "h", "c"), {}),
        ("backwards", ("b", "h", "c"), {"go_backwards": True}),
        ("recurrent-mask", ("b", "rm"), {}),
        ("recurrent-mask-initial", ("h", "c", "rm"), {"go_backwards": True}),
    ]
    for name, extra, options in settings:
        yield Case(f"lstm-{name}", _lstm_build(**options), _lstm_parameters(3, 4, 2, 5, *extra))
    for kind, mask in masks.items():
        for backwards in (False, True):
            for zero in (False, True):
                yield Case(
                    f"lstm-mask-{kind}{'-backwards' if backwards else ''}{'-zero' if zero else ''}",
                    _lstm_build(go_backwards=backwards, zero_output_for_mask=zero),
                    _lstm_parameters(3, 4, 2, 5, "b", "h", "c", "rm"),
                    {"mask": np.array(mask, float)},
                    same_zeros=zero,
                )
    yield Case(
        "lstm-mask-no-initial",
        _lstm_build(),
        _lstm_parameters(3, 4, 2, 5, "b"),
        {"mask": np.array(masks["left"], float)},
        same_zeros=True,
    )
    # Small numbers, because unbounded gates make cells that grow with every step (exp: a tower of powers).
    small = _lstm_parameters(2, 3, 2, 5, "b", "c", scale=0.25)
    for activation in ops.GATE_ACTIVATIONS:
        yield Case(f"lstm-activation-{activation}", _lstm_build(activation=activation), small)
        yield Case(f"lstm-recurrent-{activation}", _lstm_build(recurrent_activation=activation), small)
    # Gates far in saturation: the cell is kept or thrown away whole, and nothing overflows.
    large = {**_lstm_parameters(2, 6, 3, 5), "b": rounded(np.repeat([60, -60, 90, 60], 5))}
    yield Case("lstm-saturated", _lstm_build(), large)
    # Only some outputs are used, so some gradients do not exist.
    for part, name in enumerate(("sequence", "last-h", "last-c")):
        yield Case(
            f"lstm-only-{name}",
            lambda b, t, i=part: ops.lstm(t["x"], t["w"], t["r"], t["b"])[i],
            _lstm_parameters(3, 4, 2, 5, "b"),
        )
    # Weights that are not trained get no gradient, but pass it on.
    fixed = _lstm_parameters(3, 4, 2, 5, "b")
    yield Case(
        "lstm-data-is-fed",
        _lstm_build(),
        {key: fixed[key] for key in ("w", "r", "b")},
        {"x": fixed["x"]},
        shapes={"x": ("batch", "time", 2)},
    )
    yield Case("lstm-weights-are-fed", _lstm_build(), {"x": fixed["x"]}, {key: fixed[key] for key in ("w", "r", "b")})


def _models() -> Iterator[Case]:
    for name, rule in RULES.items():
        yield _regression(f"model-regression-{name}", rule)
    yield _classification()
    yield _masked_text()
    yield _stateful()
    yield _stacked_dropout()


def _regression(name: str, rule: UpdateRule) -> Case:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        with b.scope("lstm"):
            _, h, _ = ops.lstm(t["x"], t["w"], t["r"], t["b"])
        with b.scope("dense"):
            y = ops.dense(h, t["dw"], t["db"])
        error = ops.square(y - t["target"])
        return {"loss": ops.reduce_mean(error), "y": y, "sum": ops.reduce_sum(error)}

    features, units = 2, 7
    parameters = {
        **{key: value for key, value in _lstm_parameters(6, 5, features, units, "b").items() if key != "x"},
        "dw": _normal("dw", units, 1),
        "db": _normal("db", 1),
    }
    feeds = {"x": _normal("x", 6, 5, features), "target": _normal("target", 6, 1)}
    return Case(
        name, build, parameters, feeds, shapes={"x": ("batch", "time", features), "target": ("batch", 1)}, rule=rule
    )


def _classification() -> Case:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        hidden = ops.tanh(ops.dense(t["x"], t["w"], t["b"]))
        logits = ops.dense(hidden, t["w2"], t["b2"])
        losses = -ops.take_along_last(ops.log_softmax(logits), t["label"])
        right = ops.equal(ops.argmax(logits), t["label"])
        return {"loss": ops.reduce_mean(losses * t["weight"]), "right": ops.reduce_sum(right), "y": ops.softmax(logits)}

    parameters = {"w": _normal("w", 3, 9), "b": _normal("b", 9), "w2": _normal("w2", 9, 4), "b2": _normal("b2", 4)}
    feeds = {
        "x": _normal("cx", 11, 3),
        "label": seeded("labels").integers(0, 4, 11).astype(np.int32),
        "weight": rounded(np.abs(_normal("cw", 11))),
    }
    shapes: dict[str, Shape] = {"x": ("batch", 3), "label": ("batch",), "weight": ("batch",)}
    return Case("model-classification", build, parameters, feeds, shapes=shapes, rule=RULES["adam"])


def _masked_text() -> Case:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        mask = 1.0 - ops.equal(ops.cast(t["tokens"], "float"), 0.0)
        x = ops.embedding(t["tokens"], t["table"])
        sequence, _, _ = ops.lstm(x, t["w"], t["r"], t["b"], mask=mask, zero_output_for_mask=True)
        backward, _, _ = ops.lstm(x, t["w2"], t["r2"], t["b2"], mask=mask, go_backwards=True)
        both = ops.concatenate([sequence, ops.reverse(backward, 1)], axis=-1)
        logits = ops.reshape(ops.dense(both, t["dw"]), ("batch", "time"))
        # Binary cross-entropy from logits, written so that it cannot overflow.
        losses = ops.softplus(logits) - logits * t["target"]
        return {"loss": ops.reduce_sum(losses * mask) / ops.reduce_sum(mask), "probability": ops.sigmoid(logits)}

    one, two = _lstm_parameters(4, 6, 3, 5, "b"), _lstm_parameters(4, 6, 3, 5, "b", "c")
    parameters = {
        "table": _normal("table", 8, 3),
        **{key: one[key] for key in ("w", "r", "b")},
        **{f"{key}2": rounded(two[key][::-1]) for key in ("w", "r", "b")},
        "dw": _normal("tw", 10, 1),
    }
    tokens = np.array([[3, 1, 4, 1, 5, 0], [7, 2, 0, 0, 0, 0], [6, 6, 6, 6, 6, 6], [0, 0, 0, 0, 0, 0]], np.int32)
    feeds = {"tokens": tokens, "target": rounded(tokens % 2)}
    shapes: dict[str, Shape] = {"tokens": ("batch", "time"), "target": ("batch", "time")}
    return Case("model-masked-text", build, parameters, feeds, shapes=shapes, rule=RULES["rmsprop"])


def _stateful() -> Case:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        sequence, h, c = ops.lstm(t["x"], t["w"], t["r"], t["b"], t["state_h"], t["state_c"])
        b.update(b.variables["state_h"], h)
        b.update(b.variables["state_c"], c)
        return sequence

    parameters = {key: value for key, value in _lstm_parameters(3, 4, 2, 5, "b").items() if key != "x"}
    states = {"state_h": _normal("sh", 3, 5, scale=0.3), "state_c": _normal("sc", 3, 5)}
    return Case("model-stateful", build, parameters, {"x": _normal("sx", 3, 4, 2)}, states, {"x": (3, "time", 2)})


def _stacked_dropout() -> Case:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        x = ops.dropout(t["x"], 0.25, seed=3, noise_shape=("batch", 1, 2))
        ones = ops.broadcast_to(ops.reduce_sum(ops.slice(x, 1, 0, 1), (1, 2), keepdims=False) * 0.0 + 1.0, ("batch",))
        ones = ops.broadcast_to(ops.reshape(ones, ("batch", 1)), ("batch", 5))
        sequence, _, _ = ops.lstm(x, t["w"], t["r"], t["b"], recurrent_mask=ops.dropout(ones, 0.4, seed=2**63 + 5))
        sequence = ops.dropout(sequence, 0.5, seed=4)
        _, h, c = ops.lstm(sequence, t["w2"], t["r2"])
        return {"h": h, "c": c, "sequence": sequence}

    one, two = _lstm_parameters(4, 3, 2, 5, "b"), _lstm_parameters(4, 3, 5, 3)
    parameters = {**{key: one[key] for key in ("w", "r", "b")}, "w2": two["w"], "r2": two["r"]}
    return Case(
        "model-stacked-dropout",
        build,
        parameters,
        {"x": _normal("dx", 4, 3, 2)},
        shapes={"x": ("batch", "time", 2)},
        same_zeros=True,
        rule=RULES["adam-clipnorm"],
    )


CASES: tuple[Case, ...] = (
    *_unary(),
    *_binary(),
    *_linear(),
    *_reduction(),
    *_shape(),
    *_dropout(),
    *_lstm(),
    *_models(),
)
