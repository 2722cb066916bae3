"""Turns docstrings as this project writes them into Markdown, while the documentation is built.

Examples (`>>>`) become code blocks, where Markdown would see quotations in quotations, and a ``::`` before indented
formulas becomes a colon.
"""

from __future__ import annotations

import re
from typing import Any

import griffe


class Docstrings(griffe.Extension):
    """See above."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value)


def to_markdown(text: str) -> str:
    """Fences the examples of a docstring, and ends lines with one colon."""
    lines: list[str] = []
    inside: str | None = None
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        if inside is None and line.lstrip().startswith(">>>"):
            if lines and lines[-1].strip():
                lines.append("")
            lines.append(f"{indent}```pycon")
            inside = indent
        elif inside is not None and not line.strip():
            lines.append(f"{inside}```")
            inside = None
        lines.append(line if inside is not None else re.sub(r"::$", ":", line))
    if inside is not None:
        lines.append(f"{inside}```")
    return "\n".join(lines)
