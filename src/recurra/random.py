"""The one source of randomness that is not written down elsewhere: initial weights, shuffles, seeds of dropout."""

from __future__ import annotations

import operator

import numpy as np

from .errors import ArgumentError

__all__ = ["derive_seed", "generator", "next_seed", "set_seed"]

_generator = np.random.default_rng()


def set_seed(seed: int) -> None:
    """Makes everything random that follows repeat from run to run.

    Call it before the model is made: the initial weights, the seeds of dropout layers without one of their own and
    the shuffling of training data are drawn from it.

    Args:
        seed: Any integer that is not negative.

    Raises:
        ArgumentError: The seed is negative or no integer.

    >>> set_seed(7)
    >>> first = next_seed()
    >>> set_seed(7)
    >>> first == next_seed()
    True
    """
    global _generator
    try:
        _generator = np.random.default_rng(operator.index(seed))
    except (TypeError, ValueError):
        raise ArgumentError(f"A seed must be an integer that is not negative, received {seed!r}.") from None


def generator() -> np.random.Generator:
    """The generator that `set_seed` starts anew. Do not keep it: `set_seed` replaces it."""
    return _generator


def next_seed() -> int:
    """Draws a seed of 63 bits."""
    return int(_generator.integers(0, 2**63 - 1, dtype=np.int64))


def derive_seed(seed: int, use: int) -> int:
    """A 63-bit seed for one of several uses of ``seed``; use 0 is the seed itself.

    The uses are spaced by the odd number nearest to 2^64 / golden ratio (Weyl sequence), so that none meet.

    >>> derive_seed(5, 0)
    5
    >>> derive_seed(5, 1) != derive_seed(5, 2)
    True
    """
    return (seed + use * 0x9E3779B97F4A7C15) % 2**63
