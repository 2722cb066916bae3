"""Fuzzes the readers of model files.

``make fuzz`` runs each for a minute; ``make fuzz FUZZ_ARGS="--seconds 600 tfjs"`` one of them for ten. What is found
lies in build/fuzz; ``make fuzz FUZZ_ARGS="--replay build/fuzz/tfjs/crash-... tfjs"`` shows one input's error again.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

BUILD = Path("build", "fuzz")
MEGABYTES = 1024
SECONDS_FOR_ONE = 10
"""Of the processor. By the clock a busy machine would find fault with any file."""
SECONDS_BY_THE_CLOCK = 600
"""For loops without an end."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("loaders", nargs="*", metavar="LOADER", help="recurra, tfjs; default both")
    parser.add_argument("--seconds", type=int, default=60, help="for each loader; default 60")
    parser.add_argument("--seed", type=int, default=0, help="of the changes to inputs; default 0: another each time")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="reads this one input and shows what happens")
    given = parser.parse_args()
    if unknown := sorted({*given.loaders} - {"recurra", "tfjs"}):
        parser.error(f"unknown: {', '.join(unknown)}. The loaders are recurra and tfjs.")
    if given.replay:
        if len(given.loaders) != 1:
            parser.error("--replay needs the loader whose input it is: recurra or tfjs.")
        return _replay(given.loaders[0], given.replay)
    results = [_fuzz(loader, given.seconds, given.seed) for loader in given.loaders or ["recurra", "tfjs"]]
    return max(results)


def _fuzz(loader: str, seconds: int, seed: int) -> int:
    """Runs libFuzzer in a process of its own, since it ends by ending the process."""
    from .loaders import CORPUS

    found, grown = BUILD / loader, BUILD / loader / "corpus"
    grown.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    command = [sys.executable, "-m", "tests.fuzz", "--libfuzzer", loader, str(grown), str(CORPUS / loader)]
    command += [f"-max_total_time={seconds}", f"-rss_limit_mb={MEGABYTES}", f"-timeout={SECONDS_BY_THE_CLOCK}"]
    command += [f"-report_slow_units={SECONDS_BY_THE_CLOCK}"]
    command += ["-print_final_stats=1", "-max_len=65536", f"-artifact_prefix={found}/", f"-seed={seed}"]
    with (found / "log.txt").open("w+", encoding="utf-8", errors="replace") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
        log.seek(0)
        text = log.read()
    runs = re.search(r"number_of_executed_units: (\d+)", text)
    new = sorted(set(found.iterdir()) - before - {found / "log.txt"})
    print(f"{loader}: {int(runs[1]) if runs else 0:,} inputs in {seconds} s, {len(new)} findings", flush=True)
    for file in new:
        print(f"  {file}\n  to see it: make fuzz FUZZ_ARGS='--replay {file} {loader}'")
    if code and not new:
        print(text[-4000:])
    return 1 if code or new else 0


def _inside(loader: str, arguments: list[str]) -> int:
    import atheris

    with atheris.instrument_imports(include=["recurra"]):
        from .loaders import check
        from .mutation import mutate

    work = Path(tempfile.mkdtemp(prefix="recurra-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))

    def one(data: bytes) -> None:
        begin = time.process_time()
        check(loader, data, work, memory=zlib.crc32(data) % 16 == 0)
        seconds = time.process_time() - begin
        assert seconds < SECONDS_FOR_ONE, f"reading took {seconds:.0f} s"

    def other(data: bytes, max_size: int, seed: int) -> bytes:
        return mutate(loader, data, max_size, seed, atheris.Mutate)

    atheris.Setup([sys.argv[0], *arguments], one, custom_mutator=other)
    try:
        atheris.Fuzz()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0


def _replay(loader: str, file: Path) -> int:
    from .loaders import check

    with tempfile.TemporaryDirectory() as folder:
        model = check(loader, file.read_bytes(), Path(folder))
    print("refused, as it should be" if model is None else f"a model with {model.count_params():,} weights")
    return 0


if __name__ == "__main__":
    sys.exit(_inside(sys.argv[2], sys.argv[3:]) if sys.argv[1:2] == ["--libfuzzer"] else main())
