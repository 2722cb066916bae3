"""How wrong a forecast was.

All take arrays of equal shape (points of one origin or of many, in any shape) and leave out the points whose actual
value is missing. References: Hyndman and Koehler (2006), "Another look at measures of forecast accuracy", International
Journal of Forecasting 22; Makridakis, Spiliotis and Assimakopoulos (2020), "The M4 Competition", ibid. 36 (sMAPE, and
MASE with the seasonal scale); Gneiting and Raftery (2007), "Strictly proper scoring rules", JASA 102 (interval score).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError, DataError, ShapeError

__all__ = ["coverage", "interval_score", "mae", "mase", "naive_scale", "rmse", "smape"]


def _pair(actual: ArrayLike, forecast: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, f = np.asarray(actual, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
    if a.shape != f.shape:
        raise ShapeError(f"Actual values and forecast must have one shape, received {a.shape} and {f.shape}.")
    known = ~np.isnan(a)
    if not known.any():
        raise DataError("There is no actual value to compare the forecast with.")
    return a[known], f[known]


def mae(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Mean absolute error: the mean of abs(actual - forecast), in the unit of the series.

    >>> mae([1.0, 2.0, float("nan")], [2.0, 2.0, 5.0])
    0.5
    """
    a, f = _pair(actual, forecast)
    return float(np.abs(a - f).mean())


def rmse(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Root mean squared error: the root of the mean of (actual - forecast)^2, in the unit of the series.

    >>> rmse([0.0, 0.0], [3.0, 4.0])
    3.5355339059327378
    """
    a, f = _pair(actual, forecast)
    return float(np.sqrt(np.square(a - f).mean()))


def smape(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Symmetric mean absolute percentage error: the mean of 200 * abs(a - f) / (abs(a) + abs(f)), from 0 to 200.

    Where both are 0 the error is 0. Of little use where the series comes near 0.

    >>> smape([100.0, 0.0], [50.0, 0.0])
    33.333333333333336
    """
    a, f = _pair(actual, forecast)
    size = np.abs(a) + np.abs(f)
    return float((200.0 * np.abs(a - f) / np.where(size > 0, size, 1.0)).mean())


def naive_scale(history: ArrayLike, season: int = 1) -> float:
    """The mean absolute error of the (seasonal) naive forecast within the training part: what MASE is measured in.

    Args:
        history: The training part, of shape (time,), NaN where a value is missing.
        season: The lag of the naive forecast. Default 1.

    Raises:
        ArgumentError: ``season`` is below 1.
        DataError: The history is too short, or constant at that lag.
    """
    y = np.asarray(history, dtype=np.float64)
    if season < 1:
        raise ArgumentError(f"season must be at least 1, received {season}.")
    steps = np.abs(y[season:] - y[:-season])
    steps = steps[~np.isnan(steps)]
    if not steps.size:
        raise DataError(f"A history of {len(y)} points is too short for the scale of a season of {season}.")
    scale = float(steps.mean())
    if scale == 0:
        raise DataError(f"The history repeats itself exactly every {season} points: MASE has no scale.")
    return scale


def mase(actual: ArrayLike, forecast: ArrayLike, scale: float) -> float:
    """Mean absolute scaled error: `mae` over `naive_scale` of the training part. Below 1 is better than naive was.

    >>> mase([3.0, 4.0], [3.0, 5.0], scale=naive_scale([1.0, 2.0, 3.0]))
    0.5
    """
    if not scale > 0:
        raise ArgumentError(f"scale must be above 0, received {scale}.")
    return mae(actual, forecast) / scale


def coverage(actual: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float:
    """The share of actual values within their interval, from 0 to 1.

    >>> coverage([1.0, 2.0, 3.0, 9.0], [0.0] * 4, [3.0] * 4)
    0.75
    """
    a, low = _pair(actual, lower)
    _, high = _pair(actual, upper)
    return float(((low <= a) & (a <= high)).mean())


def interval_score(actual: ArrayLike, lower: ArrayLike, upper: ArrayLike, level: float) -> float:
    """The mean of width + 2 / alpha * (how far outside), with alpha = 1 - level. Rewards narrow intervals that hold.

    >>> interval_score([5.0], [0.0], [4.0], level=0.8)
    14.000000000000002
    """
    if not 0 < level < 1:
        raise ArgumentError(f"level must lie between 0 and 1, received {level}.")
    a, low = _pair(actual, lower)
    _, high = _pair(actual, upper)
    outside = np.maximum(low - a, 0.0) + np.maximum(a - high, 0.0)
    return float((high - low + 2.0 / (1.0 - level) * outside).mean())
