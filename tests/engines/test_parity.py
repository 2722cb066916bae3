"""Every engine against the numpy engine in float64; the numpy engine in float32 is one of them."""

from __future__ import annotations

import pytest
from tests.harness.cases import CASES, Case
from tests.harness.parity import check_engine

from recurra import engines


@pytest.mark.parametrize("engine", engines.available())
@pytest.mark.parametrize("case", CASES, ids=str)
def test_parity(case: Case, engine: str) -> None:
    check_engine(
        engine,
        case.build,
        case.parameters,
        case.feeds,
        case.rule,
        shapes=case.shapes,
        states=case.states,
        same_zeros=case.same_zeros,
        trains=case.trains,
    )
