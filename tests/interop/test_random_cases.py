"""Random models that recurra and another program both have: forward, gradients, training, on both engines.

RECURRA_SEED=17 make test-interop tries other models than the usual ones.
"""

from __future__ import annotations

import os

import pytest
from tests.golden.cases import Case, check
from tests.golden.programs import PROGRAMS, ask
from tests.golden.random_cases import GATES, generate

SEED = int(os.environ.get("RECURRA_SEED", "2"))
COUNT = 60


@pytest.fixture(scope="module")
def answered() -> dict[str, list[Case]]:
    """The cases of every program with what it computes, asked for all at once."""
    result = {}
    for program in PROGRAMS:
        cases = [case for cell in GATES for case in generate(program, SEED, COUNT, cell)]
        for case, expected in zip(cases, ask(program, cases), strict=True):
            case["expected"] = expected
        result[program] = cases
    return result


@pytest.mark.parametrize("engine", ["numpy", "native"])
@pytest.mark.parametrize("index", range(COUNT * len(GATES)))
@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_a_random_model_agrees(answered: dict[str, list[Case]], program: str, index: int, engine: str) -> None:
    check(answered[program][index], engine)
