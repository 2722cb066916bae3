"""Every hand-written gradient against finite differences."""

from __future__ import annotations

import pytest
from tests.harness.cases import CASES, Case
from tests.harness.gradients import check_gradients


@pytest.mark.parametrize("case", [case for case in CASES if case.smooth and case.parameters], ids=str)
def test_gradients(case: Case) -> None:
    check_gradients(case.build, case.parameters, case.feeds, shapes=case.shapes, states=case.states)
