"""Sliding windows over a series, as views that copy nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, DataError
from .arguments import whole_number

__all__ = ["sliding_windows"]


def sliding_windows(
    series: NDArray[Any], window: int, horizon: int = 0, step: int = 1
) -> tuple[NDArray[Any], NDArray[Any]]:
    """All windows of a series and what follows each.

    Args:
        series: Array of shape (time,) or (time, features).
        window: Points in a window, at least 1.
        horizon: Points that follow each window, 0 or more. Default 0.
        step: Points from the start of one window to the start of the next. Default 1.

    Returns:
        The windows, of shape (count, window[, features]), and what follows them, (count, horizon[, features]). Both are
        read-only views of ``series``.

    Raises:
        ArgumentError: ``window`` or ``step`` is no whole number from 1, or ``horizon`` none from 0; or ``series`` has
            another shape.
        DataError: The series is shorter than one window and what follows it.

    >>> x, y = sliding_windows(np.arange(6), window=3, horizon=1, step=2)
    >>> x.tolist(), y.tolist()
    ([[0, 1, 2], [2, 3, 4]], [[3], [5]])
    """
    series = np.asarray(series)
    window = whole_number("window", window)
    horizon = whole_number("horizon", horizon, least=0)
    step = whole_number("step", step)
    if series.ndim not in (1, 2):
        raise ArgumentError(f"series must have shape (time,) or (time, features), received shape {series.shape}.")
    size = window + horizon
    if len(series) < size:
        raise DataError(
            f"A window of {window} and a horizon of {horizon} need a series of at least {size} points, "
            f"received {len(series)}."
        )
    view = np.lib.stride_tricks.sliding_window_view(series, size, axis=0)[::step]
    if series.ndim == 2:
        view = np.moveaxis(view, -1, 1)  # (count, features, size) -> (count, size, features)
    return view[:, :window], view[:, window:]
