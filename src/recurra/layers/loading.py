"""Where the first values of weights come from while a model is read from a file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from ..typing import Array

__all__ = ["first_value", "weights_from"]

Source = Callable[[str, tuple[int, ...], str, str], Array | None]

_source: ContextVar[Source | None] = ContextVar("weight_source", default=None)


@contextlib.contextmanager
def weights_from(source: Source) -> Iterator[None]:
    """Inside a ``with`` block new weights take what ``source`` returns instead of running their initializers.

    So a file is checked before anything of the size it asks for is allocated, and reading a model draws no random
    numbers.

    Args:
        source: Called with the weight's full name, shape, float type and role; returns its value, or None to let
            the initializer run. It raises to refuse.
    """
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def first_value(name: str, shape: tuple[int, ...], dtype: str, role: str) -> Array | None:
    """The value for a new weight, or None where its initializer decides."""
    source = _source.get()
    return None if source is None else source(name, shape, dtype, role)
