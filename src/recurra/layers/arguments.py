"""Checks of constructor arguments that several layers take."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError

__all__ = ["no_constraint", "positive", "share"]


def no_constraint(layer: object, argument: str, value: Any) -> None:
    """Refuses constraints, which do not exist yet."""
    if value is not None:
        raise ArgumentError(
            f"{type(layer).__name__}: {argument} must be None, received {value!r}. Constraints on weights are not "
            f"available; a regularizer or the optimizer's weight_decay keeps weights small."
        )


def positive(layer: object, argument: str, value: Any) -> int:
    """Checks that an argument is a positive integer."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not 1 <= value < 2**31 or int(value) != value:
        raise ArgumentError(f"{type(layer).__name__}: {argument} must be a positive integer, received {value!r}.")
    return int(value)


def share(layer: object, argument: str, value: Any) -> float:
    """Checks that an argument is a share of elements to drop."""
    if not isinstance(value, (int, float, np.number)) or not 0.0 <= value < 1.0:
        raise ArgumentError(
            f"{type(layer).__name__}: {argument} must lie in [0, 1), received {value!r}. It is the share of elements "
            f"that are dropped."
        )
    return float(value)
