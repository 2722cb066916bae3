"""What a layer expects of its input's shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import ShapeError
from ..graph import show_shape
from ..typing import ShapeLike

__all__ = ["InputSpec"]


@dataclass(frozen=True)
class InputSpec:
    """What a layer expects of its input's shape; checked at each call, so that errors name the layer.

    Attributes:
        ndim: The number of dimensions, or None for any.
        min_ndim: The least number of dimensions. Default 0.
        axes: Size by axis, negative axes counting from the end; unknown sizes pass.
        meaning: What the dimensions are, such as ``"(batch, time, features)"``.
        advice: How to mend a wrong shape: one sentence.

    Example:

    >>> InputSpec(ndim=3, meaning="(batch, time, features)").check((None, 4), "lstm")
    Traceback (most recent call last):
    ...
    recurra.errors.ShapeError: The input of layer 'lstm' has a wrong shape: expected 3 dimensions \
(batch, time, features), received (None, 4).
    """

    ndim: int | None = None
    min_ndim: int = 0
    axes: Mapping[int, int] = field(default_factory=dict)
    meaning: str = ""
    advice: str = ""

    def check(self, shape: ShapeLike, layer: str) -> None:
        """Raises ShapeError where ``shape`` does not fit."""
        rank = len(shape)
        expected = ""
        if self.ndim is not None and rank != self.ndim:
            expected = f"{self.ndim} dimensions"
        elif rank < self.min_ndim:
            expected = f"at least {self.min_ndim} dimensions"
        else:
            for axis, size in self.axes.items():
                if shape[axis] not in (None, size):
                    where = "the last dimension" if axis == -1 else f"dimension {axis}"
                    expected = f"{where} to be {size}, as when the layer was built"
        if expected:
            meaning = f" {self.meaning}" if self.meaning else ""
            advice = f" {self.advice}" if self.advice else ""
            raise ShapeError(
                f"The input of layer '{layer}' has a wrong shape: expected {expected}{meaning}, "
                f"received {show_shape(shape)}.{advice}"
            )
