"""How an op is implemented: its forward and its backward function are registered under the op's name.

A forward function gets the `Call` and the input arrays, and returns the output array, or a tuple of them where the
op has several outputs. A backward function gets the `Call`, the gradient of the loss for the output (a tuple of
gradients where there are several outputs), and the input arrays; it returns the gradient for each input, ``None``
for those that have none. An op without a backward function lets no gradient through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

__all__ = ["BACKWARD", "FORWARD", "Array", "Call", "backward", "forward", "unbroadcast"]

Array = np.ndarray
Function = TypeVar("Function", bound=Callable[..., Any])

FORWARD: dict[str, Callable[..., Any]] = {}
BACKWARD: dict[str, Callable[..., Any]] = {}


@dataclass(slots=True)
class Call:
    """One node in one run: what its functions may want to know beside the arrays.

    Attributes:
        op: The op's name.
        attributes: Its attributes, every symbol replaced by a size.
        shapes: The shape of each output.
        needs: For each input, whether a gradient is wanted.
        dtype: The program's float type.
        step: The training step, from which random ops draw.
        inputs: What each input is called in an error message.
        place: Who emitted the node, for an error message.
        outputs: The output arrays, once they exist.
        saved: Whatever the forward function keeps for the backward one.
    """

    op: str
    attributes: Mapping[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    needs: tuple[bool, ...]
    dtype: np.dtype[Any]
    step: int
    inputs: tuple[str, ...]
    place: str
    outputs: tuple[Array, ...] = ()
    saved: Any = None


def forward(name: str) -> Callable[[Function], Function]:
    """Registers the decorated function as the forward one of the op ``name``."""
    return _register(FORWARD, name)


def backward(name: str) -> Callable[[Function], Function]:
    """Registers the decorated function as the backward one of the op ``name``."""
    return _register(BACKWARD, name)


def _register(table: dict[str, Callable[..., Any]], name: str) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        table[name] = function
        return function

    return register


def unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    """Sums a gradient over the dimensions along which an array of ``shape`` was repeated.

    If y[i, j] = x[j] for every i, then dL/dx[j] = sum over i of dL/dy[i, j].

    >>> unbroadcast(np.ones((4, 2, 3)), (2, 1)).tolist()
    [[12.0], [12.0]]
    """
    if g.shape == shape:
        return g
    extra = g.ndim - len(shape)
    repeated = tuple(extra + i for i, size in enumerate(shape) if size == 1 and g.shape[extra + i] != 1)
    g = np.asarray(g.sum(axis=(*range(extra), *repeated), keepdims=True))
    return g.reshape(shape)
