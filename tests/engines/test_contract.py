"""What every engine promises beside right numbers: what changes, what does not, and which bad input is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import engines, ops
from recurra.engines import UpdateRule
from recurra.errors import ArgumentError, EngineError, NonFiniteError, RecurraError, ShapeError, UnknownNameError
from recurra.graph import GraphBuilder, Tensor, Variable
from tests.harness.graphs import Model, trace
from tests.harness.rules import RULES

ENGINES = engines.available()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def regression() -> Model:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        with b.scope("hidden"):
            y = ops.dense(t["x"], t["w"], t["b"])
        return {"loss": ops.reduce_mean(ops.square(y - t["target"])), "y": y}

    parameters = {"w": np.array([[1.0], [2.0]]), "b": np.array([0.5])}
    feeds = {"x": np.arange(12.0).reshape(6, 2) / 8, "target": np.ones((6, 1))}
    return trace(build, parameters, feeds, {"x": ("batch", 2), "target": ("batch", 1)})


def counter() -> Model:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        total = t["total"] + ops.reduce_sum(t["x"], (0,))
        b.update(b.variables["total"], total)
        return {"loss": ops.reduce_sum(t["w"] * total), "before": ops.reshape(t["total"], (2,))}

    states = {"total": np.array([10.0, 20.0])}
    return trace(build, {"w": np.ones(2)}, {"x": np.ones((3, 2))}, {"x": ("batch", 2)}, states)


def feeds_of(model: Model) -> dict[str, np.ndarray]:
    return model.converted_feeds("float32")


def test_every_op_is_there(engine: str) -> None:
    assert engines.get(engine).ops() >= set(ops.__all__) - {"GATE_ACTIVATIONS"}


def test_predict_and_gradients_of_a_line(engine: str) -> None:
    model = regression()
    arrays = model.arrays("float32")
    program = model.program(engine, arrays)
    outputs = program.predict(feeds_of(model))
    x = model.feeds["x"]
    y = x[:, :1] + 2 * x[:, 1:] + 0.5
    np.testing.assert_allclose(outputs["y"], y, rtol=1e-6)
    assert outputs["loss"].shape == ()
    assert float(outputs["loss"]) == pytest.approx(float(np.mean((y - 1) ** 2)), rel=1e-6)
    _, gradients = program.gradients(feeds_of(model))
    np.testing.assert_allclose(gradients["b"], [np.mean(2 * (y - 1))], rtol=1e-6)
    np.testing.assert_allclose(gradients["w"], x.T @ (2 * (y - 1)) / 6, rtol=1e-6)


def test_training_changes_the_very_arrays_given(engine: str) -> None:
    model = regression()
    arrays = model.arrays("float32")
    slots = model.slots(RULES["adam"], "float32")
    program = model.program(engine, arrays, RULES["adam"], slots)
    before = {name: array.copy() for name, array in arrays.items()}
    losses = [float(program.train(feeds_of(model), step=s, learning_rate=0.1)["loss"]) for s in range(1, 30)]
    assert losses[0] == pytest.approx(float(program_loss(model, before)), rel=1e-6)
    assert losses[-1] < 0.1 * losses[0]
    assert all((arrays[name] != before[name]).all() for name in arrays)
    assert all(slots[slot]["w"].all() for slot in slots)


def program_loss(model: Model, arrays: dict[str, np.ndarray]) -> np.ndarray:
    return model.program("numpy", arrays).predict(feeds_of(model))["loss"]


def test_changes_from_outside_are_seen(engine: str) -> None:
    model = regression()
    arrays = model.arrays("float32")
    program = model.program(engine, arrays)
    one = program.predict(feeds_of(model))["y"]
    arrays["b"] += 1
    np.testing.assert_allclose(program.predict(feeds_of(model))["y"], one + 1, rtol=1e-6)


def test_gradients_change_nothing(engine: str) -> None:
    model = counter()
    arrays = model.arrays("float32")
    program = model.program(engine, arrays, RULES["sgd"])
    outputs, gradients = program.gradients(feeds_of(model))
    assert arrays["total"].tolist() == [10, 20]
    assert arrays["w"].tolist() == [1, 1]
    assert gradients["w"].tolist() == [13, 23]
    gradients["w"][:] = 99
    outputs["before"][:] = 99
    assert program.gradients(feeds_of(model))[1]["w"].tolist() == [13, 23]


def test_states_move_on_in_predict_and_in_train(engine: str) -> None:
    model = counter()
    arrays = model.arrays("float32")
    program = model.program(engine, arrays, RULES["sgd"])
    assert program.predict(feeds_of(model))["before"].tolist() == [10, 20]
    assert arrays["total"].tolist() == [13, 23]
    outputs = program.train(feeds_of(model), step=1, learning_rate=0.0)
    assert outputs["before"].tolist() == [13, 23]
    assert arrays["total"].tolist() == [16, 26]


def test_states_can_be_exchanged(engine: str) -> None:
    """Both new values are made of the old ones before either is written."""

    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        b.update(b.variables["one"], ops.reshape(t["two"], (2,)))
        b.update(b.variables["two"], ops.reshape(t["one"], (2,)))
        return {"sum": t["one"] + t["two"]}

    model = trace(build, {}, {}, states={"one": np.array([1.0, 2.0]), "two": np.array([3.0, 4.0])})
    arrays = model.arrays("float32")
    model.program(engine, arrays).predict(feeds_of(model))
    assert arrays["one"].tolist() == [3, 4]
    assert arrays["two"].tolist() == [1, 2]


def test_outputs_are_new_arrays(engine: str) -> None:
    """Even where an output is nothing but a parameter or an input under another shape."""
    builder = GraphBuilder()
    weight = Variable("w", np.arange(4, dtype=np.float32))
    x = builder.input("x", ("batch",))
    builder.output("w", ops.reshape(builder.tensor(weight), (2, 2)))
    builder.output("x", ops.stop_gradient(x))
    builder.output("again", x)
    builder.output("sum", ops.add(x, 0.0))
    arrays, data = {"w": weight.value}, np.ones(3, np.float32)
    program = engines.get(engine).compile(builder.finish(), arrays)
    first = program.predict({"x": data})
    kept = {name: value.copy() for name, value in first.items()}
    for value in first.values():
        value += 5
    assert weight.value.tolist() == [0, 1, 2, 3]
    assert data.tolist() == [1, 1, 1]
    second = program.predict({"x": data})
    for name, value in kept.items():
        assert (second[name] == value).all()


def test_rows_gather_the_batch(engine: str) -> None:
    model = regression()
    program = model.program(engine, model.arrays("float32"))
    feeds = feeds_of(model)
    for rows in ([4, 0, 4], [5], [0, 1, 2, 3, 4, 5], [3, 3, 3, 3, 3, 3, 3, 3]):
        index = np.array(rows, np.int64)
        gathered = program.predict(feeds, index)
        direct = program.predict({name: np.ascontiguousarray(array[index]) for name, array in feeds.items()})
        for name in gathered:
            assert (gathered[name] == direct[name]).all()
        assert gathered["y"].shape == (len(rows), 1)


def test_rows_in_training(engine: str) -> None:
    results = []
    rows = np.array([5, 2, 2], np.int64)
    for gathered in (True, False):
        model = regression()
        arrays = model.arrays("float32")
        program = model.program(engine, arrays, RULES["sgd"])
        feeds = feeds_of(model)
        if gathered:
            program.train(feeds, rows, step=1, learning_rate=0.1)
        else:
            batch = {name: np.ascontiguousarray(array[rows]) for name, array in feeds.items()}
            program.train(batch, step=1, learning_rate=0.1)
        results.append(arrays)
    for name in results[0]:
        assert (results[0][name] == results[1][name]).all()


@pytest.mark.parametrize("rows", [[0, 6], [-1], [2, 2**40]])
def test_rows_out_of_range_are_refused(engine: str, rows: list[int]) -> None:
    model = regression()
    arrays = model.arrays("float32")
    program = model.program(engine, arrays, RULES["sgd"])
    with pytest.raises(ArgumentError):
        program.predict(feeds_of(model), np.array(rows, np.int64))
    with pytest.raises(ArgumentError):
        program.train(feeds_of(model), np.array(rows, np.int64), step=1, learning_rate=0.1)
    assert arrays["b"].tolist() == [0.5]


def test_rows_must_be_a_vector_of_integers(engine: str) -> None:
    model = regression()
    program = model.program(engine, model.arrays("float32"))
    bad: list[Any] = [np.array([[0, 1]]), np.array([0.0, 1.0])]
    for _ in range(2):  # before and after a good run, which leaves a plan behind
        for rows in bad:
            with pytest.raises(RecurraError):
                program.predict(feeds_of(model), rows)
        program.predict(feeds_of(model), np.array([0, 1]))


def test_rows_are_checked_in_every_feed(engine: str) -> None:
    model = regression()
    program = model.program(engine, model.arrays("float32"))
    feeds = feeds_of(model)
    feeds["target"] = feeds["target"][:4]
    program.predict(feeds, np.array([0, 3]))
    with pytest.raises(ArgumentError, match="target"):
        program.predict(feeds, np.array([0, 5]))


def test_wrong_feeds_are_refused_and_named(engine: str) -> None:
    model = regression()
    program = model.program(engine, model.arrays("float32"))
    good = feeds_of(model)
    for _ in range(2):  # before and after a good run
        with pytest.raises(ArgumentError, match="target"):
            program.predict({"x": good["x"]})
        with pytest.raises(ShapeError, match=r"'x' has a wrong shape: expected \(batch, 2\), received \(6, 3\)"):
            program.predict({**good, "x": np.ones((6, 3), np.float32)})
        with pytest.raises(ShapeError, match="'x' has a wrong shape"):
            program.predict({**good, "x": np.ones((6, 2, 1), np.float32)})
        with pytest.raises(ShapeError, match="disagree about the size 'batch'"):
            program.predict({**good, "target": np.ones((5, 1), np.float32)})
        with pytest.raises(ArgumentError, match="'x'"):
            program.predict({**good, "x": np.array([["a", "b"]] * 6)})
        with pytest.raises(ArgumentError, match="'x'"):
            program.predict({**good, "x": np.ones((6, 2), np.complex64)})
        program.predict(good)


def test_an_unknown_feed_is_refused(engine: str) -> None:
    model = regression()
    program = model.program(engine, model.arrays("float32"))
    with pytest.raises(UnknownNameError, match=r"Unknown input 'tagret'. Did you mean 'target'"):
        program.predict({**feeds_of(model), "tagret": np.ones((6, 1), np.float32)})


def lookup(op: str) -> Model:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        with b.scope("words"):
            if op == "embedding":
                y = ops.embedding(t["tokens"], t["table"])
            elif op == "one_hot":
                y = ops.one_hot(t["tokens"], 5) * ops.reduce_sum(t["table"])
            elif op == "take_along_last":
                y = ops.take_along_last(t["table"], t["tokens"])
            else:
                y = ops.softmax_crossentropy(t["table"], ops.softmax(t["table"]), t["tokens"])
        return {"loss": ops.reduce_sum(y)}

    table = np.ones((5, 5)) if op == "embedding" else np.ones((3, 5))
    return trace(build, {"table": table}, {"tokens": np.array([0, 4, 2], np.int32)})


@pytest.mark.parametrize("op", ["embedding", "one_hot", "take_along_last", "softmax_crossentropy"])
@pytest.mark.parametrize("wrong", [5, -1, 2**31 - 1, -(2**31)])
def test_indices_out_of_range_are_refused_and_named(engine: str, op: str, wrong: int) -> None:
    model = lookup(op)
    arrays = model.arrays("float32")
    program = model.program(engine, arrays, RULES["sgd"])
    program.predict(feeds_of(model))
    bad = {"tokens": np.array([0, wrong, 2], np.int32)}
    for run in (program.predict, program.gradients):
        with pytest.raises(ArgumentError) as error:
            run(bad)
        message = str(error.value)
        assert "words" in message
        assert str(wrong) in message
        assert "5" in message
    with pytest.raises(ArgumentError):
        program.train(bad, step=1, learning_rate=1.0)
    assert (arrays["table"] == 1).all()
    program.predict(feeds_of(model))


@pytest.mark.parametrize("culprit", ["data", "weight", "node", "gradient"])
@pytest.mark.parametrize("rule", ["sgd", "adam", "rmsprop-momentum"])
def test_a_step_that_is_not_finite_changes_nothing(engine: str, culprit: str, rule: str) -> None:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        with b.scope("first"):
            y = ops.dense(t["x"], t["w"])
        with b.scope("second"):
            # At 0 the root is finite, and its slope is not.
            y = ops.sqrt(y) if culprit == "gradient" else ops.log(y)
        b.update(b.variables["state"], t["state"] + 1.0)
        return {"loss": ops.reduce_sum(y), "y": y}

    x = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]])
    model = trace(build, {"w": np.array([[1.0], [1.0]])}, {"x": x}, states={"state": np.zeros(2)})
    arrays, slots = model.arrays("float32"), model.slots(RULES[rule], "float32")
    program = model.program(engine, arrays, RULES[rule], slots)
    program.train(feeds_of(model), step=1, learning_rate=1e-3)
    assert arrays["state"].tolist() == [1, 1]
    before = {name: array.copy() for name, array in (*arrays.items(), *((s, slots[s]["w"]) for s in slots))}
    feeds = feeds_of(model)
    expected = {
        "data": ("'x'",),
        "weight": ("'w'",),
        "node": ("log", "second"),
        "gradient": ("gradient", "'w'"),
    }
    if culprit == "data":
        feeds["x"][1, 0] = np.nan
    elif culprit == "weight":
        arrays["w"][0, 0] = before["w"][0, 0] = np.inf
    else:
        feeds["x"][2] = -1.0 if culprit == "node" else 0.0
    with pytest.raises(NonFiniteError) as error:
        program.train(feeds, step=2, learning_rate=1e-3)
    for part in expected[culprit]:
        assert part in str(error.value)
    after = {name: array for name, array in (*arrays.items(), *((s, slots[s]["w"]) for s in slots))}
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value)
    # And it can go on.
    if culprit != "weight":
        program.train(feeds_of(model), step=2, learning_rate=1e-3)
        assert arrays["state"].tolist() == [2, 2]


def vector(number: float) -> np.ndarray:
    return np.array([number], np.float32)


def test_only_trainable_weights_get_gradients(engine: str) -> None:
    builder = GraphBuilder()
    trained, fixed = Variable("trained", vector(2)), Variable("fixed", vector(3), trainable=False)
    unused = Variable("unused", vector(4))
    builder.tensor(unused)
    builder.output("loss", ops.reduce_sum(builder.tensor(trained) * fixed))
    arrays = {v.name: v.value for v in (trained, fixed, unused)}
    program = engines.get(engine).compile(builder.finish(), arrays, UpdateRule("sgd"), {})
    _, gradients = program.gradients({})
    assert {name: g.tolist() for name, g in gradients.items()} == {"trained": [3], "unused": [0]}
    program.train({}, step=1, learning_rate=1.0)
    assert (trained.value.tolist(), fixed.value.tolist(), unused.value.tolist()) == ([-1], [3], [4])


def test_training_needs_a_rule_and_gradients_a_loss(engine: str) -> None:
    model = regression()
    with pytest.raises(EngineError, match="rule"):
        model.program(engine, model.arrays("float32")).train(feeds_of(model), step=1, learning_rate=0.1)
    builder = GraphBuilder()
    builder.output("loss", builder.tensor(Variable("w", np.ones(2, np.float32))) * 2.0)
    program = engines.get(engine).compile(builder.finish(), {"w": np.ones(2, np.float32)})
    with pytest.raises(EngineError, match="loss"):
        program.gradients({})


def test_many_shapes_one_after_the_other(engine: str) -> None:
    model = regression()
    program = model.program(engine, model.arrays("float32"))
    for size in [*range(1, 90, 4), 1, 5]:
        x = np.full((size, 2), float(size), np.float32)
        y = program.predict({"x": x, "target": np.zeros((size, 1), np.float32)})["y"]
        assert y.tolist() == [[3.0 * size + 0.5]] * size


def test_arrays_are_checked_when_compiling(engine: str) -> None:
    model = regression()
    arrays = model.arrays("float32")
    with pytest.raises(RecurraError, match="'b'"):
        model.program(engine, {**arrays, "b": np.array([1], np.int32)})
    with pytest.raises(RecurraError, match="'b'"):
        model.program(engine, {**arrays, "b": np.ones(2, np.float32)})
    with pytest.raises(RecurraError, match="'b'"):
        model.program(engine, {"w": arrays["w"]})
