"""Engines: `get` finds one by name, `default` picks the native one, or numpy where it could not be built.

`num_threads` and `set_num_threads`, also named ``recurra.num_threads`` and ``recurra.set_num_threads``, are about the
threads of the native engine.
"""

from __future__ import annotations

import importlib
import os
import warnings
from typing import Any

from ..errors import ArgumentError, EngineError, UnknownNameError
from .base import PRECISIONS, Engine, Program, Stream, UpdateRule

__all__ = [
    "PRECISIONS",
    "Engine",
    "Program",
    "Stream",
    "UpdateRule",
    "available",
    "default",
    "get",
    "num_threads",
    "set_num_threads",
    "show_precisions",
]

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


def num_threads() -> int:
    """How many threads the native engine computes with, the calling one included.

    It is what `set_num_threads` set, else the environment variable RECURRA_NUM_THREADS, else the processors that this
    process may use: those of its affinity, and no more than its control group (a container's limit) grants. 1 where the
    native engine is not installed. It never changes a result, only the time it takes.
    """
    return int(_native_module().num_threads()) if _load("native") is not None else 1


def set_num_threads(count: int) -> None:
    """Sets how many threads the native engine computes with, for the whole process.

    A call of the engine that runs in another thread ends with the old number. One call at a time has the threads of the
    engine to help it; calls from other Python threads meanwhile compute alone. The threads sleep when there is nothing
    to do, so they leave the processors to numpy's own, whose number OPENBLAS_NUM_THREADS or MKL_NUM_THREADS sets. Where
    the native engine is not installed, only ``count`` is checked.

    Args:
        count: From 1 to 1024.

    Raises:
        ArgumentError: ``count`` is no whole number or out of range.

    Example:

    >>> import recurra
    >>> before = recurra.num_threads()
    >>> recurra.set_num_threads(1)
    >>> recurra.num_threads()
    1
    >>> recurra.set_num_threads(before)
    """
    whole = hasattr(count, "__index__") and not isinstance(count, bool)
    if not whole or not 1 <= count <= 1024:
        raise ArgumentError(f"set_num_threads expects a whole number from 1 to 1024, received {count!r}.")
    if _load("native") is not None:
        _native_module().set_num_threads(int(count))


def _native_module() -> Any:
    return importlib.import_module(f"{__name__}.native")


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
