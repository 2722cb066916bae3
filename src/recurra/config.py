"""Settings that hold for the whole process: the float type of new weights, epsilon, and the counters of names."""

from __future__ import annotations

import re
from collections import Counter

from .errors import UnknownNameError

__all__ = ["clear_session", "epsilon", "floatx", "set_epsilon", "set_floatx", "snake_case", "unique_name"]

_FLOAT_TYPES = ("float32", "float64")

_floatx = "float32"
_epsilon = 1e-7
_names: Counter[str] = Counter()


def floatx() -> str:
    """The float type of new weights: ``"float32"`` unless `set_floatx` changed it.

    >>> floatx()
    'float32'
    """
    return _floatx


def set_floatx(dtype: str) -> None:
    """Chooses the float type of new weights.

    Args:
        dtype: ``"float32"`` or ``"float64"``. Models with float64 weights run on the numpy engine only.

    Raises:
        UnknownNameError: Another name was given.
    """
    global _floatx
    if dtype not in _FLOAT_TYPES:
        raise UnknownNameError("float type", dtype, _FLOAT_TYPES)
    _floatx = dtype


def epsilon() -> float:
    """The small number that keeps logarithms and divisions finite in losses and metrics.

    >>> epsilon()
    1e-07
    """
    return _epsilon


def set_epsilon(value: float) -> None:
    """Changes `epsilon`. Graphs made earlier keep the number they were made with."""
    global _epsilon
    _epsilon = float(value)


def clear_session() -> None:
    """Starts the automatic names of layers and models anew: the next dense layer is called ``dense`` again.

    >>> clear_session()
    >>> unique_name("dense"), unique_name("dense")
    ('dense', 'dense_1')
    """
    _names.clear()


def unique_name(prefix: str) -> str:
    """A name not given out before: ``prefix`` itself at first, then with ``_1``, ``_2``, ... behind it."""
    count = _names[prefix]
    _names[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def snake_case(name: str) -> str:
    """Writes the name of a class as the name of a thing.

    >>> snake_case("TimeDistributed"), snake_case("LSTM"), snake_case("LSTMCell")
    ('time_distributed', 'lstm', 'lstm_cell')
    """
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
