"""The simple recurrent op: shapes with symbols, options, errors. Numbers: engines/test_numpy_simple_rnn.py."""

from __future__ import annotations

from typing import Any

import pytest

from recurra import ops
from recurra.errors import ArgumentError, ShapeError, UnknownNameError
from recurra.graph import GraphBuilder, Shape, Tensor

GOOD: dict[str, Shape] = {
    "x": ("batch", "time", 3),
    "kernel": (3, 5),
    "recurrent_kernel": (5, 5),
    "bias": (5,),
    "initial_h": ("batch", 5),
    "mask": ("batch", "time"),
    "recurrent_mask": ("batch", 5),
}


def make(**changes: Any) -> tuple[Tensor, Tensor]:
    builder = GraphBuilder()
    options = {key: value for key, value in changes.items() if key not in GOOD}
    shapes = {**GOOD, **{key: value for key, value in changes.items() if key in GOOD}}
    tensors: dict[str, Any] = {
        key: None if shape is None else builder.input(key, shape) for key, shape in shapes.items()
    }
    return ops.simple_rnn(**tensors, **options)


def test_shapes() -> None:
    sequence, h = make()
    assert sequence.shape == ("batch", "time", 5)
    assert h.shape == ("batch", 5)


def test_everything_optional_can_be_left_out() -> None:
    optional = ("bias", "initial_h", "mask", "recurrent_mask")
    assert make(**dict.fromkeys(optional))[0].shape == ("batch", "time", 5)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("x", ("batch", 3), "ops.simple_rnn: the input 'x' must have 3 dimensions, received .batch, 3."),
        ("kernel", (4, 5), r"ops.simple_rnn: the kernel must have shape \(3, 5\).*received \(4, 5\)"),
        ("recurrent_kernel", (5, 20), r"'recurrent_kernel' must have shape \(5, 5\)"),
        ("recurrent_kernel", ("units", 5), "number of units must be known"),
        ("bias", (2, 5), r"'bias' must have shape \(5,\).*received \(2, 5\)"),
        ("initial_h", ("batch", 4), r"'initial_h' must have shape \(batch, 5\)"),
        ("mask", ("batch", "time", 1), r"'mask' must have shape \(batch, time\)"),
        ("recurrent_mask", (5,), r"'recurrent_mask' must have shape \(batch, 5\)"),
    ],
)
def test_wrong_shapes_are_named(name: str, shape: Shape, message: str) -> None:
    with pytest.raises((ShapeError, ArgumentError), match=message):
        make(**{name: shape})


def test_unknown_activations_are_named() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown activation of a SimpleRNN 'thanh'\. Did you mean 'tanh'"):
        make(activation="thanh")
