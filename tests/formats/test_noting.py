from __future__ import annotations

from pathlib import Path

import pytest

import recurra
from recurra import layers
from recurra.formats import save_model


def test_warnings_point_to_the_line_of_the_user(tmp_path: Path) -> None:
    model = recurra.Sequential([recurra.Input((2, 1)), layers.LSTM(2, name="not a name there"), layers.Dense(1)])
    model.compile("adam", "mse")
    with pytest.warns(UserWarning) as caught:
        model.save(tmp_path, format="tfjs")
        save_model(model, tmp_path, format="tfjs")
    assert len(caught) == 4
    assert {warning.filename for warning in caught} == {__file__}
