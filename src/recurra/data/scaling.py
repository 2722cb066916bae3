"""Bringing a series to zero mean and unit spread, fitted on the part that may be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UnknownNameError

__all__ = ["Scaler", "Transform", "choose_transform"]

Transform: TypeAlias = Literal["log", "none"]

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Scaler:
    """Standard scaling, after a logarithm where the series grows in proportion to itself.

    Attributes:
        mean: Taken off the (transformed) values.
        scale: What they are then divided by; greater than 0.
        transform: ``"log"`` or ``"none"``.
    """

    mean: float
    scale: float
    transform: Transform = "none"

    @classmethod
    def fit(cls, values: Floats, transform: Transform = "none") -> Scaler:
        """Fits mean and standard deviation to values of shape (time,), NaN left out.

        Raises:
            DataError: There is no value, all are equal, or the logarithm of one that is not positive is asked for.

        >>> Scaler.fit(np.array([1.0, 3.0, np.nan]))
        Scaler(mean=2.0, scale=1.0, transform='none')
        """
        if transform not in ("log", "none"):
            raise UnknownNameError("transform", transform, ["log", "none"])
        known = values[~np.isnan(values)]
        if not known.size:
            raise DataError("There is no value to fit a scale to.")
        if transform == "log":
            if known.min() <= 0:
                raise DataError(
                    f"The logarithm needs values above 0, received {known.min():g}. Choose transform 'none'."
                )
            known = np.log(known)
        mean, scale = float(known.mean()), float(known.std())
        if scale <= 1e-12 * max(1.0, abs(mean)):
            raise DataError(f"The series is constant ({known[0]:g} throughout): there is nothing to learn from it.")
        return cls(mean, scale, transform)

    def apply(self, values: Floats) -> Floats:
        """Values of any shape in units of the scale. With ``"log"``, values of 0 and below become NaN."""
        if self.transform == "log":
            values = np.log(np.where(values > 0, values, np.nan))
        return (values - self.mean) / self.scale

    def invert(self, scaled: Floats) -> Floats:
        """The opposite of `apply`. What an exponential would carry to infinity stays at the largest finite number."""
        values = scaled * self.scale + self.mean
        return np.exp(np.minimum(values, 700.0)) if self.transform == "log" else values

    def to_json(self) -> dict[str, Any]:
        """The attributes as a dictionary."""
        return {"mean": self.mean, "scale": self.scale, "transform": self.transform}


def choose_transform(values: Floats, season: int | None = None) -> Transform:
    """``"log"`` where the series swings in proportion to its level, else ``"none"``.

    The series is cut into blocks of one season. A logarithm pays where every value is positive, the level of the high
    blocks is at least double that of the low ones (a tenth of the blocks aside on either end), and the spread within
    blocks grows with their level: the slope of log spread over log level is above one half (Bartlett 1947: a slope of
    1 is what the logarithm makes even).

    Args:
        values: The series, of shape (time,), NaN where a value is missing.
        season: The length of a block. Default 12.
    """
    size = max(4, season or 12)
    count = len(values) // size
    known = values[~np.isnan(values)]
    if count < 5 or known.min() <= 0:
        return "none"
    blocks = values[len(values) - count * size :].reshape(count, size)
    blocks = blocks[~np.isnan(blocks).any(axis=1)]
    if len(blocks) < 5:
        return "none"
    level = blocks.mean(axis=1)
    # The trend within a block is no swing: take a straight line off each.
    position = np.arange(size) - (size - 1) / 2
    slope = blocks @ position / (position @ position)
    spread = (blocks - level[:, None] - slope[:, None] * position).std(axis=1)
    low, high = np.quantile(level, [0.1, 0.9])
    if high < 2 * low or spread.min() <= 0:
        return "none"
    x, y = np.log(level), np.log(spread)
    gradient = float(np.cov(x, y)[0, 1] / np.var(x, ddof=1))
    return "log" if gradient > 0.5 and np.corrcoef(x, y)[0, 1] > 0.5 else "none"
