"""The GRU against a loop over single numbers that knows neither numpy nor the engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from recurra import ops
from tests.harness.cases.gru import gru_parameters
from tests.harness.graphs import evaluate
from tests.harness.scalars import ACTIVATIONS

KEYS = ("x", "w", "r", "b", "h", "mask", "rm")


def product(row: Sequence[float], matrix: Any, column: int) -> float:
    return math.fsum(value * matrix[j][column] for j, value in enumerate(row))


def one_sequence(
    x: Sequence[Sequence[float]],
    p: dict[str, Any],
    row: int,
    a: Callable[[float], float],
    s: Callable[[float], float],
    reset_after: bool,
    mask: Sequence[float] | None,
    zero_output: bool,
) -> tuple[list[list[float]], list[float]]:
    """The outputs and the last state of one sequence, given in the order of reading."""
    units = len(p["r"])
    h = list(p["h"][row]) if "h" in p else [0.0] * units
    rm = p["rm"][row] if "rm" in p else [1.0] * units
    zeros = [0.0] * (3 * units)
    b, c = (p.get("b", (zeros, zeros))) if reset_after else (p.get("b", zeros), zeros)
    outputs = []
    for t, features in enumerate(x):
        if mask is not None and mask[t] == 0:
            outputs.append([0.0] * units if zero_output else list(h))
            continue
        q = [h[u] * rm[u] for u in range(units)]
        wx = [product(features, p["w"], k) + b[k] for k in range(3 * units)]
        z = [s(wx[u] + product(q, p["r"], u) + c[u]) for u in range(units)]
        r = [s(wx[k] + product(q, p["r"], k) + c[k]) for k in range(units, 2 * units)]
        rq = [r[u] * q[u] for u in range(units)]
        for u in range(units):
            k = 2 * units + u
            g = a(wx[k] + (r[u] * (product(q, p["r"], k) + c[k]) if reset_after else product(rq, p["r"], k)))
            h[u] = z[u] * h[u] + (1 - z[u]) * g
        outputs.append(list(h))
    return outputs, h


def check(
    parameters: dict[str, np.ndarray],
    mask: list[list[int]] | None = None,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    reset_after: bool = True,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
) -> None:
    named = dict(parameters)
    if mask is not None:
        named["mask"] = np.array(mask, float)

    def build(*tensors: Any) -> Any:
        t = dict(zip(named, tensors, strict=True))
        return ops.gru(
            *(t.get(key) for key in KEYS),
            activation=activation,
            recurrent_activation=recurrent_activation,
            reset_after=reset_after,
            go_backwards=go_backwards,
            zero_output_for_mask=zero_output_for_mask,
        )

    sequence, h = evaluate(build, *named.values())
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
            reset_after,
            steps,
            zero_output_for_mask,
        )
        for actual, wanted in zip((sequence[row], h[row]), expected, strict=True):
            np.testing.assert_allclose(actual, np.array(wanted), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 5, 3, 4), (4, 1, 2, 3), (1, 7, 1, 9)])
@pytest.mark.parametrize("extra", [(), ("b",), ("h",), ("rm",), ("b", "h", "rm")])
@pytest.mark.parametrize("reset_after", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_sizes_and_optional_inputs(
    sizes: tuple[int, int, int, int], extra: tuple[str, ...], reset_after: bool, go_backwards: bool
) -> None:
    parameters = gru_parameters(*sizes, *extra, reset_after=reset_after)
    check(parameters, reset_after=reset_after, go_backwards=go_backwards)


@pytest.mark.parametrize("activation", ops.GATE_ACTIVATIONS)
@pytest.mark.parametrize("reset_after", [False, True])
def test_activations(activation: str, reset_after: bool) -> None:
    parameters = gru_parameters(2, 3, 2, 4, "b", "h", reset_after=reset_after, scale=0.4)
    check(parameters, activation=activation, reset_after=reset_after)
    check(parameters, recurrent_activation=activation, reset_after=reset_after)


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("zero_output_for_mask", [False, True])
@pytest.mark.parametrize("reset_after", [False, True])
@pytest.mark.parametrize("extra", [("b",), ("b", "h", "rm")])
def test_masks(go_backwards: bool, zero_output_for_mask: bool, reset_after: bool, extra: tuple[str, ...]) -> None:
    mask = [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 1], [0, 0, 0, 0]]
    check(
        gru_parameters(5, 4, 2, 3, *extra, reset_after=reset_after),
        mask,
        reset_after=reset_after,
        go_backwards=go_backwards,
        zero_output_for_mask=zero_output_for_mask,
    )


def test_without_a_recurrent_bias_and_with_open_gates_both_forms_agree() -> None:
    """r = 1 by a bias of 40: then it does not matter whether it multiplies before the product or after."""
    p = gru_parameters(2, 5, 3, 4, reset_after=False)
    bias = np.repeat([0.3, 40.0, -0.2], 4)
    before = evaluate(lambda *t: ops.gru(*t, reset_after=False), p["x"], p["w"], p["r"], bias)
    after = evaluate(ops.gru, p["x"], p["w"], p["r"], np.stack([bias, 0 * bias]))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_closed_update_gate_keeps_the_state_whatever_the_recurrent_mask() -> None:
    """z = 1 by a bias of 60: what dropout takes from the products it does not take from the state."""
    p = gru_parameters(2, 5, 3, 4, "h", "rm", reset_after=False)
    sequence, h = evaluate(
        lambda x, w, r, b, h, rm: ops.gru(x, w, r, b, h, None, rm, reset_after=False),
        *(p["x"], p["w"], p["r"], np.repeat([60.0, 0, 0], 4), p["h"], p["rm"]),
    )
    np.testing.assert_allclose(h, p["h"], rtol=1e-12)
    np.testing.assert_allclose(sequence, np.repeat(p["h"][:, None], 5, axis=1), rtol=1e-12)


def test_what_is_masked_does_not_matter() -> None:
    """A masked step may hold anything, NaN too; the result is that of the shorter sequence."""
    p = gru_parameters(2, 5, 3, 4, reset_after=True)
    mask = np.array([[1.0, 0, 1, 1, 0], [1, 1, 1, 0, 0]])
    x = np.where(mask[:, :, None] == 0, np.nan, p["x"])
    sequence, h = evaluate(lambda x, w, r, m: ops.gru(x, w, r, mask=m), x, p["w"], p["r"], mask)
    for row in range(2):
        short = p["x"][row, mask[row] != 0][None]
        _, expected = evaluate(ops.gru, short, p["w"], p["r"])
        np.testing.assert_allclose(h[row], expected[0], rtol=1e-14)
    assert np.isfinite(sequence).all()


def test_a_sequence_can_be_continued_from_its_state() -> None:
    p = gru_parameters(3, 6, 2, 4, "b", reset_after=True)
    whole, h = evaluate(ops.gru, p["x"], p["w"], p["r"], p["b"])
    first, h1 = evaluate(ops.gru, p["x"][:, :2], p["w"], p["r"], p["b"])
    second, h2 = evaluate(ops.gru, p["x"][:, 2:], p["w"], p["r"], p["b"], h1)
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, rtol=1e-13)
    np.testing.assert_allclose(h2, h, rtol=1e-13)


def test_nan_in_one_sequence_stays_there() -> None:
    p = gru_parameters(3, 4, 2, 3, "b", reset_after=True)
    clean, _ = evaluate(ops.gru, p["x"], p["w"], p["r"], p["b"])
    x = p["x"].copy()
    x[1, 2, 0] = np.nan
    sequence, h = evaluate(ops.gru, x, p["w"], p["r"], p["b"])
    assert np.isnan(sequence[1, 2:]).all()
    assert np.isnan(h[1]).all()
    np.testing.assert_array_equal(sequence[1, :2], clean[1, :2])
    np.testing.assert_array_equal(sequence[[0, 2]], clean[[0, 2]])
