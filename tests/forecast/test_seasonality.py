from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra import datasets
from recurra.data.frequency import Frequency
from recurra.data.series import to_series
from recurra.errors import ArgumentError
from recurra.forecast.seasonality import Season, as_seasons, autocorrelation, find_seasons


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("air_passengers", ["12 (year)"]),
        ("co2", ["52 (year)"]),
        ("taxi", ["48 (day)", "336 (week)"]),
    ],
)
def test_seasons_of_real_series(name: str, found: list[str]) -> None:
    series = to_series(datasets.load(name))
    assert [str(season) for season in find_seasons(series.values, series.frequency)] == found


def test_the_cycle_of_the_sun_is_found_without_a_clock() -> None:
    series = to_series(datasets.load("sunspots"))
    (season,) = find_seasons(series.values, series.frequency)
    assert 10 * 12 <= season.period <= 12 * 12  # eleven years
    assert season.name is None


@pytest.mark.parametrize("frequency", ["1h", "D", "M", "30min", "B", "1"])
def test_noise_has_no_season(frequency: str) -> None:
    random = np.random.default_rng(5)
    for values in (random.normal(size=1500), random.normal(size=1500).cumsum()):
        assert find_seasons(values, Frequency.parse(frequency)) == ()


@given(st.integers(3, 30), st.floats(-0.2, 0.2))
def test_a_season_is_found_beside_trend_and_noise(period: int, slope: float) -> None:
    random = np.random.default_rng(period)
    pattern = random.permutation(np.linspace(-3.0, 3.0, period))
    values = np.tile(pattern, 20) + random.normal(size=20 * period) * 0.3 + slope * np.arange(20 * period)
    (season,) = find_seasons(values, Frequency("steps"))
    assert season.period == period


def test_a_constant_series_has_no_season() -> None:
    assert find_seasons(np.full(100, 3.0), Frequency.parse("1h")) == ()


def test_working_weeks() -> None:
    values = np.tile([1.0, 2, 5, 2, 0], 30) + np.random.default_rng(0).normal(size=150) * 0.1
    assert [str(s) for s in find_seasons(values, Frequency.parse("B"))] == ["5 (week)"]


@given(st.floats(2, 60), st.integers(1, 200))
def test_lags_never_reach_into_the_future(period: float, horizon: int) -> None:
    season = Season(period)
    lags = season.latest_lags(horizon)
    ahead = np.arange(1, horizon + 1)
    assert (lags >= ahead).all()
    assert (lags < ahead + np.ceil(period) + 1).all()  # and no further back than they must


@pytest.mark.parametrize(
    ("given", "periods"),
    [(12, [12]), ([336, 48], [48, 336]), (52.18, [52.18]), (Season(7, "week"), [7]), (1, []), (0, []), ([], [])],
)
def test_seasons_as_given(given: Any, periods: list[float]) -> None:
    assert [season.period for season in as_seasons(given)] == periods


@pytest.mark.parametrize("given", ["12", -3, True, [12, 1], [12, None], float("nan"), 1e9])
def test_what_is_no_season(given: Any) -> None:
    with pytest.raises(ArgumentError, match="season"):
        as_seasons(given)


def test_autocorrelation_is_that_of_the_definition() -> None:
    x = np.random.default_rng(0).normal(size=40)
    d = x - x.mean()
    expected = [1.0] + [(d[k:] * d[:-k]).sum() / (d * d).sum() for k in range(1, 10)]
    np.testing.assert_allclose(autocorrelation(x, 9), expected, atol=1e-12)
    assert autocorrelation(np.ones(5), 2).tolist() == [0, 0, 0]
