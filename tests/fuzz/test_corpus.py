"""The corpus of the fuzzer, and changes to it that a seed makes, without the fuzzer itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fuzz.loaders import CORPUS, LOADERS, check
from tests.fuzz.mutation import mutate

FILES = [(loader, file) for loader in LOADERS for file in sorted((CORPUS / loader).iterdir())]


@pytest.mark.parametrize(("loader", "file"), FILES, ids=lambda value: getattr(value, "name", value))
def test_an_input_is_refused_or_a_model(loader: str, file: Path, tmp_path: Path) -> None:
    model = check(loader, file.read_bytes(), tmp_path)
    assert (model is None) == file.name.startswith(("found", "weights"))
    assert list(tmp_path.iterdir()) == []


def _shortened(data: bytes, size: int) -> bytes:
    return data[: len(data) * 9 // 10]


@pytest.mark.parametrize("loader", LOADERS)
def test_changed_inputs_are_refused_or_models(loader: str, tmp_path: Path) -> None:
    files = [file.read_bytes() for kind, file in FILES if kind == loader]
    models = 0
    for seed in range(400):
        data = mutate(loader, files[seed % len(files)], 2**16, seed, _shortened)
        models += check(loader, data, tmp_path, memory=False) is not None
    # Neither are the changes so wild that none is read, nor so mild that all are.
    assert 20 < models < 300
