from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recurra.errors import ArgumentError, DataError, ShapeError
from recurra.forecast.metrics import coverage, interval_score, mae, mase, naive_scale, rmse, smape

numbers = arrays(np.float64, 12, elements=st.floats(-1e6, 1e6))


def test_by_hand() -> None:
    actual, forecast = [100.0, 200.0, 0.0, np.nan], [110.0, 180.0, 0.0, 7.0]
    assert mae(actual, forecast) == pytest.approx(10.0)
    assert rmse(actual, forecast) == pytest.approx(np.sqrt(500 / 3))
    assert smape(actual, forecast) == pytest.approx(200 / 3 * (10 / 210 + 20 / 380))
    assert mase(actual, forecast, 4.0) == pytest.approx(2.5)


def test_naive_scale_by_hand() -> None:
    history = [1.0, 5.0, 2.0, 7.0, np.nan, 6.0]
    assert naive_scale(history) == pytest.approx((4 + 3 + 5) / 3)
    assert naive_scale(history, 2) == pytest.approx((1 + 2 + 1) / 3)


def test_mase_of_the_naive_forecast_within_the_training_part_is_one() -> None:
    y = np.random.default_rng(0).normal(size=50).cumsum()
    assert mase(y[7:], y[:-7], naive_scale(y, 7)) == pytest.approx(1.0)


@given(numbers, numbers)
def test_bounds(actual: np.ndarray, forecast: np.ndarray) -> None:
    assert 0 <= mae(actual, forecast) <= rmse(actual, forecast) * (1 + 1e-9) + 1e-150
    assert 0 <= smape(actual, forecast) <= 200 + 1e-9
    assert mae(actual, actual) == rmse(actual, actual) == smape(actual, actual) == 0
    assert mae(actual, forecast) == pytest.approx(mae(forecast, actual))
    assert smape(actual, forecast) == pytest.approx(smape(forecast, actual))


@given(numbers, numbers, st.floats(0.01, 100), st.floats(-100, 100))
def test_mase_does_not_depend_on_the_unit(actual: np.ndarray, forecast: np.ndarray, a: float, b: float) -> None:
    history = np.array([1.0, 4.0, 2.0, 8.0])
    plain = mase(actual, forecast, naive_scale(history))
    other = mase(a * actual + b, a * forecast + b, naive_scale(a * history + b))
    assert other == pytest.approx(plain, rel=1e-6, abs=1e-6)


@given(numbers, numbers, st.lists(st.integers(0, 11), max_size=11))
def test_missing_points_do_not_count(actual: np.ndarray, forecast: np.ndarray, missing: list[int]) -> None:
    kept = np.setdiff1d(np.arange(12), missing)
    gappy = actual.copy()
    gappy[missing] = np.nan
    for metric in (mae, rmse, smape):
        assert metric(gappy, forecast) == pytest.approx(metric(actual[kept], forecast[kept]))


def test_intervals() -> None:
    actual = np.array([0.0, 1.0, 2.0, np.nan])
    assert coverage(actual, actual - 1, actual + 1) == 1.0
    assert coverage(actual, actual, actual) == 1.0  # the bounds belong to the interval
    assert coverage(actual, actual + 0.1, actual + 1) == 0.0
    assert interval_score(actual, actual - 1, actual + 2, 0.9) == pytest.approx(3.0)
    assert interval_score([0.0], [1.0], [2.0], 0.5) == pytest.approx(1 + 2 / 0.5)
    assert interval_score([4.0], [1.0], [2.0], 0.5) == pytest.approx(1 + 2 / 0.5 * 2)


def test_wrong_arguments() -> None:
    with pytest.raises(ShapeError, match=r"\(2,\) and \(3,\)"):
        mae([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(DataError, match="no actual value"):
        rmse([np.nan], [1.0])
    with pytest.raises(ArgumentError, match="scale"):
        mase([1.0], [1.0], 0.0)
    with pytest.raises(ArgumentError, match="season"):
        naive_scale([1.0, 2.0], 0)
    with pytest.raises(DataError, match="too short"):
        naive_scale([1.0, 2.0], 2)
    with pytest.raises(DataError, match="repeats itself"):
        naive_scale([1.0, 2.0, 1.0, 2.0], 2)
    with pytest.raises(ArgumentError, match="level"):
        interval_score([1.0], [0.0], [2.0], 95)
