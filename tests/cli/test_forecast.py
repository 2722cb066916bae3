"""The command on real files: what it writes, and how it refuses what it cannot use."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recurra import datasets
from recurra.cli import main

SOURCE = Path(__file__).parents[2] / "src"
AIR = datasets.path("air_passengers")
QUICK = ("--units", "2", "--epochs", "1", "--seed", "1")
FILES = ["forecast.csv", "forecast.png", "forecaster.json", "model.safetensors", "report.json"]


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as done:
        main(["forecast", *map(str, arguments)])
    assert isinstance(done.value.code, int)
    return done.value.code


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "air"
    assert run(AIR, "--target", "passengers", "--horizon", 12, "--output", folder, "--quiet", *QUICK) == 0
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def test_everything_is_written(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == FILES
    assert (trained / "forecast.png").read_bytes().startswith(b"\x89PNG")
    lines = (trained / "forecast.csv").read_text().splitlines()
    assert lines[0] == "month,forecast,lower_80,upper_80,lower_95,upper_95"
    assert [lines[1][:10], lines[12][:10], len(lines)] == ["1961-01-01", "1961-12-01", 13]
    report = json.loads((trained / "report.json").read_text())
    assert report["series"]["points"] == 144
    assert set(report["back_test"]["scores"]) >= {"LSTM", "naive", "seasonal naive (12)"}
    assert report["seconds"]["everything"] > 0


def test_the_terminal_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(AIR, "--target", "passengers", "--horizon", 12, *QUICK) == 0
    out = capsys.readouterr().out
    for text in (
        "passengers: 144 points, every 1 month, 1949-01-01 to 1960-12-01",
        "seasons: 12 (year)",
        "Back-test: 9 origins, 12 steps each",
        "MASE",
        "seasonal naive (12)",
        "80 % interval held",
        "The LSTM beats the best baseline",
        "Wrote forecast.csv, forecast.png, report.json, the model into air_passengers-forecast/",
    ):
        assert text in out
    assert sorted(path.name for path in (here / "air_passengers-forecast").iterdir()) == FILES


def test_quiet_is_quiet(here: Path, trained: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(AIR, "--model", trained, "--output", "out", "--quiet") == 0
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_saved_model_forecasts_the_same_without_training(
    here: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(AIR, "--model", trained, "--output", "out") == 0
    assert (here / "out" / "forecast.csv").read_bytes() == (trained / "forecast.csv").read_bytes()
    assert sorted(path.name for path in (here / "out").iterdir()) == ["forecast.csv", "forecast.png"]
    assert "without training" in capsys.readouterr().out


def test_new_data_moves_the_forecast_on(here: Path, trained: Path) -> None:
    (here / "new.csv").write_text(AIR.read_text() + "1961-01,450\n1961-02,420\n")
    assert run("new.csv", "--model", trained, "--output", "out", "--quiet", "--horizon", 12) == 0
    lines = (here / "out" / "forecast.csv").read_text().splitlines()
    assert lines[1].startswith("1961-03-01,")


def test_options_reach_the_forecaster(here: Path) -> None:
    text = AIR.read_text().replace("month,", "when;").replace(",", ";")
    (here / "data.txt").write_text(text.replace("passengers", "y"))
    options = ["--time", "when", "--frequency", "1 month", "--season", "12", "--window", 9, "--held-out", 24]
    assert run("data.txt", "--target", "y", "--horizon", 3, *options, *QUICK, "--engine", "numpy", "--quiet") == 0
    report = json.loads((here / "data-forecast" / "report.json").read_text())
    assert report["found"]["window"] == 9
    assert report["found"]["seasons"] == [{"period": 12, "name": None}]
    assert report["settings"]["units"] == 2
    assert report["engine"] == "numpy"
    assert report["parts"]["held_out"] == ["1959-01-01", "1960-12-01"]
    assert run("data.txt", "--target", "y", "--horizon", 3, "--season", "none", *QUICK, "--quiet") == 0
    report = json.loads((here / "data-forecast" / "report.json").read_text())
    assert report["found"]["seasons"] == []


def test_gaps_are_filled_and_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = AIR.read_text().splitlines()
    del lines[40]
    lines[60] = lines[60].split(",")[0] + ","
    (here / "gaps.csv").write_text("\n".join(lines))
    assert run("gaps.csv", "--target", "passengers", "--horizon", 6, *QUICK) == 0
    out = capsys.readouterr().out
    assert "note: 1 row is missing" in out
    assert "note: 1 value is missing" in out
    assert "filled with straight lines" in out
    assert "is not scored" in out


def test_rows_can_be_sorted_and_merged_when_asked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, *lines = AIR.read_text().splitlines()
    (here / "odd.csv").write_text("\n".join([head, *reversed(lines), lines[0]]))
    options = ["--sort", "--duplicates", "mean"]
    assert run("odd.csv", "--target", "passengers", "--horizon", 6, *options, *QUICK) == 0
    assert "took the mean" in capsys.readouterr().out


def text_file(change: Callable[[list[str]], list[str]]) -> Callable[[Path], list[object]]:
    def write(folder: Path) -> list[object]:
        (folder / "data.csv").write_text("\n".join(change(AIR.read_text().splitlines())) + "\n")
        return ["data.csv", "--target", "passengers", "--horizon", 6]

    return write


def arguments(*given: object) -> Callable[[Path], list[object]]:
    return lambda folder: [AIR, "--target", "passengers", "--horizon", 6, *given]


def swap(lines: list[str]) -> list[str]:
    lines[5], lines[6] = lines[6], lines[5]
    return lines


def replace(line: int, text: str) -> Callable[[list[str]], list[str]]:
    return lambda lines: [*lines[: line - 1], text, *lines[line:]]


BAD_INPUT: dict[str, tuple[Callable[[Path], list[object]], str]] = {
    "missing file": (lambda _: ["gone.csv", "--target", "y", "--horizon", 6], "There is no file gone.csv"),
    "folder": (lambda f: [f, "--target", "y", "--horizon", 6], "is a folder"),
    "missing column": (
        lambda _: [AIR, "--target", "passenger", "--horizon", 6],
        "'passenger'. Did you mean 'passengers'? Known: month, passengers",
    ),
    "missing time column": (arguments("--time", "day"), "'day'. Known: month, passengers"),
    "no target": (lambda _: [AIR, "--horizon", 6], "with --target. "),
    "no horizon": (lambda _: [AIR, "--target", "passengers"], "with --horizon"),
    "empty file": (text_file(lambda _: []), "data.csv is empty"),
    "header alone": (text_file(lambda lines: lines[:1]), "header line but no rows"),
    "text": (text_file(replace(5, "1949-04,many")), "data.csv, line 5, column 'passengers': expected a number"),
    "text as time": (text_file(replace(5, "April,129")), "line 5, column 'month': cannot read the time 'April'"),
    "cells missing": (text_file(replace(5, "1949-04")), "line 5: expected 2 cells"),
    "infinite": (text_file(replace(5, "1949-04,inf")), "line 5, column 'passengers': expected a finite number"),
    "duplicate time": (text_file(lambda lines: [*lines, lines[-1]]), "line 146, column 'month': the time 1960-12-01"),
    "unsorted times": (text_file(swap), "line 7, column 'month': the time 1949-05-01 comes after 1949-06-01"),
    "newest first": (text_file(lambda lines: [lines[0], *lines[:0:-1]]), "from the newest to the oldest"),
    "uneven times": (text_file(replace(5, "1949-04-17,129")), "cannot read the time"),
    "mostly gaps": (text_file(lambda lines: lines[:30] + lines[100:]), "Expected at most a third"),
    "all NaN": (text_file(lambda lines: [lines[0], *(line[:8] + "NaN" for line in lines[1:])]), "every cell is empty"),
    "constant": (text_file(lambda lines: [lines[0], *(line[:8] + "7" for line in lines[1:])]), "is constant"),
    "too short": (text_file(lambda lines: lines[:30]), "A horizon of 6 is too large for 29 points"),
    "long window": (arguments("--window", 120), "A horizon of 6 with a window of 120 needs at least"),
    "horizon 0": (lambda _: [AIR, "--target", "passengers", "--horizon", 0], "from 1, received 0"),
    "horizon too large": (lambda _: [AIR, "--target", "passengers", "--horizon", 90], "at most 36 can be learnt"),
    "season": (arguments("--season", "twelve"), "--season must be a number of points such as 12"),
    "long season": (arguments("--season", "140"), "A season of 140 points is too long"),
    "frequency": (arguments("--frequency", "often"), "Cannot read the frequency 'often'"),
    "fine frequency": (arguments("--frequency", "1D"), "Give a coarser frequency"),
    "duplicates": (arguments("--duplicates", "best"), "Unknown way to treat duplicates 'best'"),
    "decimal": (arguments("--decimal", "x"), "decimal must be '.' or ','"),
    "delimiter": (arguments("--delimiter", "ab"), "one character"),
    "encoding": (arguments("--encoding", "x"), "Unknown encoding 'x'"),
    "engine": (arguments("--engine", "cuda"), "Unknown engine 'cuda'"),
    "units": (arguments("--units", "0"), "units must be a whole number from 1"),
    "no model": (lambda _: [AIR, "--model", "nowhere"], "There is no folder 'nowhere'"),
    "training with a model": (
        lambda _: [AIR, "--model", "m", "--epochs", 3, "--season", 4],
        "--season, --epochs belong",
    ),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input(case: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One message, exit code 2, no traceback, and earlier output as it was."""
    make, message = BAD_INPUT[case]
    given = make(here)
    (here / "out").mkdir()
    (here / "out" / "forecast.csv").write_text("earlier")
    assert run(*given, "--output", "out") == 2
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("recurra: ")
    assert message in lines[0]
    assert "Traceback" not in captured.out
    assert [path.name for path in (here / "out").iterdir()] == ["forecast.csv"]
    assert (here / "out" / "forecast.csv").read_text() == "earlier"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:500]), "cut short"),
        (lambda f: shutil.copy(f / "forecast.png", f / "model.safetensors"), "of another forecast"),
        (lambda f: (f / "forecaster.json").write_text('{"kind": "toaster"}'), "of another program"),
        (lambda f: (f / "forecaster.json").unlink(), "holds no forecaster"),
    ],
)
def test_damaged_models(
    damage: Callable[[Path], object], message: str, here: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained, here / "model")
    damage(here / "model")
    assert run(AIR, "--model", "model", "--output", "out") == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not (here / "out").exists()


