"""Bursts of work that alternate between processes, and what is made of their times."""

from __future__ import annotations

import dataclasses
import math
import random
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .cases import Case
from .peers import Peer
from .processes import Failed, LeftOut, Pool, Worker

__all__ = ["Effort", "measure", "summarize"]

Result = dict[str, Any]
"""``{"median", "low", "high", "bursts", "steps"}``: seconds a step, the quartiles, how many bursts of how many steps.
By phase also ``"shares"``, each phase's part of all the time, and ``"clock"``, how much longer a step takes for the
clock: of the fastest bursts with and without it, which noise disturbs least.
Or ``{"failed": reason}``, or ``{"left_out": reason}``."""


@dataclass(frozen=True)
class Effort:
    """How much time measuring may take.

    Attributes:
        seconds: What the bursts of one peer should add up to, as far as the first ones tell.
        burst: How long a burst should be.
        patience: The longest time one step may take; a peer that is slower is left out.
        prepare: The longest time making a model may take, compilation included.
    """

    seconds: float = 1.5
    burst: float = 0.15
    patience: float = 2.5
    prepare: float = 60.0

    def for_mode(self, mode: str) -> Effort:
        """A progress bar appears after a quarter of a second, so ``fit`` must run longer than that."""
        if mode != "fit":
            return self
        return dataclasses.replace(self, seconds=max(self.seconds, 1.2), burst=max(self.burst, 0.6))


def summarize(times: Sequence[float], steps: int = 1) -> Result:
    """Median and quartiles.

    >>> summarize([1.0, 2.0, 3.0])["median"]
    2.0
    """
    low, median, high = statistics.quantiles(times, n=4, method="inclusive") if len(times) > 1 else [times[0]] * 3
    return {"median": median, "low": low, "high": high, "bursts": len(times), "steps": steps}


@dataclass
class _Runner:
    """One peer, ready to run a case in so many bursts of so many steps."""

    peer: Peer
    worker: Worker
    steps: int
    bursts: int
    times: list[float] = field(default_factory=list)
    unclocked: list[float] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def is_due(self, number: int, rounds: int) -> bool:
        """Whether it takes part in this round, so that its bursts are spread evenly over all rounds."""
        return (number + 1) * self.bursts // rounds > number * self.bursts // rounds

    def burst(self, effort: Effort) -> None:
        took = self.worker.timed(self.steps, 4 * effort.patience + 10)
        self.times.append(took["seconds"])
        if "parts" in took:
            self.unclocked.append(took["unclocked"])
            for name, seconds in took["parts"].items():
                self.parts[name] += seconds

    def result(self) -> Result:
        result = summarize(self.times, self.steps)
        if self.parts:
            # Of all bursts together: medians of parts would not add up to anything.
            whole = sum(self.times)
            result["clock"] = min(self.times) / min(self.unclocked) - 1
            result["shares"] = {name: seconds / whole for name, seconds in self.parts.items()}
        return result


def measure(pool: Pool, peers: Sequence[Peer], mode: str, case: Case, effort: Effort) -> dict[str, Result]:
    """Times a case on all peers, burst by burst in turn.

    A machine may be slow for seconds or minutes. So that all peers meet the same of it, the few long bursts of one are
    spread over the same time as the many short ones of another; and nobody always comes after the same one.
    """
    effort = effort.for_mode(mode)
    found: dict[str, Result] = {}
    runners: list[_Runner] = []
    for peer in peers:
        with _noted(pool, peer, found):
            runners.append(_start(pool, peer, mode, case, effort))
    order = random.Random(f"{mode} {case.name}")
    rounds = max((runner.bursts for runner in runners), default=0)
    for number in range(rounds):
        turn = [runner for runner in runners if runner.is_due(number, rounds) and runner.peer.name not in found]
        for runner in order.sample(turn, len(turn)):
            with _noted(pool, runner.peer, found):
                runner.burst(effort)
    for runner in runners:
        if runner.peer.name not in found:
            found[runner.peer.name] = runner.result()
    return {peer.name: found[peer.name] for peer in peers}


def _start(pool: Pool, peer: Peer, mode: str, case: Case, effort: Effort) -> _Runner:
    """Makes the model, and finds out how many steps make a burst. The first runs warm everything up."""
    worker = pool.get(peer)
    reason = f"making the model ready takes longer than {effort.prepare:g} s"
    try:
        worker.prepare(f"{mode}, by phase" if peer.phases else mode, case.to_dict(), effort.prepare)
        reason = f"one step takes longer than {effort.patience:g} s"
        # The first step alone may compile or allocate something.
        took = min(worker.run(1, effort.patience), worker.run(1, effort.patience))
    except TimeoutError:
        pool.drop(peer)
        raise LeftOut(reason) from None
    steps = 1
    while took * steps < effort.burst / 2 and steps < 1 << 20:
        # One step says little about many: the count grows in leaps, but never by more than eight times.
        steps = min(max(2 * steps, int(effort.burst / max(took, 1e-9))), 8 * steps)
        took = worker.run(steps, 4 * effort.patience + 10)
    # By phase, a burst runs twice: with the clock and without it.
    long = max(took, 1e-9) * steps * (2 if peer.phases else 1)
    return _Runner(peer, worker, steps, max(2 if long >= 1 else 3, math.ceil(effort.seconds / long)))


@contextmanager
def _noted(pool: Pool, peer: Peer, found: dict[str, Result]) -> Iterator[None]:
    """Notes why a peer has no result instead of ending the run."""
    try:
        yield
    except LeftOut as reason:
        found[peer.name] = {"left_out": str(reason)}
    except (Failed, TimeoutError) as reason:
        found[peer.name] = {"failed": str(reason) or "it did not answer in time"}
        pool.drop(peer)
