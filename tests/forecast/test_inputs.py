from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.errors import DataError, FormatError
from recurra.forecast.inputs import Anchor, Inputs
from recurra.forecast.seasonality import Season

anchors = st.one_of(
    st.sampled_from([Anchor("last"), Anchor("mean")]),
    st.builds(lambda period, cycles: Anchor("season", Season(period), cycles), st.floats(2, 12), st.integers(1, 4)),
)


def test_a_seasonal_sample_by_hand() -> None:
    series = np.array([1.0, 2, 3, 11, 12, 13, 21, 22, 23, 31])
    inputs = Inputs(Anchor("season", Season(3), 2), horizon=2, window=2, unit=10.0)
    assert inputs.first_origin == 7
    x, anchor = inputs.samples(series, np.array([8]))
    # The past points 22 and 23 against the means 7 and 8 of their phase; those to come, 31 and ?, against 16 and 17.
    np.testing.assert_allclose(anchor, [[16.0, 17.0]])
    np.testing.assert_allclose(x[0, :, 0], [1.5, 1.5, 0, 0])
    np.testing.assert_allclose(x[0, :, 1], [1, 1, 0, 0])
    np.testing.assert_allclose(x[0, :, 2], [0, 0, 0.5, 1])
    np.testing.assert_allclose(x[0, :, 3], np.array([7, 8, 16, 17]) - 12)
    np.testing.assert_allclose(x[0, :, 4], [0.5] * 4)
    np.testing.assert_allclose(x[0, :, 5], [-0.5] * 4)
    targets = inputs.targets(series, np.array([7]))
    np.testing.assert_allclose(targets[0, :, 0], [1.5, 1.5])
    assert targets.shape == (1, 2, 1)


def test_plain_anchors_by_hand() -> None:
    series = np.array([1.0, 2.0, 4.0, 8.0])
    x, anchor = Inputs(Anchor("last"), 1, 2, unit=2.0).samples(series, np.array([2]))
    assert anchor.tolist() == [[4.0]]
    assert x[0].tolist() == [[-1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    x, anchor = Inputs(Anchor("mean"), 1, 2).samples(series, np.array([2]))
    assert anchor.tolist() == [[0.0]]
    assert x[0, :, 0].tolist() == [2.0, 4.0, 0.0]
    assert Inputs(Anchor("last"), 1, 2, unit=2.0).targets(series, np.array([2])).tolist() == [[[2.0]]]


@settings(max_examples=60)
@given(anchors, st.integers(1, 20), st.integers(1, 15), st.integers(0, 3))
def test_nothing_after_the_origin_is_read(anchor: Anchor, horizon: int, window: int, more: int) -> None:
    """A sample stays the same whatever comes after its origin, and is made from the very first origin on."""
    inputs = Inputs(anchor, horizon, window)
    origin = inputs.first_origin + more
    past = np.random.default_rng(0).normal(size=origin + 1)
    x, base = inputs.samples(past, np.array([origin]))
    for future in (1e9, np.nan):
        longer = np.append(past, np.full(horizon + 5, future))
        x2, base2 = inputs.samples(longer, np.array([origin]))
        np.testing.assert_array_equal(x, x2)
        np.testing.assert_array_equal(base, base2)
    assert x.shape == (1, window + horizon, inputs.features)
    assert np.isfinite(x).all()
    with pytest.raises(DataError, match=f"needs {inputs.first_origin + 1} points of history"):
        inputs.samples(past, np.array([inputs.first_origin - 1]))


@given(anchors, st.integers(1, 10), st.integers(1, 10))
def test_targets_and_anchors_add_up_to_the_series(anchor: Anchor, horizon: int, window: int) -> None:
    inputs = Inputs(anchor, horizon, window, unit=0.5)
    series = np.random.default_rng(1).normal(size=inputs.first_origin + horizon + 4)
    origins = inputs.origins(len(series))
    assert origins[-1] == len(series) - horizon - 1
    rebuilt = inputs.anchors(series, origins) + inputs.targets(series, origins)[:, :, 0] * inputs.unit
    actual = np.stack([series[o + 1 : o + 1 + horizon] for o in origins])
    np.testing.assert_allclose(rebuilt, actual, atol=1e-6)


def test_anchors_survive_json() -> None:
    for anchor in (Anchor("last"), Anchor("season", Season(52.18, "year"), 4)):
        assert Anchor.from_json(anchor.to_json()) == anchor
    with pytest.raises(FormatError, match="Unknown anchor 'x'"):
        Anchor.from_json({"kind": "x", "season": None, "cycles": 0})
    with pytest.raises(FormatError):
        Anchor.from_json({"kind": "season", "season": None, "cycles": 0})
    assert str(Anchor("season", Season(48, "day"), 4)) == "the mean of the last 4 seasons of 48 (day)"
