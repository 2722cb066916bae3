"""Operations that treat every element alone, and broadcasting arithmetic."""

from __future__ import annotations

from typing import Any

from ..errors import ArgumentError, ShapeError
from ..graph import Dim, Shape, Tensor, TensorSpec, show_shape
from ._declare import Attributes, Specs, emit, need, rule

__all__ = [
    "absolute",
    "add",
    "cast",
    "clip",
    "divide",
    "elu",
    "equal",
    "exp",
    "gelu",
    "greater",
    "greater_equal",
    "hard_sigmoid",
    "hard_sigmoid_tfjs",
    "leaky_relu",
    "log",
    "maximum",
    "minimum",
    "mish",
    "multiply",
    "negative",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "sqrt",
    "square",
    "stop_gradient",
    "subtract",
    "tanh",
    "where",
]


@rule(
    "absolute",
    "clip",
    "elu",
    "exp",
    "gelu",
    "hard_sigmoid",
    "hard_sigmoid_tfjs",
    "leaky_relu",
    "log",
    "mish",
    "negative",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "sqrt",
    "square",
    "stop_gradient",
    "tanh",
)
def _unary(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    return [need(specs[0], "elementwise", "x")]


@rule("add", "subtract", "multiply", "divide", "maximum", "minimum", "greater", "greater_equal")
def _binary(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    x, y = need(specs[0], "elementwise", "x"), need(specs[1], "elementwise", "y")
    return [TensorSpec(broadcast(x.shape, y.shape))]


@rule("equal")
def _equal(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    x, y = specs
    if x is None or y is None or x.dtype != y.dtype:
        raise ArgumentError(f"ops.equal compares two tensors of one element type, received {x} and {y}.")
    return [TensorSpec(broadcast(x.shape, y.shape))]


@rule("where")
def _where(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    condition, x, y = (need(spec, "where", name) for spec, name in zip(specs, ("condition", "x", "y"), strict=True))
    return [TensorSpec(broadcast(condition.shape, broadcast(x.shape, y.shape)))]


@rule("cast")
def _cast(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    if specs[0] is None or attributes["dtype"] not in ("float", "int"):
        raise ArgumentError(f"ops.cast turns a tensor into 'float' or 'int', received {attributes['dtype']!r}.")
    return [TensorSpec(specs[0].shape, attributes["dtype"])]


def broadcast(a: Shape, b: Shape) -> Shape:
    """The shape of ``a`` combined with ``b`` under numpy's broadcasting rule.

    >>> broadcast(("batch", 1, 3), (4, 1))
    ('batch', 4, 3)
    """
    rank = max(len(a), len(b))
    a = (1,) * (rank - len(a)) + a
    b = (1,) * (rank - len(b)) + b
    result: list[Dim] = []
    for m, n in zip(a, b, strict=True):
        if m != n and m != 1 and n != 1:
            raise ShapeError(
                f"The shapes {show_shape(a)} and {show_shape(b)} cannot be combined element by element: each pair "
                f"of dimensions must be equal or hold a 1."
            )
        result.append(n if m == 1 else m)
    return tuple(result)


def fits(shape: Shape, target: Shape) -> bool:
    """Whether ``shape`` becomes ``target`` by repeating along dimensions of size 1.

    >>> fits((1, 3), ("batch", 3)), fits(("batch", 3), (1, 3))
    (True, False)
    """
    tail = target[len(target) - len(shape) :]
    return len(shape) <= len(target) and all(m in (1, n) for m, n in zip(shape, tail, strict=True))


def absolute(x: Any) -> Tensor:
    """y = |x|; its slope at 0 is taken as 0."""
    return emit("absolute", x)[0]


def add(x: Any, y: Any) -> Tensor:
    """x + y, broadcasting."""
    return emit("add", x, y)[0]


def cast(x: Any, dtype: str) -> Tensor:
    """Turns ``x`` into ``"float"`` or (towards zero) ``"int"``. No gradient passes through it."""
    return emit("cast", x, dtype=dtype)[0]


def clip(x: Any, low: float, high: float) -> Tensor:
    """y = min(max(x, low), high); the gradient passes where low <= x <= high."""
    return emit("clip", x, low=float(low), high=float(high))[0]


def divide(x: Any, y: Any) -> Tensor:
    """x / y, broadcasting."""
    return emit("divide", x, y)[0]


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """y = x where x > 0, otherwise alpha (exp(x) - 1). Clevert et al. 2015, arXiv:1511.07289."""
    return emit("elu", x, alpha=float(alpha))[0]


def equal(x: Any, y: Any) -> Tensor:
    """1 where x = y, otherwise 0, broadcasting; both float or both int. No gradient passes through it."""
    return emit("equal", x, y)[0]


def exp(x: Any) -> Tensor:
    """y = exp(x)."""
    return emit("exp", x)[0]


def gelu(x: Any, approximate: bool = False) -> Tensor:
    """y = x Phi(x), Phi the normal distribution function. Hendrycks and Gimpel 2016, arXiv:1606.08415.

    Args:
        x: Tensor of any shape.
        approximate: Use 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). Default False.
    """
    return emit("gelu", x, approximate=bool(approximate))[0]


def greater(x: Any, y: Any) -> Tensor:
    """1 where x > y, otherwise 0, broadcasting. No gradient passes through it."""
    return emit("greater", x, y)[0]


def greater_equal(x: Any, y: Any) -> Tensor:
    """1 where x >= y, otherwise 0, broadcasting. No gradient passes through it."""
    return emit("greater_equal", x, y)[0]


def hard_sigmoid(x: Any) -> Tensor:
    """y = clip(x / 6 + 0.5, 0, 1), as Keras 3 and PyTorch define it."""
    return emit("hard_sigmoid", x)[0]


def hard_sigmoid_tfjs(x: Any) -> Tensor:
    """y = clip(0.2 x + 0.5, 0, 1), as TensorFlow.js and Keras 2 define it."""
    return emit("hard_sigmoid_tfjs", x)[0]


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """y = x where x > 0, otherwise negative_slope * x."""
    return emit("leaky_relu", x, negative_slope=float(negative_slope))[0]


def log(x: Any) -> Tensor:
    """y = ln(x)."""
    return emit("log", x)[0]


def maximum(x: Any, y: Any) -> Tensor:
    """The larger of x and y, broadcasting; the gradient goes to x where they are equal."""
    return emit("maximum", x, y)[0]


def minimum(x: Any, y: Any) -> Tensor:
    """The smaller of x and y, broadcasting; the gradient goes to x where they are equal."""
    return emit("minimum", x, y)[0]


def mish(x: Any) -> Tensor:
    """y = x tanh(ln(1 + exp(x))). Misra 2019, arXiv:1908.08681."""
    return emit("mish", x)[0]


def multiply(x: Any, y: Any) -> Tensor:
    """x * y, broadcasting."""
    return emit("multiply", x, y)[0]


def negative(x: Any) -> Tensor:
    """y = -x."""
    return emit("negative", x)[0]


def relu(x: Any) -> Tensor:
    """y = max(x, 0); its slope at 0 is taken as 0."""
    return emit("relu", x)[0]


def relu6(x: Any) -> Tensor:
    """y = min(max(x, 0), 6)."""
    return emit("relu6", x)[0]


def selu(x: Any) -> Tensor:
    """y = s x where x > 0, otherwise s a (exp(x) - 1), with s = 1.0507..., a = 1.6733...

    Klambauer et al. 2017, arXiv:1706.02515.
    """
    return emit("selu", x)[0]


def sigmoid(x: Any) -> Tensor:
    """y = 1 / (1 + exp(-x))."""
    return emit("sigmoid", x)[0]


def silu(x: Any) -> Tensor:
    """y = x sigmoid(x), also called swish. Ramachandran et al. 2017, arXiv:1710.05941."""
    return emit("silu", x)[0]


def softplus(x: Any) -> Tensor:
    """y = ln(1 + exp(x))."""
    return emit("softplus", x)[0]


def softsign(x: Any) -> Tensor:
    """y = x / (1 + |x|)."""
    return emit("softsign", x)[0]


def sqrt(x: Any) -> Tensor:
    """y = sqrt(x)."""
    return emit("sqrt", x)[0]


def square(x: Any) -> Tensor:
    """y = x * x."""
    return emit("square", x)[0]


def stop_gradient(x: Any) -> Tensor:
    """y = x, but no gradient passes back through it."""
    return emit("stop_gradient", x)[0]


def subtract(x: Any, y: Any) -> Tensor:
    """x - y, broadcasting."""
    return emit("subtract", x, y)[0]


def tanh(x: Any) -> Tensor:
    """y = tanh(x)."""
    return emit("tanh", x)[0]


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """x where condition is not 0, otherwise y, broadcasting. No gradient goes to ``condition``."""
    return emit("where", condition, x, y)[0]
