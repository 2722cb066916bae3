from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.errors import ArgumentError, DataError, FormatError
from recurra.forecast.intervals import Errors, Intervals, phase_scale
from recurra.forecast.seasonality import Season


def test_width_is_the_conformal_quantile() -> None:
    errors = np.random.default_rng(0).permutation(np.arange(1.0, 100.0))[:, None] * np.array([[1.0]])
    widths = Intervals.fit(errors, [0.8, 0.95]).widths
    # ceil((99 + 1) * level): the 80th and the 95th of 99 errors.
    assert widths[0.8].tolist() == [80.0]
    assert widths[0.95].tolist() == [95.0]


def test_few_errors_give_the_largest() -> None:
    assert Intervals.fit(np.array([[1.0], [-3.0]]), [0.95]).widths[0.95].tolist() == [3.0]


def test_fresh_errors_are_covered_at_the_level() -> None:
    random = np.random.default_rng(1)
    grow = np.sqrt(np.arange(1, 13))
    intervals = Intervals.fit(random.standard_t(5, size=(600, 12)) * grow, [0.8, 0.95])
    fresh = random.standard_t(5, size=(4000, 12)) * grow
    for level, (low, high) in intervals.around(np.zeros(12)).items():
        held = ((low <= fresh) & (fresh <= high)).mean(axis=0)
        assert np.abs(held - level).max() < 0.05
        assert (high[6:] > high[:6]).all()  # later steps are less sure


def test_missing_errors_do_not_count() -> None:
    errors = np.array([[1.0, np.nan], [2.0, np.nan], [3.0, 5.0]])
    widths = Intervals.fit(errors, [0.5]).widths[0.5]
    assert np.isfinite(widths).all()
    with pytest.raises(DataError, match="every actual value is missing"):
        Intervals.fit(np.full((2, 2), np.nan), [0.5])
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        Intervals.fit(errors, [95])


def test_bounds_are_wider_where_the_series_moves_more() -> None:
    intervals = Intervals({0.8: np.array([1.0, 1.0])})
    low, high = intervals.around(np.array([10.0, 10.0]), np.array([0.5, 2.0]))[0.8]
    assert low.tolist() == [9.5, 8.0]
    assert high.tolist() == [10.5, 12.0]


def test_json() -> None:
    intervals = Intervals({0.95: np.array([2.0, 3.0]), 0.8: np.array([1.0, 2.0])})
    again = Intervals.from_json(intervals.to_json(), 2)
    assert list(again.widths) == [0.8, 0.95]
    np.testing.assert_array_equal(again.widths[0.95], [2.0, 3.0])
    for wrong in ({"0.8": [1.0]}, {"0.8": [1.0, -1.0]}, {"0.8": [1.0, float("inf")]}):
        with pytest.raises(FormatError, match="level 0.8"):
            Intervals.from_json(wrong, 2)


def test_only_errors_known_by_then_are_used() -> None:
    origins = np.arange(10)
    values = np.arange(10.0)[:, None] * np.ones(3)
    errors = Errors(origins, values, np.ones((10, 3)), recent=4)
    # At point 7 the horizons of the origins 0 to 4 have ended; the last four of them count.
    assert errors.intervals([0.99], now=7).widths[0.99].tolist() == [4.0] * 3
    assert errors.intervals([0.01], now=7).widths[0.01].min() >= 1.0
    assert errors.intervals([0.99]).widths[0.99].tolist() == [9.0] * 3


@given(st.floats(2, 20), st.integers(1, 25), st.integers(0, 30))
def test_the_scale_of_a_phase_reads_nothing_after_the_origin(period: float, horizon: int, more: int) -> None:
    past = np.random.default_rng(0).normal(size=int(7 * period) + horizon + more)
    origin = np.array([len(past) - 1])
    first = phase_scale(past, origin, horizon, Season(period))
    longer = np.append(past, np.full(horizon + 3, np.nan))
    np.testing.assert_array_equal(first, phase_scale(longer, origin, horizon, Season(period)))
    assert first.shape == (1, horizon)
    assert (first >= 0.5).all()


def test_quiet_and_busy_phases_are_told_apart() -> None:
    random = np.random.default_rng(0)
    swing = np.tile([0.1, 0.1, 2.0, 2.0], 100)
    series = random.normal(size=400) * swing
    scale = phase_scale(series, np.array([399]), 4, Season(4))[0]
    assert scale[:2].max() < 0.8
    assert scale[2:].min() > 1.1
    assert phase_scale(series, np.array([399]), 4, None).tolist() == [[1.0] * 4]
    assert phase_scale(series[:9], np.array([8]), 4, Season(4)).tolist() == [[1.0] * 4]  # too little to tell
