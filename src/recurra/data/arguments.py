"""Checks of the arguments of functions, as far as no layer is needed to name them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError

__all__ = ["whole_number"]


def whole_number(name: str, value: Any, least: int = 1) -> int:
    """Checks an argument that counts something.

    >>> whole_number("steps_per_epoch", 0)
    Traceback (most recent call last):
    ...
    recurra.errors.ArgumentError: steps_per_epoch must be a whole number from 1, received 0.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ArgumentError(f"{name} must be a whole number from {least}, received {value!r}.")
    return int(value)
