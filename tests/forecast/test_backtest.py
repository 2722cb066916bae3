from __future__ import annotations

import json

import numpy as np
import pytest

from recurra.errors import ArgumentError
from recurra.forecast.backtest import LINEAR, LSTM, BackTest, rolling_forecasts
from recurra.forecast.baselines import Drift, Naive


def backtest(network: float, baseline: float = 2.0, linear: float | None = None, **errors: float) -> BackTest:
    """A back-test of constant errors over 4 origins of 3 steps, whose actual values are 10."""
    actual = np.full((4, 3), 10.0)
    forecasts = {LSTM: actual + network, "naive": actual + baseline, "drift": actual + 5.0}
    if linear is not None:
        forecasts[LINEAR] = actual + linear
    bounds = (actual - 1, actual + 1)
    return BackTest(np.arange(4), actual, forecasts, {0.8: bounds}, 4.0, 1, ("naive", "drift"))


def test_scores() -> None:
    result = backtest(1.0)
    assert result.scores[LSTM].mae == result.scores[LSTM].rmse == 1.0
    assert result.scores[LSTM].mase == 0.25
    assert result.scores["naive"].smape == pytest.approx(200 * 2 / 22)
    assert result.best_baseline == "naive"
    assert result.coverage == {0.8: 1.0}


def test_the_verdict_is_honest() -> None:
    better = backtest(1.0)
    assert better.beats_baselines
    assert better.gain == pytest.approx(0.5)
    assert better.wins == 4
    assert better.verdict() == (
        "The LSTM beats the best baseline, naive, by 50 % (MASE 0.250 against 0.500; lower error at 4 of 4 origins)."
    )
    level = backtest(1.99)
    assert not level.beats_baselines
    assert "is level with the best baseline, naive" in level.verdict()
    worse = backtest(3.0)
    assert not worse.beats_baselines
    assert worse.wins == 0
    assert "does NOT beat the best baseline, naive: its error is 50 % higher" in worse.verdict()


def test_a_baseline_without_error() -> None:
    exact = backtest(1.0, baseline=0.0)
    assert not exact.beats_baselines
    assert "does NOT beat the best baseline, naive: that one makes no error at all" in exact.verdict()
    assert exact.to_json()["gain_over_best_baseline"] is None
    assert backtest(0.0, baseline=0.0).gain == 0


def test_what_speaks_against_the_verdict_is_said() -> None:
    assert "linear part alone does as well (MASE 0.200)" in backtest(1.0, linear=0.8).verdict()
    assert "linear part" not in backtest(1.0, linear=1.2).verdict()
    actual = np.full((1, 4), 10.0)
    spiky = actual + np.array([0.0, 0.0, 0.0, 6.0])
    result = BackTest(
        np.arange(1), actual, {LSTM: spiky, "naive": actual + 2.0}, {0.8: (actual, actual)}, 1.0, 1, ("naive",)
    )
    assert result.beats_baselines
    assert "By RMSE the baseline is better (2 against 3)." in result.verdict()


def test_missing_values_are_not_scored() -> None:
    actual = np.array([[1.0, np.nan], [np.nan, np.nan]])
    forecasts = {LSTM: np.array([[2.0, 100.0], [100.0, 100.0]]), "naive": np.full((2, 2), 1.5)}
    result = BackTest(np.arange(2), actual, forecasts, {}, 1.0, 1, ("naive",))
    assert result.scores[LSTM].mae == 1.0
    assert result.wins == 0  # a tie of two origins without a value is no win
    assert result.to_json()["points_scored"] == 1


def test_json() -> None:
    content = json.loads(json.dumps(backtest(1.0).to_json(), allow_nan=False))
    assert content["scores"]["LSTM"] == {"mae": 1.0, "rmse": 1.0, "smape": pytest.approx(200 / 21), "mase": 0.25}
    assert content["intervals"]["0.8"] == {"coverage": 1.0, "mean_width": 2.0, "interval_score": 2.0}
    assert content["beats_baselines"] is True


def test_methods_get_the_history_and_nothing_else() -> None:
    values = np.arange(10.0)
    seen = []

    def method(history: np.ndarray, horizon: int) -> np.ndarray:
        seen.append(history.copy())
        return Drift()(history, horizon)

    forecasts = rolling_forecasts(values, np.array([3, 6]), 2, method)
    np.testing.assert_allclose(forecasts, [[4, 5], [7, 8]])
    assert [len(history) for history in seen] == [4, 7]
    with pytest.raises(ArgumentError, match="horizon"):
        rolling_forecasts(values, np.array([3]), 0, Naive())
