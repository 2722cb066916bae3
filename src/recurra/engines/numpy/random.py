"""Random operations. Their numbers are a function of (seed, step, element), so every engine draws the same."""

from __future__ import annotations

import math

import numpy as np

from ._declare import Array, Call, backward, forward

__all__ = ["philox", "words"]

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)  # golden ratio and sqrt(3) - 1, as fractions of 2^32
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(counter: Array, key: tuple[int, int]) -> Array:
    """Philox4x32-10: four random 32-bit words for each counter.

    Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3". One round turns the words (a, b, c, d) into
    (high(M1 c) ^ b ^ k0, low(M1 c), high(M0 a) ^ d ^ k1, low(M0 a)), where high and low are the halves of the
    64-bit product; the key then moves on by a constant. Ten rounds are run.

    Args:
        counter: uint64 array of shape (4, n), every number below 2^32.
        key: Two 32-bit numbers.

    Returns:
        uint32 array of shape (4, n).

    Example:
    >>> [hex(word) for word in philox(np.zeros((4, 1), np.uint64), (0, 0))[:, 0].tolist()]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(10):
        first, second = a * np.uint64(_MULTIPLIERS[0]), c * np.uint64(_MULTIPLIERS[1])
        a, b, c, d = (
            (second >> _HALF) ^ b ^ np.uint64(k0),
            second & _LOW,
            (first >> _HALF) ^ d ^ np.uint64(k1),
            first & _LOW,
        )
        k0, k1 = (k0 + _KEY_STEPS[0]) & 0xFFFFFFFF, (k1 + _KEY_STEPS[1]) & 0xFFFFFFFF
    return np.stack([a, b, c, d]).astype(np.uint32)


def words(count: int, seed: int, step: int) -> Array:
    """The first ``count`` random 32-bit words of (seed, step): element e is word e mod 4 of block e div 4."""
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    moment = np.full_like(blocks, step & 0xFFFFFFFFFFFFFFFF)
    counter = np.stack([blocks & _LOW, blocks >> _HALF, moment & _LOW, moment >> _HALF])
    return philox(counter, (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF)).T.reshape(-1)[:count]


@forward("dropout")
def _dropout(call: Call, x: Array) -> Array:
    rate, shape = call.attributes["rate"], call.attributes["noise_shape"] or x.shape
    # u >= rate with u = k / 2^24 is, exactly, k >= ceil(rate 2^24): integers leave nothing to rounding.
    k = words(math.prod(shape), call.attributes["seed"], call.step) >> np.uint32(8)
    kept = (k >= math.ceil(rate * 2**24)).reshape(shape)
    call.saved = kept.astype(call.dtype) * call.dtype.type(1 / (1 - rate))
    # A product, not a choice: a NaN stays one even where it is dropped, so that it is seen.
    return np.asarray(x * call.saved)


@backward("dropout")
def _dropout_back(call: Call, g: Array, x: Array) -> tuple[Array]:
    return (g * call.saved,)
