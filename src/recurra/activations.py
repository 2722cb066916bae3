"""Activations: functions of one symbolic tensor, found by the names Keras and TensorFlow.js give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import ops
from .errors import UnknownNameError
from .graph import Tensor
from .registry import Registry

__all__ = [
    "Activation",
    "celu",
    "elu",
    "exponential",
    "gate_name",
    "gelu",
    "gelu_new",
    "get",
    "hard_shrink",
    "hard_sigmoid",
    "hard_sigmoid_tfjs",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "registry",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "squareplus",
    "tanh",
    "tanh_shrink",
    "threshold",
]

Activation = Callable[[Tensor], Tensor]
"""What every function here is: symbolic tensor in, symbolic tensor of the same shape out."""

registry = Registry("activation")


def get(identifier: Any) -> Activation:
    """Returns the activation of that name.

    Args:
        identifier: A name such as ``"tanh"``, a function of one tensor, or None, which means `linear`.

    Raises:
        UnknownNameError: No activation has that name.

    >>> get("swish") is silu
    True
    >>> get(None) is linear
    True
    """
    found: Activation = registry.get("linear" if identifier is None else identifier)
    return found


def serialize(activation: Activation) -> str:
    """The name `get` finds the activation by.

    >>> serialize(get("hardSigmoid"))
    'hard_sigmoid'
    """
    name: str = registry.serialize(activation)
    return name


def gate_name(activation: Activation, argument: str = "activation") -> str:
    """The name by which a recurrent op knows an activation.

    Args:
        activation: A function of this module.
        argument: The argument of the layer it was given as; it appears in the error.

    Raises:
        UnknownNameError: Recurrent ops cannot use it: its slope does not follow from its own result.

    >>> gate_name(exponential)
    'exp'
    """
    name = _GATE_NAMES.get(activation)
    if name is None:
        shown = getattr(activation, "__name__", activation)
        raise UnknownNameError(f"{argument} of a recurrent layer", shown, [f.__name__ for f in _GATE_NAMES])
    return name


@registry.register()
def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """max(x, 0) + min(alpha (exp(x / alpha) - 1), 0). Barron 2017, arXiv:1704.07483."""
    return ops.elu(x * (1.0 / alpha)) * alpha


@registry.register()
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x where x > 0, otherwise alpha (exp(x) - 1). Clevert et al. 2015, arXiv:1511.07289."""
    return ops.elu(x, alpha)


@registry.register("exponential", "exp")
def exponential(x: Tensor) -> Tensor:
    """exp(x)."""
    return ops.exp(x)


@registry.register()
def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """x Phi(x), Phi the normal distribution function. Hendrycks and Gimpel 2016, arXiv:1606.08415."""
    return ops.gelu(x, approximate)


@registry.register()
def gelu_new(x: Tensor) -> Tensor:
    """`gelu` by its approximation with tanh, the name TensorFlow.js has for it."""
    return ops.gelu(x, approximate=True)


@registry.register()
def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """x where |x| > threshold, otherwise 0."""
    return ops.where(ops.greater(ops.absolute(x), threshold), x, 0.0)


@registry.register()
def hard_sigmoid(x: Tensor) -> Tensor:
    """clip(x / 6 + 1/2, 0, 1): the definition of Keras 3 and PyTorch. See `hard_sigmoid_tfjs`."""
    return ops.hard_sigmoid(x)


@registry.register()
def hard_sigmoid_tfjs(x: Tensor) -> Tensor:
    """clip(0.2 x + 0.5, 0, 1): the definition of TensorFlow.js and Keras 2."""
    return ops.hard_sigmoid_tfjs(x)


@registry.register("hard_silu", "hard_swish")
def hard_silu(x: Tensor) -> Tensor:
    """x hard_sigmoid(x). Howard et al. 2019, arXiv:1905.02244."""
    return x * ops.hard_sigmoid(x)


@registry.register()
def hard_tanh(x: Tensor) -> Tensor:
    """clip(x, -1, 1)."""
    return ops.clip(x, -1.0, 1.0)


@registry.register()
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """x where x > 0, otherwise negative_slope x."""
    return ops.leaky_relu(x, negative_slope)


@registry.register()
def linear(x: Tensor) -> Tensor:
    """x itself."""
    return x


@registry.register()
def log_sigmoid(x: Tensor) -> Tensor:
    """ln(sigmoid(x)) = -softplus(-x), computed without overflow."""
    return -ops.softplus(-x)


@registry.register()
def log_softmax(x: Tensor) -> Tensor:
    """x - ln(sum(exp(x))) along the last dimension."""
    return ops.log_softmax(x)


@registry.register()
def mish(x: Tensor) -> Tensor:
    """x tanh(softplus(x)). Misra 2019, arXiv:1908.08681."""
    return ops.mish(x)


@registry.register()
def relu(x: Tensor) -> Tensor:
    """max(x, 0)."""
    return ops.relu(x)


@registry.register()
def relu6(x: Tensor) -> Tensor:
    """min(max(x, 0), 6)."""
    return ops.relu6(x)


@registry.register()
def selu(x: Tensor) -> Tensor:
    """1.0507 (x where x > 0, otherwise 1.6733 (exp(x) - 1)). Klambauer et al. 2017, arXiv:1706.02515."""
    return ops.selu(x)


@registry.register()
def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return ops.sigmoid(x)


@registry.register("silu", "swish")
def silu(x: Tensor) -> Tensor:
    """x sigmoid(x), also called swish. Ramachandran et al. 2017, arXiv:1710.05941."""
    return ops.silu(x)


@registry.register()
def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """x moved towards 0 by the threshold, and 0 where |x| <= threshold."""
    return ops.relu(x - threshold) - ops.relu(-x - threshold)


@registry.register()
def softmax(x: Tensor) -> Tensor:
    """exp(x) / sum(exp(x)) along the last dimension."""
    return ops.softmax(x)


@registry.register()
def softplus(x: Tensor) -> Tensor:
    """ln(1 + exp(x))."""
    return ops.softplus(x)


@registry.register()
def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return ops.softsign(x)


@registry.register()
def squareplus(x: Tensor, b: float = 4.0) -> Tensor:
    """(x + sqrt(x^2 + b)) / 2. Barron 2021, arXiv:2112.11687."""
    return (x + ops.sqrt(ops.square(x) + b)) * 0.5


@registry.register()
def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent of x."""
    return ops.tanh(x)


@registry.register()
def tanh_shrink(x: Tensor) -> Tensor:
    """x - tanh(x)."""
    return x - ops.tanh(x)


@registry.register()
def threshold(x: Tensor, threshold: float = 1.0, default_value: float = 0.0) -> Tensor:
    """x where x > threshold, otherwise default_value."""
    return ops.where(ops.greater(x, threshold), x, default_value)


_GATE_NAMES: dict[Activation, str] = {
    elu: "elu",
    exponential: "exp",
    hard_sigmoid: "hard_sigmoid",
    hard_sigmoid_tfjs: "hard_sigmoid_tfjs",
    linear: "linear",
    relu: "relu",
    relu6: "relu6",
    selu: "selu",
    sigmoid: "sigmoid",
    softplus: "softplus",
    softsign: "softsign",
    tanh: "tanh",
}
