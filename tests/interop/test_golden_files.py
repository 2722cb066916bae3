"""The golden files hold what the programs say today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.golden.cases import load
from tests.golden.programs import PROGRAMS, ask

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = [
    (program, path.stem)
    for program in sorted(PROGRAMS)
    for path in sorted((GOLDEN / program).glob("*.json"))
    if not path.name.startswith("package")
]


def same(actual: Any, expected: Any, where: str) -> None:
    if isinstance(expected, dict):
        assert sorted(actual) == sorted(expected), where
        for key in expected:
            same(actual[key], expected[key], f"{where}: {key}")
    elif expected is None or isinstance(expected, str):
        assert actual == expected, where
    elif isinstance(expected, list) and any(item is None or isinstance(item, (list, dict)) for item in expected):
        assert len(actual) == len(expected), where
        for index, (one, other) in enumerate(zip(actual, expected, strict=True)):
            same(one, other, f"{where}[{index}]")
    else:
        # Another machine may round otherwise.
        np.testing.assert_allclose(actual, expected, rtol=2e-6, atol=2e-6, err_msg=where)


@pytest.mark.parametrize(("program", "name"), FILES, ids=lambda value: value)
def test_the_program_still_says_what_the_file_holds(program: str, name: str) -> None:
    cases = load(program, name)
    for case, result in zip(cases, ask(program, cases), strict=True):
        same(result, case["expected"], case["id"])
