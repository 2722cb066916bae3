"""The code of the README runs, and prints what stands below it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```python\n(?P<code>.*?)```(?:\n+```text\n(?P<output>.*?)```)?", re.DOTALL)
BLOCKS = [(match["code"], match["output"]) for match in BLOCK.finditer(README)]


@pytest.mark.parametrize(("code", "output"), BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_runs(code: str, output: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    assert printed
    if output is not None:
        assert printed == output


def test_the_first_block_shows_its_output_and_is_short() -> None:
    code, output = BLOCKS[0]
    assert output
    assert len([line for line in code.splitlines() if line]) <= 13


def test_links_lead_somewhere() -> None:
    pages = [ROOT / name for name in ("README.md", "HACKING.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    for page in [*pages, *(ROOT / "tests" / "golden").glob("*.md")]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"
