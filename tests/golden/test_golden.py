"""What other programs computed, on both engines."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.golden.cases import KINDS, Case, check, load

FILES = {
    "keras": [
        "bidirectional",
        "forward",
        "functional",
        "gru",
        "loss",
        "optimizer",
        "random",
        "random_gru",
        "random_simple_rnn",
    ],
    "tfjs": [
        "bidirectional",
        "embedding_mask",
        "forward",
        "functional",
        "gru",
        "loss",
        "metric",
        "optimizer",
        "random",
        "random_gru",
        "random_simple_rnn",
        "regularizer",
        "simple_rnn",
        "stateful",
        "train",
    ],
    "torch": ["random", "random_gru", "random_simple_rnn"],
}
CASES = [case for program, kinds in FILES.items() for kind in kinds for case in load(program, kind)]


@pytest.mark.parametrize("engine", ["numpy", "native"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_case(case: Case, engine: str) -> None:
    check(case, engine)


def test_ids_are_unique_and_every_kind_occurs() -> None:
    ids = Counter(case["id"] for case in CASES)
    assert not [id for id, count in ids.items() if count > 1]
    assert {case["kind"] for case in CASES} == set(KINDS)
