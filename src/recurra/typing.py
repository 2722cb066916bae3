"""Names for types that many rooms use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["Array", "Config", "Identifier", "ShapeLike"]

Array = np.ndarray
"""A numpy array of any element type."""

ShapeLike = Sequence[int | None]
"""A shape as users write it: ``None`` stands for a size that is not known yet."""

Config = dict[str, Any]
"""Constructor arguments that JSON can hold."""

Identifier = str | Mapping[str, Any] | type | Callable[..., Any] | object | None
"""Whatever names an object: a string, a ``{"class_name", "config"}`` mapping, a class, the object itself, or None."""
