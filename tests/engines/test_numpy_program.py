"""The numpy engine's own: float types, conversion of feeds, messages, its guard against wrong ops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import config, engines, ops
from recurra.engines.numpy import _declare
from recurra.errors import ArgumentError, EngineError, NonFiniteError, UnsupportedOpError
from recurra.graph import RULES as SHAPE_RULES
from recurra.graph import GraphBuilder, Tensor, TensorSpec, Variable
from tests.harness.graphs import Model, trace
from tests.harness.rules import RULES


def scaled() -> Model:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        return {"loss": ops.reduce_sum(t["x"] * t["w"]), "y": t["x"] * t["w"]}

    return trace(build, {"w": np.array(1 / 3)}, {"x": np.ones((2, 3))}, {"x": ("batch", 3)})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_type_of_the_arrays_is_the_type_of_everything(dtype: str) -> None:
    model = scaled()
    program = model.program("numpy", model.arrays(dtype), RULES["sgd"], {})
    outputs, gradients = program.gradients(model.feeds)
    assert {value.dtype for value in (*outputs.values(), *gradients.values())} == {np.dtype(dtype)}
    assert outputs["y"][0, 0] == np.dtype(dtype).type(1 / 3)
    assert program.train(model.feeds, step=1, learning_rate=0.1)["loss"].dtype == dtype


def test_without_weights_the_type_is_floatx() -> None:
    builder = GraphBuilder()
    builder.output("y", ops.square(builder.input("x", (1,))))
    graph = builder.finish()
    assert engines.get("numpy").compile(graph, {}).predict({"x": np.ones(1)})["y"].dtype == np.float32
    config.set_floatx("float64")
    try:
        assert engines.get("numpy").compile(graph, {}).predict({"x": np.ones(1)})["y"].dtype == np.float64
    finally:
        config.set_floatx("float32")


def test_mixed_types_are_refused() -> None:
    model = trace(lambda b, t: t["a"] * t["c"], {"a": np.ones(2), "c": np.ones(2)})
    with pytest.raises(ArgumentError, match="'c' is float64, others are float32"):
        model.program("numpy", {"a": np.ones(2, np.float32), "c": np.ones(2)})
    with pytest.raises(ArgumentError, match="'a' is float16"):
        model.program("numpy", {"a": np.ones(2, np.float16), "c": np.ones(2, np.float16)})


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "uint8", "bool"])
def test_numbers_of_any_type_are_converted(dtype: str) -> None:
    model = scaled()
    y = model.program("numpy", model.arrays("float32")).predict({"x": np.ones((1, 3), dtype)})["y"]
    assert y.dtype == np.float32
    assert y.shape == (1, 3)


def tokens() -> Model:
    return trace(
        lambda b, t: ops.embedding(t["tokens"], t["table"]),
        {"table": np.ones((4, 2))},
        {"tokens": np.array([[1, 2]], np.int32)},
        {"tokens": ("batch", "time")},
    )


def test_integers_of_any_type_are_converted() -> None:
    model = tokens()
    program = model.program("numpy", model.arrays("float64"))
    weights = {name: value for name, value in model.feeds.items() if name != "tokens"}
    for dtype in ("int8", "uint16", "int64", "uint64"):
        assert program.predict({"tokens": np.array([[3, 0]], dtype), **weights})["y"].shape == (1, 2, 2)
    with pytest.raises(ArgumentError, match=r"'tokens' must hold integers, received the type float64.*astype"):
        program.predict({"tokens": np.array([[3.0, 0.0]]), **weights})
    with pytest.raises(ArgumentError, match=r"do not fit 32 bits: received numbers between 0 and 4294967296"):
        program.predict({"tokens": np.array([[2**32, 0]]), **weights})


def test_the_message_about_an_index_says_everything() -> None:
    builder = GraphBuilder()
    with builder.scope("embedding_1"):
        y = ops.embedding(builder.input("tokens", ("batch", 3), "int"), Variable("table", np.ones((10, 2))))
    builder.output("y", y)
    program = engines.get("numpy").compile(builder.finish(), {"table": np.ones((10, 2))})
    with pytest.raises(ArgumentError) as error:
        program.predict({"tokens": np.array([[0, 1, 2], [3, 12, 5]])})
    assert str(error.value) == (
        "The input 'tokens' holds an index out of range in 'embedding_1': expected 0 <= index < 10, because the table "
        "has that many rows (input_dim of the layer); received 12 at (1, 1) of the batch. Correct the data, or make "
        "that size at least 13."
    )
    with pytest.raises(ArgumentError, match="cannot be negative"):
        program.predict({"tokens": np.array([[0, -1, 2]])})


def test_the_place_of_a_nan_is_that_in_the_whole_array() -> None:
    model = scaled()
    program = model.program("numpy", model.arrays("float64"), RULES["sgd"], {})
    x = np.ones((9, 3))
    x[7, 2] = np.nan
    with pytest.raises(NonFiniteError, match=r"step 4.*the input 'x' holds nan at \(7, 2\)"):
        program.train({"x": x}, np.array([1, 7, 3]), step=4, learning_rate=0.1)


def test_an_infinity_meant_in_the_model_is_not_blamed() -> None:
    """A constant of -inf is how softmax leaves something out; what is wrong is the logarithm after it."""

    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        p = ops.softmax(t["w"] + np.array([0.0, -np.inf]))
        with b.scope("loss"):
            return {"loss": ops.reduce_sum(ops.log(p))}

    model = trace(build, {"w": np.zeros(2)})
    program = model.program("numpy", model.arrays("float64"), RULES["sgd"], {})
    with pytest.raises(NonFiniteError, match="op 'add'"):
        program.train({}, step=1, learning_rate=0.1)


def test_steps_count_from_one() -> None:
    model = scaled()
    program = model.program("numpy", model.arrays("float64"), RULES["sgd"], {})
    with pytest.raises(ArgumentError, match="numbered from 1, received step=0"):
        program.train(model.feeds, step=0, learning_rate=0.1)


def test_slots_are_checked_when_compiling() -> None:
    model = scaled()
    with pytest.raises(ArgumentError, match="needs the slot 'momentum' of the parameter 'w'"):
        model.program("numpy", model.arrays("float64"), RULES["adam"], {})


def test_an_op_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHAPE_RULES, "fft", lambda specs, attributes: [TensorSpec(())])
    builder = GraphBuilder()
    builder.output("y", builder.emit("fft", [builder.input("x", (3,))])[0])
    with pytest.raises(UnsupportedOpError, match="numpy engine has no op 'fft'"):
        engines.get("numpy").compile(builder.finish(), {})


def test_an_op_that_breaks_its_shape_rule_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_declare.FORWARD, "square", lambda call, x: x[:1])
    builder = GraphBuilder()
    builder.output("y", ops.square(builder.input("x", (3,))))
    with pytest.raises(EngineError, match=r"'square' made an array of shape \(1,\) where its shape rule says \(3,\)"):
        engines.get("numpy").compile(builder.finish(), {}).predict({"x": np.ones(3)})


def test_a_shared_gradient_is_not_written_twice() -> None:
    """x + x hands the same array on twice; both must be counted, and neither may be changed by the other."""
    model = trace(
        lambda b, t: {"loss": ops.reduce_sum((t["x"] + t["x"]) * t["w"] + t["x"])},
        {"x": np.array([1.0, 2.0]), "w": np.array([3.0, 4.0])},
    )
    _, gradients = model.program("numpy", model.arrays("float64")).gradients({})
    assert gradients["x"].tolist() == [7, 9]
    assert gradients["w"].tolist() == [2, 4]
    gradients["x"][:] = 0
    assert gradients["w"].tolist() == [2, 4]


def test_kinks_and_ties_have_the_slopes_the_docstrings_name() -> None:
    x = np.array([-1.0, 0.0, 1.0])

    def slope(function: Any, at: np.ndarray = x) -> list[float]:
        model = trace(lambda b, t: {"loss": ops.reduce_sum(function(t["x"]))}, {"x": at})
        values: list[float] = model.program("numpy", model.arrays("float64")).gradients({})[1]["x"].tolist()
        return values

    assert slope(ops.absolute) == [-1, 0, 1]
    assert slope(ops.relu) == [0, 0, 1]
    assert slope(lambda x: ops.clip(x, -1, 1)) == [1, 1, 1]
    assert slope(lambda x: ops.clip(x, 0, 0.5)) == [0, 1, 0]
    assert slope(lambda x: ops.maximum(x, 0.0)) == [0, 1, 1]
    assert slope(lambda x: ops.maximum(0.0, x)) == [0, 0, 1]
    assert slope(lambda x: ops.minimum(x, 0.0)) == [1, 1, 0]
    assert slope(lambda x: ops.minimum(0.0, x)) == [1, 0, 0]
    assert slope(ops.stop_gradient) == [0, 0, 0]
    assert slope(lambda x: x * ops.greater(x, 0.0)) == [0, 0, 1]
    assert slope(ops.reduce_max, np.array([1.0, 3.0, 3.0])) == [0, 1, 0]
    ties = np.array([[2.0, 5.0], [5.0, 1.0]])
    model = trace(lambda b, t: {"loss": ops.reduce_max(t["x"])}, {"x": ties})
    _, gradients = model.program("numpy", model.arrays("float64")).gradients({})
    assert gradients["x"].tolist() == [[0, 1], [0, 0]]
