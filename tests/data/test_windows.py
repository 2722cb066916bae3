from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.data.windows import sliding_windows
from recurra.errors import ArgumentError, DataError


@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 4), st.integers(1, 5), st.sampled_from([None, 1, 3]))
def test_windows_are_the_slices_they_stand_for(
    length: int, window: int, horizon: int, step: int, features: int | None
) -> None:
    series = np.arange(length * (features or 1), dtype=np.float32).reshape((length, features) if features else length)
    if length < window + horizon:
        with pytest.raises(DataError, match=f"at least {window + horizon} points, received {length}"):
            sliding_windows(series, window, horizon, step)
        return
    x, y = sliding_windows(series, window, horizon, step)
    starts = range(0, length - window - horizon + 1, step)
    assert len(x) == len(y) == len(starts)
    for row, start in enumerate(starts):
        np.testing.assert_array_equal(x[row], series[start : start + window])
        np.testing.assert_array_equal(y[row], series[start + window : start + window + horizon])


def test_nothing_is_copied() -> None:
    series = np.zeros(100)
    x, y = sliding_windows(series, 10, 2)
    assert np.shares_memory(x, series)
    assert np.shares_memory(y, series)
    assert not x.flags.writeable


@pytest.mark.parametrize(
    ("options", "message"),
    [({"window": 0}, "window"), ({"window": 1, "horizon": -1}, "horizon"), ({"window": 1, "step": 0}, "step")],
)
def test_wrong_arguments(options: dict[str, int], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        sliding_windows(np.zeros(5), **options)
    with pytest.raises(ArgumentError, match="shape"):
        sliding_windows(np.zeros((2, 2, 2)), 1)
