"""Model files: writing models, and reading them with distrust."""

from __future__ import annotations

from .recurra import load_model, load_weights, save_model, save_weights

__all__ = ["load_model", "load_weights", "save_model", "save_weights"]
