"""Every hand-written gradient against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recurra import ops
from tests.harness.cases import CASES, Case
from tests.harness.gradients import check_gradients


@pytest.mark.parametrize("case", [case for case in CASES if case.smooth and case.parameters], ids=str)
def test_gradients(case: Case) -> None:
    check_gradients(case.build, case.parameters, case.feeds, shapes=case.shapes, states=case.states)


@pytest.mark.parametrize("op", ["add", "divide", "maximum", "multiply", "subtract"])
@settings(max_examples=15, deadline=None)
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3))
def test_gradients_of_any_broadcast(op: str, shapes: hnp.BroadcastableShapes) -> None:
    random = np.random.default_rng(1)
    # Apart from each other and from 0: maximum has a kink where they meet, divide a pole.
    x, y = (random.uniform(low, low + 0.5, shape) for low, shape in zip((-2, 1), shapes.input_shapes, strict=True))
    check_gradients(lambda b, t: getattr(ops, op)(t["x"], t["y"]), {"x": x, "y": y})


@settings(max_examples=25, deadline=None)
@given(shape=hnp.array_shapes(max_dims=4, max_side=4), keepdims=st.booleans(), data=st.data())
def test_gradients_over_any_axes(shape: tuple[int, ...], keepdims: bool, data: st.DataObject) -> None:
    axes = tuple(data.draw(st.sets(st.integers(0, len(shape) - 1))))
    # All different, so that no maximum is a tie, and at most 1: a sum of large numbers would round its differences
    # away.
    size = int(np.prod(shape))
    x = np.random.default_rng(2).permutation(size).reshape(shape) / size
    for function in (ops.reduce_sum, ops.reduce_mean, ops.reduce_max):
        check_gradients(lambda b, t, f=function: f(t["x"], axes, keepdims), {"x": x})  # type: ignore[misc]


def test_a_wrong_gradient_is_found() -> None:
    """The check itself: x * stop_gradient(x) has the slope 2x, and half of it is reported."""
    with pytest.raises(AssertionError, match="gradient of x"):
        check_gradients(lambda b, t: t["x"] * ops.stop_gradient(t["x"]), {"x": np.array([1.0, 2.0])})
