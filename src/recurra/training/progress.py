"""What a run shows of itself: a bar on a terminal, one line an epoch, or nothing.

A run asks a reporter after each step only whether the clock passed `Reporter.due`; drawing happens at most ten
times a second, and less often where drawing is slow, so that it takes under half a percent of the time. rich is
imported when the first bar is drawn, which a run of a fraction of a second never does.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from time import perf_counter
from typing import Any, TextIO

from ..errors import ArgumentError

__all__ = ["Bar", "Lines", "Reporter", "format_logs", "format_time", "reporter"]

_INTERVAL = 0.1
_PATIENCE = 0.25
_LONGEST = 1.0
_SHARE = 200  # a drawing that takes t is followed by at least 200 t without one, but never by more than a second


class Reporter:
    """Shows nothing; the base of those that show something.

    Attributes:
        due: The time, as `time.perf_counter` tells it, from which `draw` wants to be called again.
    """

    due: float = math.inf

    def draw(self, epoch: int, done: int, logs: Mapping[str, float]) -> None:
        """Shows the state after ``done`` steps of the whole run."""

    def epoch_end(self, epoch: int, steps: int, done: int, logs: Mapping[str, float]) -> None:
        """Called after each epoch of ``steps`` training steps, ``done`` steps after the beginning of the run."""

    def note(self, message: str) -> None:
        """Says something that matters even to those who asked for silence about progress."""
        print(message, file=sys.stderr)

    def close(self, logs: Mapping[str, float] | None = None) -> None:
        """Ends the display."""


class Lines(Reporter):
    """Prints one line after each epoch to standard output."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._since = perf_counter()

    def epoch_end(self, epoch: int, steps: int, done: int, logs: Mapping[str, float]) -> None:
        """Prints the line."""
        now = perf_counter()
        seconds, self._since = now - self._since, now
        parts = (
            f"Epoch {epoch + 1}/{self._epochs}",
            f"{seconds:.2f} s",
            _rate(steps, seconds),
            format_logs(logs, " - "),
        )
        print(" - ".join(parts), flush=True)


class Bar(Reporter):
    """One live line for the whole run: epoch, bar, loss and metrics, steps a second, remaining time.

    Args:
        stream: A terminal.
        total: Steps of the whole run.
        epochs: Epochs of the whole run, or None where the run has none.
        title: What is shown where there are no epochs, such as ``"Predicting"``.
        keep: Whether the line stays when the run is over. Default True.
    """

    def __init__(
        self, stream: TextIO, total: int, epochs: int | None = None, title: str = "", keep: bool = True
    ) -> None:
        self._stream = stream
        self._total = max(total, 1)
        self._epochs = epochs
        self._title = title
        self._keep = keep
        self._live: Any = None
        self._began = perf_counter()
        self._state: tuple[int, int, Mapping[str, float]] = (0, 0, {})
        self._validated: Mapping[str, float] = {}  # shown until the next validation
        self.due = self._began + _PATIENCE

    def draw(self, epoch: int, done: int, logs: Mapping[str, float]) -> None:
        """Draws the line anew."""
        self._state = (epoch, done, {**logs, **self._validated})
        if self._live is None:
            self._open()
        start = perf_counter()  # after rich was imported, which happens once
        self._live.update(self._line(finished=False), refresh=True)
        now = perf_counter()
        self.due = now + min(max(_INTERVAL, _SHARE * (now - start)), _LONGEST)

    def epoch_end(self, epoch: int, steps: int, done: int, logs: Mapping[str, float]) -> None:
        """Keeps the values, so that the last line shows them."""
        self._state = (epoch, done, logs)
        self._validated = {name: value for name, value in logs.items() if name.startswith("val_")}

    def note(self, message: str) -> None:
        """Prints the message above the bar."""
        if self._live is None:
            print(message, file=self._stream)
        else:
            self._live.console.print(message, highlight=False, markup=False)

    def close(self, logs: Mapping[str, float] | None = None) -> None:
        """Leaves the last state on the screen, or nothing where the line is not kept."""
        self.due = math.inf
        if logs:
            self._state = (*self._state[:2], logs)
        if self._live is not None:
            self._live.update(self._line(finished=True), refresh=self._keep)
            self._live.stop()
            self._live = None
        elif self._keep:
            epoch, _, logs = self._state
            print(f"{self._name(epoch)}  {format_logs(logs)}  {self._elapsed()}", file=self._stream, flush=True)

    def _open(self) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=self._stream)
        self._live = Live(console=console, auto_refresh=False, transient=not self._keep)
        self._live.start()

    def _name(self, epoch: int) -> str:
        return self._title if self._epochs is None else f"Epoch {epoch + 1:>{len(str(self._epochs))}}/{self._epochs}"

    def _elapsed(self) -> str:
        return format_time(perf_counter() - self._began)

    def _line(self, finished: bool) -> Any:
        from rich.text import Text

        epoch, done, logs = self._state
        seconds = perf_counter() - self._began
        rest = seconds / done * (self._total - done) if done else math.nan
        name = self._name(epoch)
        time = format_time(seconds) if finished else f"{format_time(rest)} left"
        tail = f"{_rate(done, seconds)}  {time}"
        values = format_logs(logs)
        console = self._live.console
        room = console.width - len(name) - len(values) - 7
        if room - len(tail) < 8:
            tail = time  # where the line is short, the speed goes first
        width = max(8, min(30, room - len(tail)))
        full, empty = ("#", ".") if console.options.ascii_only else ("━", "─")
        filled = min(width, int(width * done / self._total))
        return Text.assemble(
            (name, "bold"),
            "  ",
            (full * filled, "cyan"),
            (empty * (width - filled), "bright_black"),
            f"  {values}" if values else "",
            ("  " + tail, "bright_black"),
            no_wrap=True,
            overflow="ellipsis",
        )


