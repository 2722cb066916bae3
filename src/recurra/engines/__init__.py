"""Engines: `get` finds one by name, `default` picks the native one, or numpy where it could not be built."""

from __future__ import annotations

import importlib
import os
import warnings

from ..errors import EngineError, UnknownNameError
from .base import PRECISIONS, Engine, Program, Stream, UpdateRule

__all__ = ["PRECISIONS", "Engine", "Program", "Stream", "UpdateRule", "available", "default", "get", "show_precisions"]

_NAMES = ("native", "numpy")
_loaded: dict[str, Engine] = {}
_warned = False


def available() -> list[str]:
    """The names of the engines that run here.

    >>> "numpy" in available()
    True
    """
    return [name for name in _NAMES if _load(name) is not None]


def get(name: str | Engine) -> Engine:
    """Returns the engine of that name.

    Raises:
        UnknownNameError: No engine has that name.
        EngineError: The engine exists but cannot run here.
    """
    if isinstance(name, Engine):
        return name
    if name not in _NAMES:
        raise UnknownNameError("engine", name, _NAMES)
    engine = _load(name)
    if engine is None:
        raise EngineError(
            "The native engine is not available: its extension could not be imported. Install a C++ compiler and "
            "reinstall recurra, or use engine='numpy'."
        )
    return engine


def default() -> Engine:
    """The engine named by the environment variable RECURRA_ENGINE; otherwise native, or numpy where it is missing.

    Falling back to numpy is said once in a warning.
    """
    global _warned
    wanted = os.environ.get("RECURRA_ENGINE")
    if wanted:
        return get(wanted)
    native = _load("native")
    if native is not None:
        return native
    if not _warned:
        _warned = True
        warnings.warn(
            "recurra runs on its numpy engine: the native extension is not installed here, so training is many "
            "times slower. Install a C++ compiler and reinstall recurra to get it.",
            RuntimeWarning,
            stacklevel=2,
        )
    return get("numpy")


def show_precisions(engine: Engine) -> str:
    """The precisions an engine runs here, and why not the others, as text for people.

    >>> show_precisions(get("numpy"))
    'float32 (not bf16x3, bf16: it needs the native engine; ...'
    """
    reasons = engine.precisions()
    here = ", ".join(name for name, reason in reasons.items() if reason is None)
    missing = [name for name, reason in reasons.items() if reason is not None]
    return f"{here} (not {', '.join(missing)}: {reasons[missing[0]]})" if missing else here


def _load(name: str) -> Engine | None:
    if name not in _loaded:
        try:
            module = importlib.import_module(f"{__name__}.{name}")
        except ImportError:
            if name == "native":
                return None
            raise
        _loaded[name] = module.ENGINE
    return _loaded[name]
