"""The picture of a forecast: what was, what the back-test would have said, what is to come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MissingDependencyError
from ..forecast.backtest import LSTM

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..data.series import TimeSeries
    from ..forecast import BackTest, Forecast

__all__ = ["plot_forecast"]

_HISTORY, _BACKTEST, _FORECAST = "#3b4252", "#e07b39", "#1f6fb2"
_BANDS = (0.32, 0.16, 0.09)


def plot_forecast(
    series: TimeSeries,
    forecast: Forecast,
    backtest: BackTest | None = None,
    path: str | Path | None = None,
    *,
    width: float = 11.0,
    height: float = 5.2,
    dpi: int = 150,
) -> Figure:
    """Draws history, back-test forecasts, and the forecast with its intervals.

    The history goes back about seven horizons; of the back-test, forecasts that do not overlap are shown.

    Args:
        series: The series up to now.
        forecast: What comes after it.
        backtest: What was forecast before, if anything.
        path: Where to save the picture; the ending gives the format, such as ``.png`` or ``.svg``. Default: not saved.
        width, height: In inches.
        dpi: Dots an inch.

    Returns:
        The figure.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependencyError("matplotlib", "Plots", "plot") from None
    # A figure of its own, not pyplot's: no window system is touched and nothing global is changed.
    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    horizon = len(forecast)
    shown = min(len(series), max(7 * horizon, 60))
    begin = len(series) - shown
    times = series.times
    clock = times.dtype.kind == "M"
    axes.plot(times[begin:], series.values[begin:], color=_HISTORY, linewidth=1.1, label=f"{series.name}", zorder=3)
    if backtest is not None:
        _draw_backtest(axes, backtest, times, begin)
    now = times[-1]
    for number, (level, (low, high)) in enumerate(forecast.intervals.items()):
        axes.fill_between(
            forecast.times,
            low,
            high,
            color=_FORECAST,
            alpha=_BANDS[min(number, 2)],
            linewidth=0,
            label=f"{100 * level:g} % interval",
            zorder=1,
        )
    axes.plot(forecast.times, forecast.values, color=_FORECAST, linewidth=1.8, label="forecast", zorder=5)
    axes.axvline(now, color=_HISTORY, linewidth=0.9, linestyle=(0, (4, 3)), alpha=0.7, zorder=2)
    axes.set_xlim(times[begin], forecast.times[-1])
    axes.margins(y=0.08)
    _dress(axes, clock)
    axes.set_title(_title(series, forecast), loc="left", fontsize=12.5, fontweight="bold", pad=24)
    if backtest is not None:
        axes.text(0, 1.025, _caption(backtest), transform=axes.transAxes, fontsize=9, color="#666666")
    axes.set_ylabel(series.name)
    axes.set_xlabel("" if clock else (series.time_name or "step"))
    axes.legend(loc="upper left", fontsize=8.5, ncols=5, frameon=True, framealpha=0.9, edgecolor="none")
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top + 0.10 * (top - bottom))  # room for the legend
    if path is not None:
        figure.savefig(path, dpi=dpi)
    return figure


def _draw_backtest(axes: Any, backtest: BackTest, times: Any, begin: int) -> None:
    """Forecasts that do not overlap, from the last back to where the picture begins."""
    values = backtest.forecasts[LSTM]
    horizon = values.shape[1]
    edge = int(backtest.origins[-1]) + 1
    first = True
    for row in range(len(backtest.origins) - 1, -1, -1):
        origin = int(backtest.origins[row])
        if origin + horizon >= edge + horizon or origin < begin:
            continue
        reach = np.arange(origin + 1, origin + horizon + 1)
        axes.plot(
            times[reach],
            values[row],
            color=_BACKTEST,
            linewidth=1.3,
            alpha=0.95,
            label="back-test forecast" if first else None,
            zorder=4,
        )
        axes.plot(times[reach[0]], values[row][0], "o", color=_BACKTEST, markersize=3, zorder=4)
        first = False
        edge = origin + 1 - horizon


def _dress(axes: Any, clock: bool) -> None:
    from matplotlib import dates
    from matplotlib.ticker import FuncFormatter

    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#999999")
    axes.grid(axis="y", color="#e3e3e3", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9, color="#999999")
    if clock:
        untyped: Any = dates
        locator = untyped.AutoDateLocator(minticks=5, maxticks=11)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(untyped.ConciseDateFormatter(locator))
    low, high = axes.get_ylim()
    if max(abs(low), abs(high)) >= 10_000:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _title(series: TimeSeries, forecast: Forecast) -> str:
    from ..data.series import show_time

    steps = len(forecast)
    return f"{series.name}: the next {steps} steps of {series.frequency}, to {show_time(forecast.times[-1])}"


def _caption(backtest: BackTest) -> str:
    best = backtest.best_baseline
    return (
        f"Back-test over {len(backtest.origins)} origins: MASE {backtest.scores[LSTM].mase:.3f}, "
        f"best baseline {backtest.scores[best].mase:.3f} ({best})"
    )
