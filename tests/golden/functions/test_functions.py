"""Losses, activations, metrics and schedules against the numbers of Keras in keras.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.harness.graphs import evaluate
from tests.harness.tolerances import check_close, tolerance

from recurra import activations, losses, metrics
from recurra.optimizers import schedules

GOLDEN = json.loads(Path(__file__).with_name("keras.json").read_text())
DATA = {key: np.array(value) for key, value in GOLDEN["data"].items()}
PARITY = tolerance("numpy", "float64", "parity")


@pytest.mark.parametrize(("name", "target", "prediction", "options", "expected"), GOLDEN["losses"])
def test_loss(name: str, target: str, prediction: str, options: dict[str, Any], expected: Any) -> None:
    function = getattr(losses, name)
    actual = evaluate(lambda t, p: function(t, p, **options), DATA[target], DATA[prediction])
    check_close(actual, np.array(expected), PARITY, name)


@pytest.mark.parametrize(("name", "target", "prediction", "options", "expected"), GOLDEN["losses"])
def test_loss_object_agrees_with_its_function(
    name: str, target: str, prediction: str, options: dict[str, Any], expected: Any
) -> None:
    loss = losses.get({"class_name": name, "config": options})
    assert loss is not None
    actual = evaluate(loss.call, DATA[target], DATA[prediction])
    check_close(actual, np.array(expected), PARITY, name)
    symbolic = ("batch", *DATA[prediction].shape[1:])
    assert loss.target_shape(symbolic) == ("batch", *DATA[target].shape[1:])
    assert loss.target_dtype == ("int" if DATA[target].dtype.kind == "i" else "float")


@pytest.mark.parametrize("name", GOLDEN["activations"])
def test_activation(name: str) -> None:
    actual = evaluate(activations.get(name), DATA["line"])
    check_close(actual, np.array(GOLDEN["activations"][name]), PARITY, name)


@pytest.mark.parametrize(("name", "target", "prediction", "options", "expected"), GOLDEN["metrics"])
def test_metric(name: str, target: str, prediction: str, options: dict[str, Any], expected: float) -> None:
    metric = metrics.get({"class_name": name, "config": options})
    assert metric is not None
    values = evaluate(metric.call, DATA[target], DATA[prediction])
    assert metric.finish(float(values.mean())) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("name", "options", "expected"), GOLDEN["schedules"])
def test_schedule(name: str, options: dict[str, Any], expected: list[float]) -> None:
    schedule = schedules.registry.get({"class_name": name, "config": options})
    assert [schedule(step) for step in GOLDEN["steps"]] == pytest.approx(expected, rel=1e-5)
