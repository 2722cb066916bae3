"""The simple recurrent layer against a loop over single numbers that knows neither numpy nor the engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from recurra import ops
from tests.harness.cases.simple_rnn import simple_rnn_parameters
from tests.harness.graphs import evaluate
from tests.harness.scalars import ACTIVATIONS

KEYS = ("x", "w", "r", "b", "h", "mask", "rm")


def one_sequence(
    x: Sequence[Sequence[float]],
    p: dict[str, Any],
    row: int,
    a: Callable[[float], float],
    mask: Sequence[float] | None,
    zero_output: bool,
) -> tuple[list[list[float]], list[float]]:
    """The outputs and the last state of one sequence, given in the order of reading."""
    units = len(p["r"])
    h = list(p["h"][row]) if "h" in p else [0.0] * units
    rm = p["rm"][row] if "rm" in p else [1.0] * units
    outputs = []
    for t, features in enumerate(x):
        if mask is not None and mask[t] == 0:
            outputs.append([0.0] * units if zero_output else list(h))
            continue
        h = [
            a(
                (p["b"][u] if "b" in p else 0.0)
                + math.fsum(value * p["w"][j][u] for j, value in enumerate(features))
                + math.fsum(h[j] * rm[j] * p["r"][j][u] for j in range(units))
            )
            for u in range(units)
        ]
        outputs.append(h)
    return outputs, h


def check(
    parameters: dict[str, np.ndarray],
    mask: list[list[int]] | None = None,
    activation: str = "tanh",
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
) -> None:
    named = dict(parameters)
    if mask is not None:
        named["mask"] = np.array(mask, float)

    def build(*tensors: Any) -> Any:
        t = dict(zip(named, tensors, strict=True))
        return ops.simple_rnn(
            *(t.get(key) for key in KEYS),
            activation=activation,
            go_backwards=go_backwards,
            zero_output_for_mask=zero_output_for_mask,
        )

    sequence, h = evaluate(build, *named.values())
    for row, x in enumerate(parameters["x"].tolist()):
        steps = None if mask is None else mask[row]
        if go_backwards:
            x = x[::-1]
            steps = None if steps is None else steps[::-1]
        expected = one_sequence(x, parameters, row, ACTIVATIONS[activation], steps, zero_output_for_mask)
        for actual, wanted in zip((sequence[row], h[row]), expected, strict=True):
            np.testing.assert_allclose(actual, np.array(wanted), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 5, 3, 4), (4, 1, 2, 3), (1, 7, 1, 9)])
@pytest.mark.parametrize("extra", [(), ("b",), ("h",), ("rm",), ("b", "h", "rm")])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_sizes_and_optional_inputs(
    sizes: tuple[int, int, int, int], extra: tuple[str, ...], go_backwards: bool
) -> None:
    check(simple_rnn_parameters(*sizes, *extra), go_backwards=go_backwards)


@pytest.mark.parametrize("activation", ops.GATE_ACTIVATIONS)
def test_activations(activation: str) -> None:
    check(simple_rnn_parameters(2, 3, 2, 4, "b", "h", scale=0.4), activation=activation)


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("zero_output_for_mask", [False, True])
@pytest.mark.parametrize("extra", [("b",), ("b", "h", "rm")])
def test_masks(go_backwards: bool, zero_output_for_mask: bool, extra: tuple[str, ...]) -> None:
    mask = [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 1], [0, 0, 0, 0]]
    check(
        simple_rnn_parameters(5, 4, 2, 3, *extra),
        mask,
        go_backwards=go_backwards,
        zero_output_for_mask=zero_output_for_mask,
    )


def test_ones_count_the_steps() -> None:
    """With every weight 1 and no squashing, h after t steps of ones is t; a mask leaves out what it hides."""
    x, mask = np.ones((1, 6, 1)), np.array([[1.0, 1, 0, 1, 0, 1]])
    one = np.ones((1, 1))
    sequence, h = evaluate(lambda x, w, m: ops.simple_rnn(x, w, w, mask=m, activation="linear"), x, one, mask)
    assert sequence[0, :, 0].tolist() == [1, 2, 2, 3, 3, 4]
    assert h.tolist() == [[4]]


def test_what_is_masked_does_not_matter() -> None:
    p = simple_rnn_parameters(2, 5, 3, 4)
    mask = np.array([[1.0, 0, 1, 1, 0], [1, 1, 1, 0, 0]])
    x = np.where(mask[:, :, None] == 0, np.nan, p["x"])
    sequence, h = evaluate(lambda x, w, r, m: ops.simple_rnn(x, w, r, mask=m), x, p["w"], p["r"], mask)
    for row in range(2):
        short = p["x"][row, mask[row] != 0][None]
        _, expected = evaluate(ops.simple_rnn, short, p["w"], p["r"])
        np.testing.assert_allclose(h[row], expected[0], rtol=1e-14)
    assert np.isfinite(sequence).all()


def test_a_sequence_can_be_continued_from_its_state() -> None:
    p = simple_rnn_parameters(3, 6, 2, 4, "b")
    whole, h = evaluate(ops.simple_rnn, p["x"], p["w"], p["r"], p["b"])
    first, h1 = evaluate(ops.simple_rnn, p["x"][:, :2], p["w"], p["r"], p["b"])
    second, h2 = evaluate(ops.simple_rnn, p["x"][:, 2:], p["w"], p["r"], p["b"], h1)
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, rtol=1e-13)
    np.testing.assert_allclose(h2, h, rtol=1e-13)
