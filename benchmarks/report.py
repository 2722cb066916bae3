"""From the results of a run to its report, and to the block in the README that quotes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .cases import CASES, Case
from .peers import PEERS
from .targets import TARGETS, Outcome, Target, best, outcomes, tried

__all__ = ["micro", "noise", "readme_block", "render", "replace_block"]

Results = Mapping[str, Any]

_BLOCK = re.compile(r"(?<=<!-- bench -->\n).*?(?=<!-- /bench -->)", re.DOTALL)

_MODES = {
    "train_step": (
        "Training step",
        "Forward, loss, backward and Adam, float32 unless the name says otherwise. recurra: `fit` without a bar, as "
        "many steps as it makes in one call. torch: the usual loop, data being tensors already, fused Adam. JAX: a "
        "jitted function around `lax.scan`, called once a step; the row with 64 steps a call has the loop over batches "
        "inside that function. Keras: `train_on_batch`. TF.js: `trainOnBatch`.",
    ),
    "fit": (
        "`fit`, for each step, with its progress bar",
        "recurra and Keras draw their bars on a terminal (which nobody watches); torch has no `fit`, so it is its loop "
        "with `loss.item()` in every step and without a bar; TF.js has no bar in Node.js.",
    ),
    "predict": (
        "Inference on one batch",
        "One call from Python, or from JavaScript, for one batch: `model.predictor()`, `torch.inference_mode()`, a "
        "jitted function, `session.run`, `predictOnBatch`.",
    ),
    "stream": (
        "Streaming: one step of one sequence",
        "The states are carried, the output is there when the call returns: `model.stream().step(x)`, `torch.nn.LSTM` "
        "with its state, a jitted function of state and input, states as inputs and outputs of the ONNX model, "
        "stateful layers in Keras and TF.js.",
    ),
}


def micro(seconds: float) -> str:
    """Microseconds with three digits that mean something.

    >>> micro(1.2345e-6), micro(0.0123456)
    ('1.23', '12,300')
    """
    value = float(f"{seconds * 1e6:.3g}")
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def _ratio(value: float) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.1f}" if value >= 3 else f"{value:.2f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    rule = "|---|" + "---:|" * (len(header) - 1)
    return ["| " + " | ".join(header) + " |", rule, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _time(result: Mapping[str, Any] | None, notes: dict[str, str]) -> str:
    """A median, or a mark that leads to the reason why there is none."""
    if result is None:
        return ""
    if "median" in result:
        return micro(result["median"])
    reason = f"failed: {result['failed']}" if "failed" in result else f"left out: {result['left_out']}"
    return notes.setdefault(reason, f"[{len(notes) + 1}]")


def _notes(notes: Mapping[str, str]) -> list[str]:
    return [line for reason, mark in notes.items() for line in (f"{mark} {reason}  ",)] + ([""] if notes else [])


def render(results: Results, others: Mapping[str, Results] | None = None) -> str:
    """The report as Markdown.

    Args:
        results: What a run measured.
        others: Runs of other machines to show beside it, by the names of their folders in ``machines``.
    """
    lines = ["# Benchmarks", ""]
    lines += _head(results)
    modes = results.get("modes", {})
    if modes:
        lines += _targets(results)
    lines += _others(others or {})
    lines += [line for picture in results.get("pictures", ()) for line in (f"![{Path(picture).stem}]({picture})", "")]
    for mode, (title, text) in _MODES.items():
        if modes.get(mode):
            lines += [f"## {title}", "", text, "", *_mode(modes[mode])]
    lines += _arithmetic(results)
    lines += _phases(results)
    lines += _curves(results)
    lines += _cells(results)
    lines += _footprint(results)
    lines += _memory(results)
    lines += _series(results)
    return "\n".join(lines).rstrip() + "\n"


def _head(results: Results) -> list[str]:
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    lines = [
        f"Written by `make bench` ({results['kind']}) on {results['date']}. Medians of short bursts that alternate "
        "between the programs, each in a process of its own. Machines are noisy: compare within one report, not "
        "between two. docs/explanation/performance.md says how it measures and how to read it.",
        "",
        f"- Processor: {machine['processor']}, {_of(machine)} cores, {machine['system']}",
        *_noise(results),
        f"- Versions: {versions}",
        f"- recurra: {results['engine']}",
        *_commit(results),
        f"- The run took {results['elapsed'] / 60:.0f} minutes. [1] in a cell leads to the reason why it has no "
        "number; what is blank was not asked for.",
    ]
    seconds = {name: taken for name, taken in results.get("seconds", {}).items() if taken >= 0.5}
    if seconds:
        lines += ["- Seconds it took: " + ", ".join(f"{name} {taken:.0f}" for name, taken in seconds.items())]
    lines += [f"- {name}: {reason}" for name, reason in results.get("absent", {}).items()]
    limits = results.get("limits")
    if limits:
        lines += ["", "## The machine", "", f"Measured by {limits['how']}.", ""]
        rows = [["multiply-adds, GF/s", "flops"], *([f"reading {name}, GB/s", name] for name in _SIZES)]
        cells = [
            [title, *(f"{limits[f'{name}_{side}'] / 1e9:.0f}" if f"{name}_{side}" in limits else "" for side in _SIDES)]
            for title, name in rows
        ]
        lines += _table(["", "1 core", f"{machine['cores']} cores"], cells)
    return [*lines, ""] if lines[-1] else lines


def _commit(results: Results) -> list[str]:
    commit = results.get("commit")
    return [f"- Commit: {commit}. What is listed as tried may be of a later one."] if commit else []


def noise(machine: Mapping[str, Any]) -> tuple[str, bool]:
    """How busy other programs kept the machine when a run began, and whether that spoils its numbers.

    Where the system does not tell of single cores, only the load average is known. It counts the whole machine, of
    which a run may be given few cores, and is then compared with the number of the others.
    """
    cores = machine["cores"]
    if "busy" in machine:
        busy = machine["busy"] + machine["stolen"]
        return f"Other programs kept {busy:.2f} of the {cores} cores busy in the second before the run", busy > _NOISE
    load, processors = machine["load"], machine.get("processors", cores)
    text = f"The load average of the whole machine was {load} when the run began"
    if "processors" not in machine:
        text += f"; it was not noted whether that machine has more than these {cores} cores"
    return text, load > processors - cores + 0.5


_NOISE = 0.3  # cores


def _noise(results: Results) -> list[str]:
    text, noisy = noise(results["machine"])
    during = results.get("others", {})
    if during:
        noisy |= sum(during.values()) > _NOISE
        text += f"; during it, {during['busy']:.2f} on average"
        if during["stolen"] >= 0.01:
            text += f", and {during['stolen']:.2f} went to other virtual machines"
    return [f"- {text}" + (": **do not trust these numbers**." if noisy else ".")]


def _others(found: Mapping[str, Results]) -> list[str]:
    """The targets on other machines."""
    lines: list[str] = []
    for name, results in found.items():
        machine = results["machine"]
        lines += lines or [
            "## Other machines",
            "",
            "Runs of the same program elsewhere, perhaps of a part of it. Ratios of different machines say nothing "
            "about each other.",
            "",
        ]
        commit = f", commit {results['commit']}" if "commit" in results else ""
        lines += [
            f"[{name}](machines/{name}/REPORT.md): {machine['processor']}, {_of(machine)} cores, "
            f"{results['engine']}; {results['date']}{commit}.",
            "",
        ]
        notes: dict[str, str] = {}
        lines += [*_target_table(results, notes), *_notes(notes)]
    return lines


def _of(machine: Mapping[str, Any]) -> str:
    """The number of cores, and of how many."""
    cores, processors = machine["cores"], machine.get("processors", machine["cores"])
    return f"{cores} of {processors}" if processors > cores else str(cores)


_SIDES = ("one", "all")
_SIZES = ("L1", "L2", "L3", "memory")


def _targets(results: Results) -> list[str]:
    found = outcomes(results["modes"])
    if not found:
        return []
    lines = [
        "## What to reach",
        "",
        "How many times as long others take, and the ratio to reach. Best peer: the fastest of all in the tables below "
        "that compute in float32, one step a call.",
        "",
    ]
    notes: dict[str, str] = {}
    lines += [*_target_table(results, notes), *_notes(notes)]
    missed = [outcome for outcome in found if outcome.ratio is not None and not outcome.met]
    measured = [outcome for outcome in found if outcome.ratio is not None]
    lines += [f"{len(measured) - len(missed)} of {len(measured)} measured cells are met."]
    if len(measured) < len(found):
        lines[-1] += f" {len(found) - len(measured)} could not be measured here."
    lines += [""]
    if missed:
        lines += ["What limits the others, and what was tried:", ""]
        for target in TARGETS:
            cells = [outcome for outcome in missed if outcome.target is target]
            if cells:
                lines += [f"- {_name(target)}.{_tried(target)}"]
                lines += [f"  - {_why(outcome, results)}{_tried(target, outcome.case)}" for outcome in cells]
        lines += [""]
    return lines


def _target_table(results: Results, notes: dict[str, str]) -> list[str]:
    found = outcomes(results.get("modes", {}))
    cases = list(dict.fromkeys(outcome.case for outcome in found))
    rows = []
    for target in TARGETS:
        cells = {outcome.case: _cell(outcome, notes) for outcome in found if outcome.target is target}
        if cells:
            rows.append([f"{target.title} / {target.own}", *(cells.get(case, "-") for case in cases)])
    return _table(["", *cases], rows) if rows else []


def _name(target: Target) -> str:
    return target.title.split(":")[0]


def _tried(target: Target, case: str | None = None) -> str:
    text = tried(target, case)
    return f" Tried: {text}" if text else ""


def _cell(outcome: Outcome, notes: dict[str, str]) -> str:
    if outcome.ratio is None:
        return notes.setdefault(outcome.reason, f"[{len(notes) + 1}]") + f" of {outcome.wanted:g}"
    if outcome.met:
        return f"**{_ratio(outcome.ratio)}** of {outcome.wanted:g}: met"
    return f"{_ratio(outcome.ratio)} of {outcome.wanted:g}: missed by {1 - outcome.ratio / outcome.wanted:.0%}"


def _why(outcome: Outcome, results: Results) -> str:
    """One missed cell: what it would have to take, and what it spends its time on."""
    mode, name = outcome.target.mode, outcome.case
    case = CASES[name]
    measured = results["modes"][mode][name]
    own = measured[outcome.target.own]["median"]
    wanted = measured[outcome.peer]["median"] / outcome.wanted
    rate = case.flops(mode) / own
    limits = results.get("limits", {})
    peak = limits.get("flops_all")
    text = [
        f"{name}: {micro(own)} µs, to reach {micro(wanted)} µs ({outcome.peer}: "
        f"{micro(measured[outcome.peer]['median'])} µs)"
    ]
    if outcome.target.own != "recurra":
        text.append(f"{rate / 1e9:.3g} GF/s of products")  # limits.cpp does not measure those of tiles
    elif peak:
        text.append(
            f"{rate / 1e9:.3g} GF/s of products, {rate / peak:.0%} of the multiply-adds of all cores, of which the "
            f"target needs {case.flops(mode) / wanted / peak:.0%}"
        )
    if mode == "stream":
        text.append(_reading(case, own, limits))
    parts = _parts(results, mode, name, outcome.target.own)
    if parts:
        parts = {part: share for part, share in parts.items() if share >= 0.01 and part != "the rest"}
        parts["the rest"] = 1 - sum(parts.values())
        shares = []
        for part, share in parts.items():
            speed = _speed(case, mode, part, share * own)
            shares.append(f"{part} {share:.0%}" + (f" at {speed / 1e9:.3g} GF/s" if speed else ""))
        text.append("time: " + ", ".join(shares))
    return "; ".join(text) + "."


def _reading(case: Case, seconds: float, limits: Mapping[str, Any]) -> str:
    """How fast a streamed step reads its weights, and how fast so many bytes can be read over and over."""
    text = f"reads {case.weight_bytes / 1024:,.0f} KiB of weights at {case.weight_bytes / seconds / 1e9:.3g} GB/s"
    size = next((size for size, most in _BYTES.items() if case.weight_bytes <= most), "memory")
    if f"{size}_one" in limits:
        place = "memory" if size == "memory" else f"the {size} cache"
        text += f" (one core can read {limits[f'{size}_one'] / 1e9:.0f} from {place})"
    return text


# What limits.cpp reads of each.
_BYTES = {"L1": 16 << 10, "L2": 256 << 10, "L3": 6 << 20}

_RECURRENT = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "SimpleRNN"}
_PHASES = ("forward", "backward", "weight gradients")


def _parts(results: Results, mode: str, case: str, peer: str) -> dict[str, float] | None:
    """The parts of a step and their shares, which add up to 1; None where they were not measured."""
    found = results.get("phases", {}).get(mode, {}).get(case, {}).get(peer, {})
    if "shares" not in found:
        return None
    parts: dict[str, float] = {}
    others = "Dense and loss" if mode in ("train_step", "fit") else "Dense"
    for name, share in found["shares"].items():
        phase, _, op = name.partition(" ")
        part = f"{_RECURRENT[op]} {phase}" if op in _RECURRENT else _OWN_PHASES.get(phase, others)
        parts[part] = parts.get(part, 0.0) + share
    order = [*(f"{name} {phase}" for name in _RECURRENT.values() for phase in _PHASES), others, *_OWN_PHASES.values()]
    parts = {part: parts[part] for part in order if parts.get(part)}
    return {**parts, "the rest": max(1 - sum(parts.values()), 0.0)}


_OWN_PHASES = {"update": "Adam", "gather": "gathering the batch"}


def _speed(case: Case, mode: str, part: str, seconds: float) -> float | None:
    """Operations a second of a recurrent part."""
    forward, backward = case.recurrent_flops(mode)
    flops = forward if part.endswith(" forward") else backward if part.endswith(" backward") else 0.0
    return flops / seconds if flops and seconds else None


def _mode(measured: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[str]:
    cases = list(measured)
    names = [name for name in PEERS if any(name in measured[case] for case in cases)]
    notes: dict[str, str] = {}
    rows = []
    for name in names:
        rows.append([name, *(_time(measured[case].get(name), notes) for case in cases)])
    lines = ["Microseconds, median:", "", *_table(["", *cases], rows), *_notes(notes)]
    own = {case: measured[case].get("recurra", {}) for case in cases}
    rows = []
    for name in names:
        if name == "recurra":
            continue
        cells = []
        for case in cases:
            result = measured[case].get(name, {})
            both = "median" in result and "median" in own[case]
            cells.append(_ratio(result["median"] / own[case]["median"]) if both else "")
        if any(cells):
            rows.append([name, *cells])
    if rows:
        lines += ["Times as long as recurra (below 1: faster than it):", "", *_table(["", *cases], rows)]
    rows = []
    for name in names:
        cells = []
        for case in cases:
            result = measured[case].get(name, {})
            if "median" in result:
                low, high = (result[side] / result["median"] - 1 for side in ("low", "high"))
                cells.append(f"{low:+.0%} {high:+.0%}, {result['bursts']} x {result['steps']:,}")
            else:
                cells.append("")
        if any(cells):
            rows.append([name, *cells])
    spread = _table(["", *cases], rows)
    return [
        *lines,
        "<details><summary>Spread</summary>",
        "",
        "First and third quartile relative to the median, and the number of bursts x steps in a burst:",
        "",
        *spread,
        "</details>",
        "",
    ]


def _arithmetic(results: Results) -> list[str]:
    """How much of the machine is used."""
    limits = results.get("limits", {})
    modes = results.get("modes", {})
    lines: list[str] = []
    rows = []
    for name in CASES:
        cells = []
        for mode in ("train_step", "predict", "stream"):
            result = modes.get(mode, {}).get(name, {}).get("recurra", {})
            peak = limits.get("flops_all")
            if "median" in result and peak:
                rate = CASES[name].flops(mode) / result["median"]
                cells.append(f"{rate / 1e9:.3g} ({rate / peak:.0%})")
            else:
                cells.append("")
        if any(cells):
            rows.append([name, *cells])
    if rows:
        lines += ["## Arithmetic of recurra", ""]
        lines += ["GF/s of the matrix products, and the part of the multiply-adds that all cores can do.", ""]
        lines += _table(["", "training step", "inference", "streaming"], rows)
    return lines


def _phases(results: Results) -> list[str]:
    """Where the time of a step goes."""
    lines: list[str] = []
    for mode, (title, _) in _MODES.items():
        found: dict[str, tuple[dict[str, float], Mapping[str, Any], list[str]]] = {}
        for name, measured in results.get("modes", {}).get(mode, {}).items():
            for peer in (peer for peer in PEERS if PEERS[peer].own):
                parts = _parts(results, mode, name, peer)
                if parts is None or "median" not in measured.get(peer, {}):
                    continue
                own = measured[peer]["median"]
                speeds = (_speed(CASES[name], mode, part, share * own) for part, share in parts.items())
                rates = [f"{speed / 1e9:.3g}" for speed in speeds if speed]
                row = name if peer == "recurra" else f"{name}, {peer.removeprefix('recurra ')}"
                found[row] = parts, results["phases"][mode][name][peer], rates
        if not found:
            continue
        columns = [part for part in next(iter(found.values()))[0] if part != "the rest"]
        columns += [part for parts, _, _ in found.values() for part in parts if part not in columns]
        columns = [*dict.fromkeys(part for part in columns if part != "the rest"), "the rest"]
        rated = [f"{part}, GF/s" for part in columns if part.endswith((" forward", " backward"))]
        rows = [
            [row, *(_percent(parts.get(part, 0.0)) for part in columns), *rates, f"{result['clock']:+.0%}"]
            for row, (parts, result, rates) in found.items()
        ]
        lines += [*_table([title, *columns, *rated, "with the clock"], rows)]
    if not lines:
        return []
    return [
        "## Where the time of recurra goes",
        "",
        "Per cent of a step, by the clock in the engine, measured in a process of its own that takes turns with the "
        "others. LSTM backward includes the gradients of the weights. The rest is all between the clocked parts: "
        "Python, the call into the engine, the look for gradients that are not finite, the clock itself. GF/s are the "
        "products of a part, by its share of the time in the tables above. The last column says how much longer the "
        "fastest burst was with the clock than the fastest without, in that process; some per cent of it are noise.",
        "",
        *lines,
    ]


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.095 else f"{share:.0%}"


def _curves(results: Results) -> list[str]:
    curves = results.get("curves", {})
    lines: list[str] = []
    for mode, title in (("train_step", "training step"), ("predict", "inference")):
        found = curves.get(mode)
        if not found:
            continue
        if not lines:
            lines += [
                "## Curves",
                "",
                "Around 1 x LSTM(64) on a batch of 32 x 50 x 8, one size changing; microseconds.",
                "",
            ]
        for size, points in found.items():
            names = list(dict.fromkeys(name for point in points for name in point["measured"]))
            notes: dict[str, str] = {}
            rows = [
                [str(point["value"]), *(_time(point["measured"].get(name), notes) for name in names)]
                for point in points
            ]
            lines += [*_table([f"{size}, {title}", *names], rows), *_notes(notes)]
    threads = results.get("threads", {})
    if threads:
        lines += ["## Threads", "", "Training step by the number of threads; microseconds.", ""]
        counts = list(dict.fromkeys(count for found in threads.values() for peer in found.values() for count in peer))
        notes = {}
        rows = [
            [f"{case}, {peer}", *(_time(times.get(count), notes) for count in counts)]
            for case, found in threads.items()
            for peer, times in found.items()
        ]
        lines += [*_table(["", *counts], rows), *_notes(notes)]
    return lines


def _cells(results: Results) -> list[str]:
    cells = results.get("cells", {})
    if not cells:
        return []
    lines = ["## Other recurrent layers", "", "Microseconds.", ""]
    for mode, found in cells.items():
        names = list(dict.fromkeys(name for measured in found.values() for name in measured))
        notes: dict[str, str] = {}
        rows = [[title, *(_time(measured.get(name), notes) for name in names)] for title, measured in found.items()]
        title = {"train_step": "training step", "predict": "inference"}[mode]
        lines += [*_table([title, *names], rows), *_notes(notes)]
    return lines


def _megabytes(count: float) -> str:
    return f"{count / 1e6:,.0f}" if count >= 1e7 else f"{count / 1e6:.1f}"


def _footprint(results: Results) -> list[str]:
    lines: list[str] = []
    imports = results.get("import", {})
    if imports:
        base = imports.get("numpy", {}).get("median")
        notes: dict[str, str] = {}
        rows = []
        for name, result in imports.items():
            value = f"{result['median'] * 1e3:.0f}" if "median" in result else _time(result, notes)
            relative = f"{result['median'] / base:.2f}" if "median" in result and base else ""
            rows.append([name, value, relative, _megabytes(result["peak"]) if "peak" in result else ""])
        lines += [
            "## Import",
            "",
            "A run of Python that imports it less one that does not; peak memory of the process.",
            "",
        ]
        lines += [*_table(["", "ms", "relative to numpy", "MB"], rows), *_notes(notes)]
    sizes = results.get("size", {})
    if sizes:
        notes = {}
        rows = []
        for name, result in sizes.items():
            if "bytes" in result:
                rows.append([name, _megabytes(result["bytes"]), str(len(result["packages"]))])
            else:
                rows.append([name, _time(result, notes), ""])
        lines += [
            "## Installed size",
            "",
            "With all it needs.",
            "",
            *_table(["", "MB", "packages"], rows),
            *_notes(notes),
        ]
    return lines


def _memory(results: Results) -> list[str]:
    memory = results.get("memory", {})
    if not memory:
        return []
    names = list(dict.fromkeys(name for found in memory.values() for name in found))
    notes: dict[str, str] = {}

    def cell(result: Mapping[str, Any] | None) -> str:
        if result is None or "peak" not in result:
            return _time(result, notes)
        return f"{_megabytes(result['peak'])} ({_megabytes(max(result['peak'] - result['before'], 0))})"

    rows = [[case, *(cell(found.get(name)) for name in names)] for case, found in memory.items()]
    return [
        "## Memory of training",
        "",
        "Peak of the process in MB after training steps on one batch; in brackets what exceeds the imported program.",
        "",
        *_table(["", *names], rows),
        *_notes(notes),
    ]


def _series(results: Results) -> list[str]:
    found = results.get("series")
    if not found:
        return []
    rows = []
    for row in found["rows"]:
        if "peak" in row:
            beyond = row["peak"] - row["before"] - row["series"]
            rows.append(
                [
                    row["way"],
                    _megabytes(row["peak"]),
                    _megabytes(row["before"]),
                    ("-" if beyond < 0 else "") + _megabytes(abs(beyond)),
                    f"{row['first']:.2g}",
                    micro(row["step"]),
                ]
            )
        else:
            reason = f"failed: {row['failed']}" if "failed" in row else f"left out: {row['left_out']}"
            rows.append([row["way"], reason, "", "", "", ""])
    points = found["points"]
    return [
        "## A long series",
        "",
        f"{points:,} points of float32 ({_megabytes(4 * points)} MB), windows of 48 with the next point as target, "
        f"LSTM(32), 64 windows a step from all over the series, {found['steps']} steps. A copy of all windows would "
        f"take {4 * 49 * points / 1e9:,.1f} GB. An epoch that takes every window once needs an order of all of them: "
        "torch's loader draws it before the first step, recurra computes each piece of it where it is needed. Rows "
        "drawn with replacement need none, but may repeat. A memory-mapped series counts as far as it was read.",
        "",
        *_table(
            ["", "peak MB", "imported program", "beyond it and the series", "first step after, s", "µs a step"], rows
        ),
    ]


# --- README ----------------------------------------------------------------------------------------------------------


def readme_block(results: Results) -> str:
    """What stands in the README between the marks: one table."""
    modes = results.get("modes", {})
    titles = {"train_step": "training step", "fit": "`fit`, a step", "predict": "inference", "stream": "streaming"}
    rows = []
    for name, case in CASES.items():
        cells = []
        for mode in titles:
            measured = modes.get(mode, {}).get(name, {})
            own, peer = measured.get("recurra", {}), best(measured)
            if "median" not in own:
                cells.append("")
            elif peer is None:
                cells.append(f"{micro(own['median'])} µs")
            else:
                cells.append(f"{micro(own['median'])} µs, {_ratio(measured[peer]['median'] / own['median'])}x")
        rows.append([_short(case), *cells])
    machine = results["machine"]
    names = sorted(
        {
            PEERS[name].name.removesuffix(" 1 thread")
            for mode in modes.values()
            for found in mode.values()
            for name, result in found.items()
            if "median" in result and not PEERS[name].own and PEERS[name].compared
        },
        key=str.lower,
    )
    lines = [
        f"Time on {machine['processor']}, {machine['cores']} cores, and how many times as long the fastest of "
        f"{', '.join(names)} takes, in one run of `make bench`:",
        "",
        *_table(["model, batch x time x features", *titles.values()], rows),
        *(f"![{_ALT}]({path})\n" for path in _PICTURES if f"../{path}" in results.get("pictures", ())),
    ]
    return "\n".join(lines)


_PICTURES = ("docs/images/bench-peers.png",)
_ALT = "How many times as long as recurra other programs take"


def _short(case: Case) -> str:
    return f"{case.model}, {case.batch} x {case.time} x {case.features}"


def replace_block(path: Path, block: str) -> None:
    """Writes a block between the marks of a page.

    Raises:
        ValueError: The page has no marks.
    """
    text = path.read_text(encoding="utf-8")
    new, count = _BLOCK.subn(lambda _: block, text)
    if count != 1:
        raise ValueError(f"{path} needs '<!-- bench -->' and '<!-- /bench -->' once, on lines of their own.")
    path.write_text(new, encoding="utf-8")
