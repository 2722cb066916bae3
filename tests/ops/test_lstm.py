"""The LSTM op: shapes with symbols, options, errors. Its numbers are tested in engines/test_numpy_lstm.py."""

from __future__ import annotations

from typing import Any

import pytest

from recurra import ops
from recurra.errors import ArgumentError, ShapeError, UnknownNameError
from recurra.graph import GraphBuilder, Shape, Tensor

GOOD: dict[str, Shape] = {
    "x": ("batch", "time", 3),
    "kernel": (3, 20),
    "recurrent_kernel": (5, 20),
    "bias": (20,),
    "initial_h": ("batch", 5),
    "initial_c": ("batch", 5),
    "mask": ("batch", "time"),
    "recurrent_mask": ("batch", 5),
}


def make(**changes: Any) -> tuple[Tensor, Tensor, Tensor]:
    builder = GraphBuilder()
    options = {key: value for key, value in changes.items() if key not in GOOD}
    shapes = {**GOOD, **{key: value for key, value in changes.items() if key in GOOD}}
    tensors: dict[str, Any] = {
        key: None if shape is None else builder.input(key, shape) for key, shape in shapes.items()
    }
    return ops.lstm(**tensors, **options)


def test_shapes() -> None:
    sequence, h, c = make()
    assert sequence.shape == ("batch", "time", 5)
    assert h.shape == c.shape == ("batch", 5)


def test_everything_optional_can_be_left_out() -> None:
    optional = ("bias", "initial_h", "initial_c", "mask", "recurrent_mask")
    assert make(**dict.fromkeys(optional))[0].shape == ("batch", "time", 5)
    for name in optional:
        assert make(**{name: None})[1].shape == ("batch", 5)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("x", ("batch", 3), "'x' must have 3 dimensions, received .batch, 3."),
        ("kernel", (4, 20), r"kernel must have shape \(3, 20\).*received \(4, 20\)"),
        ("kernel", (3, 15), r"kernel must have shape \(3, 20\).*5 units"),
        ("recurrent_kernel", (5, 15), r"'recurrent_kernel' must have shape \(5, 20\)"),
        ("recurrent_kernel", ("units", 20), "number of units must be known"),
        ("bias", (5,), r"'bias' must have shape \(20,\)"),
        ("initial_h", ("batch", 4), r"'initial_h' must have shape \(batch, 5\)"),
        ("initial_c", ("other", 5), r"'initial_c' must have shape \(batch, 5\).*received \(other, 5\)"),
        ("mask", ("batch", "time", 1), r"'mask' must have shape \(batch, time\)"),
        ("recurrent_mask", (5,), r"'recurrent_mask' must have shape \(batch, 5\)"),
    ],
)
def test_wrong_shapes_are_named(name: str, shape: Shape, message: str) -> None:
    with pytest.raises((ShapeError, ArgumentError), match=message):
        make(**{name: shape})


def test_unknown_activations_are_named() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown activation of an LSTM 'thanh'\. Did you mean 'tanh'"):
        make(activation="thanh")
    # Its slope does not follow from its result, so the op cannot have it.
    with pytest.raises(UnknownNameError, match="Unknown recurrent_activation of an LSTM 'silu'"):
        make(recurrent_activation="silu")


@pytest.mark.parametrize("name", ops.GATE_ACTIVATIONS)
def test_every_gate_activation_is_accepted(name: str) -> None:
    assert make(activation=name, recurrent_activation=name)[0].shape == ("batch", "time", 5)
