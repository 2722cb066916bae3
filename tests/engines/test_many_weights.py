"""Layers with many weights, and sequences alone: the bits of single steps, whoever divides the work and however."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from recurra import ops
from recurra.engines import Program, get, native
from recurra.graph import GraphBuilder, Variable

Case = tuple[str, dict[str, Any], int, int]  # the op and its options, features, units

# More than 2**20 weights each, and of no whole vectors.
MANY: dict[str, Case] = {
    "lstm": ("lstm", {}, 527, 321),
    "gru": ("gru", {"reset_after": True}, 545, 385),
    "gru_reset_before": ("gru", {"reset_after": False}, 545, 385),
    "simple_rnn": ("simple_rnn", {}, 800, 705),
}
STATES = {"lstm": ["h", "c"], "gru": ["h"], "simple_rnn": ["h"]}
FEWER: dict[str, Case] = {"lstm": ("lstm", {}, 67, 129), "simple_rnn": ("simple_rnn", {}, 131, 257)}


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = native.num_threads()
    yield
    native.set_num_threads(before)


def weights(op: str, options: dict[str, Any], features: int, units: int) -> dict[str, Variable]:
    rng = np.random.default_rng(units)
    width = {"lstm": 4, "gru": 3, "simple_rnn": 1}[op] * units
    shapes = {
        "kernel": (features, width),
        "recurrent_kernel": (units, width),
        "bias": (2, width) if options.get("reset_after") else (width,),
    }
    return {n: Variable(n, rng.normal(0, 0.5 * units**-0.5, shape).astype(np.float32)) for n, shape in shapes.items()}


def sequences(case: Case, batch: int, time: int, **more: Any) -> Program:
    """The sequence of a layer and its states, which it is given."""
    op, options, features, units = case
    builder = GraphBuilder()
    states = STATES[op]
    given = {f"initial_{name}": builder.input(name, (batch, units)) for name in states}
    x = builder.input("x", (batch, time, features))
    variables = weights(op, options, features, units)
    outputs = getattr(ops, op)(x, **variables, **given, **options, **more)
    for name, output in zip(["y", *states], outputs, strict=True):
        builder.output(name if name == "y" else f"last_{name}", output)
    return get("native").compile(builder.finish(), {name: variable.value for name, variable in variables.items()})


def start(case: Case, batch: int, time: int) -> dict[str, np.ndarray]:
    op, _, features, units = case
    rng = np.random.default_rng(3)
    states = {name: rng.normal(0, 0.5, (batch, units)).astype(np.float32) for name in STATES[op]}
    return {"x": rng.normal(0, 1, (batch, time, features)).astype(np.float32)} | states


def one_after_the_other(case: Case, feeds: dict[str, np.ndarray]) -> np.ndarray:
    """The sequence made with a call for each step."""
    batch, time = feeds["x"].shape[:2]
    program = sequences(case, batch, 1)
    states = {name: array for name, array in feeds.items() if name != "x"}
    made = []
    for t in range(time):
        outputs = program.predict({"x": feeds["x"][:, t : t + 1].copy()} | states)
        made.append(outputs["y"])
        states = {name: outputs[f"last_{name}"] for name in states}
    return np.concatenate(made, axis=1)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("batch", [1, 2, 65])
@pytest.mark.parametrize("name", MANY)
def test_many_weights_give_the_bits_of_single_steps(name: str, batch: int, backwards: bool) -> None:
    case, time = MANY[name], 10
    feeds = start(case, batch, time)
    turned = feeds | {"x": feeds["x"][:, ::-1].copy()} if backwards else feeds
    expected = one_after_the_other(case, turned)
    program = sequences(case, batch, time, go_backwards=backwards)
    for count in (1, 2, 3, 8):
        native.set_num_threads(count)
        assert (program.predict(feeds)["y"] == expected).all()


@pytest.mark.parametrize("name", MANY)
def test_many_weights_and_no_rows(name: str) -> None:
    case = MANY[name]
    native.set_num_threads(2)
    made = sequences(case, 0, 3).predict(start(case, 0, 3))
    assert made["y"].shape == (0, 3, case[3])
    assert made["last_h"].shape == (0, case[3])


@pytest.mark.parametrize("name", FEWER)
def test_a_sequence_alone_gives_the_bits_of_single_steps(name: str) -> None:
    case, time = FEWER[name], 70
    feeds = start(case, 1, time)
    assert (sequences(case, 1, time).predict(feeds)["y"] == one_after_the_other(case, feeds)).all()


@pytest.mark.parametrize("name", MANY)
def test_training_gives_the_same_bits_for_any_threads_and_with_recomputation(name: str) -> None:
    (op, options, features, units), batch, time = MANY[name], 33, 11
    x = start(MANY[name], batch, time)["x"]

    def gradients(recompute: bool) -> dict[str, bytes]:
        builder = GraphBuilder(training=True)
        variables = weights(op, options, features, units)
        outputs = getattr(ops, op)(builder.input("x", x.shape), **variables, **options)
        builder.output("loss", ops.reduce_mean(ops.square(outputs[0] - 0.1)))
        arrays = {name: variable.value for name, variable in variables.items()}
        _, made = get("native").compile(builder.finish(), arrays, recompute=recompute).gradients({"x": x})
        return {name: array.tobytes() for name, array in made.items()}

    native.set_num_threads(1)
    expected = gradients(False)
    for count in (1, 2, 3, 8):
        native.set_num_threads(count)
        assert gradients(True) == expected
        assert gradients(False) == expected