def reporter(verbose: Any, steps: int, epochs: int | None = None, title: str = "") -> Reporter:
    """Chooses what a run shows.

    Args:
        verbose: ``"auto"``: a bar on a terminal, otherwise nothing. 0: nothing. 1: a bar on a terminal, otherwise one
            line an epoch. 2: one line an epoch.
        steps: Steps of the whole run.
        epochs: Epochs of the whole run; None for runs without epochs, whose bar vanishes at the end.
        title: What the bar of a run without epochs is called.

    Raises:
        ArgumentError: ``verbose`` is something else.
    """
    if verbose not in ("auto", 0, 1, 2):
        raise ArgumentError(
            f"verbose must be 'auto', 0 (silent), 1 (bar) or 2 (one line an epoch), received {verbose!r}."
        )
    stream = _terminal() if verbose in ("auto", 1) else None
    if stream is not None:
        return Bar(stream, steps, epochs, title, keep=epochs is not None)
    return Lines(epochs) if verbose in (1, 2) and epochs is not None else Reporter()


def format_logs(logs: Mapping[str, float], separator: str = "  ") -> str:
    """Writes losses and metrics for people.

    >>> format_logs({"loss": 0.0123456, "accuracy": 1.0})
    'loss 0.01235  accuracy 1'
    """
    return separator.join(f"{name} {value:.4g}" for name, value in logs.items())


def format_time(seconds: float) -> str:
    """Writes a duration for people.

    >>> format_time(5.25), format_time(75), format_time(7384), format_time(float("nan"))
    ('5.2 s', '1:15', '2:03:04', '?')
    """
    if not math.isfinite(seconds):
        return "?"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}"


def _rate(steps: int, seconds: float) -> str:
    rate = steps / seconds if seconds > 0 else 0.0
    return f"{rate:,.0f} steps/s" if rate >= 10 else f"{rate:.2g} steps/s"


def _terminal() -> TextIO | None:
    """Standard error if it is a terminal, otherwise standard output if it is one."""
    if os.environ.get("TERM") == "dumb":
        return None
    for stream in (sys.stderr, sys.stdout):
        if stream is not None and hasattr(stream, "isatty") and stream.isatty():
            return stream
    return None
