"""Asks the other programs. Needs the environment of ``make test-interop``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["PROGRAMS", "ask"]

HERE = Path(__file__).parent

PROGRAMS = {
    "keras": [sys.executable, str(HERE / "keras" / "run_cases.py")],
    "tfjs": ["node", str(HERE / "tfjs" / "run_cases.mjs")],
    "torch": [sys.executable, str(HERE / "torch" / "run_cases.py")],
}


def ask(program: str, cases: list[dict[str, Any]]) -> list[Any]:
    """What a program computes for cases, one result for each."""
    done = subprocess.run(PROGRAMS[program], input=json.dumps(cases), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(PROGRAMS[program])} failed:\n{done.stderr[-4000:]}")
    # TensorFlow.js greets before it answers.
    results: list[Any] = json.loads(done.stdout[done.stdout.index("[") :])
    return results
