"""dropout: which elements go is worked out here with Python integers, straight from the docstring."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import ops
from recurra.engines import available, get
from recurra.errors import ArgumentError
from recurra.graph import GraphBuilder


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10 of one counter, from the definition in the paper."""
    (a, b, c, d), (k, m) = counter, key
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q >> 32) ^ b ^ k, q % 2**32, (p >> 32) ^ d ^ m, p % 2**32
        k, m = (k + 0x9E3779B9) % 2**32, (m + 0xBB67AE85) % 2**32
    return [a, b, c, d]


def kept(count: int, rate: float, seed: int, step: int) -> list[bool]:
    """The mask of the first elements, one by one."""
    result = []
    for e in range(count):
        block = e // 4
        words = philox([block % 2**32, block >> 32, step % 2**32, step >> 32], [seed % 2**32, seed >> 32])
        result.append((words[e % 4] >> 8) / 2**24 >= rate)
    return result


def run(x: np.ndarray, step: int, *arguments: Any, engine: str = "numpy") -> np.ndarray:
    builder = GraphBuilder()
    builder.output("y", ops.dropout(builder.input("x", x.shape), *arguments))
    return get(engine).compile(builder.finish(), {}).predict({"x": x.astype(np.float32)}, step=step)["y"]


@pytest.mark.parametrize("seed", [0, 1, 0xDEADBEEF, 0x0123456789ABCDEF, 2**64 - 1])
@pytest.mark.parametrize("step", [0, 1, 2**32 + 5])
def test_which_elements_are_dropped(seed: int, step: int) -> None:
    y = run(np.ones(39), step, 0.3, seed)
    assert (y != 0).tolist() == kept(39, 0.3, seed, step)
    np.testing.assert_allclose(y[y != 0], 1 / 0.7, rtol=1e-7)


@pytest.mark.parametrize("engine", available())
def test_an_element_whose_number_is_the_rate_itself_is_kept(engine: str) -> None:
    """u >= rate is decided exactly, however close the two are."""
    for seed in range(1, 6):
        k = philox([0, 0, 3, 0], [seed, 0])[0] >> 8
        for rate, stays in ((k / 2**24, True), ((k + 0.001) / 2**24, False), ((k - 0.001) / 2**24, True)):
            assert (run(np.ones(1), 3, rate, seed, engine=engine)[0] != 0) == stays


def test_elements_are_counted_in_c_order() -> None:
    y = run(np.ones((2, 3, 5)), 4, 0.5, 99)
    assert (y.ravel() != 0).tolist() == kept(30, 0.5, 99, 4)


def test_noise_shape_shares_the_noise() -> None:
    x = np.arange(1.0, 31.0).reshape(2, 3, 5)
    y = run(x, 4, 0.5, 99, (2, 1, 5))
    mask = np.array(kept(10, 0.5, 99, 4)).reshape(2, 1, 5)
    np.testing.assert_allclose(y, x * mask * 2, rtol=1e-7)


def test_rate_zero_keeps_everything() -> None:
    x = np.arange(10.0)
    assert run(x, 1, 0.0, 5).tolist() == x.tolist()


def test_the_share_and_the_mean_are_right() -> None:
    y = run(np.ones(40_000), 1, 0.2, 7)
    # Five standard deviations of a binomial share: 5 sqrt(0.2 * 0.8 / 40000) = 0.01.
    assert abs((y == 0).mean() - 0.2) < 0.01
    assert abs(y.mean() - 1) < 0.0125


def test_seeds_and_steps_draw_differently() -> None:
    one = run(np.ones(200), 1, 0.5, 7)
    assert (run(np.ones(200), 1, 0.5, 7) == one).all()
    assert (run(np.ones(200), 2, 0.5, 7) != one).any()
    assert (run(np.ones(200), 1, 0.5, 8) != one).any()


def test_nan_is_not_dropped() -> None:
    y = run(np.full(64, np.nan), 1, 0.9, 7)
    assert np.isnan(y).all()


def test_errors_name_the_trouble() -> None:
    x = GraphBuilder().input("x", ("batch", 3))
    for rate in (-0.1, 1.0, 1.5):
        with pytest.raises(ArgumentError, match=rf"rate must lie in \[0, 1\), received {rate}"):
            ops.dropout(x, rate, 0)
    for noise in ((3,), ("batch", 2), (2, 3), (1, 1, 3)):
        with pytest.raises(ArgumentError, match=r"noise_shape must have the dimensions of x, \(batch, 3\)"):
            ops.dropout(x, 0.5, 0, noise)
