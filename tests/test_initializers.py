"""Initializers: ranges, moments, orthogonality, seeds, names."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from recurra import config, initializers, random
from recurra.errors import ArgumentError, UnknownNameError

SHAPE = (300, 500)
FANS = {"fan_in": 300, "fan_out": 500, "fan_avg": 400}


def test_fixed_values() -> None:
    assert initializers.get("zeros")((2, 1)).tolist() == [[0], [0]]
    assert initializers.get("ones")((2,)).tolist() == [1, 1]
    assert initializers.Constant(2.5)((2,)).tolist() == [2.5, 2.5]
    assert initializers.Constant([1.0, 2.0])((2, 2)).tolist() == [[1, 2], [1, 2]]  # type: ignore[arg-type]
    assert initializers.Identity(2.0)((2, 3)).tolist() == [[2, 0, 0], [0, 2, 0]]


def test_float_type() -> None:
    initializer = initializers.GlorotUniform()
    assert initializer(SHAPE).dtype == np.float32
    assert initializer(SHAPE, "float64").dtype == np.float64
    config.set_floatx("float64")
    assert initializer(SHAPE).dtype == np.float64
    assert initializer(SHAPE).flags.c_contiguous


@pytest.mark.parametrize(
    ("name", "mean", "stddev", "low", "high"),
    [
        ("random_uniform", 0, 0.05 / np.sqrt(3), -0.05, 0.05),
        ("random_normal", 0, 0.05, -np.inf, np.inf),
        # Cut off at two standard deviations, a normal distribution keeps 0.8796 of its standard deviation.
        ("truncated_normal", 0, 0.05 * 0.87962566, -0.1, 0.1),
        ("glorot_uniform", 0, np.sqrt(1 / 400), -np.sqrt(3 / 400), np.sqrt(3 / 400)),
        ("glorot_normal", 0, np.sqrt(1 / 400), -2.2737 * np.sqrt(1 / 400), 2.2737 * np.sqrt(1 / 400)),
        ("he_uniform", 0, np.sqrt(2 / 300), -np.sqrt(6 / 300), np.sqrt(6 / 300)),
        ("he_normal", 0, np.sqrt(2 / 300), -2.2737 * np.sqrt(2 / 300), 2.2737 * np.sqrt(2 / 300)),
        ("lecun_uniform", 0, np.sqrt(1 / 300), -np.sqrt(3 / 300), np.sqrt(3 / 300)),
        ("lecun_normal", 0, np.sqrt(1 / 300), -2.2737 * np.sqrt(1 / 300), 2.2737 * np.sqrt(1 / 300)),
    ],
)
def test_moments_and_limits(name: str, mean: float, stddev: float, low: float, high: float) -> None:
    values = initializers.get(name)(SHAPE, "float64")
    count = np.sqrt(values.size)
    assert abs(values.mean() - mean) < 5 * stddev / count
    assert values.std() == pytest.approx(stddev, rel=5 / count)
    assert low <= values.min() and values.max() <= high
    if np.isfinite(high):
        assert values.max() > 0.99 * high


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg", "fanIn"])
@pytest.mark.parametrize("distribution", ["uniform", "untruncated_normal", "truncated_normal", "normal"])
def test_variance_scaling(mode: str, distribution: str) -> None:
    values = initializers.VarianceScaling(3.0, mode, distribution)(SHAPE, "float64")
    assert values.std() == pytest.approx(np.sqrt(3.0 / FANS[config.snake_case(mode)]), rel=0.01)


def test_truncated_without_correction_as_in_tensorflow_js() -> None:
    values = initializers.GlorotNormal(correction=False)(SHAPE, "float64")
    assert values.std() == pytest.approx(0.87962566 / 20, rel=0.01)
    assert np.abs(values).max() <= 2 / 20


def test_fans_of_other_ranks() -> None:
    initializer = initializers.VarianceScaling(1.0, "fan_in", "uniform")
    assert np.abs(initializer((100000,))).max() == pytest.approx(np.sqrt(3 / 100000), rel=1e-3)
    assert np.abs(initializer((5, 40, 500))).max() == pytest.approx(np.sqrt(3 / 200), rel=1e-3)
    assert np.abs(initializer(())) <= np.sqrt(3)


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4), (2, 3, 5)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    matrix = initializers.Orthogonal(2.0)(shape, "float64").reshape(-1, shape[-1])
    small = min(matrix.shape)
    gram = matrix @ matrix.T if matrix.shape[0] == small else matrix.T @ matrix
    np.testing.assert_allclose(gram, 4 * np.eye(small), atol=1e-12)


def test_orthogonal_is_uniform_over_rotations() -> None:
    """Without the correction of signs the first diagonal element would always be negative."""
    corners = [initializers.Orthogonal()((2, 2))[0, 0] for _ in range(200)]
    assert 60 < sum(corner > 0 for corner in corners) < 140


def test_seeds() -> None:
    first = initializers.RandomNormal(seed=4)
    assert (first((5,)) == first((5,))).all()
    assert (first((5,)) == initializers.RandomNormal(seed=4)((5,))).all()
    assert (first((5,)) != initializers.RandomNormal(seed=5)((5,))).any()
    free = initializers.RandomNormal()
    assert (free((5,)) != free((5,))).any()
    random.set_seed(3)
    before = free((5,))
    random.set_seed(3)
    assert (free((5,)) == before).all()


@pytest.mark.parametrize("name", initializers.registry.names)
def test_configurations(name: str) -> None:
    initializer = initializers.get(name)
    written = json.loads(json.dumps(initializers.serialize(initializer)))
    copy = initializers.get(written)
    assert type(copy) is type(initializer)
    assert initializers.serialize(copy) == written


def test_a_function_serves() -> None:
    def two(shape: Any, dtype: Any) -> np.ndarray:
        return np.full(shape, 2, dtype)

    assert initializers.get(two)((2,), "float32").tolist() == [2, 2]


def test_refusals() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown initializer 'glorot'"):
        initializers.get("glorot")
    with pytest.raises(ArgumentError, match="use 'zeros'"):
        initializers.get(None)
    with pytest.raises(ArgumentError, match="scale must be positive, received 0"):
        initializers.VarianceScaling(0)
    with pytest.raises(UnknownNameError, match="Unknown mode of VarianceScaling 'fan_sum'"):
        initializers.VarianceScaling(1, "fan_sum")
    with pytest.raises(UnknownNameError, match="Unknown distribution of VarianceScaling 'cauchy'"):
        initializers.VarianceScaling(1, "fan_in", "cauchy")
    with pytest.raises(ArgumentError, match="Orthogonal needs at least 2 dimensions"):
        initializers.Orthogonal()((3,))
    with pytest.raises(ArgumentError, match="Identity needs 2 dimensions"):
        initializers.Identity()((3,))
