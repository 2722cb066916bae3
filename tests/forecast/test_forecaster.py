from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recurra import datasets
from recurra.data.series import TimeSeries, to_series
from recurra.errors import ArgumentError, DataError, FormatError, UnknownNameError
from recurra.forecast import Forecaster
from recurra.forecast.backtest import LSTM
from recurra.forecast.report import report, summary
from recurra.forecast.training import Known

AIR = datasets.load("air_passengers")


def waves(count: int = 400, seed: int = 0) -> np.ndarray:
    """A series with a season of 12, a slow swing and noise."""
    random = np.random.default_rng(seed)
    steps = np.arange(count)
    return 5 + np.sin(steps * 2 * np.pi / 12) + 0.01 * steps + random.normal(size=count) * 0.3


def small(horizon: int = 4, **options: Any) -> Forecaster:
    return Forecaster(horizon, **{"units": 4, "epochs": 2, "seed": 1, **options})


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    return small(12).fit(AIR, verbose=0)


def test_air_passengers(fitted: Forecaster) -> None:
    assert fitted.backtest_ is not None
    assert fitted.plan_ is not None
    assert fitted.plan_.scaler.transform == "log"
    assert fitted.backtest_.beats_baselines
    assert fitted.backtest_.scores[LSTM].mase < 0.9
    forecast = fitted.predict()
    assert [str(time)[:7] for time in forecast.times[[0, -1]]] == ["1961-01", "1961-12"]
    assert 420 < forecast.values[0] < 500  # January 1960 had 417, and it grows
    assert forecast.values.argmax() in (6, 7)  # July or August
    (low95, high95), (low80, high80) = forecast.intervals[0.95], forecast.intervals[0.8]
    for lower, upper in ((low95, low80), (low80, forecast.values), (forecast.values, high80), (high80, high95)):
        assert (lower < upper).all()


def test_the_same_seed_gives_the_same_forecast(fitted: Forecaster) -> None:
    np.testing.assert_array_equal(small(12).fit(AIR, verbose=0).predict().values, fitted.predict().values)
    other = small(12, seed=2).fit(AIR, verbose=0).predict().values
    assert (other != fitted.predict().values).any()


