from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra import datasets
from recurra.data.scaling import Scaler, choose_transform
from recurra.errors import DataError, UnknownNameError


@given(
    st.lists(st.floats(0.1, 1e6), min_size=2, max_size=30).filter(lambda v: max(v) > 1.01 * min(v)),
    st.sampled_from(["log", "none"]),
)
def test_scaling_is_undone(values: list[float], transform: str) -> None:
    array = np.array(values)
    scaler = Scaler.fit(array, transform)  # type: ignore[arg-type]
    scaled = scaler.apply(array)
    assert scaled.mean() == pytest.approx(0, abs=1e-9)
    assert scaled.std() == pytest.approx(1)
    np.testing.assert_allclose(scaler.invert(scaled), array, rtol=1e-9)


def test_missing_values_stay_missing() -> None:
    scaler = Scaler.fit(np.array([0.0, np.nan, 2.0]))
    np.testing.assert_array_equal(scaler.apply(np.array([np.nan, 3.0])), [np.nan, 2.0])


def test_extreme_answers_stay_finite() -> None:
    assert np.isfinite(Scaler(0.0, 1.0, "log").invert(np.array([1e6]))).all()


def test_what_cannot_be_scaled() -> None:
    with pytest.raises(DataError, match=r"constant \(5 throughout\)"):
        Scaler.fit(np.full(4, 5.0))
    with pytest.raises(DataError, match="above 0, received -1"):
        Scaler.fit(np.array([-1.0, 1.0]), "log")
    with pytest.raises(DataError, match="no value"):
        Scaler.fit(np.array([np.nan]))
    with pytest.raises(UnknownNameError, match="transform"):
        Scaler.fit(np.array([1.0, 2.0]), "sqrt")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "column", "season", "transform"),
    [
        ("air_passengers", "passengers", 12, "log"),
        ("co2", "co2", 52, "none"),
        ("sunspots", "sunspots", 125, "none"),
        ("taxi", "passengers", 48, "none"),
    ],
)
def test_the_logarithm_is_taken_where_swings_grow_with_the_level(
    name: str, column: str, season: int, transform: str
) -> None:
    assert choose_transform(datasets.load(name)[column].astype(float), season) == transform


def test_short_series_get_no_logarithm() -> None:
    assert choose_transform(np.exp(np.arange(30.0)), 12) == "none"
    gappy = np.exp(np.arange(60.0) / 10)
    gappy[::6] = np.nan
    assert choose_transform(gappy, 12) == "none"
