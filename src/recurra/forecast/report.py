"""What a forecast run says: the table on the terminal and the report for programs."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from .. import engines
from ..data.series import show_time
from ..errors import ArgumentError
from .backtest import LINEAR, LSTM, BackTest
from .forecaster import Forecaster

__all__ = ["report", "score_table", "summary"]


def summary(forecaster: Forecaster) -> str:
    """One or two lines on the series and what was found in it.

    Raises:
        ArgumentError: The forecaster was not fitted.
    """
    series, plan = forecaster.series_, forecaster.plan_
    if series is None or plan is None:
        raise ArgumentError("A summary needs a forecaster that was fitted. Call fit first.")
    seasons = " and ".join(str(season) for season in plan.seasons) or "none"
    logarithm = ", logarithm" if plan.scaler.transform == "log" else ""
    return (
        f"{series.name}: {len(series):,} points, every {series.frequency}, "
        f"{show_time(series.times[0])} to {show_time(series.times[-1])}\n"
        f"seasons: {seasons}; window: {plan.inputs.window}; horizon: {forecaster.horizon}; "
        f"starting from {plan.inputs.anchor}{logarithm}"
    )


def score_table(backtest: BackTest, file: TextIO | None = None) -> None:
    """Prints the scores of all methods, best first, as a table.

    Args:
        backtest: What the back-test found.
        file: Where to. Default: standard output.
    """
    from rich.console import Console
    from rich.table import Table

    steps = backtest.actual.shape[1]
    table = Table(
        title=f"Back-test: {len(backtest.origins)} origins, {steps} step{'s' * (steps > 1)} each",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("method", no_wrap=True)
    for name in ("MAE", "RMSE", "sMAPE %", "MASE"):
        table.add_column(name, justify="right")
    ordered = sorted(backtest.scores.items(), key=lambda item: item[1].mase)
    digits = _digits(ordered[0][1].mae)
    for name, score in ordered:
        style = {LSTM: "bold", LINEAR: "dim"}.get(name, "")
        label = f"  {name}" if name == LINEAR else name
        table.add_row(
            label,
            f"{score.mae:,.{digits}f}",
            f"{score.rmse:,.{digits}f}",
            f"{score.smape:.2f}",
            f"{score.mase:.3f}",
            style=style,
        )
    console = Console(file=file or sys.stdout, highlight=False, soft_wrap=False)
    # Where nobody watches (a pipe, a log) a table is as wide as it needs to be.
    console.print(table) if console.is_terminal else console.print(table, width=100)
    held = ", ".join(
        f"{100 * level:g} % interval held {100 * share:.1f} %" for level, share in backtest.coverage.items()
    )
    # Not through rich, which would break the line.
    print(
        f"MASE is in units of the naive error at lag {backtest.scale_season} before the held-out part; {held}.",
        file=file or sys.stdout,
    )


def report(forecaster: Forecaster) -> dict[str, Any]:
    """Everything that is known about a run, as plain numbers and text for ``report.json``.

    Raises:
        ArgumentError: The forecaster was not fitted.
    """
    series, plan, trained, backtest = (
        forecaster.series_,
        forecaster.plan_,
        forecaster.trained_,
        forecaster.backtest_,
    )
    if series is None or plan is None or trained is None or backtest is None:
        raise ArgumentError("A report needs a forecaster that was fitted. Call fit first.")
    from .. import __version__

    split, times = plan.split, series.times
    return {
        "recurra": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "engine": (engines.get(forecaster.engine) if forecaster.engine else engines.default()).name,
        "series": {
            "name": series.name,
            "points": len(series),
            "missing": int(series.missing.sum()),
            "frequency": str(series.frequency),
            "start": show_time(times[0]),
            "end": show_time(times[-1]),
            "notes": list(series.notes),
        },
        "found": {
            "seasons": [{"period": season.period, "name": season.name} for season in plan.seasons],
            "transform": plan.scaler.transform,
            "window": plan.inputs.window,
            "anchor": str(plan.inputs.anchor),
            "anchor_errors_in_validation": plan.choices,
        },
        "parts": {
            "training": [show_time(times[0]), show_time(times[split.train_end - 1])],
            "validation": [show_time(times[split.train_end]), show_time(times[split.test_start - 1])],
            "held_out": [show_time(times[split.test_start]), show_time(times[-1])],
        },
        "settings": {
            "horizon": forecaster.horizon,
            "units": forecaster.units,
            "epochs": forecaster.epochs,
            "members": forecaster.members,
            "batch_size": forecaster.batch_size,
            "learning_rate": forecaster.learning_rate,
            "patience": forecaster.patience,
            "seed": forecaster.seed,
        },
        "training": {"epochs_kept": trained.epochs, "losses": trained.history},
        "back_test": backtest.to_json(),
        "seconds": {name: round(value, 3) for name, value in forecaster.seconds_.items()},
        "platform": f"{platform.system()} {platform.machine()}, {Path(sys.executable).name}",
    }


def _digits(size: float) -> int:
    """Digits behind the point that leave three or so that matter."""
    return max(0, 2 - int(np.floor(np.log10(size)))) if size > 0 else 2
