"""The source of randomness."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import random
from recurra.errors import ArgumentError
from recurra.layers import LSTM, Dropout


def test_everything_follows_from_the_seed() -> None:
    def draw() -> tuple[object, ...]:
        layer = LSTM(3, dropout=0.1)
        layer.build((None, None, 2))
        weights = tuple(map(tuple, layer.get_weights()[0].tolist()))
        return weights, layer.seed, Dropout(0.5).seed, random.next_seed(), random.generator().normal()

    random.set_seed(11)
    first = draw()
    assert draw() != first
    random.set_seed(11)
    assert draw() == first
    random.set_seed(np.int64(12))  # type: ignore[arg-type]
    assert draw() != first


@pytest.mark.parametrize("seed", [-1, 1.5, "7", None])
def test_refusals(seed: object) -> None:
    with pytest.raises(ArgumentError, match="must be an integer that is not negative"):
        random.set_seed(seed)  # type: ignore[arg-type]


def test_seeds_are_63_bits_and_differ() -> None:
    seeds = [random.next_seed() for _ in range(1000)]
    assert len(set(seeds)) == 1000
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert max(seeds) > 2**62


def test_derived_seeds_differ() -> None:
    derived = {random.derive_seed(seed, use) for seed in range(50) for use in range(50)}
    assert len(derived) == 2500
    assert all(0 <= seed < 2**63 for seed in derived)
    assert random.derive_seed(2**63 - 1, 0) == 2**63 - 1
