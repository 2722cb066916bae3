"""The network of a forecast: an LSTM over the window and the horizon, beside a linear map of the window.

::

    samples (P + H, F) ──► LSTM, every step ──► last H steps ──► Dense(1) ──┐
            └────────────► first feature, P steps ──► linear P → H ─────────┴─► sum (H, 1)

The LSTM reads the past, then walks through the known future of the horizon. The linear map carries over how far the
last points lay from their anchors: it extrapolates a shift of level however large, where saturating units cannot, and
starts at its least squares solution, so that the LSTM learns what a straight line leaves over. The idea of a linear
highway beside a recurrent part is that of LSTNet (Lai et al. 2018, "Modeling Long- and Short-Term Temporal Patterns
with Deep Neural Networks", SIGIR).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import layers, models, ops, optimizers
from ..graph import Tensor
from .inputs import Inputs

__all__ = ["LastSteps", "WindowLinear", "build_network", "least_squares"]


@layers.registry.register()
class LastSteps(layers.Layer):
    """Keeps the last steps of a sequence: (batch, time, features) becomes (batch, count, features).

    Args:
        count: How many.

    >>> LastSteps(2)(np.arange(3.0).reshape(1, 3, 1)).tolist()
    [[[1.0], [2.0]]]
    """

    def __init__(self, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = int(count)

    def call(self, x: Tensor) -> Tensor:
        """x: (batch, time, features)."""
        return ops.slice(x, 1, -self.count)


@layers.registry.register()
class WindowLinear(layers.Layer):
    """A linear map from the first feature of the first steps: (batch, time, features) becomes (batch, horizon, 1).

    Args:
        window: How many steps it reads.
        horizon: How many it answers.
    """

    def __init__(self, window: int, horizon: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window = int(window)
        self.horizon = int(horizon)

    def build(self, input_shape: Any) -> None:
        """Makes the kernel (window, horizon) and the bias (horizon,), both zero at first."""
        self.kernel = self.add_weight((self.window, self.horizon), "zeros", name="kernel")
        self.bias = self.add_weight((self.horizon,), "zeros", name="bias")

    def call(self, x: Tensor) -> Tensor:
        """x: (batch, time, features)."""
        past = ops.slice(ops.slice(x, 1, 0, self.window), 2, 0, 1)
        answer = ops.dense(ops.reshape(past, (x.shape[0], self.window)), self.kernel, self.bias)
        return ops.reshape(answer, (x.shape[0], self.horizon, 1))


def build_network(inputs: Inputs, units: int, learning_rate: float, engine: str | None = None) -> models.Model:
    """The network for samples of `Inputs`, compiled with Adam on the mean absolute error.

    Args:
        inputs: What the samples are like.
        units: Units of the LSTM.
        learning_rate: Of Adam.
        engine: The engine to run on. Default: the usual choice.
    """
    samples = layers.Input((inputs.window + inputs.horizon, inputs.features), name="samples")
    states = layers.LSTM(units, return_sequences=True, name="lstm")(samples)
    ahead = LastSteps(inputs.horizon, name="ahead")(states)
    learned = layers.Dense(1, kernel_initializer="zeros", name="correction")(ahead)
    linear = WindowLinear(inputs.window, inputs.horizon, name="linear")(samples)
    network = models.Model(samples, layers.Add(name="sum")([learned, linear]), name="forecast")
    adam = optimizers.Adam(learning_rate=learning_rate, clipnorm=1.0)
    network.compile(optimizer=adam, loss="mean_absolute_error", engine=engine)
    return network


def least_squares(
    samples: NDArray[np.float32], targets: NDArray[np.float32], window: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The kernel (window, horizon) and bias (horizon,) of `WindowLinear` with the least squared error, a little shrunk.

    Args:
        samples: Of shape (count, time, features).
        targets: Of shape (count, horizon, 1).
        window: How many steps of the samples to read.

    The shrinkage is that of a ridge regression whose penalty grows with the number of unknowns: window samples at the
    variance of the inputs.
    """
    x, y = samples[:, :window, 0].astype(np.float64), targets[:, :, 0].astype(np.float64)
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    x, y = x - x_mean, y - y_mean
    products = x.T @ x
    penalty = window * max(float(np.trace(products)) / (window * len(x)), 1e-12)
    kernel = np.linalg.solve(products + penalty * np.eye(window), x.T @ y)
    return kernel, y_mean - x_mean @ kernel
