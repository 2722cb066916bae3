"""Times recurra beside its peers, and writes the report and its pictures.

    python -m benchmarks.bench [--quick] [--sections train_step,stream] [--cases seed] [--peers recurra,torch]

A full run writes benchmarks/REPORT.md, benchmarks/results.json, docs/images/bench-*.png and the block of the README;
any other writes into build/bench/ and leaves those as they are. Runs of other machines lie in benchmarks/machines/, a
folder each; --render writes all reports again from their results, without measuring.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import functools
import importlib
import importlib.metadata
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from .cases import CASES, MODES, Case, curve_cases
from .footprint import import_costs, installed_size
from .limits import Load, machine, machine_limits
from .measuring import Effort, measure
from .peers import PEERS, Peer
from .plots import plot_all
from .processes import ROOT, Failed, LeftOut, Pool, Worker, missing
from .protocol import all_threads
from .report import micro, noise, readme_block, render, replace_block
from .series import measure_series

# What matters most comes first, and what can best be missed last: a run that is out of time leaves out the rest.
SECTIONS = ("limits", *MODES, "size", "memory", "series", "import", "threads", "cells", "curves")
OFFICIAL = ROOT / "benchmarks"
_SIZES = {
    "numpy": "numpy",
    "recurra": "recurra",
    "torch": "torch",
    "JAX": "jax",
    "Keras (without a backend)": "keras",
    "ONNX Runtime": "onnxruntime",
}


class Bench:
    """One run.

    Args:
        cases: Which models.
        peers: Which programs.
        effort: How long to measure.
        quick: Whether to leave out what takes long.
        limit: Seconds after which nothing new is begun.
    """

    def __init__(
        self, cases: Sequence[Case], peers: Sequence[Peer], effort: Effort, quick: bool, limit: float = math.inf
    ) -> None:
        self.cases = cases
        self.peers = peers
        self.effort = effort
        self.quick = quick
        self.pool = Pool()
        self.results: dict[str, Any] = {}
        self._end = monotonic() + limit

    def run(self, sections: Sequence[str]) -> None:
        """Measures the sections, whatever becomes of single ones of them."""
        for section in sections:
            begin = monotonic()
            work: Callable[[], None] = getattr(self, f"_{section}", functools.partial(self._mode, section))
            try:
                self._need_time()
                work()
            except (Failed, LeftOut, TimeoutError, OSError) as error:
                self.results["absent"][section] = str(error) or type(error).__name__
                say(f"{section}: {error}")
            self.results["seconds"][section] = round(monotonic() - begin, 1)
            say(f"-- {section}: {monotonic() - begin:.0f} s")

    def _need_time(self) -> None:
        if monotonic() > self._end:
            raise LeftOut("the time for this run was used up")

    def _measure(
        self, title: str, peers: Sequence[Peer], mode: str, case: Case, effort: Effort
    ) -> dict[str, dict[str, Any]]:
        try:
            self._need_time()
        except LeftOut as reason:
            return {peer.name: {"left_out": str(reason)} for peer in peers}
        measured = measure(self.pool, peers, mode, case, effort)
        show(title, measured)
        return measured

    def _some(self, *names: str) -> list[Peer]:
        return [peer for peer in self.peers if peer.name in names]

    def _limits(self) -> None:
        self.results["limits"] = machine_limits(0.05 if self.quick else 0.2)

    def _mode(self, mode: str) -> None:
        found = self.results.setdefault("modes", {}).setdefault(mode, {})
        phases = self.results.setdefault("phases", {}).setdefault(mode, {})
        for case in self.cases:
            peers = [peer for peer in self.peers if mode in peer.modes and (not peer.cases or case.name in peer.cases)]
            if self.quick:
                peers = [peer for peer in peers if not _slow(peer, mode, case)]
            # Its phases are measured beside each recurra, in the same turns, so that both meet the same noise.
            clocked = {peer.name: peer.by_phase() for peer in peers if peer.own and "threads" not in peer.settings}
            both = [one for peer in peers for one in (peer, clocked.get(peer.name)) if one]
            measured = self._measure(f"{mode} {case.name}", both, mode, case, self.effort)
            found[case.name] = {peer.name: measured[peer.name] for peer in peers}
            phases[case.name] = {name: measured[peer.name] for name, peer in clocked.items()}

    def _curves(self) -> None:
        found = self.results["curves"] = {}
        names = {"train_step": ("recurra", "torch", "JAX")}
        if not self.quick:
            names["predict"] = ("recurra", "torch", "ONNX Runtime")
        for mode in names:
            found[mode] = {
                size: [
                    {
                        "value": getattr(case, size),
                        "measured": self._measure(
                            f"{mode} {case.name}", self._some(*names[mode]), mode, case, self._short()
                        ),
                    }
                    for case in cases
                ]
                for size, cases in curve_cases(self.quick).items()
            }

    def _threads(self) -> None:
        most = all_threads({})
        counts = [count for count in (1, 2, 4, 8, 16, 32, 64, 128) if count < most] + [most]
        found = self.results["threads"] = {}
        peers = {
            (name, count): dataclasses.replace(PEERS[name], name=f"{name} {count}", settings={"threads": count})
            for name in ("recurra", "torch")
            if self._some(name)
            for count in counts
        }
        for case in self.cases:
            if self.quick and case.name in ("seed", "big512"):
                continue
            measured = self._measure(f"threads {case.name}", list(peers.values()), "train_step", case, self._short())
            found[case.name] = {}
            for (name, count), peer in peers.items():
                found[case.name].setdefault(name, {})[str(count)] = measured[peer.name]
        for peer in peers.values():
            self.pool.drop(peer)

    def _cells(self) -> None:
        found = self.results["cells"] = {}
        names = {"train_step": ("recurra", "torch", "JAX"), "predict": ("recurra", "torch", "JAX", "ONNX Runtime")}
        for mode in ("train_step",) if self.quick else ("train_step", "predict"):
            found[mode] = {}
            for cell in ("LSTM", "GRU", "SimpleRNN"):
                for name in ("ts64",) if self.quick else ("ts32", "ts64"):
                    case = dataclasses.replace(CASES[name], cell=cell)
                    found[mode][f"{cell}, {name}"] = self._measure(
                        f"{mode} {cell} {name}", self._some(*names[mode]), mode, case, self._short()
                    )

    def _import(self) -> None:
        self.results["import"] = import_costs(2 if self.quick else 5)

    def _size(self) -> None:
        self.results["size"] = {name: installed_size(package) for name, package in _SIZES.items()}

    def _memory(self) -> None:
        """New processes, so that nothing from before counts."""
        found = self.results["memory"] = {}
        names = ("recurra", "torch") if self.quick else ("recurra", "torch", "JAX")
        for case in self.cases:
            if self.quick and case.name in ("seed", "ts32"):
                continue
            found[case.name] = {}
            for peer in self._some(*names):
                self._need_time()
                found[case.name][peer.name] = memory_of(peer, case, self.effort)

    def _series(self) -> None:
        points, steps = (10**7, 50) if self.quick else (10**8, 200)
        rows = measure_series(points, steps, timeout=120, total=self._end - monotonic())
        self.results["series"] = {"points": points, "steps": steps, "rows": rows}

    def _short(self) -> Effort:
        return dataclasses.replace(self.effort, seconds=self.effort.seconds / 2, burst=self.effort.burst / 2)


_SKIPPED = (
    "leaves out TF.js beyond ts32 and in fit and inference, Keras in inference and streaming, Keras on torch beyond "
    "ts32, fit on one thread, and every second point of the curves"
)


def _slow(peer: Peer, mode: str, case: Case) -> bool:
    """Whether a quick run leaves this out, because it takes long and says little new."""
    if peer.node:
        return case.name not in ("seed", "ts32") or mode in ("fit", "predict")
    if peer.module == "keras3":
        small = case.name in ("seed", "ts32")
        return mode in ("predict", "stream") or (peer.settings["backend"] == "torch" and not small)
    return mode == "fit" and peer.settings.get("threads") == 1


def memory_of(peer: Peer, case: Case, effort: Effort) -> dict[str, Any]:
    """The peak memory of a new process that trains on one batch, and that before the model was made."""
    reason = missing(peer)
    if reason:
        return {"left_out": reason}
    try:
        worker = Worker(peer)
    except (Failed, LeftOut, TimeoutError) as error:
        return {"failed": str(error) or "it did not start in time"}
    try:
        before = worker.memory()["now"]
        worker.prepare("train_step", case.to_dict(), effort.prepare, batches=1)
        worker.run(3, 4 * effort.patience)
        return {"before": before, "peak": worker.memory()["peak"]}
    except (Failed, LeftOut, TimeoutError) as error:
        return {"failed": str(error) or "it did not answer in time"}
    finally:
        worker.close()


def say(text: str) -> None:
    print(text, flush=True)


def show(title: str, measured: Mapping[str, Mapping[str, Any]]) -> None:
    """One line of what was measured."""
    cells = []
    for name, result in measured.items():
        value = micro(result["median"]) if "median" in result else "failed" if "failed" in result else "-"
        cells.append(f"{name} {value}")
    say(f"{title}: {' | '.join(cells)}")


def versions(peers: Sequence[Peer]) -> dict[str, str]:
    """The versions of everything in use."""
    import recurra

    names = sorted({"numpy", *(package for peer in peers for package in peer.packages)})
    found = {"recurra": recurra.__version__, "Python": sys.version.split()[0]}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if any(peer.node for peer in peers) and shutil.which("node"):
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
        found["Node.js"] = node.stdout.strip().removeprefix("v")
        package = ROOT / "benchmarks" / "node_modules" / "@tensorflow" / "tfjs" / "package.json"
        if package.exists():
            found["TensorFlow.js"] = json.loads(package.read_text(encoding="utf-8"))["version"]
    return found


def engine() -> str:
    """What runs recurra here."""
    import recurra

    if "native" not in recurra.engines.available():
        return "numpy engine; the native one is not built here"
    native: Any = importlib.import_module("recurra.engines.native")
    return f"native engine, {native.instruction_set()}, {native.num_threads()} threads"


def commit() -> str:
    """Which commit is measured, and whether its sources were changed since; empty outside of a repository."""
    try:
        head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
        sources = ["git", "status", "--porcelain", "native", "src", "CMakeLists.txt"]
        changed = subprocess.run(sources, cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return ""
    if head.returncode or changed.returncode:
        return ""
    return head.stdout.strip() + (" with changes" if changed.stdout.strip() else "")


def chosen(text: str | None, known: Sequence[str], what: str) -> list[str]:
    """The names of a list with commas.

    Raises:
        SystemExit: One is not known.
    """
    if text is None:
        return list(known)
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise SystemExit(f"There is no {what} '{name}'. Known: {', '.join(known)}.")
    return names


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Times recurra beside its peers.")
    parser.add_argument("--quick", action="store_true", help="less of everything, in under five minutes")
    parser.add_argument("--cases", help="which models: " + ", ".join(CASES))
    parser.add_argument("--peers", help="which programs: " + ", ".join(PEERS))
    parser.add_argument("--sections", help="which parts: " + ", ".join(SECTIONS))
    parser.add_argument("--seconds", type=float, help="of measuring, for each program and model")
    parser.add_argument("--minutes", type=float, help="after which nothing new is begun; default 23, or 4.5 if quick")
    parser.add_argument("--output", type=Path, help="a folder for report, results and pictures")
    parser.add_argument("--render", action="store_true", help="measure nothing; write all reports from their results")
    options = parser.parse_args(arguments)
    if options.render:
        render_all()
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end, which takes the workers along

    cases = [CASES[name] for name in chosen(options.cases, list(CASES), "case")]
    peers = [PEERS[name] for name in chosen(options.peers, list(PEERS), "peer")]
    sections = chosen(options.sections, SECTIONS, "section")
    effort = Effort(0.35, 0.1, 2.5, 40.0) if options.quick else Effort()
    if options.seconds:
        effort = dataclasses.replace(effort, seconds=options.seconds)
    partial = options.cases or options.peers or options.sections or options.quick
    folder: Path = options.output or (ROOT / "build" / "bench" if partial else ROOT / "benchmarks")
    official = not partial and options.output is None

    absent: dict[str, str] = {}
    for peer in peers:
        reason = missing(peer)
        if reason:
            absent[peer.name] = f"left out, {reason}"
            say(f"{peer.name}: {absent[peer.name]}")
    peers = [peer for peer in peers if peer.name not in absent]
    about = machine()
    busy, noisy = noise(about)
    if noisy:
        say(f"{busy}: wait until they are done, or do not trust the numbers.")

    begin, load = monotonic(), Load()
    limit = 60 * (options.minutes or (4.5 if options.quick else 23))
    bench = Bench(cases, peers, effort, options.quick, limit)
    bench.results.update(
        kind="quick run" if options.quick else "part of a run" if partial else "full run",
        date=datetime.date.today().isoformat(),
        machine=about,
        versions=versions(peers),
        engine=engine(),
        commit=commit(),
        absent=absent,
        seconds={},
    )
    if options.quick:
        absent["A quick run"] = _SKIPPED
    try:
        bench.run(sections)
    except KeyboardInterrupt:
        say("Stopped; what was measured until now is written.")
        bench.results["kind"] = f"stopped {bench.results['kind']}"
        official = False
        folder = options.output or ROOT / "build" / "bench"
    finally:
        bench.pool.close()
    bench.results["elapsed"] = round(monotonic() - begin, 1)
    bench.results["others"] = load.others()
    write(bench.results, folder, official)


def write(results: dict[str, Any], folder: Path, official: bool) -> None:
    """Writes results, report and pictures; if they are the official ones, also what README and docs show of them."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        pictures = plot_all(results, ROOT / "docs" / "images" if official else folder)
    except ImportError:
        say("No pictures: matplotlib is not installed.")
        pictures = []
    results["pictures"] = [Path(os.path.relpath(path, folder)).as_posix() for path in pictures]
    text = json.dumps(results, indent=1, ensure_ascii=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    others = machines() if official else {}
    (folder / "REPORT.md").write_text(render(results, others), encoding="utf-8")
    if official:
        replace_block(ROOT / "README.md", readme_block(results))
    for path in (folder / "REPORT.md", *pictures):
        say(f"Written: {os.path.relpath(path)}")


def machines() -> dict[str, dict[str, Any]]:
    """The results of other machines, by the names of their folders."""
    files = sorted((OFFICIAL / "machines").glob("*/results.json"))
    return {file.parent.name: json.loads(file.read_text(encoding="utf-8")) for file in files}


def render_all() -> None:
    """Writes all reports that are kept, and the block of the README, from the results beside them."""
    others = machines()
    for name, results in others.items():
        (OFFICIAL / "machines" / name / "REPORT.md").write_text(render(results), encoding="utf-8")
    if (OFFICIAL / "results.json").exists():
        results = json.loads((OFFICIAL / "results.json").read_text(encoding="utf-8"))
        (OFFICIAL / "REPORT.md").write_text(render(results, others), encoding="utf-8")
        replace_block(ROOT / "README.md", readme_block(results))


if __name__ == "__main__":
    main()
