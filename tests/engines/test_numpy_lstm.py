"""The LSTM against a loop over single numbers that knows neither numpy nor the engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from recurra import ops
from tests.harness.cases.lstm import lstm_parameters
from tests.harness.graphs import evaluate
from tests.harness.scalars import ACTIVATIONS


def one_sequence(
    x: Sequence[Sequence[float]],
    p: dict[str, Any],
    row: int,
    a: Callable[[float], float],
    s: Callable[[float], float],
    mask: Sequence[float] | None,
    zero_output: bool,
) -> tuple[list[list[float]], list[float], list[float]]:
    """The outputs and last states of one sequence, given in the order of reading."""
    units = len(p["r"])
    h = list(p["h"][row]) if "h" in p else [0.0] * units
    c = list(p["c"][row]) if "c" in p else [0.0] * units
    rm = p["rm"][row] if "rm" in p else [1.0] * units
    outputs = []
    for t, features in enumerate(x):
        if mask is not None and mask[t] == 0:
            outputs.append([0.0] * units if zero_output else list(h))
            continue
        z = [
            (p["b"][k] if "b" in p else 0.0)
            + math.fsum(value * p["w"][j][k] for j, value in enumerate(features))
            + math.fsum(h[j] * rm[j] * p["r"][j][k] for j in range(units))
            for k in range(4 * units)
        ]
        for u in range(units):
            i, f, g, o = s(z[u]), s(z[units + u]), a(z[2 * units + u]), s(z[3 * units + u])
            c[u] = f * c[u] + i * g
            h[u] = o * a(c[u])
        outputs.append(list(h))
    return outputs, h, c


def check(
    parameters: dict[str, np.ndarray],
    mask: list[list[int]] | None = None,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
) -> None:
    named = dict(parameters)
    if mask is not None:
        named["mask"] = np.array(mask, float)

    def build(*tensors: Any) -> Any:
        t = dict(zip(named, tensors, strict=True))
        return ops.lstm(
            *(t.get(key) for key in ("x", "w", "r", "b", "h", "c", "mask", "rm")),
            activation=activation,
            recurrent_activation=recurrent_activation,
            go_backwards=go_backwards,
            zero_output_for_mask=zero_output_for_mask,
        )

    sequence, h, c = evaluate(build, *named.values())
    for row, x in enumerate(parameters["x"].tolist()):
        steps = None if mask is None else mask[row]
        if go_backwards:
            x = x[::-1]
            steps = None if steps is None else steps[::-1]
        expected = one_sequence(
            x,
            parameters,
            row,
            ACTIVATIONS[activation],
            ACTIVATIONS[recurrent_activation],
            steps,
            zero_output_for_mask,
        )
        for actual, wanted in zip((sequence[row], h[row], c[row]), expected, strict=True):
            np.testing.assert_allclose(actual, np.array(wanted), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 5, 3, 4), (4, 1, 2, 3), (1, 7, 1, 9)])
@pytest.mark.parametrize("extra", [(), ("b",), ("h",), ("c",), ("rm",), ("b", "h", "c", "rm")])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_sizes_and_optional_inputs(
    sizes: tuple[int, int, int, int], extra: tuple[str, ...], go_backwards: bool
) -> None:
    check(lstm_parameters(*sizes, *extra), go_backwards=go_backwards)


@pytest.mark.parametrize("activation", ops.GATE_ACTIVATIONS)
def test_activations(activation: str) -> None:
    parameters = lstm_parameters(2, 3, 2, 4, "b", "c", scale=0.4)
    check(parameters, activation=activation)
    check(parameters, recurrent_activation=activation)


def test_every_gate_activation_is_in_the_test() -> None:
    assert set(ACTIVATIONS) == set(ops.GATE_ACTIVATIONS)


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("zero_output_for_mask", [False, True])
@pytest.mark.parametrize("extra", [("b",), ("b", "h", "c", "rm")])
def test_masks(go_backwards: bool, zero_output_for_mask: bool, extra: tuple[str, ...]) -> None:
    mask = [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 1], [0, 0, 0, 0]]
    check(
        lstm_parameters(5, 4, 2, 3, *extra),
        mask,
        go_backwards=go_backwards,
        zero_output_for_mask=zero_output_for_mask,
    )


def test_what_is_masked_does_not_matter() -> None:
    """A masked step may hold anything, NaN too; the result is that of the shorter sequence."""
    p = lstm_parameters(2, 5, 3, 4)
    mask = np.array([[1.0, 0, 1, 1, 0], [1, 1, 1, 0, 0]])
    x = np.where(mask[:, :, None] == 0, np.nan, p["x"])
    sequence, h, _ = evaluate(lambda x, w, r, m: ops.lstm(x, w, r, mask=m), x, p["w"], p["r"], mask)
    for row in range(2):
        short = p["x"][row, mask[row] != 0][None]
        _, expected, _ = evaluate(ops.lstm, short, p["w"], p["r"])
        np.testing.assert_allclose(h[row], expected[0], rtol=1e-14)
    assert np.isfinite(sequence).all()


def test_reading_backwards_is_reading_the_reverse() -> None:
    p = lstm_parameters(2, 5, 3, 4)
    backwards = evaluate(lambda *t: ops.lstm(*t, go_backwards=True), p["x"], p["w"], p["r"])
    reverse = evaluate(ops.lstm, p["x"][:, ::-1], p["w"], p["r"])
    for one, other in zip(backwards, reverse, strict=True):
        assert (one == other).all()


def test_a_sequence_can_be_continued_from_its_states() -> None:
    p = lstm_parameters(3, 6, 2, 4, "b")
    whole, h, c = evaluate(ops.lstm, p["x"], p["w"], p["r"], p["b"])
    first, h1, c1 = evaluate(ops.lstm, p["x"][:, :2], p["w"], p["r"], p["b"])
    second, h2, c2 = evaluate(ops.lstm, p["x"][:, 2:], p["w"], p["r"], p["b"], h1, c1)
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, rtol=1e-13)
    np.testing.assert_allclose(h2, h, rtol=1e-13)
    np.testing.assert_allclose(c2, c, rtol=1e-13)


def test_nan_in_one_sequence_stays_there() -> None:
    p = lstm_parameters(3, 4, 2, 3, "b")
    clean, _, _ = evaluate(ops.lstm, p["x"], p["w"], p["r"], p["b"])
    x = p["x"].copy()
    x[1, 2, 0] = np.nan
    sequence, h, c = evaluate(ops.lstm, x, p["w"], p["r"], p["b"])
    assert np.isnan(sequence[1, 2:]).all()
    assert np.isnan(h[1]).all()
    assert np.isnan(c[1]).all()
    np.testing.assert_array_equal(sequence[1, :2], clean[1, :2])
    np.testing.assert_array_equal(sequence[[0, 2]], clean[[0, 2]])
