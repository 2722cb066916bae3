"""The pictures of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .peers import PEERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_all"]

_COLORS = {
    "recurra": "#1f6fb2",
    "torch": "#e07b39",
    "JAX": "#5a9e5a",
    "Keras on JAX": "#8a6bb8",
    "Keras on torch": "#c06c9b",
    "ONNX Runtime": "#3b4252",
    "TF.js wasm": "#b08d2e",
    "TF.js cpu": "#8a8f98",
}
_TITLES = {"train_step": "Training step", "fit": "fit, a step", "predict": "Inference", "stream": "Streaming"}


def plot_all(results: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draws what the results hold; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in (("bench-peers", _peers(results)), ("bench-curves", _curves(results))):
        if figure is not None:
            path = folder / f"{name}.png"
            figure.savefig(path, dpi=150, metadata={"Software": None})
            paths.append(path)
    return paths


def _figure(columns: int, width: float, height: float) -> tuple[Figure, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.grid(True, axis="x", color="#e5e7eb", linewidth=0.8, zorder=0)
    return figure, list(axes)


def _peers(results: Mapping[str, Any]) -> Figure | None:
    """For each mode and case, how many times as long each peer takes."""
    modes = {mode: found for mode, found in results.get("modes", {}).items() if found}
    if not modes:
        return None
    figure, axes = _figure(len(modes), max(3.2 * len(modes) + 0.6, 9.0), 3.4)
    shown: dict[str, Any] = {}
    for number, (mode, found) in enumerate(modes.items()):
        one = axes[number]
        cases = list(found)
        for row, case in enumerate(cases):
            own = found[case].get("recurra", {}).get("median")
            for name, color in _COLORS.items():
                result = found[case].get(name, {})
                if own is None or "median" not in result:
                    continue
                marker = "D" if PEERS[name].own else "o"
                shown[name] = one.scatter(
                    result["median"] / own, row, s=42, color=color, marker=marker, zorder=3, label=name
                )
        one.set_xscale("log")
        one.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        one.axvline(1, color=_COLORS["recurra"], linewidth=1, zorder=1)
        one.set_yticks(range(len(cases)), cases if number == 0 else [""] * len(cases))
        one.set_ylim(len(cases) - 0.5, -0.5)
        one.set_title(_TITLES[mode], fontsize=11)
        one.set_xlabel("times as long as recurra", fontsize=9)
    order = [name for name in _COLORS if name in shown]
    figure.legend(
        [shown[name] for name in order], order, loc="outside lower center", ncols=len(order), frameon=False, fontsize=9
    )
    return figure


def _curves(results: Mapping[str, Any]) -> Figure | None:
    """The training step by one size after the other."""
    curves = results.get("curves", {}).get("train_step", {})
    if not curves:
        return None
    figure, axes = _figure(len(curves), max(3.2 * len(curves) + 0.6, 9.0), 3.2)
    shown: dict[str, Any] = {}
    for one, (size, points) in zip(axes, curves.items(), strict=True):
        for name in dict.fromkeys(name for point in points for name in point["measured"]):
            pairs = [
                (point["value"], point["measured"][name]["median"] * 1e3)
                for point in points
                if "median" in point["measured"].get(name, {})
            ]
            if pairs:
                xs, ys = zip(*pairs, strict=True)
                (shown[name],) = one.plot(xs, ys, "o-", color=_COLORS[name], markersize=4, linewidth=1.6)
        one.set_yscale("log")
        one.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        if size != "layers":
            one.set_xscale("log")
        values = [point["value"] for point in points]
        one.set_xticks(values, [str(value) for value in values])
        one.minorticks_off()
        one.grid(True, axis="y", color="#e5e7eb", linewidth=0.8, zorder=0)
        one.set_xlabel(size, fontsize=9)
    axes[0].set_ylabel("ms a training step", fontsize=9)
    figure.legend(
        list(shown.values()), list(shown), loc="outside lower center", ncols=len(shown), frameon=False, fontsize=9
    )
    return figure
