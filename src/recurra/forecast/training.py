"""Training the networks of a forecast, and asking them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..data.series import fill
from ..models import Model
from ..random import set_seed
from ..training.callbacks import EarlyStopping
from .inputs import Inputs
from .network import build_network, least_squares

__all__ = ["Known", "Settings", "Trained", "ask", "linear_answer", "train"]

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]

MOST_STEPS = 2_000_000
"""Time steps that an epoch may hold: more origins are thinned out evenly. About a second of training on two cores."""


@dataclass(frozen=True)
class Settings:
    """How networks are trained.

    Attributes:
        units: Units of the LSTM.
        epochs: At most this many.
        patience: Epochs without an improvement before training stops.
        batch_size: Samples a step.
        learning_rate: Of Adam.
        members: Networks trained from different seeds, whose forecasts are averaged.
        seed: What the random numbers start from.
        engine: The engine's name, or None for the usual choice.
        verbose: What `fit` shows, see `recurra.training.Trainer.fit`.
    """

    units: int
    epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    members: int
    seed: int
    engine: str | None
    verbose: str | int


@dataclass(frozen=True)
class Trained:
    """Networks and how they came to be.

    Attributes:
        networks: One for each member.
        epochs: For each, the number of epochs whose weights it has.
        history: For each, the losses by epoch.
        linear: The kernel and bias of the least squares start.
    """

    networks: list[Model]
    epochs: list[int]
    history: list[dict[str, list[float]]]
    linear: tuple[Floats, Floats]


class Known:
    """A scaled series as it was known at each of its points.

    Args:
        values: The scaled series, of shape (time,), NaN where a value is missing.
    """

    def __init__(self, values: Floats) -> None:
        self.values = values
        self.filled = fill(values)

    def samples(self, inputs: Inputs, origins: Indices) -> tuple[NDArray[np.float32], Floats]:
        """`Inputs.samples`, with gaps filled from what was known at each origin.

        A gap is filled with a line to the next known value, so where the origin lies in one, that line is not used.
        """
        x, anchors = inputs.samples(self.filled, origins)
        anchors = np.array(anchors)  # of its own: some are views of one value
        for row in np.flatnonzero(np.isnan(self.values[origins])):
            origin = int(origins[row])
            past = fill(self.values[: origin + 1])
            x[row : row + 1], anchors[row : row + 1] = inputs.samples(past, np.array([origin]))
        return x, anchors

    def training_samples(
        self, inputs: Inputs, origins: Indices
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
        """Inputs, targets and their weights: 0 for a target that is missing; None where none is."""
        x, _ = self.samples(inputs, origins)
        missing = np.isnan(self.values[origins[:, None] + np.arange(1, inputs.horizon + 1)])
        weights = None if not missing.any() else (~missing).astype(np.float32)
        return x, inputs.targets(self.filled, origins), weights

    def usable(self, origins: Indices) -> Indices:
        """The origins whose own value and some target are known."""
        return origins[~np.isnan(self.values[origins])]


def thinned(origins: Indices, steps: int, most: int = MOST_STEPS) -> Indices:
    """Every k-th origin, the last among them, so that samples of ``steps`` steps make at most ``most`` steps."""
    stride = -(-len(origins) * steps // most)
    return origins[::-1][:: max(1, stride)][::-1]


def train(
    known: Known,
    inputs: Inputs,
    origins: Indices,
    validation: Indices | None,
    settings: Settings,
    epochs: Sequence[int] | None = None,
) -> Trained:
    """Trains the networks.

    Args:
        known: The scaled series.
        inputs: What the samples are like.
        origins: To train on.
        validation: To stop by. None: each network runs for its number of ``epochs``.
        settings: How.
        epochs: For each network, when there is no validation.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; the batch in hand was finished.
    """
    length = inputs.window + inputs.horizon
    x, y, weights = known.training_samples(inputs, thinned(known.usable(origins), length))
    linear = least_squares(x, y, inputs.window)
    held: tuple[Any, ...] | None = None
    if validation is not None:
        held = known.training_samples(inputs, thinned(known.usable(validation), length, MOST_STEPS // 20))
    trained = Trained([], [], [], linear)
    for member in range(settings.members):
        set_seed(settings.seed + 1_000_003 * member)
        network = build_network(inputs, settings.units, settings.learning_rate, settings.engine)
        network.get_layer("linear").set_weights([linear[0], linear[1]])
        stop = EarlyStopping(patience=settings.patience, restore_best_weights=True)
        count = settings.epochs if epochs is None else epochs[member]
        history = network.fit(
            x,
            y,
            sample_weight=weights,
            batch_size=settings.batch_size,
            epochs=count,
            validation_data=held,
            callbacks=[] if held is None else [stop],
            verbose=settings.verbose,
        )
        if history.interrupted:
            raise KeyboardInterrupt
        losses = history.history
        if held is not None:
            count = int(np.argmin(losses["val_loss"])) + 1
        trained.networks.append(network)
        trained.epochs.append(count)
        trained.history.append({name: [float(loss) for loss in values] for name, values in losses.items()})
    return trained


def ask(networks: Sequence[Model], known: Known, inputs: Inputs, origins: Indices) -> Floats:
    """The mean forecast of the networks in scaled units, of shape (origins, horizon)."""
    x, anchors = known.samples(inputs, origins)
    answers = [network.predict(x, batch_size=256, verbose=0)[:, :, 0] for network in networks]
    return np.asarray(anchors + np.mean(answers, axis=0, dtype=np.float64) * inputs.unit)


def linear_answer(linear: tuple[Floats, Floats], known: Known, inputs: Inputs, origins: Indices) -> Floats:
    """The forecast of the least squares start alone, likewise."""
    x, anchors = known.samples(inputs, origins)
    return np.asarray(anchors + (x[:, : inputs.window, 0] @ linear[0] + linear[1]) * inputs.unit)
