"""Model files: writing models, and reading them with distrust."""

from __future__ import annotations

from .files import load_model, save_model
from .recurra import load_weights, save_weights

__all__ = ["load_model", "load_weights", "save_model", "save_weights"]
