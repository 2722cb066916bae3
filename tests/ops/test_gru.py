"""The GRU op: shapes with symbols, options, errors. Its numbers are tested in engines/test_numpy_gru.py."""

from __future__ import annotations

from typing import Any

import pytest

from recurra import ops
from recurra.errors import ArgumentError, ShapeError, UnknownNameError
from recurra.graph import GraphBuilder, Shape, Tensor

GOOD: dict[str, Shape] = {
    "x": ("batch", "time", 3),
    "kernel": (3, 15),
    "recurrent_kernel": (5, 15),
    "bias": (2, 15),
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
    return ops.gru(**tensors, **options)


def test_shapes() -> None:
    for options in ({}, {"reset_after": False, "bias": (15,)}):
        sequence, h = make(**options)
        assert sequence.shape == ("batch", "time", 5)
        assert h.shape == ("batch", 5)


def test_everything_optional_can_be_left_out() -> None:
    optional = ("bias", "initial_h", "mask", "recurrent_mask")
    assert make(**dict.fromkeys(optional))[0].shape == ("batch", "time", 5)
    for name in optional:
        assert make(**{name: None})[1].shape == ("batch", 5)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("x", ("batch", 3), "ops.gru: the input 'x' must have 3 dimensions, received .batch, 3."),
        ("kernel", (4, 15), r"ops.gru: the kernel must have shape \(3, 15\).*received \(4, 15\)"),
        ("kernel", (3, 20), r"kernel must have shape \(3, 15\).*5 units"),
        ("recurrent_kernel", (5, 20), r"'recurrent_kernel' must have shape \(5, 15\)"),
        ("recurrent_kernel", ("units", 15), "number of units must be known"),
        ("bias", (15,), r"'bias' must have shape \(2, 15\).*received \(15,\)"),
        ("initial_h", ("batch", 4), r"'initial_h' must have shape \(batch, 5\)"),
        ("mask", ("batch", "time", 1), r"'mask' must have shape \(batch, time\)"),
        ("recurrent_mask", (5,), r"'recurrent_mask' must have shape \(batch, 5\)"),
    ],
)
def test_wrong_shapes_are_named(name: str, shape: Shape, message: str) -> None:
    with pytest.raises((ShapeError, ArgumentError), match=message):
        make(**{name: shape})


def test_without_reset_after_there_is_one_bias() -> None:
    with pytest.raises(ShapeError, match=r"'bias' must have shape \(15,\).*received \(2, 15\)"):
        make(reset_after=False)


def test_unknown_activations_are_named() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown activation of a GRU 'thanh'\. Did you mean 'tanh'"):
        make(activation="thanh")
    with pytest.raises(UnknownNameError, match="Unknown recurrent_activation of a GRU 'silu'"):
        make(recurrent_activation="silu")
