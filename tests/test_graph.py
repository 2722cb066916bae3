"""The waist: variables, recording, freezing, sizes and binding."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import ops
from recurra.errors import ArgumentError, ShapeError, UnknownNameError
from recurra.graph import GraphBuilder, Variable, show_shape


def test_a_variable_keeps_its_memory() -> None:
    start = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    variable = Variable("w", start)
    memory = variable.value
    assert memory.flags.c_contiguous
    assert not np.shares_memory(memory, start)
    variable.assign([[1, 2, 3], [4, 5, 6]])
    assert variable.value is memory
    assert memory.tolist() == [[1, 2, 3], [4, 5, 6]]
    with pytest.raises(ShapeError, match=r"weight 'w': expected shape \(2, 3\), received \(3,\)"):
        variable.assign([1, 2, 3])
    assert memory.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_states_are_never_trainable() -> None:
    assert Variable("w", np.ones(1)).trainable
    assert not Variable("w", np.ones(1), trainable=False).trainable
    assert not Variable("h", np.ones(1), role="state").trainable


def test_a_graph_knows_where_everything_comes_from() -> None:
    builder = GraphBuilder()
    w, fixed = Variable("w", np.ones(3)), Variable("fixed", np.ones(3), trainable=False)
    state = Variable("h", np.zeros(3), role="state")
    x = builder.input("x", ("batch", 3))
    with builder.scope("outer"), builder.scope("inner"):
        y = x * w + fixed
    builder.update(state, builder.tensor(state) + 1.0)
    builder.output("y", y)
    graph = builder.finish()
    assert list(graph.inputs) == ["x"]
    assert list(graph.parameters) == ["w", "fixed"]
    assert graph.trainable == {"w"}
    assert list(graph.states) == list(graph.updates) == ["h"]
    assert [(node.op, node.scope) for node in graph.nodes] == [
        ("multiply", "outer/inner"),
        ("add", "outer/inner"),
        ("add", ""),
    ]
    assert [array.tolist() for array in graph.constants.values()] == [1.0]
    assert builder.variables == {"w": w, "fixed": fixed, "h": state}


def test_what_nothing_needs_is_left_out() -> None:
    builder = GraphBuilder()
    x = builder.input("x", (3,))
    ops.exp(x * 5.0)
    builder.output("y", ops.tanh(x))
    graph = builder.finish()
    assert [node.op for node in graph.nodes] == ["tanh"]
    assert not graph.constants


def test_a_variable_used_twice_is_one_value() -> None:
    builder = GraphBuilder()
    w = Variable("w", np.ones(2))
    assert builder.tensor(w).id == builder.tensor(w).id
    with pytest.raises(ArgumentError, match="Two weights are named 'w'"):
        builder.tensor(Variable("w", np.ones(2)))


def test_mistakes_in_building() -> None:
    builder = GraphBuilder()
    x = builder.input("x", (2,))
    with pytest.raises(ArgumentError, match="Two inputs are named 'x'"):
        builder.input("x", (2,))
    with pytest.raises(ArgumentError, match="one graph was used in another"):
        GraphBuilder().tensor(x)
    with pytest.raises(ArgumentError, match="must be numbers, received str"):
        builder.tensor("word")
    with pytest.raises(ShapeError, match=r"state 'h' has shape \(3,\); its new value has \(2,\)"):
        builder.update(Variable("h", np.ones(3), role="state"), x)


def test_constants_take_a_type() -> None:
    builder = GraphBuilder()
    assert builder.tensor(3).dtype == "float"
    assert builder.tensor(True).dtype == "float"
    assert builder.tensor(np.array([1, 2])).dtype == "int"
    assert builder.tensor([1.5]).dtype == "float"


def two_inputs() -> GraphBuilder:
    builder = GraphBuilder()
    x, y = builder.input("x", ("batch", "time", 3)), builder.input("y", ("batch", 1))
    builder.output("z", ops.reduce_sum(x, (1,)) * y)
    return builder


def test_sizes_are_read_off_the_arrays() -> None:
    graph = two_inputs().finish()
    assert graph.sizes({"x": (5, 7, 3), "y": (5, 1)}) == {"batch": 5, "time": 7}
    with pytest.raises(ShapeError, match="'batch': the input 'x' has 5, the input 'y' has 4"):
        graph.sizes({"x": (5, 7, 3), "y": (4, 1)})
    with pytest.raises(ShapeError, match=r"'x' has a wrong shape: expected \(batch, time, 3\), received \(5, 7, 4\)"):
        graph.sizes({"x": (5, 7, 4), "y": (5, 1)})
    with pytest.raises(ShapeError, match=r"received \(5, 7\)"):
        graph.sizes({"x": (5, 7), "y": (5, 1)})
    with pytest.raises(ArgumentError, match="No array was given for the input 'y'"):
        graph.sizes({"x": (5, 7, 3)})
    with pytest.raises(UnknownNameError, match="Unknown input 'w'"):
        graph.sizes({"x": (5, 7, 3), "y": (5, 1), "w": (1,)})


def test_binding_replaces_every_symbol() -> None:
    graph = two_inputs().finish()
    bound = graph.bind({"batch": 5, "time": 7})
    used = [*bound.inputs.values(), *bound.outputs.values(), *(id for node in bound.nodes for id in node.outputs)]
    assert all(isinstance(dim, int) for id in used for dim in bound.values[id].shape)
    assert bound.values[bound.outputs["z"]].shape == (5, 3)
    assert graph.values[graph.outputs["z"]].shape == ("batch", 3)


def test_binding_replaces_symbols_in_attributes() -> None:
    builder = GraphBuilder()
    x = builder.input("x", ("batch", "time", 2))
    builder.output("y", ops.dropout(ops.reshape(x, ("batch", -1)), 0.5, 1, ("batch", 1)))
    bound = builder.finish().bind({"batch": 4, "time": 3})
    assert [node.attributes for node in bound.nodes] == [
        {"shape": (4, -1)},
        {"rate": 0.5, "seed": 1, "noise_shape": (4, 1)},
    ]
    assert bound.values[bound.outputs["y"]].shape == (4, 6)


def test_a_broadcast_that_only_fits_by_chance_is_refused_when_traced() -> None:
    """Two unknown sizes are not taken for equal, whatever the arrays will be."""
    builder = GraphBuilder()
    with pytest.raises(ShapeError):
        ops.add(builder.input("x", ("a",)), builder.input("y", ("b",)))


def test_show() -> None:
    assert show_shape(()) == "()"
    assert str(two_inputs().finish()) == "\n".join(
        [
            "input x: (batch, time, 3)",
            "input y: (batch, 1)",
            "%2: (batch, 3) = reduce_sum(x) axes=(1,) keepdims=False",
            "%3: (batch, 3) = multiply(%2, y)",
            "output z = %3",
        ]
    )
