"""Running a model step by step, or many times on batches of one size: `StreamSession` and `Predictor`."""

from __future__ import annotations

from .predictor import Predictor
from .session import Streamer, StreamSession

__all__ = ["Predictor", "StreamSession", "Streamer"]
