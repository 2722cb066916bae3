"""The report of a made-up run, whose numbers are easy to follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks.bench import machines
from benchmarks.plots import plot_all
from benchmarks.report import micro, noise, readme_block, render, replace_block
from benchmarks.targets import TARGETS, best, outcomes, tried

ROOT = Path(__file__).parents[2]
Results = dict[str, Any]


@pytest.fixture
def results() -> Results:
    made: Results = json.loads((Path(__file__).parent / "results.json").read_text(encoding="utf-8"))
    return made


def rows(report: str, section: str) -> dict[str, list[str]]:
    """The rows of the tables of a section by their first cell; of those with the same, the first."""
    found: dict[str, list[str]] = {}
    for line in report.split(f"## {section}\n")[1].split("\n## ")[0].splitlines():
        if line.startswith("| "):
            first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            found.setdefault(first, cells)
    return found


def test_targets_are_met_or_missed(results: Results) -> None:
    cells = {(outcome.target.mode, outcome.target.own, outcome.case): outcome for outcome in outcomes(results["modes"])}
    met = cells["train_step", "recurra", "seed"]
    assert (met.ratio, met.peer, met.met) == (pytest.approx(160), "JAX", True)
    missed = cells["train_step", "recurra", "ts32"]
    assert (missed.ratio, missed.peer, missed.met) == (pytest.approx(5), "torch 1 thread", False)
    absent = cells["train_step", "recurra bf16x3", "ts64"]
    assert (absent.ratio, absent.reason) == (None, "no AMX")


def test_the_report_says_so(results: Results) -> None:
    report = render(results)
    row = rows(report, "What to reach")["training step: best peer / recurra"]
    assert row[:2] == ["**160** of 150: met", "5.0 of 7.5: missed by 33%"]
    missed = report.split("What limits the others, and what was tried:")[1].split("\n## ")[0]
    assert "- training step. Tried: Weights packed once" in missed
    assert "  - ts32: 200 µs, to reach 133 µs (torch 1 thread: 1,000 µs); 120 GF/s of products, 120% of " in missed
    assert (
        "time: LSTM forward 30% at 135 GF/s, LSTM backward 50% at 160 GF/s, Dense and loss 7%, Adam 5%, gathering the "
        "batch 1%, the rest 7%. Tried: Threads own blocks" in missed
    )
    assert "  - ts32: 1.00 µs, to reach 0.50 µs (ONNX Runtime: 20.0 µs)" in missed
    assert "seed" not in missed
    assert "could not be measured here" in report


def test_every_peer_has_a_row_and_a_reason(results: Results) -> None:
    report = render(results)
    steps = rows(report, "Training step")
    assert steps["recurra"] == ["1.00", "200", "2,000"]
    assert steps["TF.js cpu"] == ["2,500", "[3]", "[3]"]
    assert "[3] left out: one step takes longer than 20 s" in report
    assert "failed: ValueError: no" in report
    assert "JAX 64 steps a call" in steps


def test_every_section_is_there(results: Results) -> None:
    report = render(results)
    for title in (
        "The machine",
        "What to reach",
        "Training step",
        "Inference on one batch",
        "Streaming: one step of one sequence",
        "Arithmetic of recurra",
        "Where the time of recurra goes",
        "Curves",
        "Threads",
        "Other recurrent layers",
        "Import",
        "Installed size",
        "Memory of training",
        "A long series",
    ):
        assert f"## {title}\n" in report


def test_noise_is_said(results: Results) -> None:
    assert "0.01 of the 2 cores busy in the second before the run; during it, 0.02 on average." in render(results)
    results["others"]["stolen"] = 0.5
    assert "0.50 went to other virtual machines: **do not trust these numbers**" in render(results)
    results["others"] = {}
    results["machine"]["busy"] = 1.0
    assert "do not trust" in render(results)


@pytest.mark.parametrize(
    ("load", "processors", "noisy"),
    [(0.4, 2, False), (0.6, 2, True), (7.4, 16, False), (14.6, 16, True), (3, None, True)],
)
def test_the_load_average_is_compared_with_the_other_cores(load: float, processors: int | None, noisy: bool) -> None:
    """A run that is given 2 of 16 cores is not disturbed by programs on the others."""
    machine = {"cores": 2, "load": load} | ({"processors": processors} if processors else {})
    assert noise(machine)[1] is noisy


def test_other_machines(results: Results) -> None:
    other = {**results, "engine": "native engine, amx, 2 threads"}
    report = render(results, {"xeon": other, "empty": {**other, "modes": {}}})
    shown = report.split("## Other machines\n")[1].split("\n## ")[0]
    assert "[xeon](machines/xeon/REPORT.md): Imagined CPU, 2 cores, native engine, amx, 2 threads" in shown
    assert shown.count("training step: best peer / recurra") == 1
    assert "Other machines" not in render(results)


def test_a_part_of_a_run_has_a_report_too(results: Results) -> None:
    for section in ("modes", "limits", "phases", "curves", "threads", "cells", "import", "size", "memory", "series"):
        del results[section]
        assert render(results).startswith("# Benchmarks")


def test_arithmetic_and_memory(results: Results) -> None:
    report = render(results)
    # 12,992 operations in a microsecond, of 100 GF/s.
    assert rows(report, "Arithmetic of recurra")["seed"][0] == "13 (13%)"
    assert rows(report, "Memory of training")["ts64"] == ["45 (5.0)", "400 (200)"]
    assert rows(report, "A long series")["recurra: sliding_windows, fit"] == ["500", "40", "60", "1.5", "200"]


def test_phases_add_up(results: Results) -> None:
    section = "Where the time of recurra goes"
    row = rows(render(results), section)["ts32"]
    assert row == ["30%", "50%", "7.0%", "5.0%", "1.0%", "7.0%", "135", "160", "+5%"]
    del results["phases"]["train_step"]
    row = rows(render(results), section)["ts32"]
    assert row[:3] == ["90%", "2.0%", "8.0%"]
    results["phases"] = {"ts32": {"forward": {"median": 1.0}}}  # as earlier versions kept them
    assert section not in render(results)


def test_what_was_tried_is_about_cells_that_exist() -> None:
    assert any(tried(target) for target in TARGETS)
    assert tried(TARGETS[0], "no such case") == ""


def test_the_best_peer_is_a_usual_one(results: Results) -> None:
    """Neither recurra, nor reduced precision, nor the loop inside a compiled function."""
    assert best(results["modes"]["train_step"]["seed"]) == "JAX"
    assert best({}) is None


def test_the_block_of_the_readme(results: Results, tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n", encoding="utf-8")
    replace_block(page, readme_block(results))
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- bench -->\n")
    assert text.endswith("<!-- /bench -->\nafter\n")
    assert "old" not in text
    assert "| 1 x LSTM(16), Dense(1), 2 x 1 x 1 | 1.00 µs, 160x |" in text
    replace_block(page, readme_block(results))
    assert page.read_text(encoding="utf-8") == text
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="needs '<!-- bench -->'"):
        replace_block(page, "new")


def test_report_and_readme_show_the_results_that_lie_beside_them() -> None:
    kept = ROOT / "benchmarks" / "results.json"
    if not kept.exists():
        assert "`make bench` writes its figures here." in (ROOT / "README.md").read_text(encoding="utf-8")
        return
    results = json.loads(kept.read_text(encoding="utf-8"))
    assert (ROOT / "benchmarks" / "REPORT.md").read_text(encoding="utf-8") == render(results, machines())
    assert f"<!-- bench -->\n{readme_block(results)}<!-- /bench -->" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", machines())
def test_reports_of_other_machines_show_the_results_beside_them(name: str) -> None:
    folder = ROOT / "benchmarks" / "machines" / name
    assert (folder / "REPORT.md").read_text(encoding="utf-8") == render(machines()[name])
    assert all((folder / picture).exists() for picture in machines()[name]["pictures"])


def test_pictures(results: Results, tmp_path: Path) -> None:
    paths = plot_all(results, tmp_path)
    assert [path.name for path in paths] == ["bench-peers.png", "bench-curves.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    assert plot_all({}, tmp_path) == []


def test_times_are_written_with_three_digits() -> None:
    written = [micro(value) for value in (1.234e-6, 12.34e-6, 123.4e-6, 1234e-6, 12.34, 0)]
    assert written == ["1.23", "12.3", "123", "1,230", "12,300,000", "0.00"]
