"""Small real series that ship with recurra: for examples, tests and the demo. `README.md` beside them says whence."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UnknownNameError

__all__ = ["load", "names", "path"]

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The names of the series.

    >>> names()
    ['air_passengers', 'co2', 'sunspots', 'taxi']
    """
    return sorted(file.stem for file in _FOLDER.glob("*.csv"))


def path(name: str) -> Path:
    """Where the CSV file of a series is.

    Args:
        name: One of `names()`.

    Raises:
        UnknownNameError: There is no such series.

    >>> path("taxi").name
    'taxi.csv'
    """
    if name not in names():
        raise UnknownNameError("dataset", name, names())
    return _FOLDER / f"{name}.csv"


def load(name: str) -> dict[str, NDArray[np.generic]]:
    """The columns of a series: the times as text (as in the file), the values as float64 with NaN where one is missing.

    The dictionary can be given to `recurra.forecast.Forecaster` as it is.

    Args:
        name: One of `names()`.

    Raises:
        UnknownNameError: There is no such series.

    >>> taxi = load("taxi")
    >>> {column: (values.shape, values.dtype.kind) for column, values in taxi.items()}
    {'time': ((10320,), 'U'), 'passengers': ((10320,), 'f')}
    >>> print(taxi["time"][0], taxi["passengers"][0])
    2014-07-01 00:00:00 10844.0
    """
    with path(name).open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    time, value = zip(*rows, strict=True)
    return {header[0]: np.array(time), header[1]: np.array([float(text or "nan") for text in value])}
