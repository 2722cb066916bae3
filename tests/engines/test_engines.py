"""Finding an engine: by name, by environment, by default."""

from __future__ import annotations

import pytest

from recurra import engines
from recurra.errors import EngineError, UnknownNameError


def test_numpy_is_always_there() -> None:
    assert "numpy" in engines.available()
    assert engines.get("numpy").name == "numpy"
    assert engines.get(engines.get("numpy")) is engines.get("numpy")


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown engine 'numyp'\. Did you mean 'numpy'"):
        engines.get("numyp")


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_ENGINE", "numpy")
    assert engines.default().name == "numpy"
    monkeypatch.setenv("RECURRA_ENGINE", "fortran")
    with pytest.raises(UnknownNameError, match="fortran"):
        engines.default()


def test_without_the_extension_numpy_is_taken_and_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = engines._load
    monkeypatch.delenv("RECURRA_ENGINE", raising=False)
    monkeypatch.setattr(engines, "_load", lambda name: None if name == "native" else found(name))
    monkeypatch.setattr(engines, "_warned", False)
    with pytest.warns(RuntimeWarning, match="numpy engine"):
        assert engines.default().name == "numpy"
    assert engines.default().name == "numpy"  # a second warning would be an error
    assert engines.available() == ["numpy"]
    with pytest.raises(EngineError, match="use engine='numpy'"):
        engines.get("native")
