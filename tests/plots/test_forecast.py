from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import datasets
from recurra.data.series import TimeSeries
from recurra.errors import MissingDependencyError
from recurra.forecast import BackTest, Forecast, Forecaster
from recurra.plots import plot_forecast


@pytest.fixture(scope="module")
def drawn() -> tuple[TimeSeries, Forecast, BackTest]:
    forecaster = Forecaster(12, units=4, epochs=1).fit(datasets.load("air_passengers"), verbose=0)
    assert forecaster.series_ is not None
    assert forecaster.backtest_ is not None
    return forecaster.series_, forecaster.predict(), forecaster.backtest_


def lines_of(axes: Any) -> dict[str, Any]:
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def test_the_picture_shows_what_it_says(drawn: tuple[TimeSeries, Forecast, BackTest]) -> None:
    series, forecast, backtest = drawn
    axes = plot_forecast(series, forecast, backtest).axes[0]
    lines = lines_of(axes)
    np.testing.assert_array_equal(lines["passengers"].get_ydata(), series.values[-84:])
    np.testing.assert_array_equal(lines["forecast"].get_ydata(), forecast.values)
    assert "back-test forecast" in lines
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["passengers", "back-test forecast", "80 % interval", "95 % interval", "forecast"]
    assert axes.get_title(loc="left") == "passengers: the next 12 steps of 1 month, to 1961-12-01"
    captions = [text.get_text() for text in axes.texts]
    assert captions[0].startswith("Back-test over 9 origins: MASE 0.")
    bands = [collection for collection in axes.collections if collection.get_label().endswith("interval")]
    for band, (low, high) in zip(bands, forecast.intervals.values(), strict=True):
        corners = band.get_paths()[0].vertices[:, 1]
        assert corners.min() == pytest.approx(low.min())
        assert corners.max() == pytest.approx(high.max())


def test_back_test_forecasts_do_not_overlap(drawn: tuple[TimeSeries, Forecast, BackTest]) -> None:
    series, forecast, backtest = drawn
    axes = plot_forecast(series, forecast, backtest).axes[0]
    drawn_lines = [line for line in axes.lines if line.get_color() == "#e07b39" and len(line.get_xdata()) == 12]
    assert len(drawn_lines) == 2  # the held-out part has two whole horizons
    ends = sorted((line.get_xdata()[0], line.get_xdata()[-1]) for line in drawn_lines)
    assert ends[0][1] < ends[1][0]
    assert ends[1][1] <= series.times[-1]


def test_files(drawn: tuple[TimeSeries, Forecast, BackTest], tmp_path: Path) -> None:
    plot_forecast(*drawn, path=tmp_path / "a.png", dpi=50)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    plot_forecast(*drawn[:2], path=tmp_path / "a.svg")
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()[:1000]


def test_series_without_a_clock(tmp_path: Path) -> None:
    values = 20_000 + 5000 * np.sin(np.arange(150) * 2 * np.pi / 10)
    forecaster = Forecaster(5, season=10, units=2, epochs=1).fit(values, verbose=0)
    assert forecaster.series_ is not None
    axes = plot_forecast(forecaster.series_, forecaster.predict(), path=tmp_path / "a.png", dpi=40).axes[0]
    assert axes.get_xlabel() == "step"
    assert lines_of(axes)["forecast"].get_xdata().tolist() == [150, 151, 152, 153, 154]
    assert axes.yaxis.get_major_formatter()(25000, 0) == "25,000"


def test_nothing_global_is_touched(drawn: tuple[TimeSeries, Forecast, BackTest]) -> None:
    plot_forecast(*drawn)
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_without_matplotlib(drawn: tuple[TimeSeries, Forecast, BackTest], monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"Plots need the package 'matplotlib'.*recurra\[plot\]"):
        plot_forecast(*drawn)
