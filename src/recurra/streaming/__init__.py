"""Running a model step by step: `StreamSession`, made by ``model.stream()``."""

from __future__ import annotations

from .session import Streamer, StreamSession

__all__ = ["StreamSession", "Streamer"]
