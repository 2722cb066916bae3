from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from recurra.cli import main

SOURCE = Path(__file__).parents[2] / "src"


def code_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert isinstance(done.value.code, int)
    return done.value.code


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("info") == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if "  " in line)
    assert {"recurra", "python", "engine", "numpy", "processors", "precisions"} <= set(lines)
    assert lines["precisions"].startswith("float32")
    if "native" in lines["engines"]:
        chosen, others = re.fullmatch(r"set +(\w+) \(of (.+)\)", lines["instruction"]).groups()  # type: ignore[union-attr]
        assert chosen in others.split(", ")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("RECURRA_ISA", "mmx", "names the instruction set 'mmx', which this machine or build does not have. It has: "),
        ("RECURRA_NUM_THREADS", "many", "must be a whole number from 1, received 'many'"),
        ("RECURRA_ENGINE", "nativ", "Did you mean 'native'"),
    ],
)
def test_a_wrong_setting_in_the_environment_is_one_line(variable: str, value: str, words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recurra.cli", "info"],
        env={**os.environ, variable: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.startswith("recurra: ")
    assert len(done.stderr.splitlines()) == 1


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("--help") == 0
    assert "forecast" in capsys.readouterr().out
    assert code_of("forecast", "--help") == 0
    text = capsys.readouterr().out
    for option in ("--target", "--horizon", "--time", "--frequency", "--season", "--model", "--output", "--quiet"):
        assert option in text


@pytest.mark.parametrize("arguments", [["frobnicate"], ["forecast"], ["forecast", "x.csv", "--horizon", "many"]])
def test_arguments_that_cannot_be_read(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(*arguments) == 2
    captured = capsys.readouterr()
    assert "Usage" in captured.err
    assert "Traceback" not in captured.err


def test_without_typer(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ImportError('gone', name='typer')")
    done = subprocess.run(
        [sys.executable, "-m", "recurra.cli", "info"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{SOURCE}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "recurra: the command line needs the package 'typer', which is not installed. "
        "Install it with: pip install 'recurra[cli]'\n"
    )
