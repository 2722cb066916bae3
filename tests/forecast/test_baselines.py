from __future__ import annotations

import numpy as np
import pytest

from recurra.errors import DataError
from recurra.forecast import Drift, Naive, Season, SeasonalNaive
from recurra.forecast.baselines import baselines_for


def test_by_hand() -> None:
    history = np.array([1.0, 2.0, 4.0, 3.0, 5.0, 7.0])
    assert Naive()(history, 2).tolist() == [7, 7]
    np.testing.assert_allclose(Drift()(history, 3), [8.2, 9.4, 10.6])
    assert SeasonalNaive(Season(3))(history, 7).tolist() == [3, 5, 7, 3, 5, 7, 3]
    # The mean change over a season is (2 + 3 + 3) / 3.
    np.testing.assert_allclose(
        SeasonalNaive(Season(3), drift=True)(history, 4), np.array([3, 5, 7, 3]) + 8 / 3 * np.array([1, 1, 1, 2])
    )


def test_gaps_are_filled_from_what_was_known() -> None:
    assert Naive()(np.array([1.0, 3.0, np.nan]), 1).tolist() == [3.0]
    assert SeasonalNaive(Season(3))(np.array([1.0, np.nan, 3.0]), 3).tolist() == [1, 2, 3]


def test_a_season_that_is_not_whole() -> None:
    history = np.arange(20.0)
    # 2.5 points: one season back is 2 points, two are 5, three 8 (rounded to even).
    assert SeasonalNaive(Season(2.5))(history, 6).tolist() == [18, 19, 17, 18, 19, 17]


def test_a_long_horizon_over_one_season() -> None:
    assert SeasonalNaive(Season(3))(np.array([1.0, 2.0, 3.0]), 8).tolist() == [1, 2, 3, 1, 2, 3, 1, 2]


def test_too_short() -> None:
    with pytest.raises(DataError, match=r"seasonal naive \(4\) forecast needs 4 points of history, received 3"):
        SeasonalNaive(Season(4))(np.arange(3.0), 1)
    with pytest.raises(DataError):
        Naive()(np.array([np.nan]), 1)


def test_which() -> None:
    names = [method.name for method in baselines_for((Season(4), Season(8)), 20)]
    assert names == [
        "naive",
        "drift",
        "seasonal naive (4)",
        "seasonal naive (8)",
        "seasonal naive with drift (8)",
    ]
    assert [method.name for method in baselines_for((Season(40),), 20)] == ["naive", "drift"]
    assert len(baselines_for((Season(20),), 20)) == 3
