"""The models that are timed: (batch, time, features, units, LSTM layers, outputs)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """One model and its batch. With ``classes`` it predicts one of ``outputs`` classes at every step."""

    name: str
    batch: int
    time: int
    features: int
    units: int
    layers: int
    outputs: int
    meaning: str
    classes: bool = False

    def data(self, batches: int) -> tuple[np.ndarray, np.ndarray]:
        """Random inputs and targets for so many batches."""
        draw = np.random.default_rng(0)
        rows = self.batch * batches
        if self.classes:
            letters = draw.integers(0, self.features, (rows, self.time))
            x = np.zeros((rows, self.time, self.features), np.float32)
            np.put_along_axis(x, letters[..., None], 1.0, axis=-1)
            return x, draw.integers(0, self.outputs, (rows, self.time)).astype(np.int32)
        x = draw.standard_normal((rows, self.time, self.features), dtype=np.float32)
        return x, draw.standard_normal((rows, self.outputs), dtype=np.float32)


CASES = {
    case.name: case
    for case in (
        Case("seed", 2, 1, 1, 16, 1, 1, "the model of the article"),
        Case("ts32", 32, 30, 1, 32, 1, 1, "a small series of numbers"),
        Case("ts64", 64, 100, 8, 64, 1, 1, "a series of several numbers"),
        Case("char128", 50, 50, 65, 128, 2, 65, "a model of text, letter by letter", classes=True),
        Case("big512", 64, 50, 512, 512, 1, 1, "a large model"),
    )
}
