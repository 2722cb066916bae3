"""Pictures. They need matplotlib, which is imported when one is drawn."""

from __future__ import annotations

from .forecast import plot_forecast

__all__ = ["plot_forecast"]
