"""Every engine against the numpy engine in float64; the numpy engine in float32 is one of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra import engines, ops
from recurra.graph import RULES
from tests.harness.cases import CASES, Case
from tests.harness.cases._case import on
from tests.harness.cases._recurrent import INPUTS
from tests.harness.cases.gru import gru_parameters
from tests.harness.cases.lstm import lstm_parameters
from tests.harness.cases.simple_rnn import simple_rnn_parameters
from tests.harness.graphs import rounded
from tests.harness.parity import PRODUCTS, check_engine, variants

ENGINES = variants()


def _cases() -> list[Any]:
    """Each case with each engine that has all its ops, in other precisions where those make a difference."""
    offered = {name: engines.get(name.partition(":")[0]).ops() for name in ENGINES}
    return [
        pytest.param(case, name, id=f"{case}-{name}")
        for case, needed in ((case, case.ops()) for case in CASES)
        for name, ops in offered.items()
        if needed <= ops and (":" not in name or needed & PRODUCTS)
    ]


@pytest.mark.parametrize("engine", engines.available())
def test_every_engine_has_every_op(engine: str) -> None:
    """So no case is left out below."""
    assert engines.get(engine).ops() == frozenset(RULES)


@pytest.mark.parametrize(("case", "engine"), _cases())
def test_parity(case: Case, engine: str) -> None:
    check_engine(
        engine,
        case.build,
        case.parameters,
        case.feeds,
        case.rule,
        shapes=case.shapes,
        states=case.states,
        same_zeros=case.same_zeros,
        trains=case.trains,
    )


_SIZE = st.integers(1, 40)


@pytest.mark.parametrize("engine", engines.available())
@settings(max_examples=25, deadline=None)
@given(data=st.data(), batch=_SIZE, time=st.integers(1, 6), features=_SIZE, units=_SIZE)
def test_lstm_of_any_size_and_options(
    engine: str, data: st.DataObject, batch: int, time: int, features: int, units: int
) -> None:
    extra = data.draw(st.sets(st.sampled_from(["b", "h", "c", "rm"])), "optional inputs")
    parameters = lstm_parameters(batch, time, features, units, *sorted(extra))
    feeds = {}
    if data.draw(st.booleans(), "masked"):
        feeds["mask"] = np.random.default_rng(batch * time).integers(0, 2, (batch, time)).astype(float)
    options: dict[str, Any] = {
        "go_backwards": data.draw(st.booleans(), "go_backwards"),
        "zero_output_for_mask": data.draw(st.booleans(), "zero_output_for_mask"),
    }
    check_engine(
        engine,
        lambda b, t: ops.lstm(*(t.get(key) for key in ("x", "w", "r", "b", "h", "c", "mask", "rm")), **options),
        parameters,
        feeds,
        steps=1,
    )


@pytest.mark.parametrize("engine", engines.available())
@pytest.mark.parametrize("op", ["gru", "simple_rnn"])
@settings(max_examples=25, deadline=None)
@given(data=st.data(), batch=_SIZE, time=st.integers(1, 6), features=_SIZE, units=_SIZE)
def test_gru_and_simple_rnn_of_any_size_and_options(
    op: str, engine: str, data: st.DataObject, batch: int, time: int, features: int, units: int
) -> None:
    extra = sorted(data.draw(st.sets(st.sampled_from(["b", "h", "rm"])), "optional inputs"))
    options: dict[str, Any] = {
        "go_backwards": data.draw(st.booleans(), "go_backwards"),
        "zero_output_for_mask": data.draw(st.booleans(), "zero_output_for_mask"),
    }
    if op == "gru":
        options["reset_after"] = data.draw(st.booleans(), "reset_after")
        parameters = gru_parameters(batch, time, features, units, *extra, reset_after=options["reset_after"])
    else:
        parameters = simple_rnn_parameters(batch, time, features, units, *extra)
    # The largest singular value of r is about 2: whatever is off in the state grows, several times in six steps,
    # whoever computes it. Halved, it is about 1, and what is measured is the engine.
    parameters = {**parameters, "r": parameters["r"] / 2}
    feeds = {}
    if data.draw(st.booleans(), "masked"):
        feeds["mask"] = np.random.default_rng(batch * time).integers(0, 2, (batch, time)).astype(float)
    check_engine(engine, on(getattr(ops, op), *INPUTS, **options), parameters, feeds, steps=1)


@pytest.mark.parametrize("engine", engines.available())
@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 70), inputs=st.integers(1, 70), units=st.integers(1, 70), biased=st.booleans())
def test_dense_of_any_size(engine: str, rows: int, inputs: int, units: int, biased: bool) -> None:
    random = np.random.default_rng(rows + 100 * inputs + 10_000 * units)
    shapes = {"x": (rows, inputs), "w": (inputs, units), **({"b": (units,)} if biased else {})}
    parameters = {name: rounded(random.normal(size=shape) / inputs**0.25) for name, shape in shapes.items()}
    check_engine(engine, lambda b, t: ops.dense(t["x"], t["w"], t.get("b")), parameters, steps=1)
