"""Models: `Sequential` for layers one after the other, `Model` for any web of layers."""

from __future__ import annotations

from .clone import clone_model, model_from_config
from .model import Model
from .sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "model_from_config"]
