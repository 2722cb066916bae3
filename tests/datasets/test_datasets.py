from __future__ import annotations

import numpy as np
import pytest

from recurra import datasets
from recurra.data.series import to_series
from recurra.errors import UnknownNameError


@pytest.mark.parametrize(
    ("name", "points", "missing", "frequency", "total"),
    [
        ("air_passengers", 144, 0, "1 month", 40363.0),
        ("co2", 2284, 59, "1 week", 756816.5),
        ("sunspots", 2820, 0, "1 month", 144570.0),
        ("taxi", 10320, 0, "30 min", 156219716.0),
    ],
)
def test_series(name: str, points: int, missing: int, frequency: str, total: float) -> None:
    """The numbers were counted in the files with awk."""
    series = to_series(datasets.load(name))
    assert len(series) == points
    assert series.missing.sum() == missing
    assert str(series.frequency) == frequency
    assert np.nansum(series.values) == pytest.approx(total, rel=1e-6)
    np.testing.assert_array_equal(to_series(datasets.path(name)).values, series.values)


def test_readme_names_every_file() -> None:
    text = (datasets.path("taxi").parent / "README.md").read_text()
    assert [name for name in datasets.names() if f"`{name}.csv`" not in text] == []


def test_unknown() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'taxi'"):
        datasets.load("taxy")
