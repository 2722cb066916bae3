"""Recurrent layers."""

from __future__ import annotations

from .lstm import LSTM
from .recurrent import Recurrent

__all__ = ["LSTM", "Recurrent"]
