"""What the network sees: windows of the past and what is known of the future, as differences from a plain forecast.

For an origin t (the last known point), with P points of window and H of horizon, one sample is a sequence of P + H
steps. The network forecasts how the last H of them differ from the `Anchor`, a forecast anyone could make without it:

- ``"season"``: the mean of the same phase in the last K seasons,
- ``"last"``: the value at the origin,
- ``"mean"``: the mean of the training part.

Differences from it are small, even, and free of trend, which is what a network of saturating units extrapolates well.
Nothing after the origin is ever read: every season is reached back for by as many cycles as the horizon needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, FormatError
from .seasonality import Season

__all__ = ["Anchor", "AnchorKind", "Inputs"]

Floats: TypeAlias = NDArray[np.float64]
Origins: TypeAlias = NDArray[np.int64]
AnchorKind: TypeAlias = Literal["last", "mean", "season"]


@dataclass(frozen=True)
class Anchor:
    """The plain forecast that the network corrects.

    Attributes:
        kind: See above.
        season: For ``"season"``: which.
        cycles: For ``"season"``: over how many of them the mean is taken.
    """

    kind: AnchorKind
    season: Season | None = None
    cycles: int = 0

    def reach(self, horizon: int) -> int:
        """How many points up to and including the origin are read for the anchors of a horizon."""
        if self.season is None:
            return 1
        furthest = self.season.lag(self.season.cycles(horizon) + self.cycles - 1) - np.arange(horizon)
        return int(furthest.max())

    def __str__(self) -> str:
        if self.season is None:
            return {"last": "the last value", "mean": "the mean"}[self.kind]
        return (
            f"the mean of the last {self.cycles} seasons of {self.season}"
            if self.cycles > 1
            else f"the last season of {self.season}"
        )

    def to_json(self) -> dict[str, Any]:
        """The attributes as a dictionary that `from_json` reads."""
        return {"kind": self.kind, "cycles": self.cycles, "season": asdict(self.season) if self.season else None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Anchor:
        """The opposite of `to_json`."""
        season = Season(**data["season"]) if data["season"] else None
        if data["kind"] not in ("last", "mean", "season") or (data["kind"] == "season") != (season is not None):
            raise FormatError(f"Unknown anchor {data['kind']!r}.")
        return cls(data["kind"], season, int(data["cycles"]))


@dataclass(frozen=True)
class Inputs:
    """Makes samples of a scaled series.

    Attributes:
        anchor: What the forecast is a difference from.
        horizon: H, the points to forecast.
        window: P, the points of the past.
        unit: The typical size of a difference, which they are divided by.
    """

    anchor: Anchor
    horizon: int
    window: int
    unit: float = 1.0

    @property
    def features(self) -> int:
        """The number of values in each step of a sample.

        Three: the difference at a past step (0 in the future), 1 for a past step and 0 for a future one, and how far
        into the horizon a step lies. With a season also its profile, and, of two cycles or more, how each differed.
        """
        if self.anchor.season is None:
            return 3
        return 4 + (self.anchor.cycles if self.anchor.cycles > 1 else 0)

    @property
    def first_origin(self) -> int:
        """The first index that can be an origin: everything a sample needs lies at or before it."""
        past = int(self.anchor.season.lag(self.anchor.cycles)) if self.anchor.season else 0
        return max(past + self.window, self.anchor.reach(self.horizon)) - 1

    def origins(self, length: int) -> Origins:
        """All origins of a series of ``length`` points whose whole horizon lies within it."""
        return np.arange(self.first_origin, length - self.horizon)

    def anchors(self, series: Floats, origins: Origins) -> Floats:
        """The plain forecast of each origin: shape (origins, horizon)."""
        return self._parts(series, origins)[1][:, self.window :]

    def samples(self, series: Floats, origins: Origins) -> tuple[NDArray[np.float32], Floats]:
        """The network's inputs and the plain forecasts.

        Args:
            series: The scaled series without gaps, of shape (time,). Only what lies at or before an origin is read.
            origins: Indices, of shape (origins,), none before `first_origin`.

        Returns:
            Inputs of shape (origins, window + horizon, features), and anchors of shape (origins, horizon).
        """
        if len(origins) and (int(origins.min()) < self.first_origin or int(origins.max()) >= len(series)):
            raise DataError(
                f"A forecast needs {self.first_origin + 1} points of history, received {int(origins.min()) + 1}."
            )
        past, anchor, cycles = self._parts(series, origins)
        x = np.zeros((len(origins), self.window + self.horizon, self.features), dtype=np.float32)
        x[:, : self.window, 0] = (past - anchor[:, : self.window]) / self.unit
        x[:, : self.window, 1] = 1.0
        x[:, self.window :, 2] = np.arange(1, self.horizon + 1) / self.horizon
        if self.anchor.season is not None:
            x[:, :, 3] = anchor - anchor.mean(axis=1, keepdims=True)
            if self.anchor.cycles > 1:
                x[:, :, 4:] = (cycles - anchor[:, :, None]) / self.unit
        return x, anchor[:, self.window :]

    def targets(self, series: Floats, origins: Origins) -> NDArray[np.float32]:
        """What the network should answer: differences of shape (origins, horizon, 1)."""
        actual = series[origins[:, None] + np.arange(1, self.horizon + 1)]
        return np.asarray((actual - self.anchors(series, origins)) / self.unit, dtype=np.float32)[:, :, None]

    def _parts(self, series: Floats, origins: Origins) -> tuple[Floats, Floats, Floats]:
        """Past values (origins, P), anchors (origins, P + H), and the cycles under them (origins, P + H, K)."""
        steps = np.arange(1 - self.window, self.horizon + 1)
        index = origins[:, None] + steps
        past = series[index[:, : self.window]]
        season = self.anchor.season
        if season is None:
            level = series[origins] if self.anchor.kind == "last" else np.zeros(len(origins))
            anchor = np.broadcast_to(level[:, None], index.shape)
            return past, anchor, np.empty((*index.shape, 0))
        nearest = np.concatenate([np.ones(self.window, dtype=np.int64), season.cycles(self.horizon)])
        lags = season.lag(nearest[:, None] + np.arange(self.anchor.cycles))  # (P + H, K)
        cycles = series[index[:, :, None] - lags]
        return past, cycles.mean(axis=2), cycles
