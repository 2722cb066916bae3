"""The spelling of TensorFlow.js: names, options and defaults as there, in Python.

    from recurra import tfjs as tf

What differs from the rest of recurra, because it differs between TensorFlow.js and Keras: LSTM layers use the hard
sigmoid clip(0.2 x + 0.5, 0, 1) and no forget bias, kernels start from `glorotNormal`, Adam adds epsilon after
correcting the second moment, momentum is not scaled by the learning rate, and the loss counts masked steps. There is
nothing to await.

Example:

>>> import recurra
>>> from recurra import tfjs as tf
>>> recurra.set_seed(1)
>>> model = tf.sequential()
>>> model.add(tf.layers.lstm(units=16, inputShape=[1, 1]))
>>> model.add(tf.layers.dense(units=1))
>>> model.compile(loss="meanSquaredError", optimizer="adam")
>>> xs = tf.tensor2d([1, 2], [2, 1])
>>> ys = tf.tensor2d([1, 2], [2, 1])
>>> history = model.fit(xs, ys, epochs=10)
>>> model.predict(tf.tensor2d([3], [1, 1])).shape
[1, 1]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from . import callbacks, layers, losses, train
from .layers import denseLayer, lstmLayer
from .models import LayersModel, Sequential, input, loadLayersModel, model, sequential
from .options import UnknownMemberError
from .tensor import Tensor, ones, scalar, tensor, tensor1d, tensor2d, tensor3d, tensor4d, zeros

__all__ = [
    "LayersModel",
    "Sequential",
    "Tensor",
    "callbacks",
    "denseLayer",
    "dispose",
    "input",
    "layers",
    "loadLayersModel",
    "losses",
    "lstmLayer",
    "model",
    "ones",
    "scalar",
    "sequential",
    "tensor",
    "tensor1d",
    "tensor2d",
    "tensor3d",
    "tensor4d",
    "tidy",
    "train",
    "zeros",
]

T = TypeVar("T")


def tidy(function: Callable[[], T]) -> T:
    """Calls a function and returns its result: Python frees memory by itself.

    >>> tidy(lambda: 3)
    3
    """
    return function()


def dispose(container: Any = None) -> None:
    """Does nothing: Python frees memory by itself."""


def __getattr__(name: str) -> Any:
    raise UnknownMemberError("member of recurra.tfjs:", name, __all__)
