"""`RMSprop`: steps divided by a running root mean square of the gradients."""

from __future__ import annotations

from typing import Any

from .optimizer import Optimizer, registry

__all__ = ["RMSprop"]


@registry.register()
class RMSprop(Optimizer):
    """Steps divided by a running root mean square of the gradients (Tieleman and Hinton 2012, lecture 6.5).

    With p a weight, g its gradient and lr the learning rate::

        v <- rho v + (1 - rho) g^2
        d  = lr g / sqrt(v + epsilon)           (centered: v - a^2 + epsilon, a <- rho a + (1 - rho) g)
        m <- momentum m + d;  p <- p - m        (without momentum: p <- p - d)

    Args:
        learning_rate: Default 0.001.
        rho: How slowly v forgets. Default 0.9.
        momentum: Default 0.
        epsilon: Default 1e-7.
        centered: Whether the variance is used instead of the mean square (Graves 2013, arXiv:1308.0850). Default
            False.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: As in `Optimizer`.

    Example:

    >>> RMSprop(centered=True).rule().slots
    ('velocity', 'average')
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name)
        self.rho = self._number("rho", rho, below=1.0)
        self.momentum = self._number("momentum", momentum, below=1.0 + 1e-12)
        self.epsilon = self._number("epsilon", epsilon)
        self.centered = bool(centered)

    def _rule(self) -> tuple[str, dict[str, float], tuple[str, ...]]:
        constants = {
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
        slots = ["velocity"]
        if self.momentum > 0:
            slots.append("momentum")
        if self.centered:
            slots.append("average")
        return "rmsprop", constants, tuple(slots)
