"""Makes the golden files anew: random cases from their seed, and what the programs compute for all cases.

python tests/golden/remake.py            in the environment of make test-interop
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from programs import PROGRAMS, ask
from random_cases import generate

COUNTS = {"keras": 36, "tfjs": 18, "torch": 18}
# The files of random cases, and the recurrent layer of each.
RANDOM = {"random": "LSTM", "random_gru": "GRU", "random_simple_rnn": "SimpleRNN"}


def compact(value: Any) -> Any:
    """Nine digits are enough to tell any two float32 apart."""
    if isinstance(value, float):
        return int(value) if value == int(value) and abs(value) < 1e15 else float(f"{value:.9g}")
    if isinstance(value, list):
        return [compact(item) for item in value]
    if isinstance(value, dict):
        return {key: compact(item) for key, item in value.items()}
    return value


def write(path: Path, program: str, cases: list[dict[str, Any]]) -> None:
    for case, result in zip(cases, ask(program, cases), strict=True):
        case["expected"] = result
    lines = ",\n".join(" " + json.dumps(compact(case)) for case in cases)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{path}: {len(cases)} cases")


if __name__ == "__main__":
    for program in PROGRAMS:
        folder = Path(__file__).parent / program
        for name, cell in RANDOM.items():
            write(folder / f"{name}.json", program, generate(program, 1, COUNTS[program], cell))
        for path in sorted(folder.glob("*.json")):
            if path.stem not in RANDOM and not path.name.startswith("package"):
                write(path, program, json.loads(path.read_text(encoding="utf-8")))
