"""Which recurra writes a file."""

from __future__ import annotations

__all__ = ["writing_version"]


def writing_version() -> str:
    """The version of recurra, as files note it.

    >>> isinstance(writing_version(), str)
    True
    """
    import importlib.metadata  # takes longer to import than many other things together

    try:
        return importlib.metadata.version("recurra")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