@pytest.mark.parametrize("missing", [False, True])
def test_the_future_changes_nothing_that_came_before(missing: bool) -> None:
    """Altering the series after an origin alters neither training nor any forecast up to that origin."""
    values = waves()
    if missing:
        values[[50, 51, 200, 330, 331, 345, 346, 347]] = np.nan
    whole = small(season=12)
    first = whole.backtest(values, verbose=0)
    for row in (0, len(first.origins) // 2):
        altered = values.copy()
        after = int(first.origins[row]) + 1
        altered[after:] = 50 - 3 * np.nan_to_num(altered[after:], nan=4.0)
        if missing:
            altered[after] = np.nan
        second = small(season=12).backtest(altered, verbose=0)
        np.testing.assert_array_equal(first.origins, second.origins)
        for name, forecasts in first.forecasts.items():
            np.testing.assert_array_equal(forecasts[: row + 1], second.forecasts[name][: row + 1], err_msg=name)
        for level, bounds in first.intervals.items():
            for old, new in zip(bounds, second.intervals[level], strict=True):
                np.testing.assert_array_equal(old[: row + 1], new[: row + 1])
        assert (first.forecasts[LSTM][-1] != second.forecasts[LSTM][-1]).any()  # it does see its own past


def test_a_gap_is_filled_from_what_was_known_at_the_origin() -> None:
    values = np.array([0.0, 1, 2, np.nan, np.nan, 50, 60, 70, 80, 90])
    from recurra.forecast.inputs import Anchor, Inputs

    inputs = Inputs(Anchor("last"), 1, 3)
    x, anchors = Known(values).samples(inputs, np.array([2, 3, 4, 5]))
    assert anchors[:, 0].tolist() == [2, 2, 2, 50]
    np.testing.assert_allclose(x[1, :3, 0], [-1, 0, 0])
    assert Known(values).usable(np.arange(2, 7)).tolist() == [2, 5, 6]
    _, targets, weights = Known(values).training_samples(inputs, np.array([2, 5]))
    assert weights is not None
    assert weights.tolist() == [[0.0], [1.0]]
    assert targets[1, 0, 0] == 10


def test_missing_values_are_neither_scored_nor_in_the_way() -> None:
    values = waves()
    clean = small(season=12).backtest(values, verbose=0)
    values[395] = np.nan
    result = small(season=12).backtest(values, verbose=0)
    assert np.isnan(result.actual).sum() > 0
    assert np.isnan(result.actual).sum() == (clean.actual != result.actual).sum()
    assert all(np.isfinite(forecast).all() for forecast in result.forecasts.values())
    assert np.isfinite(result.scores[LSTM].mase)


def test_saved_and_loaded(fitted: Forecaster, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    expected = fitted.predict()
    forecast = loaded.predict(AIR)
    np.testing.assert_array_equal(forecast.values, expected.values)
    for level, bounds in expected.intervals.items():
        np.testing.assert_array_equal(forecast.intervals[level], bounds)
    assert (forecast.times == expected.times).all()
    assert loaded.horizon == 12
    with pytest.raises(ArgumentError, match="holds no series"):
        loaded.predict()
    shorter = {name: values[:100] for name, values in AIR.items()}
    assert str(loaded.predict(shorter).times[0])[:7] == "1957-05"


def test_several_networks_are_averaged_and_saved(tmp_path: Path) -> None:
    forecaster = small(members=2, season=12).fit(waves(200), verbose=0)
    forecaster.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "forecaster.json",
        "model.safetensors",
        "model_2.safetensors",
    ]
    again = Forecaster.load(tmp_path).predict(waves(200))
    np.testing.assert_array_equal(again.values, forecaster.predict().values)
    assert forecaster._fitted is not None
    one, two = (network.get_weights()[0] for network in forecaster._fitted.networks)
    assert (one != two).any()


def damage_json(folder: Path, change: Any) -> None:
    path = folder / "forecaster.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-9]), "cut short"),
        (lambda f: (f / "model.safetensors").write_bytes(b"other"), "is not the model"),
        (lambda f: (f / "model.safetensors").unlink(), "is missing"),
        (lambda f: (f / "forecaster.json").unlink(), "holds no forecaster"),
        (lambda f: (f / "forecaster.json").write_bytes((f / "forecaster.json").read_bytes()[:90]), "not valid JSON"),
        (lambda f: (f / "forecaster.json").write_text("[" * 100_000), "not valid JSON"),
        (lambda f: (f / "forecaster.json").write_text("[]"), "of another program"),
        (lambda f: damage_json(f, lambda c: c.update(kind="x")), "of another program"),
        (lambda f: damage_json(f, lambda c: c.update(version=9)), "version 9"),
        (lambda f: damage_json(f, lambda c: c.pop("scaler")), "damaged: KeyError"),
        (lambda f: damage_json(f, lambda c: c["scaler"].update(scale="a")), "damaged"),
        (lambda f: damage_json(f, lambda c: c["scaler"].update(scale=0)), "contradict"),
        (lambda f: damage_json(f, lambda c: c["inputs"].update(horizon=5)), "do not fit a horizon"),
        (lambda f: damage_json(f, lambda c: c["inputs"].update(window=5)), "takes inputs of shape"),
        (lambda f: damage_json(f, lambda c: c["arguments"].update(members=2)), "contradict"),
        (lambda f: damage_json(f, lambda c: c["arguments"].update(shoe_size=2)), "damaged"),
        (lambda f: damage_json(f, lambda c: c["series"]["frequency"].update(kind="moons")), "contradict"),
    ],
)
def test_damaged_files_are_refused(fitted: Forecaster, tmp_path: Path, change: Any, message: str) -> None:
    fitted.save(tmp_path)
    change(tmp_path)
    with pytest.raises(FormatError, match=message):
        Forecaster.load(tmp_path)


