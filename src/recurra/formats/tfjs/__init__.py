"""LayersModel, the files of TensorFlow.js: a folder with ``model.json`` and the bytes of the weights."""

from __future__ import annotations

from .reader import load_model
from .writer import save_model

__all__ = ["load_model", "save_model"]
