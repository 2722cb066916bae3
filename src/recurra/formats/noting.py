"""Warnings that point to the user's line, however deep inside recurra they arise."""

from __future__ import annotations

import sys
import warnings

__all__ = ["warn"]


def warn(text: str) -> None:
    """Warns at the line outside recurra that led here."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("recurra."):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, UserWarning, stacklevel=level)