def test_folders_that_are_none(fitted: Forecaster, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FormatError, match="is a file"):
        Forecaster.load(tmp_path / "file")
    with pytest.raises(FormatError, match="no folder"):
        Forecaster.load(tmp_path / "nowhere")
    with pytest.raises(ArgumentError, match="Cannot make the folder"):
        fitted.save(tmp_path / "file" / "x")


def test_any_source_gives_the_same(fitted: Forecaster, tmp_path: Path) -> None:
    expected = fitted.predict().values
    months = AIR["month"].astype("datetime64[us]")
    frame = pl.DataFrame({"month": months, "passengers": AIR["passengers"]})
    frame.write_parquet(tmp_path / "air.parquet")
    for source in (frame, frame.lazy(), tmp_path / "air.parquet", datasets.path("air_passengers"), to_series(AIR)):
        np.testing.assert_array_equal(fitted.predict(source).values, expected)
    extra = frame.with_columns(other=pl.lit(1.0))
    np.testing.assert_array_equal(fitted.predict(extra).values, expected)


def test_numpy_arrays_and_numbered_steps() -> None:
    forecaster = small(season=12).fit(waves(200), verbose=0)
    forecast = forecaster.predict()
    assert forecast.times.tolist() == [200, 201, 202, 203]
    assert forecast.time_name == "step"
    assert forecaster.predict(waves(150)).times.tolist() == [150, 151, 152, 153]


def test_forecasts_of_what_is_never_negative_are_not(tmp_path: Path) -> None:
    values = np.maximum(waves() - 5 - 0.01 * np.arange(400), 0)
    forecast = small(season=12).fit(values, verbose=0).predict()
    assert min(bounds[0].min() for bounds in forecast.intervals.values()) == 0
    values[3] = -1e-9
    forecast = small(season=12).fit(values, verbose=0).predict()
    assert min(bounds[0].min() for bounds in forecast.intervals.values()) < 0


def test_a_series_that_repeats_itself_exactly() -> None:
    values = np.tile([1.0, 2.0, 5.0, 3.0], 60)
    result = small(season=4).backtest(values, verbose=0)
    assert result.scale_season == 1  # at a lag of 4 the naive forecast has no error to measure in
    assert result.scores["seasonal naive (4)"].mase == 0
    assert not result.beats_baselines
    assert "is level with" in result.verdict()


def test_result_as_columns_and_file(fitted: Forecaster, tmp_path: Path) -> None:
    forecast = fitted.predict()
    names = ["month", "forecast", "lower_80", "upper_80", "lower_95", "upper_95"]
    assert list(forecast.columns()) == names
    frame = forecast.to_frame()
    assert frame.columns == names
    forecast.to_csv(tmp_path / "forecast.csv")
    lines = (tmp_path / "forecast.csv").read_text().splitlines()
    assert lines[0] == ",".join(names)
    assert lines[1].startswith("1961-01-01,")
    read = pl.read_csv(tmp_path / "forecast.csv")
    np.testing.assert_allclose(read["lower_95"].to_numpy(), forecast.intervals[0.95][0], rtol=1e-8)
    assert len(forecast) == len(read) == 12


def test_report(fitted: Forecaster) -> None:
    content = json.loads(json.dumps(report(fitted), allow_nan=False))
    assert content["series"] == {
        "name": "passengers",
        "points": 144,
        "missing": 0,
        "frequency": "1 month",
        "start": "1949-01-01",
        "end": "1960-12-01",
        "notes": [],
    }
    assert content["found"]["seasons"] == [{"period": 12, "name": "year"}]
    assert content["back_test"]["origins"] == 9
    assert content["settings"]["seed"] == 1
    assert len(content["training"]["losses"][0]["val_loss"]) == 2
    assert "144 points, every 1 month, 1949-01-01 to 1960-12-01" in summary(fitted)
    for function in (report, summary):
        with pytest.raises(ArgumentError, match="fit first"):
            function(Forecaster(3))


