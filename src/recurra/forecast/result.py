"""A forecast: what `Forecaster.predict` returns."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..data.frequency import Frequency, Times
from ..data.series import show_times
from ..errors import MissingDependencyError
from ..formats.atomic import replacing

__all__ = ["Forecast"]


@dataclass(frozen=True)
class Forecast:
    """A forecast of one series.

    Attributes:
        name: What is forecast.
        times: The points of time, datetime64[us], or int64 for numbered steps; of shape (horizon,).
        values: The forecast, of shape (horizon,): what lies in the middle.
        intervals: For each level, such as 0.8, the lower and upper bounds, of shape (horizon,) each.
        frequency: The distance between the points.
        time_name: What the times are called.
    """

    name: str
    times: Times
    values: NDArray[np.float64]
    intervals: Mapping[float, tuple[NDArray[np.float64], NDArray[np.float64]]]
    frequency: Frequency
    time_name: str = "step"

    def __len__(self) -> int:
        return len(self.values)

    def columns(self) -> dict[str, NDArray[Any]]:
        """The forecast as columns: the times, ``forecast``, and ``lower_80``, ``upper_80``, ... for each level."""
        columns: dict[str, NDArray[Any]] = {self.time_name: self.times, "forecast": self.values}
        for level, (lower, upper) in self.intervals.items():
            percent = f"{100 * level:g}"
            columns[f"lower_{percent}"], columns[f"upper_{percent}"] = lower, upper
        return columns

    def to_frame(self, backend: Literal["pandas", "polars", "pyarrow"] = "polars") -> Any:
        """The columns as a data frame.

        Args:
            backend: ``"polars"``, ``"pandas"`` or ``"pyarrow"``. Default ``"polars"``.

        Raises:
            MissingDependencyError: narwhals or the backend is not installed.
        """
        try:
            import narwhals

            return narwhals.from_dict(self.columns(), backend=backend).to_native()
        except ImportError as error:
            raise MissingDependencyError(error.name or backend, "Data frames", "cli") from None

    def to_csv(self, path: str | Path) -> None:
        """Writes the columns as CSV. A file that was there is replaced in one piece."""
        columns = self.columns()
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        times = show_times(self.times)
        numbers = [[f"{value:.10g}" for value in column] for column in list(columns.values())[1:]]
        writer.writerows(zip(times, *numbers, strict=True))
        with replacing(path) as file:
            file.write(text.getvalue().encode())
