"""Ops that move elements: against Python's own lists and slices, with symbolic shapes, and their errors."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recurra import ops
from recurra.errors import ArgumentError, ShapeError
from recurra.graph import GraphBuilder, Shape
from tests.harness.graphs import evaluate


def counted(*shape: int) -> np.ndarray:
    return np.arange(float(math.prod(shape))).reshape(shape)


@pytest.mark.parametrize(
    ("start", "target", "result"),
    [
        ((6,), (2, 3), (2, 3)),
        ((2, 3, 4), (-1,), (24,)),
        ((2, 3, 4), (4, -1, 2), (4, 3, 2)),
        ((), (1, 1), (1, 1)),
        ((1, 1), (), ()),
        ((2, 3), (2, -1, 3), (2, 1, 3)),
    ],
)
def test_reshape_keeps_the_order(start: tuple[int, ...], target: tuple[int, ...], result: tuple[int, ...]) -> None:
    y = evaluate(lambda x: ops.reshape(x, target), counted(*start))
    assert y.shape == result
    assert y.ravel().tolist() == list(range(math.prod(start)))


@pytest.mark.parametrize(
    ("start", "target", "result"),
    [
        (("batch", "time", 3), ("batch", "time", 3, 1), ("batch", "time", 3, 1)),
        (("batch", "time", 6), ("time", "batch", -1, 2), ("time", "batch", 3, 2)),
        (("batch", 6), ("batch", 2, 3), ("batch", 2, 3)),
    ],
)
def test_reshape_with_symbols(start: Shape, target: Shape, result: Shape) -> None:
    assert ops.reshape(GraphBuilder().input("x", start), target).shape == result


@pytest.mark.parametrize(
    ("start", "target"),
    [
        ((2, 3), (4, 2)),
        ((2, 3), (-1, -1)),
        ((2, 3), (4, -1)),
        (("batch", 3), ("time", 3)),
        (("batch", 3), ("batch", 2)),
        (("batch", 3), (3,)),
        ((3,), ("batch", 3)),
        ((3,), ("batch", -1)),
    ],
)
def test_reshape_refuses(start: Shape, target: Shape) -> None:
    with pytest.raises(ShapeError, match="Cannot reshape"):
        ops.reshape(GraphBuilder().input("x", start), target)


def test_permute_moves_every_element() -> None:
    x = counted(2, 3, 4)
    for axes in itertools.permutations(range(3)):
        y = evaluate(lambda t, a=axes: ops.permute(t, a), x)
        assert y.shape == tuple(x.shape[a] for a in axes)
        for place in np.ndindex(y.shape):
            source = [0, 0, 0]
            for i, axis in enumerate(axes):
                source[axis] = place[i]
            assert y[place] == x[tuple(source)]


def test_reverse() -> None:
    x = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert evaluate(lambda t: ops.reverse(t, 0), np.array(x)).tolist() == x[::-1]
    assert evaluate(lambda t: ops.reverse(t, -1), np.array(x)).tolist() == [row[::-1] for row in x]


@settings(max_examples=80, deadline=None)
@given(size=st.integers(1, 7), start=st.integers(-7, 7), stop=st.none() | st.integers(-7, 7))
def test_slice_is_pythons(size: int, start: int, stop: int | None) -> None:
    expected = list(range(size))[start:stop]
    ends = [start] + ([] if stop is None else [stop])
    if not expected or any(end > size or end < -size for end in ends):
        with pytest.raises(ShapeError, match="does not fit axis 1"):
            evaluate(lambda x: ops.slice(x, 1, start, stop), counted(1, size))
    else:
        assert evaluate(lambda x: ops.slice(x, 1, start, stop), counted(1, size)).tolist() == [expected]


def test_slice_of_a_symbolic_axis() -> None:
    x = GraphBuilder().input("x", ("batch", "time", 3))
    assert ops.slice(x, 1, -1).shape == ("batch", 1, 3)
    assert ops.slice(x, 1, 0, 4).shape == ("batch", 4, 3)
    assert ops.slice(x, 1).shape == ("batch", "time", 3)
    assert ops.slice(x, 1, -3, -1).shape == ("batch", 2, 3)
    # Two different parts of one axis must not be taken for equally long ones.
    assert ops.slice(x, 1, 1).shape != ops.slice(x, 1, 2).shape
    assert ops.slice(x, 1, 1).shape != x.shape


def test_a_slice_too_long_is_found_when_sizes_are_known() -> None:
    builder = GraphBuilder()
    builder.output("y", ops.slice(builder.input("x", ("batch", "time")), 1, 0, 4))
    graph = builder.finish()
    assert graph.bind({"batch": 2, "time": 4}).values[graph.outputs["y"]].shape == (2, 4)
    with pytest.raises(ShapeError, match=r"\[0:4\] does not fit axis 1 of \(2, 3\)"):
        graph.bind({"batch": 2, "time": 3})


def test_concatenate() -> None:
    x, y = [[1.0, 2.0], [3.0, 4.0]], [[5.0], [6.0]]
    joined = evaluate(lambda a, b: ops.concatenate([a, b]), np.array(x), np.array(y))
    assert joined.tolist() == [[1, 2, 5], [3, 4, 6]]
    below = evaluate(lambda a, b: ops.concatenate([a, b], 0), np.array(x), np.array([[7.0, 8.0]]))
    assert below.tolist() == [[1, 2], [3, 4], [7, 8]]


def test_concatenate_of_symbolic_axes() -> None:
    builder = GraphBuilder()
    x, y = builder.input("x", ("batch", "time", 3)), builder.input("y", ("batch", "time", 4))
    assert ops.concatenate([x, y]).shape == ("batch", "time", 7)
    assert ops.concatenate([x, x], 1).shape == ("batch", "time+time", 3)
    with pytest.raises(ShapeError, match="may differ along axis 1 only"):
        ops.concatenate([x, y], 1)


@settings(max_examples=40, deadline=None)
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=1, base_shape=(2, 3, 4), max_dims=3))
def test_broadcast_to_repeats(shapes: hnp.BroadcastableShapes) -> None:
    (shape,) = shapes.input_shapes
    if np.broadcast_shapes(shape, (2, 3, 4)) != (2, 3, 4):
        return
    x = counted(*shape)
    y = evaluate(lambda t: ops.broadcast_to(t, (2, 3, 4)), x)
    for place in np.ndindex(2, 3, 4):
        tail = place[3 - len(shape) :]
        assert y[place] == x[tuple(0 if size == 1 else p for size, p in zip(shape, tail, strict=True))]


def test_errors_name_the_trouble() -> None:
    builder = GraphBuilder()
    x = builder.input("x", (2, 3))
    with pytest.raises(ArgumentError, match=r"axes \(0, 0\) do not name each axis of \(2, 3\) once"):
        ops.permute(x, (0, 0))
    with pytest.raises(ArgumentError, match="permute: axis 3 does not exist"):
        ops.permute(x, (0, 3))
    with pytest.raises(ArgumentError, match="reverse: axis -3 does not exist"):
        ops.reverse(x, -3)
    with pytest.raises(ArgumentError, match="slice: axis 2 does not exist"):
        ops.slice(x, 2)
    with pytest.raises(ArgumentError, match="at least one tensor"):
        ops.concatenate([])
    with pytest.raises(ShapeError, match=r"\(2, 3\) cannot become \(3, 2\)"):
        ops.broadcast_to(x, (3, 2))
    with pytest.raises(ShapeError, match=r"\(2, 3\) cannot become \(3,\)"):
        ops.broadcast_to(x, (3,))
