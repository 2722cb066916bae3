"""Training: the fit loop, its callbacks, and what it shows of itself."""

from __future__ import annotations

from .callbacks.history import History
from .trainer import Trainer

__all__ = ["History", "Trainer"]