def test_stages_are_said() -> None:
    said: list[str] = []
    small(season=12).fit(waves(200), verbose=0, say=said.append)
    assert len(said) == 2
    assert said[0].startswith("Back-test: training on ")
    assert said[1].startswith("Training on all 200 points, ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": 0}, "horizon must be a whole number from 1, received 0"),
        ({"horizon": 2.5}, "received 2.5"),
        ({"horizon": True}, "received True"),
        ({"window": 0}, "window"),
        ({"units": 0}, "units"),
        ({"epochs": 0}, "epochs"),
        ({"seed": -1}, "seed"),
        ({"levels": (0.8, 95)}, "level"),
        ({"engine": "cuda"}, "Unknown engine"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Forecaster(**{"horizon": 3, **options})


@pytest.mark.parametrize(
    ("data", "options", "error", "message"),
    [
        (np.full(200, 7.0), {}, DataError, "'value' is constant: all 200 values are 7"),
        (waves(20), {}, DataError, "A horizon of 4 is too large for 20 points, from 0 to 19: at most 1"),
        (waves(8), {}, DataError, "too short for any"),
        (waves(60), {"window": 40}, DataError, "too short: 60 points.*with a window of 40"),
        (waves(100), {"horizon": 40}, DataError, "at most 24"),
        (waves(100), {"season": 90}, ArgumentError, "A season of 90 points is too long"),
        (waves(200) - 20, {"transform": "log"}, DataError, "above 0"),
        (waves(200), {"transform": "cube"}, UnknownNameError, "cube"),
    ],
)
def test_series_that_cannot_be_forecast(
    data: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        small(**options).fit(data, verbose=0)


def test_predicting_from_what_does_not_fit(fitted: Forecaster) -> None:
    with pytest.raises(ArgumentError, match="predict needs a fitted forecaster"):
        Forecaster(3).predict()
    with pytest.raises(DataError, match="frequency of 1 week, but the forecaster was fitted at 1 month"):
        fitted.predict(datasets.load("co2"))
    short = {name: values[:20] for name, values in AIR.items()}
    with pytest.raises(DataError, match="20 points. This forecaster needs the last 36"):
        fitted.predict(short)
    zero = TimeSeries("passengers", np.zeros(50), np.datetime64("2020-01-01", "us"), to_series(AIR).frequency)
    with pytest.raises(DataError, match="works with logarithms"):
        fitted.predict(zero)


def test_both_engines_agree() -> None:
    forecasts = [small(season=12, engine=engine).fit(waves(200), verbose=0).predict() for engine in ("numpy", "native")]
    np.testing.assert_allclose(forecasts[0].values, forecasts[1].values, rtol=1e-4)


def test_ctrl_c_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    from recurra.training import History

    class Interrupted(History):
        def __init__(self) -> None:
            super().__init__()
            self.interrupted = True

    monkeypatch.setattr("recurra.models.Model.fit", lambda *arguments, **options: Interrupted())
    with pytest.raises(KeyboardInterrupt):
        small(season=12).fit(waves(200), verbose=0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_taxi_beats_the_daily_and_the_weekly_seasonal_naive(seed: int) -> None:
    """The promise of the demo, with three seeds; a few epochs are enough."""
    result = Forecaster(48, seed=seed, epochs=3).backtest(datasets.load("taxi"), verbose=0)
    scores = result.scores
    best = min(scores["seasonal naive (48)"].mase, scores["seasonal naive (336)"].mase)
    assert len(result.origins) == 55
    assert scores[LSTM].mase < 0.95 * best
    assert 0.7 < result.coverage[0.8] < 0.9
    assert 0.9 < result.coverage[0.95] < 0.99
