"""Penalties on weights or outputs, added to the training loss."""

from __future__ import annotations

import abc
from typing import Any

from . import ops
from .errors import ArgumentError
from .graph import Tensor
from .registry import Configurable, Registry

__all__ = ["L1", "L1L2", "L2", "Regularizer", "get", "l1", "l1_l2", "l2", "registry", "serialize"]

registry = Registry("regularizer")


class Regularizer(Configurable, abc.ABC):
    """A penalty: called on a symbolic tensor it returns a scalar. Any function that does so serves as well."""

    @abc.abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """The penalty for ``x``, of any shape, as a scalar."""


def get(identifier: Any) -> Any:
    """Returns the regularizer a name, a mapping or an object stands for; None stays None.

    Raises:
        UnknownNameError: No regularizer has that name.

    >>> get("l2").l2
    0.01
    >>> get(None)
    """
    return registry.get(identifier)


def serialize(regularizer: Any) -> Any:
    """Turns a regularizer into what `get` makes it of again.

    >>> serialize(L1(0.5))
    {'class_name': 'L1', 'config': {'l1': 0.5}}
    """
    return registry.serialize(regularizer)


@registry.register("L1L2", "l1_l2")
class L1L2(Regularizer):
    """l1 sum|x| + l2 sum x^2. Both default to 0."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _factor("l1", l1)
        self.l2 = _factor("l2", l2)

    def __call__(self, x: Tensor) -> Tensor:
        return ops.reduce_sum(ops.absolute(x)) * self.l1 + ops.reduce_sum(ops.square(x)) * self.l2


@registry.register()
class L1(Regularizer):
    """l1 sum|x|. Default factor 0.01."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor("l1", l1)

    def __call__(self, x: Tensor) -> Tensor:
        return ops.reduce_sum(ops.absolute(x)) * self.l1


@registry.register()
class L2(Regularizer):
    """l2 sum x^2. Default factor 0.01."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor("l2", l2)

    def __call__(self, x: Tensor) -> Tensor:
        return ops.reduce_sum(ops.square(x)) * self.l2


l1 = L1
l2 = L2
l1_l2 = L1L2


def _factor(name: str, value: float) -> float:
    if not value >= 0 or value == float("inf"):
        raise ArgumentError(f"The factor {name} of a regularizer must be a finite number >= 0, received {value!r}.")
    return float(value)
