"""Orders of rows: every row once a pass, in another order each time, however many there are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import recurra
from recurra.training import order
from recurra.training.feeding import Batches, Samples
from recurra.training.order import Permutation, order_of_pass


def samples(count: int, start: int = 0) -> Samples:
    return Samples({}, start, start + count, ())


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 16, 17, 100, 1009, 4096, 65_537])
def test_a_permutation_holds_every_number_once(count: int) -> None:
    places = Permutation(count).places(0, count)
    assert places.dtype == np.int64
    assert (np.sort(places) == np.arange(count)).all()


def test_a_permutation_is_the_same_wherever_it_is_cut() -> None:
    permutation = Permutation(100_000)
    whole = permutation.places(0, 100_000)
    for start, stop in [(0, 1), (17, 20_000), (16_384, 16_385), (99_999, 100_000), (5, 5)]:
        assert (permutation.places(start, stop) == whole[start:stop]).all()


@pytest.mark.parametrize("count", [2**31 + 7, 2**40 - 1])
def test_permutations_of_more_than_32_bits(count: int) -> None:
    places = Permutation(count).places(count - 50_000, count)
    assert len(np.unique(places)) == 50_000
    assert places.min() >= 0
    assert places.max() < count
    assert places.max() > 0.99 * count


def test_permutations_are_evenly_spread() -> None:
    """Over many permutations each number, and each pair of numbers, comes first equally often."""
    recurra.set_seed(3)
    count, drawn = 12, 20_000
    orders = np.array([Permutation(count).places(0, count) for _ in range(drawn)])
    for column in orders.T:
        assert chi_square(np.bincount(column, minlength=count), drawn / count) < 11 + 6 * np.sqrt(22)
    pairs = np.bincount(orders[:, 0] * count + orders[:, 1], minlength=count * count).reshape(count, count)
    apart = pairs[~np.eye(count, dtype=bool)]
    assert chi_square(apart, drawn / 132) < 131 + 6 * np.sqrt(262)


def test_neighbours_in_a_permutation_have_nothing_in_common() -> None:
    recurra.set_seed(4)
    count = 300_000
    places = Permutation(count).places(0, count).astype(np.float64)
    steps = np.array([(after - before) % count for before, after in pairwise(places)])
    assert chi_square(np.histogram(steps, 100, (0, count))[0], (count - 1) / 100) < 99 + 6 * np.sqrt(198)
    assert abs(np.corrcoef(places, np.arange(count))[0, 1]) < 6 / np.sqrt(count)


def chi_square(found: np.ndarray, expected: float) -> float:
    return float(((found - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("held", [1, 1 << 22])
@pytest.mark.parametrize("piece", [1, 8, 1 << 18])
@pytest.mark.parametrize("size", [1, 3, 7, 40])
def test_every_row_once_a_pass(monkeypatch: pytest.MonkeyPatch, held: int, piece: int, size: int) -> None:
    monkeypatch.setattr(order, "_HELD", held)
    monkeypatch.setattr(order, "_PIECE", piece)
    recurra.set_seed(0)
    batches = Batches(samples(30, start=10), size, shuffle=True)
    passes = [list(batches.epoch()) for _ in range(2)]
    for rows in passes:
        assert [len(batch) for batch in rows] == [size] * (30 // size) + [30 % size] * (30 % size > 0)
        assert all(batch.dtype == np.int64 for batch in rows)
        assert sorted(np.concatenate(rows)) == list(range(10, 40))
    first, second = (np.concatenate(rows) for rows in passes)
    assert (first != second).any()
    assert (first != np.sort(first)).any()


def test_a_pass_repeats_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "_HELD", 1)
    found = []
    for seed in (1, 1, 2):
        recurra.set_seed(seed)
        found.append(np.concatenate([rows for rows, _ in order_of_pass(0, 1000, 8, shuffle=True)]))
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()


@pytest.mark.parametrize("piece", [1, 4, 1 << 18])
def test_epochs_of_some_steps_go_on_where_the_last_one_ended(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(order, "_PIECE", piece)
    batches = Batches(samples(7), 2, steps=3)
    epochs = [[rows.tolist() for rows in batches.epoch()] for _ in range(3)]
    assert epochs == [[[0, 1], [2, 3], [4, 5]], [[6], [0, 1], [2, 3]], [[4, 5], [6], [0, 1]]]


def test_an_epoch_that_is_left_early_goes_on_there() -> None:
    batches = Batches(samples(20), 2, steps=4)
    first = batches.epoch()
    assert [next(first).tolist() for _ in range(2)] == [[0, 1], [2, 3]]
    assert next(batches.epoch()).tolist() == [4, 5]


def test_epochs_of_some_steps_come_as_runs_of_many_batches() -> None:
    batches = Batches(samples(10), 2, steps=7)
    runs = [[(rows.tolist(), size) for rows, size in batches.runs()] for _ in range(2)]
    assert runs[0] == [(list(range(10)), 2), ([0, 1, 2, 3], 2)]
    assert runs[1] == [([4, 5, 6, 7, 8, 9], 2), ([0, 1, 2, 3, 4, 5, 6, 7], 2)]
