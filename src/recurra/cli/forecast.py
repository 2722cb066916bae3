"""``recurra forecast``: from a file to a folder with model, forecast, picture and report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from ..data.frames import read_table
from ..data.series import DUPLICATES, TimeSeries, to_series
from ..errors import ArgumentError, MissingDependencyError, UnknownNameError
from ..forecast import BackTest, Forecast, Forecaster
from ..forecast.report import report, score_table, summary
from .output import output_folder

__all__ = ["Request", "run_forecast"]

_TRAINING_OPTIONS = ("season", "window", "units", "epochs", "seed", "held_out", "engine")


@dataclass(frozen=True)
class Request:
    """The options of the command as they were given; None where one was not. See ``recurra forecast --help``."""

    data: Path
    target: str | None
    horizon: int | None
    time: str | None
    frequency: str | None
    season: str | None
    window: int | None
    units: int | None
    epochs: int | None
    seed: int | None
    held_out: int | None
    output: Path | None
    model: Path | None
    sort: bool
    duplicates: str | None
    decimal: str | None
    delimiter: str | None
    encoding: str
    engine: str | None
    quiet: bool

    @property
    def folder(self) -> Path:
        """The output folder."""
        return self.output or Path(f"{self.data.stem}-forecast")


def run_forecast(request: Request) -> None:
    """Runs the command.

    Raises:
        RecurraError: The input or the options cannot be used; the message is for the user.
        KeyboardInterrupt: Ctrl-C was pressed; nothing was written.
    """
    began = perf_counter()
    forecaster = _load(request) if request.model else _make(request)
    series = _read(request, forecaster if request.model else None)
    say = _silent if request.quiet else _print
    for note in series.notes:
        say(f"note: {note}")
    if series.missing.any():
        say("note: what is missing was filled with straight lines to train and forecast from, and is not scored")
    with output_folder(request.folder) as folder:
        if request.model:
            forecast, backtest = forecaster.predict(series), None
            say(f"{series.name}: {len(series):,} points; forecast with the model in {request.model}, without training")
        else:
            forecaster.fit(series, verbose=0 if request.quiet else "auto", say=say)
            forecast, backtest = forecaster.predict(), forecaster.backtest_
            forecaster.save(folder)
            if not request.quiet:
                assert backtest is not None
                print()
                print(summary(forecaster))
                score_table(backtest)
                print(backtest.verdict())
                print()
        forecast.to_csv(folder / "forecast.csv")
        drawn = _draw(series, forecast, backtest, folder, say)
        written = ["forecast.csv"] + ["forecast.png"] * drawn
        if not request.model:
            written += ["report.json", "the model"]
            content = report(forecaster)
            content["seconds"]["everything"] = round(perf_counter() - began, 3)
            text = json.dumps(content, indent=1, allow_nan=False)
            (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    say(f"Wrote {', '.join(written)} into {request.folder}/ in {perf_counter() - began:.1f} s")


def _make(request: Request) -> Forecaster:
    if request.target is None:
        names = [repr(name) for name in read_table(request.data, request.delimiter, request.encoding).columns]
        raise ArgumentError(f"Name the column to forecast with --target. {request.data} has: {', '.join(names)}.")
    if request.horizon is None:
        raise ArgumentError("Say how many points to forecast with --horizon, such as --horizon 48.")
    options: dict[str, Any] = {
        name: getattr(request, name)
        for name in ("window", "units", "epochs", "seed", "held_out", "engine")
        if getattr(request, name) is not None
    }
    return Forecaster(request.horizon, _season(request.season), **options)


def _load(request: Request) -> Forecaster:
    given = [f"--{name.replace('_', '-')}" for name in _TRAINING_OPTIONS if getattr(request, name) is not None]
    if given:
        raise ArgumentError(f"{', '.join(given)} belong to training, which --model does without. Leave them out.")
    assert request.model is not None
    forecaster = Forecaster.load(request.model)
    if request.horizon not in (None, forecaster.horizon):
        raise ArgumentError(
            f"The model in '{request.model}' forecasts {forecaster.horizon} points, --horizon asks for "
            f"{request.horizon}. Leave --horizon out, or train a model for it."
        )
    return forecaster


def _season(text: str | None) -> Any:
    if text is None:
        return None
    if text.strip().lower() in ("none", "no", "1", "0"):
        return 1
    try:
        return [float(part) if "." in part else int(part) for part in text.split(",")]
    except ValueError:
        raise ArgumentError(
            f"--season must be a number of points such as 12, several such as 48,336, or none; received {text!r}."
        ) from None


def _read(request: Request, loaded: Forecaster | None) -> TimeSeries:
    table = read_table(request.data, request.delimiter, request.encoding)
    target, time = request.target, request.time
    if loaded is not None:
        target, time = loaded.columns(table, target, time)
    if request.duplicates is not None and request.duplicates not in DUPLICATES:
        raise UnknownNameError("way to treat duplicates", request.duplicates, DUPLICATES)
    return to_series(
        table,
        target,
        time,
        request.frequency,
        sort=request.sort,
        duplicates=request.duplicates,
        decimal=request.decimal,
    )


def _draw(series: TimeSeries, forecast: Forecast, backtest: BackTest | None, folder: Path, say: Any) -> bool:
    from ..plots import plot_forecast

    try:
        plot_forecast(series, forecast, backtest, folder / "forecast.png")
    except MissingDependencyError as error:
        say(f"note: no picture: {error}")
        return False
    return True


def _print(line: str) -> None:
    print(line, flush=True)


def _silent(line: str) -> None:
    pass
