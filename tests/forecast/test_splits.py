from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.errors import ArgumentError, DataError
from recurra.forecast.splits import LEAST_SAMPLES, default_window, largest_horizon, plan_split


@given(st.integers(1, 3000), st.integers(1, 200), st.integers(1, 200))
def test_parts_follow_each_other(length: int, horizon: int, window: int) -> None:
    try:
        split = plan_split(length, horizon, window)
    except DataError as error:
        needed = int(str(error).split("at least ")[1].split()[0])
        assert needed > length
        return
    assert 0 < split.train_end < split.test_start < length
    assert split.train_end - window - horizon + 1 >= LEAST_SAMPLES
    assert split.test_start - split.train_end >= horizon
    assert split.origins[0] == split.test_start - 1
    assert split.origins[-1] + horizon <= length - 1
    assert len(split.origins) >= 3
    assert (np.diff(split.origins) > 0).all()


@given(st.integers(1, 800))
def test_the_largest_horizon_works_and_no_larger_one(length: int) -> None:
    horizon = largest_horizon(length)
    if horizon:
        plan_split(length, horizon, default_window(length, horizon))
    with pytest.raises(DataError, match="too short"):
        plan_split(length, horizon + 1, default_window(length, horizon + 1))


def test_taxi() -> None:
    split = plan_split(10320, 48, 48)
    assert (split.train_end, split.test_start, len(split.origins)) == (7632, 8976, 55)


def test_held_out_and_step_as_given() -> None:
    split = plan_split(1000, 10, 10, held_out=100, step=30)
    assert split.origins.tolist() == [899, 929, 959, 989]
    with pytest.raises(ArgumentError, match="held_out must hold at least one horizon of 10 points, received 9"):
        plan_split(1000, 10, 10, held_out=9)
    with pytest.raises(ArgumentError, match="step"):
        plan_split(1000, 10, 10, step=0)
    with pytest.raises(DataError, match="Hold out fewer points"):
        plan_split(1000, 10, 10, held_out=980)
    with pytest.raises(DataError, match="horizon of at most 24, a shorter window"):
        plan_split(100, 10, 60)
    with pytest.raises(DataError, match=r"most.*Bring a longer|Bring a longer"):
        plan_split(10, 3, 3)
