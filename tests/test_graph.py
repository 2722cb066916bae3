"""The graph: sizes of symbols, and what `bind` makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import engines, ops
from recurra.errors import ArgumentError, ShapeError, UnknownNameError
from recurra.graph import Graph, GraphBuilder, Variable


def joined() -> Graph:
    """Two sequences of unknown lengths, joined; the length of the result is named by a later attribute."""
    builder = GraphBuilder()
    a, b = builder.input("a", ("batch", "m")), builder.input("b", ("batch", "n"))
    both = ops.concatenate([a, b], axis=1)
    builder.output("y", ops.reshape(both, (*both.shape, 1)))
    return builder.finish()


def test_sizes_that_arise_inside_get_numbers() -> None:
    graph = joined()
    bound = graph.bind({"batch": 4, "m": 2, "n": 3})
    assert bound.values[bound.outputs["y"]].shape == (4, 5, 1)
    a, b = np.ones((4, 2), np.float32), np.zeros((4, 3), np.float32)
    for engine in engines.available():
        y = engines.get(engine).compile(graph, {}).predict({"a": a, "b": b})["y"]
        assert y[..., 0].tolist() == [[1, 1, 0, 0, 0]] * 4


def test_bind_leaves_the_given_sizes_alone() -> None:
    sizes = {"batch": 4, "m": 2, "n": 3}
    joined().bind(sizes)
    assert sizes == {"batch": 4, "m": 2, "n": 3}


@pytest.mark.parametrize("engine", engines.available())
def test_values_nobody_needs_do_not_matter(engine: str) -> None:
    builder = GraphBuilder()
    x = builder.input("x", ("batch", "n"))
    ops.reshape(x, ("batch", "n", 1))
    builder.output("y", ops.square(x))
    feeds = {"x": np.array([[3.0]], np.float32)}
    assert engines.get(engine).compile(builder.finish(), {}).predict(feeds)["y"].tolist() == [[9.0]]


def test_sizes_are_checked() -> None:
    graph = joined()
    assert graph.sizes({"a": (4, 2), "b": (4, 3)}) == {"batch": 4, "m": 2, "n": 3}
    with pytest.raises(ShapeError, match="disagree about the size 'batch': the input 'a' has 4, the input 'b' has 5"):
        graph.sizes({"a": (4, 2), "b": (5, 3)})
    with pytest.raises(ShapeError, match=r"expected \(batch, n\), received \(4, 3, 1\)"):
        graph.sizes({"a": (4, 2), "b": (4, 3, 1)})
    with pytest.raises(UnknownNameError, match="Unknown input 'c'"):
        graph.sizes({"a": (4, 2), "b": (4, 3), "c": (1,)})
    with pytest.raises(ArgumentError, match="No array was given for the input 'b'"):
        graph.sizes({"a": (4, 2)})


def test_two_weights_of_one_name_are_refused() -> None:
    builder = GraphBuilder()
    builder.tensor(Variable("w", np.zeros(2)))
    with pytest.raises(ArgumentError, match="Two weights are named 'w'"):
        builder.tensor(Variable("w", np.zeros(2)))


def test_a_symbolic_tensor_has_no_truth_value() -> None:
    x = GraphBuilder().input("x", (2,))
    with pytest.raises(ArgumentError, match=r"Use ops\.where"):
        bool(x)
