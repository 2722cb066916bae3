"""`SGD`: gradient descent, with momentum."""

from __future__ import annotations

from typing import Any

from .optimizer import Optimizer, registry

__all__ = ["SGD"]


@registry.register("SGD", "momentum")
class SGD(Optimizer):
    """Gradient descent, with momentum (Polyak 1964) or Nesterov's momentum (Sutskever et al. 2013, ICML).

    With p a weight, g its gradient and lr the learning rate::

        p <- p - lr g                                                        without momentum
        m <- momentum m - lr g;  p <- p + m           (nesterov: p + momentum m - lr g)

    Args:
        learning_rate: Default 0.01.
        momentum: Between 0 and 1. Default 0.
        nesterov: Default False.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: As in `Optimizer`.
        scaled: Whether m holds steps already multiplied by lr, as in Keras. False is what TensorFlow.js and PyTorch
            do: m <- momentum m + g;  p <- p - lr m (nesterov: p - lr (g + momentum m)). The two differ when lr
            changes. Default True.

    Example:

    >>> SGD(0.1, momentum=0.9).rule().slots
    ('momentum',)
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        scaled: bool = True,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name)
        self.momentum = self._number("momentum", momentum, below=1.0 + 1e-12)
        self.nesterov = bool(nesterov)
        self.scaled = bool(scaled)

    def _rule(self) -> tuple[str, dict[str, float], tuple[str, ...]]:
        constants = {"momentum": self.momentum, "nesterov": self.nesterov, "scaled": self.scaled}
        return "sgd", constants, ("momentum",) if self.momentum > 0 else ()
