from __future__ import annotations

import io
import math
import re
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.training.models import LINE_X, LINE_Y, line

from recurra.callbacks import LambdaCallback
from recurra.errors import ArgumentError
from recurra.optimizers import SGD
from recurra.training import progress
from recurra.training.progress import Bar, Lines, Reporter, format_time, reporter


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
    # Not sys itself: pytest puts its own streams there between the phases of a test.
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=stream, stdout=io.StringIO()))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return stream


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(("verbose", "kind"), [("auto", Bar), (1, Bar), (True, Bar), (2, Lines), (0, Reporter)])
def test_on_a_terminal(verbose: Any, kind: type) -> None:
    assert type(reporter(verbose, 10, 1)) is kind


@pytest.mark.parametrize(("verbose", "kind"), [("auto", Reporter), (1, Lines), (2, Lines), (0, Reporter)])
def test_elsewhere(verbose: Any, kind: type) -> None:
    assert type(reporter(verbose, 10, 1)) is kind


def test_a_dumb_terminal_gets_no_bar(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert type(reporter("auto", 10, 1)) is Reporter


def test_runs_without_epochs_show_a_bar_or_nothing(terminal: Terminal) -> None:
    assert type(reporter("auto", 10)) is Bar
    assert type(reporter(2, 10)) is Reporter


def test_wrong_verbose() -> None:
    with pytest.raises(ArgumentError, match="verbose must be"):
        reporter("loud", 1)


def test_auto_is_quiet_without_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    model = line()
    model.fit(LINE_X, LINE_Y, epochs=2)
    model.evaluate(LINE_X, LINE_Y)
    model.predict(LINE_X)
    assert capfd.readouterr() == ("", "")


def test_one_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    line(metrics=["mae"]).fit(LINE_X, LINE_Y, epochs=2, validation_split=0.4, verbose=2)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert len(lines) == 2
    assert lines[0].startswith("Epoch 1/2 - ")
    assert lines[1].startswith("Epoch 2/2 - ")
    for part in (" s - ", "steps/s", "loss ", "mae ", "val_loss ", "val_mae "):
        assert part in lines[1]


def test_the_bar_shows_epoch_loss_metrics_speed_and_remaining_time(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    monkeypatch.setattr(progress, "_INTERVAL", 0.0)
    monkeypatch.setattr(progress, "_SHARE", 0)
    line(metrics=["mae"]).fit(LINE_X, LINE_Y, epochs=3, batch_size=1, validation_split=0.4)
    shown = terminal.getvalue()
    for part in ("Epoch 1/3", "Epoch 3/3", "━", "loss ", "mae ", "steps/s", " left"):
        assert part in shown
    # The last state stays, with the values of the validation and the time that was taken.
    last = shown[shown.rindex("Epoch 3/3") :]
    assert "─" not in last
    assert "val_loss " in last
    assert "left" not in last
    assert capsys.readouterr().out == ""


def test_the_loss_of_validation_is_never_shown_as_that_of_training(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_PATIENCE", "_INTERVAL", "_SHARE"):
        monkeypatch.setattr(progress, name, 0)
    held = (LINE_X, LINE_X + 20)
    line(SGD(0.0)).fit(LINE_X, LINE_X + 1, epochs=2, validation_data=held, validation_batch_size=1)
    shown = terminal.getvalue()
    assert re.search(r"val_loss 400", shown)
    assert not re.search(r"(?<!val_)loss 400", shown)
    # The last validation stays in sight while the next epoch runs.
    assert re.search(r"Epoch 2/2.*loss 1.*val_loss 400.* left", shown)


def test_the_bar_fits_a_narrow_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    bar = Bar(terminal, 10, 2)
    bar.draw(0, 5, {"loss": 0.5, "some_long_metric": 1.0})
    bar.close()
    text = terminal.getvalue()
    assert "Epoch 1/2" in text
    from rich.text import Text

    lines = [Text.from_ansi(part).plain for part in re.split("[\r\n]", text)]
    assert max(map(len, lines)) <= 40


def test_printing_in_a_callback_goes_above_the_bar(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    monkeypatch.setattr(sys, "stdout", terminal)
    line().fit(
        LINE_X, LINE_Y, epochs=2, callbacks=LambdaCallback(on_epoch_end=lambda epoch, logs: print(f"hello {epoch}"))
    )
    assert "hello 0" in terminal.getvalue()
    assert "hello 1" in terminal.getvalue()


def test_a_short_run_draws_no_bar_but_says_how_it_ended(terminal: Terminal) -> None:
    line().fit(LINE_X, LINE_Y, epochs=2)
    lines = terminal.getvalue().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Epoch 2/2  loss ")


def test_a_short_prediction_shows_nothing(terminal: Terminal) -> None:
    line().predict(LINE_X)
    line().evaluate(LINE_X, LINE_Y)
    assert terminal.getvalue() == ""


def test_a_long_prediction_shows_a_bar_that_vanishes(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    line().predict(LINE_X, batch_size=1)
    text = terminal.getvalue()
    assert "Predicting" in text
    assert text.endswith(("\x1b[2K", "\x1b[?25h"))


def test_a_bar_is_drawn_ten_times_a_second_at_most(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(np.arange(0.0, 1000.0, 0.001).tolist())
    now = [0.0]

    def tick() -> float:
        now[0] = next(clock)
        return now[0]

    monkeypatch.setattr(progress, "perf_counter", tick)
    monkeypatch.setattr(progress, "_SHARE", 0)
    bar = Bar(terminal, 10**6, 1)
    drawn = 0
    while now[0] < 10.0:
        if tick() >= bar.due:
            bar.draw(0, 1, {"loss": 1.0})
            drawn += 1
    bar.close()
    assert 50 <= drawn <= 100


@pytest.mark.parametrize(("took", "pause"), [(0.0, 0.1), (0.002, 0.4), (0.1, 1.0)])
def test_drawing_slowly_makes_it_rarer(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, took: float, pause: float
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress, "perf_counter", lambda: now[0])
    bar = Bar(terminal, 10, 1)
    original = bar._line

    def slow(finished: bool) -> Any:
        now[0] += took
        return original(finished)

    monkeypatch.setattr(bar, "_line", slow)
    bar.draw(0, 1, {"loss": 1.0})
    assert bar.due - now[0] == pytest.approx(pause)
    bar.close()
    assert bar.due == math.inf


def test_importing_rich_does_not_count_as_drawing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress, "perf_counter", lambda: now[0])
    bar = Bar(terminal, 10, 1)
    original = bar._open

    def slow() -> None:
        now[0] += 5.0
        original()

    monkeypatch.setattr(bar, "_open", slow)
    bar.draw(0, 1, {"loss": 1.0})
    assert bar.due == pytest.approx(5.1)
    bar.close()


def test_training_without_a_bar_does_not_import_rich() -> None:
    code = (
        "import sys; sys.path[:0] = ['src', '.']\n"
        "from tests.training.models import *\n"
        "line().fit(LINE_X, LINE_Y, epochs=2, verbose=2)\n"
        "found = {'rich', 'safetensors', 'matplotlib', 'polars', 'narwhals', 'typer'} & set(sys.modules)\n"
        "assert not found, found\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (10, "0:10"),
        (59.6, "1:00"),
        (3599.9, "1:00:00"),
        (math.inf, "?"),
        (math.nan, "?"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert format_time(seconds) == text
