"""The comparison everything else rests on must itself be able to fail."""

from __future__ import annotations

import numpy as np
import pytest

from tests.harness.tolerances import TOLERANCES, Tolerance, check_close, tolerance

ALLOWED = Tolerance(rtol=1e-3, atol=1e-4)


def test_near_numbers_agree_and_far_ones_do_not() -> None:
    expected = np.array([1.0, -100.0, 0.0])
    check_close(np.array([1.0, -99.95, 0.005]), expected, ALLOWED, "numbers")
    with pytest.raises(AssertionError, match=r"numbers: off by .* at \(0,\)"):
        check_close(np.array([1.02, -100.0, 0.0]), expected, ALLOWED, "numbers")


def test_a_small_array_is_compared_with_one() -> None:
    check_close(np.array([5e-5]), np.zeros(1), ALLOWED, "zero")
    with pytest.raises(AssertionError):
        check_close(np.array([2e-4]), np.zeros(1), ALLOWED, "zero")


def test_shapes_must_be_equal() -> None:
    with pytest.raises(AssertionError, match="shape"):
        check_close(np.zeros((1, 3)), np.zeros(3), ALLOWED, "shape")
    check_close(np.zeros((0, 3)), np.zeros((0, 3)), ALLOWED, "empty")


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.0])
def test_what_is_not_finite_must_be_so_in_both(wrong: float) -> None:
    for special in (np.nan, np.inf, -np.inf):
        check_close(np.array([special, 1.0]), np.array([special, 1.0]), ALLOWED, "special")
    with pytest.raises(AssertionError):
        check_close(np.array([wrong, 1.0]), np.array([-np.inf, 1.0]), ALLOWED, "special")


def test_every_engine_has_every_kind() -> None:
    kinds = {kind for _, _, kind in TOLERANCES}
    assert kinds == {"forward", "gradient", "training", "parity"}
    for engine, dtype in {(engine, dtype) for engine, dtype, _ in TOLERANCES}:
        for kind in kinds:
            # A number rounded to bfloat16 is off by 2^-9.
            assert tolerance(engine, dtype, kind).rtol < (1e-2 if engine == "native:bf16" else 1e-4)
