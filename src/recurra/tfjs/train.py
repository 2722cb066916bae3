"""``tf.train``: optimizers with the formulas and defaults of TensorFlow.js.

Two of them are not what Keras computes under the same name: Adam adds epsilon after correcting the second moment, and
momentum is not scaled by the learning rate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import optimizers
from ..errors import UnknownNameError
from .options import UnknownMemberError

__all__ = ["adam", "momentum", "rmsprop", "sgd"]


def sgd(learningRate: float = 0.01) -> optimizers.SGD:
    """Plain gradient descent.

    Args:
        learningRate: Default 0.01.

    >>> sgd(0.1).learning_rate
    0.1
    """
    return optimizers.SGD(learningRate)


def momentum(learningRate: float = 0.01, momentum: float = 0.9, useNesterov: bool = False) -> optimizers.SGD:
    """Gradient descent with momentum: m <- momentum m + g; p <- p - learningRate m.

    Args:
        learningRate: Default 0.01.
        momentum: Default 0.9.
        useNesterov: p <- p - learningRate (g + momentum m) instead. Default False.
    """
    return optimizers.SGD(learningRate, momentum=momentum, nesterov=useNesterov, scaled=False, name="momentum")


def adam(
    learningRate: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float | None = None
) -> optimizers.Adam:
    """Adam, epsilon being added after the correction of the second moment.

    Args:
        learningRate: Default 0.001.
        beta1, beta2: How slowly the means of gradients and squares forget. Default 0.9 and 0.999.
        epsilon: Default 1e-7.

    >>> adam().epsilon
    1e-07
    """
    return optimizers.Adam(learningRate, beta1, beta2, 1e-7 if epsilon is None else epsilon, epsilon_hat=False)


def rmsprop(
    learningRate: float = 0.001,
    decay: float = 0.9,
    momentum: float = 0.0,
    epsilon: float | None = None,
    centered: bool = False,
) -> optimizers.RMSprop:
    """RMSprop.

    Args:
        learningRate: Default 0.001.
        decay: How slowly the mean of squares forgets. Default 0.9.
        momentum: Default 0.
        epsilon: Default 1e-7.
        centered: Whether the variance takes the place of the mean of squares. Default False.
    """
    return optimizers.RMSprop(learningRate, decay, momentum, 1e-7 if epsilon is None else epsilon, centered)


_BY_NAME: dict[str, Callable[[], optimizers.Optimizer]] = {"adam": adam, "rmsprop": rmsprop, "sgd": sgd}


def optimizer(identifier: Any) -> optimizers.Optimizer:
    """The optimizer that ``model.compile`` means: a name, or an optimizer.

    Raises:
        UnknownNameError: No optimizer has that name.
    """
    if isinstance(identifier, str):
        if identifier.lower() not in _BY_NAME:
            raise UnknownNameError("optimizer", identifier, _BY_NAME)
        return _BY_NAME[identifier.lower()]()
    found: optimizers.Optimizer = optimizers.get(identifier)
    return found


def __getattr__(name: str) -> Any:
    raise UnknownMemberError("member of tf.train:", name, __all__)
