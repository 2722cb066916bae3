"""Checks an engine against the numpy engine in float64: outputs, gradients, training steps, states."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from recurra import engines
from recurra.engines import UpdateRule
from recurra.graph import Shape

from .graphs import Arrays, Build, Model, trace
from .precision import rounded_products
from .tolerances import Tolerance, check_close, tolerance

__all__ = ["PRODUCTS", "SGD", "check_engine", "variants"]

SGD = UpdateRule("sgd")

PRODUCTS = frozenset({"dense", "gru", "lstm", "simple_rnn"})
"""The ops that make matrix products, to which a precision matters."""


def variants() -> list[str]:
    """The engines that run here, and each with every other precision that runs on it, as ``"native:bf16"``."""
    names = engines.available()
    reasons = {name: engines.get(name).precisions() for name in names}
    return names + [
        f"{name}:{precision}"
        for name in names
        for precision, reason in reasons[name].items()
        if precision != "float32" and reason is None
    ]


def check_engine(
    engine: str,
    build: Build,
    parameters: Arrays,
    feeds: Arrays | None = None,
    rule: UpdateRule = SGD,
    *,
    shapes: Mapping[str, Shape] | None = None,
    states: Arrays | None = None,
    same_zeros: bool = False,
    trains: bool = True,
    learning_rate: float = 1e-3,
    steps: int = 3,
) -> None:
    """Runs one graph on ``engine`` in float32 and on the numpy engine in float64 and compares all that comes out.

    Where the engine is named with a precision, the operands of products are rounded on both.

    Args:
        engine: One of `variants`.
        build, parameters, feeds, shapes, states: See `harness.graphs.trace`.
        rule: The update rule of the training steps.
        same_zeros: Whether outputs must be 0 in the very same places (which elements dropout drops).
        trains: Whether to compare training steps.
        learning_rate, steps: Of the training.

    Raises:
        AssertionError: Something differs by more than `harness.tolerances` allows.
    """
    model = trace(build, parameters, feeds, shapes, states)
    with rounded_products(engine.partition(":")[2]):
        _compare_predictions(engine, model, same_zeros)
        if "loss" in model.graph.outputs:
            _compare_gradients(engine, model)
        if trains and "loss" in model.graph.outputs:
            _compare_training(engine, model, rule, learning_rate, steps)


def _compare_predictions(engine: str, model: Model, same_zeros: bool) -> None:
    """Twice with different steps: states move on, and dropout draws anew."""
    allowed = tolerance(engine, "float32", "forward")
    truth_arrays, arrays = model.arrays("float64"), model.arrays("float32")
    truth, program = model.program("numpy", truth_arrays), model.program(engine, arrays)
    feeds = model.converted_feeds("float32")
    for step in (1, 2):
        expected, actual = truth.predict(model.feeds, step=step), program.predict(feeds, step=step)
        _compare(actual, expected, model, allowed, f"output in step {step}")
        if same_zeros:
            for name, value in expected.items():
                assert ((value == 0) == (actual[name] == 0)).all(), f"output {name}: zeros in other places"
        for name in model.states:
            check_close(arrays[name], truth_arrays[name], allowed, f"state {name} after step {step}")
    for name in model.parameters:
        assert (arrays[name] == model.parameters[name]).all(), f"predict changed the parameter {name}"


def _compare_gradients(engine: str, model: Model) -> None:
    truth_arrays, arrays = model.arrays("float64"), model.arrays("float32")
    expected_outputs, expected = model.program("numpy", truth_arrays).gradients(model.feeds, step=5)
    outputs, actual = model.program(engine, arrays).gradients(model.converted_feeds("float32"), step=5)
    _compare(outputs, expected_outputs, model, tolerance(engine, "float32", "forward"), "output with gradients")
    assert set(actual) == set(expected)
    for name, value in expected.items():
        assert actual[name].dtype == np.float32, f"gradient of {name} is {actual[name].dtype}"
        check_close(actual[name], value, tolerance(engine, "float32", "gradient"), f"gradient of {name}")
    for name, before in model.arrays("float32").items():
        assert (arrays[name] == before).all(), f"gradients() changed {name}"


def _compare_training(engine: str, model: Model, rule: UpdateRule, learning_rate: float, steps: int) -> None:
    allowed = tolerance(engine, "float32", "training")
    truth_arrays, arrays = model.arrays("float64"), model.arrays("float32")
    truth_slots, slots = model.slots(rule, "float64"), model.slots(rule, "float32")
    truth = model.program("numpy", truth_arrays, rule, truth_slots)
    program = model.program(engine, arrays, rule, slots)
    feeds = model.converted_feeds("float32")
    for step in range(1, steps + 1):
        expected = truth.train(model.feeds, step=step, learning_rate=learning_rate)
        actual = program.train(feeds, step=step, learning_rate=learning_rate)
        _compare(actual, expected, model, allowed, f"output of training step {step}")
    for name, value in truth_arrays.items():
        check_close(arrays[name], value, allowed, f"{name} after {steps} training steps")
    for slot, by_name in truth_slots.items():
        for name, value in by_name.items():
            check_close(slots[slot][name], value, allowed, f"slot {slot} of {name} after {steps} training steps")


def _compare(actual: Arrays, expected: Arrays, model: Model, allowed: Tolerance, what: str) -> None:
    assert set(actual) == set(expected)
    for name, value in expected.items():
        if model.graph.values[model.graph.outputs[name]].dtype == "int":
            assert actual[name].dtype == np.int32, f"{what} {name} is {actual[name].dtype}"
            assert (actual[name] == value).all(), f"{what} {name}: {actual[name]}, expected {value}"
        else:
            assert actual[name].dtype == np.float32, f"{what} {name} is {actual[name].dtype}"
            check_close(actual[name], value, allowed, f"{what} {name}")
