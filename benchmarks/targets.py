"""What is to be reached: how many times as fast as others, for every case, in one run."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cases import CASES
from .peers import PEERS

__all__ = ["TARGETS", "Outcome", "Target", "best", "outcomes", "tried"]


@dataclass(frozen=True)
class Target:
    """One row of the table.

    Attributes:
        title: What is compared.
        mode: Which measurement.
        own: Which recurra.
        against: The peers, the fastest of which counts; None: all of the first table but reduced precision.
        ratios: The ratio to reach, by case.
    """

    title: str
    mode: str
    own: str
    against: tuple[str, ...] | None
    ratios: Mapping[str, float]


def _row(*ratios: float) -> dict[str, float]:
    return dict(zip(list(CASES)[-len(ratios) :], ratios, strict=True))


_TORCH = ("torch", "torch 1 thread")
TARGETS = (
    Target("training step: best peer", "train_step", "recurra", None, _row(150, 7.5, 2.8, 1.6, 1.5)),
    Target("fit with progress bar: loop of torch", "fit", "recurra", _TORCH, _row(200, 8, 2.8, 1.6, 1.5)),
    Target("training step, bf16x3: torch float32", "train_step", "recurra bf16x3", _TORCH, _row(3, 2.5, 3.5)),
    Target(
        "training step, bf16: torch autocast",
        "train_step",
        "recurra bf16",
        ("torch bf16 autocast",),
        _row(2.5, 2.7, 2.2),
    ),
    Target("inference: best peer", "predict", "recurra", None, _row(30, 4, 2.3, 1.35, 1.2)),
    Target("streaming: best peer", "stream", "recurra", None, _row(50, 40, 17, 6, 1.5)),
)


@dataclass(frozen=True)
class Outcome:
    """One cell: the ratio to reach, that measured (None where there is none, with the reason), and the peer."""

    target: Target
    case: str
    wanted: float
    ratio: float | None
    peer: str = ""
    reason: str = ""

    @property
    def met(self) -> bool:
        return self.ratio is not None and self.ratio >= self.wanted


def best(measured: Mapping[str, Mapping[str, Any]], against: tuple[str, ...] | None = None) -> str | None:
    """The fastest of these peers, or of all that are compared; None where none was measured."""
    names = [
        name
        for name, result in measured.items()
        if "median" in result
        and (name in against if against is not None else name in PEERS and PEERS[name].compared and not PEERS[name].own)
    ]
    return min(names, key=lambda name: measured[name]["median"], default=None)


def outcomes(modes: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]) -> list[Outcome]:
    """Compares what was measured (by mode, case and peer) with the targets."""
    found = []
    for target in TARGETS:
        for case, wanted in target.ratios.items():
            measured = modes.get(target.mode, {}).get(case)
            if measured is None:
                continue
            own = measured.get(target.own, {"left_out": "not asked for"})
            peer = best(measured, target.against)
            if "median" not in own:
                reason = own.get("left_out") or own.get("failed", "")
                found.append(Outcome(target, case, wanted, None, reason=reason))
            elif peer is None:
                found.append(Outcome(target, case, wanted, None, reason="no peer was measured"))
            else:
                ratio = measured[peer]["median"] / own["median"]
                found.append(Outcome(target, case, wanted, ratio, peer))
    return found


def tried(target: Target, case: str | None = None) -> str:
    """What was done to reach a row of the table, or one cell of it, beyond that: from ``tried.toml``."""
    return _notes().get(_key(target), {}).get(case or "all", "")


def _key(target: Target) -> str:
    return " ".join([target.mode, *target.own.split()[1:]])


@functools.cache
def _notes() -> Mapping[str, Mapping[str, str]]:
    """By row and case.

    Raises:
        ValueError: The file names a row or a case that the table does not have.
    """
    found = tomllib.loads(Path(__file__).with_name("tried.toml").read_text(encoding="utf-8"))
    cells = {_key(target): {"all", *target.ratios} for target in TARGETS}
    for row, texts in found.items():
        if not set(texts) <= cells.get(row, set()):
            raise ValueError(f"tried.toml: there is no cell for '{row}' and {sorted(texts)}.")
    return found
