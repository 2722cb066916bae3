"""Philox4x32-10 against the known answers published with Random123, and how its words are laid out."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.engines.numpy.random import philox, words


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_known_answers(counter: str, key: str, answer: str) -> None:
    numbers = np.array([[int(word, 16)] for word in counter.split()], np.uint64)
    k0, k1 = (int(word, 16) for word in key.split())
    assert philox(numbers, (k0, k1))[:, 0].tolist() == [int(word, 16) for word in answer.split()]


def test_many_counters_at_once() -> None:
    counters = np.random.default_rng(1).integers(0, 2**32, (4, 17), dtype=np.uint64)
    together = philox(counters, (3, 4))
    for i in range(17):
        assert (philox(counters[:, i : i + 1], (3, 4))[:, 0] == together[:, i]).all()


def test_words_come_in_blocks_of_four() -> None:
    key = (0x89ABCDEF, 0x01234567)
    drawn = words(11, 0x0123456789ABCDEF, 0x00000005_00000009)
    assert drawn.dtype == np.uint32
    for e in range(11):
        counter = np.array([[e // 4], [0], [9], [5]], np.uint64)
        assert drawn[e] == philox(counter, key)[e % 4, 0]


def test_more_words_begin_with_the_same_ones() -> None:
    assert (words(1000, 5, 1)[:7] == words(7, 5, 1)).all()
    assert len(words(0, 5, 1)) == 0