def test_a_model_of_other_data(here: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(datasets.path("co2"), "--model", trained) == 2
    assert "frequency of 1 week, but the forecaster was fitted at 1 month" in capsys.readouterr().err
    assert run(AIR, "--model", trained, "--horizon", 5) == 2
    assert "forecasts 12 points, --horizon asks for 5" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["file", "file/deeper", "/proc/nowhere"])
def test_places_that_cannot_be_written(place: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "file").write_text("mine")
    assert run(AIR, "--target", "passengers", "--horizon", 6, "--output", place, *QUICK) == 2
    captured = capsys.readouterr()
    assert "Cannot" in captured.err
    assert "Training" not in captured.out  # it is noticed before the work
    assert (here / "file").read_text() == "mine"


def test_without_matplotlib_the_rest_is_written(here: Path, trained: Path) -> None:
    (here / "matplotlib.py").write_text("raise ImportError('gone')")
    done = command(here, AIR, "--model", trained, "--output", "out", PYTHONPATH=f"{here}{os.pathsep}{SOURCE}")
    out, err = done.communicate(timeout=60)
    assert (done.returncode, err) == (0, "")
    assert "note: no picture: Plots need the package 'matplotlib'" in out
    assert [path.name for path in (here / "out").iterdir()] == ["forecast.csv"]


def command(folder: Path, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "recurra.cli", "forecast", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c(here: Path) -> None:
    """A real signal in the middle of training: exit code 130, nothing left behind."""
    options = ["--target", "passengers", "--horizon", 48, "--units", 256, "--output", "out"]
    done = command(here, datasets.path("taxi"), *options)
    assert done.stdout is not None
    assert done.stdout.readline().startswith("Back-test: training")
    time.sleep(0.3)
    done.send_signal(signal.SIGINT)
    _, err = done.communicate(timeout=60)
    assert done.returncode == 130
    assert err.splitlines()[-1] == "recurra: interrupted; nothing was written."
    assert "Traceback" not in err
    assert list(here.iterdir()) == []


def test_bad_input_as_a_process(here: Path) -> None:
    done = command(here, "gone.csv", "--target", "y", "--horizon", 3)
    out, err = done.communicate(timeout=60)
    assert (done.returncode, out) == (2, "")
    assert err == "recurra: There is no file gone.csv. Expected a CSV or Parquet file.\n"
