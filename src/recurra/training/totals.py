"""Running means of what the batches of an epoch report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Report", "Totals"]


@dataclass(frozen=True, slots=True)
class Report:
    """One number that a graph reports for each batch.

    Attributes:
        name: What logs call it, such as ``"loss"`` or ``"accuracy"``.
        value: The graph's output that holds the mean over the batch, or the sum where there is a ``count``.
        count: The output that holds the sum of the weights. None: each sample weighs the same.
        finish: Applied to the mean over the epoch, such as a square root. None: nothing.
    """

    name: str
    value: str
    count: str | None = None
    finish: Callable[[float], float] | None = None


class Totals:
    """Adds up the reports of batches. Sums are kept in double precision.

    Args:
        reports: What the graph reports.

    Example:

    >>> totals = Totals([Report("loss", "loss")])
    >>> totals.add({"loss": np.float32(1.0)}, size=3)
    >>> totals.add({"loss": np.float32(2.0)}, size=1)
    >>> totals.result()
    {'loss': 1.25}
    """

    def __init__(self, reports: Sequence[Report]) -> None:
        self._reports = tuple(reports)
        # Outputs by the weight their values get: the batch size, or 1 for sums and counts.
        self._means = tuple(report.value for report in reports if report.count is None)
        self._sums = tuple(name for report in reports if report.count for name in (report.value, report.count))
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self._samples = 0
        self._total = dict.fromkeys((*self._means, *self._sums), 0.0)

    def add(self, outputs: Mapping[str, np.ndarray], size: int) -> None:
        """Adds the outputs of a batch of ``size`` samples."""
        total = self._total
        self._samples += size
        for name in self._means:
            total[name] += float(outputs[name]) * size
        for name in self._sums:
            total[name] += float(outputs[name])

    def add_steps(self, outputs: Mapping[str, np.ndarray], size: int) -> None:
        """Adds the outputs of several batches of ``size`` samples each, one entry a batch, as `add` one by one would.

        Example:

        >>> totals = Totals([Report("loss", "loss")])
        >>> totals.add_steps({"loss": np.array([1.0, 2.0], np.float32)}, size=3)
        >>> totals.result()
        {'loss': 1.5}
        """
        steps = 0
        for names, weight in ((self._means, size), (self._sums, 1)):
            for name in names:
                steps = len(outputs[name])
                if steps == 1:
                    self._total[name] += float(outputs[name][0]) * weight
                    continue
                values = np.empty(steps + 1)
                values[0] = self._total[name]
                np.multiply(outputs[name], weight, out=values[1:], dtype=np.float64)
                # accumulate adds from left to right, where sum would add in pairs and round elsewhere.
                self._total[name] = float(np.add.accumulate(values)[-1])
        self._samples += steps * size

    def result(self) -> dict[str, float]:
        """The means over all batches added, in the order of the reports."""
        result = {}
        for report in self._reports:
            count = self._samples if report.count is None else self._total[report.count]
            # Nothing counted (all weights 0) reports 0, as Keras does.
            mean = self._total[report.value] / count if count else 0.0
            result[report.name] = mean if report.finish is None else float(report.finish(mean))
        return result
