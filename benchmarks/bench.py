"""Times recurra, beside PyTorch where it is installed, and writes REPORT.md.

    python benchmarks/bench.py [--cases seed,ts32,...] [--seconds 6] [--output benchmarks/REPORT.md]

Each framework runs in a process of its own. Short bursts of training alternate between them, so that whatever else the
machine does meets all of them; the report holds medians of bursts. Only ratios within one report mean something.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from cases import CASES, Case

import recurra

HERE = Path(__file__).parent
IMPORTS = {
    "numpy": "import numpy",
    "recurra": "import recurra",
    "recurra, a model made": "import recurra; recurra.Sequential([recurra.Input((1, 1)), recurra.layers.LSTM(16)])",
}
BURST_SECONDS = 0.25


@dataclass
class Worker:
    """A process that trains on demand."""

    framework: str
    process: subprocess.Popen[str]
    steps: int = 1

    def burst(self, steps: int) -> float:
        """Trains for so many steps; returns seconds a step."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline()) / steps


def start(framework: str, case: Case) -> Worker:
    command = [sys.executable, str(HERE / "worker.py"), framework, case.name]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        raise SystemExit(f"The worker for {framework} failed on {case.name}; see above.")
    worker = Worker(framework, process)
    while worker.burst(worker.steps) * worker.steps < BURST_SECONDS / 2 and worker.steps < 1 << 16:
        worker.steps *= 2
    return worker


def time_steps(case: Case, frameworks: list[str], seconds: float) -> dict[str, list[float]]:
    """Seconds a training step, one number for each burst."""
    workers = [start(framework, case) for framework in frameworks]
    found: dict[str, list[float]] = {framework: [] for framework in frameworks}
    end = perf_counter() + seconds * len(frameworks)
    while perf_counter() < end or len(found[frameworks[0]]) < 5:
        for worker in workers:
            found[worker.framework].append(worker.burst(worker.steps))
    for worker in workers:
        assert worker.process.stdin is not None
        worker.process.stdin.close()
        worker.process.wait()
    return found


def time_imports(rounds: int) -> dict[str, list[float]]:
    """Seconds for a whole run of Python that imports something, less those of one that does not."""
    found: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(rounds + 1):
        empty = run_python("pass")
        for name, code in IMPORTS.items():
            found[name].append(run_python(code) - empty)
    return {name: times[1:] for name, times in found.items()}


def run_python(code: str) -> float:
    begin = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return perf_counter() - begin


def micro(times: list[float]) -> str:
    value = statistics.median(times) * 1e6
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def spread(times: list[float]) -> str:
    """How far the quarters of the bursts lie apart, relative to their median."""
    low, middle, high = statistics.quantiles(times, n=4)
    return f"{(high - low) / middle:.0%}"


def processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def versions(packages: list[str]) -> str:
    """The package whose source lies beside this file may be in use without having been installed."""
    names = [package for package in packages if package != "recurra"]
    found = [f"{name} {importlib.metadata.version(name)}" for name in names]
    return ", ".join([*found, f"recurra {recurra.__version__}"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Times recurra, beside PyTorch where it is installed.")
    parser.add_argument("--cases", default=",".join(CASES), help="which models, by name")
    parser.add_argument("--seconds", type=float, default=6.0, help="for each model and framework")
    parser.add_argument("--output", type=Path, default=HERE / "REPORT.md", help="where the report goes")
    options = parser.parse_args()

    frameworks = ["recurra"] + (["torch"] if importlib.util.find_spec("torch") else [])
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > 0.5:
        print(f"Other programs keep {load:.1f} cores busy: wait until they are done, or do not trust the ratios.")
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Medians of short bursts that alternate between the frameworks, each in a process of",
        "its own. Machines are noisy: compare within one report, not between two.",
        "",
        f"- Processor: {processor()}, {os.cpu_count()} cores, of which other programs kept {load:.1f} busy",
        f"- Python {platform.python_version()}, {versions(['numpy', *frameworks])}",
        "",
        "## Import",
        "",
        "| what | ms | relative to numpy |",
        "|---|---:|---:|",
    ]
    imports = time_imports(rounds=10)
    base = statistics.median(imports["numpy"])
    for name, times in imports.items():
        value = statistics.median(times)
        lines.append(f"| {name} | {value * 1e3:.0f} | {value / base:.2f} |")
        print(lines[-1], flush=True)

    lines += [
        "",
        "## Training step",
        "",
        "Microseconds a step (forward, loss, backward, Adam), float32: `model.fit` of recurra, and the usual loop",
        "around `torch.nn.LSTM`. The spread is that of recurra's bursts, from the first to the third quarter.",
        "",
        "| case | model | batch x time x features | "
        + " | ".join(frameworks)
        + " | spread | "
        + ("torch / recurra |" if "torch" in frameworks else ""),
        "|---|---|---|" + "---:|" * (len(frameworks) + 1) + ("---:|" if "torch" in frameworks else ""),
    ]
    for name in options.cases.split(","):
        case = CASES[name]
        found = time_steps(case, frameworks, options.seconds)
        cells = [micro(found[framework]) for framework in frameworks] + [spread(found["recurra"])]
        if "torch" in frameworks:
            cells.append(f"{statistics.median(found['torch']) / statistics.median(found['recurra']):.1f}")
        model = f"{case.layers} x LSTM({case.units}), Dense({case.outputs}): {case.meaning}"
        shape = f"{case.batch} x {case.time} x {case.features}"
        lines.append(f"| {name} | {model} | {shape} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"Written: {options.output}")


if __name__ == "__main__":
    main()
