"""The order in which rows are taken: as they lie, or shuffled, also where there are too many rows to hold an order."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..random import generator

__all__ = ["Permutation", "order_of_pass"]

# Rows whose order is held in memory: 16 MiB, drawn in a fraction of a second. The order of more is computed.
_HELD = 1 << 22
# Rows given out at a time, where they are computed.
_PIECE = 1 << 18
# Numbers computed at a time: measured, the fastest of 2^11 to 2^16.
_CHUNK = 1 << 14
_ROUNDS = 8


def order_of_pass(first: int, last: int, size: int, shuffle: bool) -> Iterator[tuple[np.ndarray, int]]:
    """One pass over the rows in [first, last), as runs of batches of one size.

    Args:
        first, last: The rows.
        size: Rows a batch.
        shuffle: Whether they come in a new order, drawn from `recurra.random.generator`.

    Returns:
        Pairs of rows, a whole number of batches of them, and the size of a batch; a smaller last batch comes by itself.
        Rows may be in four bytes; engines take them in eight.

    Example:

    >>> [(rows.tolist(), size) for rows, size in order_of_pass(0, 5, 2, shuffle=False)]
    [([0, 1, 2, 3], 2), ([4], 1)]
    """
    count = last - first
    held = permutation = None
    if shuffle and count <= _HELD:
        held = np.arange(first, last, dtype=np.int32 if last <= 2**31 else np.int64)
        generator().shuffle(held)
    elif shuffle:
        permutation = Permutation(count)

    def rows(start: int, stop: int) -> np.ndarray:
        if held is not None:
            return held[start:stop]
        if permutation is not None:
            return permutation.places(start, stop) + first
        return np.arange(first + start, first + stop)

    whole = count // size * size
    piece = max(_PIECE // size, 1) * size
    for start in range(0, whole, piece):
        yield rows(start, min(start + piece, whole)), size
    if whole < count:
        yield rows(whole, count), count - whole


class Permutation:
    """A random order of the numbers below ``count``, computed where it is asked for instead of held.

    A Feistel network on pairs: a number is written as ``left * b + right`` with left below a and right below b, where
    a and b are about the square root of ``count``; each round adds to one of them a hash of the other and of a key.
    That can be undone, so no two numbers meet. The few that land at or beyond ``count`` walk on until they are below.
    (Luby and Rackoff 1988; Black and Rogaway 2002, "Ciphers with arbitrary finite domains". The hash is the last
    step of MurmurHash3.) It is no cipher: it is to be as good as a shuffle, not secret. The keys are drawn from
    `recurra.random.generator`.

    Args:
        count: How many numbers, at least 1.

    Example:

    >>> order = Permutation(1000)
    >>> sorted(order.places(0, 1000).tolist()) == list(range(1000))
    True
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._a = math.isqrt(count - 1) + 1
        self._b = -(-count // self._a)
        self._keys = [np.uint32(key) for key in generator().integers(0, 2**32, _ROUNDS, dtype=np.uint32)]

    def places(self, start: int, stop: int) -> np.ndarray:
        """What stands at the places [start, stop) of the order, as int64 of shape (stop - start,)."""
        found = np.empty(stop - start, np.int64)
        for at in range(start, stop, _CHUNK):
            last = min(at + _CHUNK, stop)
            found[at - start : last - start] = self._walk(np.arange(at, last, dtype=np.uint64))
        return found

    def _walk(self, numbers: np.ndarray) -> np.ndarray:
        numbers = self._step(numbers)
        beyond = np.flatnonzero(numbers >= self._count)
        while len(beyond):
            numbers[beyond] = self._step(numbers[beyond])
            beyond = beyond[numbers[beyond] >= self._count]
        return numbers

    def _step(self, numbers: np.ndarray) -> np.ndarray:
        left, right = np.divmod(numbers, np.uint64(self._b))
        for of_left, of_right in zip(self._keys[::2], self._keys[1::2], strict=True):
            _add(left, right, of_right, self._a)
            _add(right, left, of_left, self._b)
        return left * np.uint64(self._b) + right


def _add(to: np.ndarray, of: np.ndarray, key: np.uint32, below: int) -> None:
    """Adds a hash of ``of`` and of the key to each number, modulo ``below``."""
    mixed = of.astype(np.uint32)
    mixed ^= key
    mixed ^= mixed >> np.uint32(16)
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    to += (mixed.astype(np.uint64) * np.uint64(below)) >> np.uint64(32)
    # Below ``below`` the difference wraps around and is the larger one.
    np.minimum(to, to - np.uint64(below), out=to)
