from __future__ import annotations

import math

import numpy as np
import pytest

from recurra.training.totals import Report, Totals


def f(value: float) -> np.ndarray:
    return np.array(value, np.float32)


def test_means_weigh_by_batch_size_and_sums_do_not() -> None:
    totals = Totals([Report("loss", "loss"), Report("acc", "a", "b"), Report("rmse", "m", None, math.sqrt)])
    totals.add({"loss": f(1), "a": f(2), "b": f(4), "m": f(1)}, 3)
    totals.add({"loss": f(5), "a": f(1), "b": f(2), "m": f(13)}, 1)
    assert totals.result() == {"loss": 2.0, "acc": 0.5, "rmse": 2.0}
    totals.reset()
    assert totals.result() == {"loss": 0.0, "acc": 0.0, "rmse": 0.0}


def test_sums_are_kept_in_double_precision() -> None:
    totals = Totals([Report("loss", "loss")])
    totals.add({"loss": f(1.0)}, 2**25)
    totals.add({"loss": f(2.0)}, 1)
    assert totals.result()["loss"] == pytest.approx(1 + 1 / 2**25, rel=1e-12)


def test_nothing_counted_is_zero() -> None:
    totals = Totals([Report("acc", "a", "b")])
    totals.add({"a": f(0), "b": f(0)}, 3)
    assert totals.result() == {"acc": 0.0}
