"""`Forecaster`: from a series to a forecast that was checked against simple ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import engines
from ..data.arguments import whole_number
from ..data.frames import Table, to_table
from ..data.frequency import Frequency
from ..data.scaling import Scaler
from ..data.series import Duplicates, TimeSeries, to_series
from ..errors import ArgumentError, DataError
from ..models import Model
from . import metrics
from .backtest import LINEAR, LSTM, BackTest, rolling_forecasts
from .baselines import baselines_for
from .inputs import Inputs
from .intervals import Errors, Intervals, phase_scale
from .preparation import Plan, lowest, make_plan, measure_unit
from .result import Forecast
from .training import Known, Settings, Trained, ask, linear_answer, train

__all__ = ["Fitted", "Forecaster"]

Floats: TypeAlias = NDArray[np.float64]

MOST_ERRORS = 600
"""Origins that errors are taken from, spread over the validation and the held-out part."""

LEAST_ERRORS = 50
"""Origins whose errors count for the intervals, where the validation part has fewer."""


@dataclass(frozen=True)
class Fitted:
    """What forecasts are made from, after `Forecaster.fit`.

    Attributes:
        networks: The trained networks, whose answers are averaged.
        scaler: From the series to the networks' units.
        inputs: What the networks see.
        intervals: The widths of the intervals.
        floor: The value that no forecast goes below, or None.
        name: What was forecast.
        frequency: The distance between its points.
        time_name: The name of its time column, or None.
    """

    networks: list[Model]
    scaler: Scaler
    inputs: Inputs
    intervals: Intervals
    floor: float | None
    name: str
    frequency: Frequency
    time_name: str | None


class Forecaster:
    """Forecasts a series with an LSTM, and says whether that was worth it.

    `fit` finds frequency and seasons, holds out the end of the series, trains on what lies before it, forecasts from
    many origins within the held-out end, compares with naive forecasts from the same origins, and then trains once
    more on everything. Nothing that is decided or fitted before the back-test has seen the held-out end.

    Args:
        horizon: Points to forecast.
        season: Points after which the series repeats itself, or several such numbers; 1 for none. Default: found.
        window: Points of the past that the network sees at once. Default: a horizon or the shortest season,
            whichever is longer.
        units: Units of the LSTM. Default 16.
        epochs: Epochs of training at most; it stops earlier when the validation part no longer gains. Default 40.
        members: Networks to train from different seeds and to average. Default 1.
        transform: ``"log"``, ``"none"``, or ``"auto"``: a logarithm where the series swings in proportion to its level.
        levels: The levels of the intervals. Default 80 and 95 percent.
        held_out: Points at the end for the back-test. Default: a fifth of the series, but not more than 28 horizons.
        step: Points from one origin of the back-test to the next. Default: half a horizon, or less for a short series.
        batch_size: Samples a training step. Default 64.
        learning_rate: Of Adam. Default 0.0003.
        patience: Epochs without a gain before training stops. Default 4.
        seed: Where random numbers start from; the same seed gives the same forecast. Default 0.
        engine: The engine to run on. Default: the usual choice.

    Raises:
        ArgumentError: An argument has a wrong value.

    Attributes:
        backtest_: The `BackTest` of the last `fit`, or None.
        series_: The series of the last `fit`, or None.

    Example:

    >>> from recurra import datasets
    >>> forecaster = Forecaster(horizon=12, epochs=2, seed=1).fit(datasets.load("air_passengers"))
    >>> forecaster.backtest_.beats_baselines
    True
    >>> forecast = forecaster.predict()
    >>> forecast.values.shape, str(forecast.times[0])[:7]
    ((12,), '1961-01')
    """

    def __init__(
        self,
        horizon: int,
        season: Any = None,
        window: int | None = None,
        *,
        units: int = 16,
        epochs: int = 40,
        members: int = 1,
        transform: str = "auto",
        levels: Sequence[float] = (0.8, 0.95),
        held_out: int | None = None,
        step: int | None = None,
        batch_size: int = 64,
        learning_rate: float = 3e-4,
        patience: int = 4,
        seed: int = 0,
        engine: str | None = None,
    ) -> None:
        self.horizon = whole_number("horizon", horizon, 1)
        self.season = season
        self.window = None if window is None else whole_number("window", window, 1)
        self.units = whole_number("units", units, 1)
        self.epochs = whole_number("epochs", epochs, 1)
        self.members = whole_number("members", members, 1)
        self.transform = transform
        self.levels = tuple(sorted(float(level) for level in levels))
        self.held_out = None if held_out is None else whole_number("held_out", held_out, 1)
        self.step = None if step is None else whole_number("step", step, 1)
        self.batch_size = whole_number("batch_size", batch_size, 1)
        self.learning_rate = float(learning_rate)
        self.patience = whole_number("patience", patience, 0)
        self.seed = whole_number("seed", seed, 0)
        self.engine = engine
        for level in self.levels:
            if not 0 < level < 1:
                raise ArgumentError(f"A level must lie between 0 and 1, such as 0.8, received {level}.")
        if engine is not None:
            engines.get(engine)
        self.series_: TimeSeries | None = None
        self.backtest_: BackTest | None = None
        self.plan_: Plan | None = None
        self.trained_: Trained | None = None
        self.seconds_: dict[str, float] = {}
        self._fitted: Fitted | None = None

    def fit(
        self,
        data: Any,
        target: str | None = None,
        time: str | None = None,
        frequency: str | Frequency | None = None,
        *,
        sort: bool = False,
        duplicates: Duplicates | None = None,
        verbose: str | int = "auto",
        say: Callable[[str], None] | None = None,
    ) -> Forecaster:
        """Back-tests, then trains on everything.

        Args:
            data: A data frame that narwhals knows (pandas, polars, pyarrow, ...), a mapping of names to arrays, a
                numpy array, or the path of a CSV or Parquet file.
            target: The column to forecast. Default: the only one beside the times.
            time: The column of times. Default: found.
            frequency: Such as ``"30min"``. Default: found.
            sort, duplicates: What to do about times out of order, and several rows of one time; see
                `recurra.data.series.to_series`.
            verbose: What training shows: ``"auto"`` for a bar on a terminal, 0 for nothing.
            say: Called with a line of text at the beginning of each stage.

        Returns:
            Itself.

        Raises:
            DataError: The data cannot be used; the message says which line and why.
            ArgumentError, UnknownNameError: An argument does not fit the data.
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        series = to_series(data, target, time, frequency, sort=sort, duplicates=duplicates)
        self.backtest(series, verbose=verbose, say=say)
        plan, trained = self.plan_, self.trained_
        assert plan is not None and trained is not None
        began = perf_counter()
        scaler = Scaler.fit(series.values, plan.scaler.transform)
        known = Known(scaler.apply(series.values))
        inputs = measure_unit(plan.inputs, known, len(series))
        origins = inputs.origins(len(series))
        if say:
            say(f"Training on all {len(series):,} points, {_epochs(trained.epochs)}")
        final = train(known, inputs, origins, None, self._settings(verbose), trained.epochs)
        self.seconds_["training on everything"] = perf_counter() - began
        # Widths are in units of the back-test's scale, which differs a little from that of the whole series.
        rescaled = {level: w * plan.scaler.scale / scaler.scale for level, w in self._widths.widths.items()}
        self._fitted = Fitted(
            final.networks,
            scaler,
            inputs,
            Intervals(rescaled),
            lowest(series.values),
            series.name,
            series.frequency,
            series.time_name,
        )
        return self

    def backtest(
        self,
        data: Any,
        target: str | None = None,
        time: str | None = None,
        frequency: str | Frequency | None = None,
        *,
        sort: bool = False,
        duplicates: Duplicates | None = None,
        verbose: str | int = "auto",
        say: Callable[[str], None] | None = None,
    ) -> BackTest:
        """Trains on the part before the held-out end and compares with the baselines. Arguments as in `fit`.

        At each origin the intervals are calibrated on the errors known by then. Those of later forecasts are calibrated
        on the last errors of all.
        """
        series = to_series(data, target, time, frequency, sort=sort, duplicates=duplicates)
        began = perf_counter()
        plan = make_plan(series, self.horizon, self.season, self.window, self.transform, self.held_out, self.step)
        split, inputs = plan.split, plan.inputs
        known = Known(plan.scaler.apply(series.values))
        if say:
            say(
                f"Back-test: training on {split.train_end:,} points, {len(split.origins)} origins in the last "
                f"{split.length - split.test_start:,}"
            )
        validation = np.arange(split.train_end - 1, split.test_start - self.horizon)
        trained = train(known, inputs, inputs.origins(split.train_end), validation, self._settings(verbose))

        errors = self._errors(known, plan, trained)
        answers = ask(trained.networks, known, inputs, split.origins)
        moves = phase_scale(known.filled, split.origins, self.horizon, inputs.anchor.season)
        bounds: dict[float, tuple[Floats, Floats]] = {
            level: (np.empty_like(answers), np.empty_like(answers)) for level in self.levels
        }
        for row, origin in enumerate(split.origins):
            around = errors.intervals(self.levels, int(origin)).around(answers[row], moves[row])
            for level, (low, high) in around.items():
                bounds[level][0][row], bounds[level][1][row] = low, high

        def invert(values: Floats) -> Floats:
            return _floored(plan.scaler.invert(values), plan.floor)

        methods = baselines_for(plan.seasons, split.train_end)
        forecasts = {LSTM: invert(answers)}
        forecasts[LINEAR] = invert(linear_answer(trained.linear, known, inputs, split.origins))
        for method in methods:
            forecasts[method.name] = rolling_forecasts(series.values, split.origins, self.horizon, method)
        scale_of_mase, lag = _mase_scale(series.values[: split.test_start], plan)
        self.backtest_ = BackTest(
            split.origins,
            _ahead(series.values, split.origins, self.horizon),
            forecasts,
            {level: (invert(low), invert(high)) for level, (low, high) in bounds.items()},
            scale_of_mase,
            lag,
            tuple(method.name for method in methods),
        )
        self._widths = errors.intervals(self.levels)
        self.series_, self.plan_, self.trained_ = series, plan, trained
        self.seconds_ = {"back-test": perf_counter() - began}
        return self.backtest_

    def predict(
        self,
        data: Any = None,
        target: str | None = None,
        time: str | None = None,
        frequency: str | Frequency | None = None,
        *,
        sort: bool = False,
        duplicates: Duplicates | None = None,
    ) -> Forecast:
        """The ``horizon`` points after the end of a series.

        Args:
            data: The series up to now, as in `fit`, or None for the one that was fitted.
            target, time: Its columns. Default: those that were fitted.
            frequency, sort, duplicates: As in `fit`.

        Raises:
            ArgumentError: Nothing was fitted, or no data was given to a forecaster that was loaded.
            DataError: The data cannot be used, is too short, or has another frequency than what was fitted.
        """
        fitted = self._require_fitted("predict")
        if data is None:
            if self.series_ is None:
                raise ArgumentError("A forecaster that was loaded holds no series. Give predict the series up to now.")
            series = self.series_
        else:
            series = self._matching(data, target, time, frequency, sort, duplicates)
        scaled = fitted.scaler.apply(series.values)
        bad = np.flatnonzero(np.isnan(scaled) & ~series.missing)
        if bad.size:
            raise DataError(
                f"The forecaster works with logarithms, but {series.name!r} is {series.values[bad[0]]:g} at point "
                f"{int(bad[0])}. Expected values above 0."
            )
        needed = fitted.inputs.first_origin + 1
        if len(series) < needed:
            raise DataError(
                f"The series is too short: {len(series)} points. "
                f"This forecaster needs the last {needed} to forecast from."
            )
        known = Known(scaled)
        origin = np.array([len(series) - 1])
        answer = ask(fitted.networks, known, fitted.inputs, origin)[0]
        moves = phase_scale(known.filled, origin, self.horizon, fitted.inputs.anchor.season)[0]

        def invert(values: Floats) -> Floats:
            return _floored(fitted.scaler.invert(values), fitted.floor)

        bounds = fitted.intervals.around(answer, moves)
        return Forecast(
            series.name,
            series.future_times(self.horizon),
            invert(answer),
            {level: (invert(low), invert(high)) for level, (low, high) in bounds.items()},
            series.frequency,
            series.time_name or "step",
        )

    def save(self, folder: str | Path) -> None:
        """Writes the fitted forecaster into a folder: ``forecaster.json`` and one model file for each network.

        Raises:
            ArgumentError: Nothing was fitted, or the folder cannot be written.
        """
        from .storage import save_forecaster

        save_forecaster(self, self._require_fitted("save"), Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Forecaster:
        """Reads a forecaster that `save` wrote. It forecasts without training; `fit` trains it anew.

        Raises:
            FormatError: There is none, or its files are damaged, cut short, of another program, or do not belong
                together.
        """
        from .storage import load_forecaster

        return load_forecaster(Path(folder))

    def columns(
        self, table: Table, target: str | None = None, time: str | None = None
    ) -> tuple[str | None, str | None]:
        """The columns of a table to forecast from: those named, else those of the same names as were fitted.

        Raises:
            ArgumentError: Nothing was fitted.
        """
        fitted = self._require_fitted("columns")
        if target is None and (fitted.name in table.columns or len(table.columns) > 2):
            target = fitted.name
        if time is None and fitted.time_name is not None and fitted.time_name in table.columns:
            time = fitted.time_name
        return target, time

    def _require_fitted(self, what: str) -> Fitted:
        if self._fitted is None:
            raise ArgumentError(f"{what} needs a fitted forecaster. Call fit first, or Forecaster.load.")
        return self._fitted

    def _matching(
        self,
        data: Any,
        target: str | None,
        time: str | None,
        frequency: str | Frequency | None,
        sort: bool,
        duplicates: Duplicates | None,
    ) -> TimeSeries:
        fitted = self._require_fitted("predict")
        if not isinstance(data, TimeSeries):
            data = to_table(data)
            target, time = self.columns(data, target, time)
        series = to_series(data, target, time, frequency, sort=sort, duplicates=duplicates)
        if series.frequency != fitted.frequency:
            raise DataError(
                f"The data has a frequency of {series.frequency}, but the forecaster was fitted at {fitted.frequency}. "
                f"Bring data of that frequency, or fit a forecaster to this data."
            )
        return series

    def _errors(self, known: Known, plan: Plan, trained: Trained) -> Errors:
        """The errors of the trained networks from origins all over the validation and the held-out part."""
        split, inputs = plan.split, plan.inputs
        origins = np.arange(split.train_end - 1, split.length - self.horizon)
        origins = origins[:: max(1, -(-len(origins) // MOST_ERRORS))]
        values = _ahead(known.values, origins, self.horizon) - ask(trained.networks, known, inputs, origins)
        scale = phase_scale(known.filled, origins, self.horizon, inputs.anchor.season)
        early = int((origins < split.test_start - self.horizon).sum())
        return Errors(origins, values, scale, max(early, LEAST_ERRORS))

    def _settings(self, verbose: str | int) -> Settings:
        return Settings(
            units=self.units,
            epochs=self.epochs,
            patience=self.patience,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            members=self.members,
            seed=self.seed,
            engine=self.engine,
            verbose=verbose,
        )


def _ahead(values: Floats, origins: NDArray[np.int64], horizon: int) -> Floats:
    return np.asarray(values[origins[:, None] + np.arange(1, horizon + 1)])


def _floored(values: Floats, floor: float | None) -> Floats:
    return values if floor is None else np.maximum(values, floor)


def _mase_scale(history: Floats, plan: Plan) -> tuple[float, int]:
    """What MASE is measured in, and the lag of that naive forecast: the shortest season, where it is not exact."""
    lag = plan.seasons[0].steps if plan.seasons else 1
    if lag > 1:
        try:
            scale = metrics.naive_scale(history, lag)
        except DataError:
            scale = 0.0
        if scale > 1e-9 * float(np.nanstd(history)):
            return scale, lag
    return metrics.naive_scale(history, 1), 1


def _epochs(counts: Sequence[int]) -> str:
    return " and ".join(f"{count} epoch{'s' * (count != 1)}" for count in dict.fromkeys(counts))
