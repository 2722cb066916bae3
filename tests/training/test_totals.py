from __future__ import annotations

import math

import numpy as np
import pytest

from recurra.training.totals import Report, Totals


def test_means_weigh_by_batch_size_and_sums_do_not() -> None:
    totals = Totals([Report("loss", "loss"), Report("acc", "a", "b"), Report("rmse", "m", None, math.sqrt)])
    totals.add({"loss": np.float32(1), "a": np.float32(2), "b": np.float32(4), "m": np.float32(1)}, 3)
    totals.add({"loss": np.float32(5), "a": np.float32(1), "b": np.float32(2), "m": np.float32(13)}, 1)
    assert totals.result() == {"loss": 2.0, "acc": 0.5, "rmse": 2.0}
    totals.reset()
    assert totals.result() == {"loss": 0.0, "acc": 0.0, "rmse": 0.0}


def test_sums_are_kept_in_double_precision() -> None:
    totals = Totals([Report("loss", "loss")])
    totals.add({"loss": np.float32(1.0)}, 2**25)
    totals.add({"loss": np.float32(2.0)}, 1)
    assert totals.result()["loss"] == pytest.approx(1 + 1 / 2**25, rel=1e-12)


def test_nothing_counted_is_zero() -> None:
    totals = Totals([Report("acc", "a", "b")])
    totals.add({"a": np.float32(0), "b": np.float32(0)}, 3)
    assert totals.result() == {"acc": 0.0}
