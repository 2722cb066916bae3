"""Checks that code compiled for one instruction set runs nowhere but there:

    python3 tools/instructions.py build/native/librecurra_core.a build/native/native_tests

An object compiled for a set may export its table and nothing else. An inline function of the standard library in such
an object would be a weak symbol: the linker keeps one copy of those of all objects, and the copy it keeps may hold
instructions that a smaller machine lacks. And in the linked program, no function outside of the namespace of a set may
use the encodings of AVX (VEX) or AVX-512 (EVEX).
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

# The sets whose functions may be encoded in these ways.
VEX_SETS = {"avx2", "avx512", "amx", "emulated", "wide", "narrow"}
EVEX_SETS = {"avx512", "amx"}
# Prefixes that may stand before a VEX or EVEX one: segments, and the size of addresses.
BEFORE = {"26", "2e", "36", "3e", "64", "65", "67"}


def run(*command: str) -> str:
    """The output of a command."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def exports(archive: str) -> list[str]:
    """What objects of single sets export beyond their table."""
    wrong, sets = [], []
    for member in run("ar", "t", archive).split():
        found = re.fullmatch(r"(avx2|avx512|amx|emulated|neon|wide|narrow)\w*\.cpp\.o", member)
        if not found:
            continue
        sets.append(found[1])
        listed = run("nm", "--defined-only", "--extern-only", "--demangle", archive)
        block = re.search(rf"\n{re.escape(member)}:\n((?:.+\n)*)", listed)
        for line in (block[1] if block else "").splitlines():
            _, kind, symbol = line.split(" ", 2)
            if not re.fullmatch(rf"recurra::{found[1]}\w*::table\(\)", symbol) or kind != "T":
                wrong.append(f"{member} exports {symbol} ({kind})")
    if not sets:
        wrong.append(f"{archive} holds no object of a single instruction set")
    return wrong


def encodings(program: str) -> tuple[list[str], Counter[str]]:
    """Functions that use encodings of sets they do not belong to, and how many functions each set has."""
    wrong: list[str] = []
    counts: Counter[str] = Counter()
    function, home = "", ""
    for line in run("objdump", "--disassemble", "--demangle", "--wide", program).splitlines():
        if start := re.match(r"[0-9a-f]+ <(.+)>:$", line):
            function = start[1]
            found = re.search(r"recurra::(avx2|avx512|amx|emulated|neon|wide|narrow|portable)\w*::", function)
            home = found[1] if found else ""
            counts[home] += 1
            continue
        parts = line.split("\t")
        if len(parts) < 3:
            continue
        first = next((byte for byte in parts[1].split() if byte not in BEFORE), "")
        alien = (first in ("c4", "c5") and home not in VEX_SETS) or (first == "62" and home not in EVEX_SETS)
        if alien and parts[2].strip() != "(bad)":
            wrong.append(f"{function}: {parts[2].strip()}")
    return wrong, counts


def main() -> None:
    """Checks an archive and a program."""
    archive, program = sys.argv[1:]
    wrong = exports(archive)
    alien, counts = encodings(program)
    wrong += alien
    if counts["portable"] < 5:
        wrong.append(f"{program} shows {counts['portable']} functions of the portable set: it has no symbols")
    if wrong:
        sys.exit("\n".join(wrong[:20]))
    sets = ", ".join(f"{count} of {home or 'no set'}" for home, count in sorted(counts.items()))
    print(f"Each function keeps to its instruction set ({sets}).")


if __name__ == "__main__":
    main()
