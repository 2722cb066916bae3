"""End training quietly at the first NaN or infinity."""

from __future__ import annotations

from .base import Callback

__all__ = ["TerminateOnNaN"]


class TerminateOnNaN(Callback):
    """Ends `fit` normally where a step meets NaN or infinity, which is an error without this callback.

    The model keeps the weights from before that step; what was met is printed, and `stop_training` is True.

    Example:

    >>> guard = TerminateOnNaN()
    """

    def on_non_finite(self, error: ArithmeticError) -> bool:
        """Says what happened and asks for a normal end."""
        print(f"Training ends: {error}")
        return True
