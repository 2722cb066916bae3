"""Forecasting a series with an LSTM, and saying whether that was worth it."""

from __future__ import annotations

from .backtest import BackTest, Scores
from .baselines import Drift, Naive, SeasonalNaive
from .forecaster import Forecaster
from .result import Forecast
from .seasonality import Season, find_seasons

__all__ = ["BackTest", "Drift", "Forecast", "Forecaster", "Naive", "Scores", "Season", "SeasonalNaive", "find_seasons"]
