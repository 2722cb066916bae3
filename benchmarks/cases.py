"""The models that are timed, and how much arithmetic they are."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["CASES", "MODES", "Case", "curve_cases"]

MODES = ("train_step", "fit", "predict", "stream")
"""What is done with a model: a training step, ``fit`` with its progress bar, one batch forward, one streamed step."""

_GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}


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
    cell: str = "LSTM"

    def __post_init__(self) -> None:
        sizes = (self.batch, self.time, self.features, self.units, self.layers, self.outputs)
        if min(sizes) < 1 or self.cell not in _GATES:
            raise ValueError(f"The case '{self.name}' needs sizes from 1 and one of {', '.join(_GATES)}.")

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Case:
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def resized(self, size: str, value: int) -> Case:
        """The same with one of its sizes changed."""
        return Case.from_dict({**self.to_dict(), "name": f"{size} {value}", size: value})

    @property
    def model(self) -> str:
        return f"{self.layers} x {self.cell}({self.units}), Dense({self.outputs})"

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

    def flops(self, mode: str) -> float:
        """Operations of the matrix products, a multiplication and an addition counting as two.

        Forward: 2 x batch x time x gates x units x (inputs + units) for each recurrent layer, and
        2 x rows x units x outputs for the dense one. A training step is three times that (the gradients of inputs and
        of weights are one product each) less the gradient of the data, which nobody needs. Activations are not counted.
        """
        batch, time = (1, 1) if mode == "stream" else (self.batch, self.time)
        dense = 2.0 * batch * (time if self.classes else 1) * self.units * self.outputs
        forward, backward = self.recurrent_flops(mode)
        return forward + backward + (3 * dense if backward else dense)

    def recurrent_flops(self, mode: str) -> tuple[float, float]:
        """Those of the recurrent layers alone, forward and backward."""
        batch, time = (1, 1) if mode == "stream" else (self.batch, self.time)
        gates = _GATES[self.cell] * self.units
        first = 2.0 * batch * time * gates * self.features
        deeper = 2.0 * batch * time * gates * self.units * (self.layers - 1)
        recurrent = 2.0 * batch * time * gates * self.units * self.layers
        forward = first + deeper + recurrent
        return forward, 2 * forward - first if mode in ("train_step", "fit") else 0.0

    @property
    def weight_bytes(self) -> int:
        """Bytes of the float32 weights."""
        gates = _GATES[self.cell] * self.units
        count = gates * (self.features + self.units + 1) + (self.layers - 1) * gates * (2 * self.units + 1)
        return 4 * (count + (self.units + 1) * self.outputs)


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

_BASE = Case("base", 32, 50, 8, 64, 1, 1, "the middle of the curves")
_CURVES = {
    "batch": (1, 4, 16, 64, 256),
    "time": (10, 30, 100, 300, 1000),
    "units": (16, 32, 64, 128, 256),
    "layers": (1, 2, 3, 4),
}


def curve_cases(quick: bool = False) -> dict[str, list[Case]]:
    """For each size the models in which only that size differs. The quick ones leave out every second."""
    return {
        size: [_BASE.resized(size, value) for value in values[:: 2 if quick else 1]] for size, values in _CURVES.items()
    }
