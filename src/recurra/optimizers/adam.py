"""`Adam` and `AdamW`: steps from running means of the gradients and of their squares."""

from __future__ import annotations

from typing import Any

from .optimizer import Optimizer, registry

__all__ = ["Adam", "AdamW"]


@registry.register()
class Adam(Optimizer):
    """Adam (Kingma and Ba 2014, arXiv:1412.6980).

    With p a weight, g its gradient, lr the learning rate and t the number of the step, from 1::

        m <- m + (g - m) (1 - beta_1);  v <- v + (g^2 - v) (1 - beta_2)
        p <- p - lr sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)

    Args:
        learning_rate: Default 0.001.
        beta_1: How slowly m forgets. Default 0.9.
        beta_2: How slowly v forgets. Default 0.999.
        epsilon: The paper's "epsilon hat", as in Keras. Default 1e-7.
        amsgrad: Whether the largest v so far takes the place of v (Reddi et al. 2018, arXiv:1904.09237). Default
            False.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: As in `Optimizer`.
        epsilon_hat: False adds epsilon after the correction of v, as TensorFlow.js and PyTorch do:
            p <- p - lr / (1 - beta_1^t) * m / (sqrt(v) / sqrt(1 - beta_2^t) + epsilon). Default True.

    Example:

    >>> Adam().rule().slots
    ('momentum', 'velocity')
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        epsilon_hat: bool = True,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name)
        self.beta_1 = self._number("beta_1", beta_1, below=1.0)
        self.beta_2 = self._number("beta_2", beta_2, below=1.0)
        self.epsilon = self._number("epsilon", epsilon)
        self.amsgrad = bool(amsgrad)
        self.epsilon_hat = bool(epsilon_hat)

    def _rule(self) -> tuple[str, dict[str, float], tuple[str, ...]]:
        constants = {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "epsilon_hat": self.epsilon_hat,
            "amsgrad": self.amsgrad,
        }
        slots = ("momentum", "velocity", "velocity_max") if self.amsgrad else ("momentum", "velocity")
        return "adam", constants, slots


@registry.register()
class AdamW(Adam):
    """`Adam` with weight decay (Loshchilov and Hutter 2017, arXiv:1711.05101).

    Args:
        learning_rate: Default 0.001.
        weight_decay: Default 0.004.
        beta_1, beta_2, epsilon, amsgrad, epsilon_hat: As in `Adam`.
        clipnorm, clipvalue, global_clipnorm, name: As in `Optimizer`.

    Example:

    >>> AdamW().rule().constants["weight_decay"]
    0.004
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        epsilon_hat: bool = True,
    ) -> None:
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            name,
            epsilon_hat,
        )
