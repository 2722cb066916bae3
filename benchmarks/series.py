"""Training on windows of a very long series: how much memory it takes, in a process for each way of doing it.

    python -m benchmarks.series own mapped 100000000 steps folder

prints one JSON object. The model is LSTM(32) and Dense(1) on windows of 48 points, the next one being the target,
64 windows a step, drawn from all over the series.
"""

from __future__ import annotations

import importlib
import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

import numpy as np

from .memory import memory
from .processes import ROOT, environment

__all__ = ["WAYS", "measure_series"]

WINDOW, BATCH, UNITS = 48, 64, 32

WAYS = {
    ("own", "memory"): "recurra: sliding_windows, fit",
    ("own", "mapped"): "recurra: the same, series memory-mapped",
    ("own_by_hand", "memory"): "recurra: sliding_windows, rows drawn with replacement, train_on_batch",
    ("loader", "memory"): "torch: unfold, Dataset, DataLoader(shuffle=True)",
    ("by_hand", "memory"): "torch: unfold, rows drawn with randint, with replacement",
    ("by_hand", "mapped"): "torch: the same, series memory-mapped",
}


def measure_series(
    points: int,
    steps: int,
    timeout: float,
    total: float = math.inf,
    ways: Mapping[tuple[str, str], str] = WAYS,
) -> list[dict[str, Any]]:
    """Peak memory and time of each way, on a series of so many float32 numbers that lies in a temporary file.

    Args:
        points: Numbers in the series.
        steps: Training steps.
        timeout: Seconds for each way.
        total: Seconds for all of them.
        ways: Which of `WAYS`.
    """
    found = []
    end = monotonic() + total
    with tempfile.TemporaryDirectory() as folder:
        with Path(folder, "series.npy").open("wb") as file:
            draw = np.random.default_rng(0)
            header = {"descr": "<f4", "fortran_order": False, "shape": (points,)}
            np.lib.format.write_array_header_1_0(file, header)
            for begin in range(0, points, 1 << 22):  # piece by piece: this process stays small
                file.write(draw.standard_normal(min(1 << 22, points - begin), dtype=np.float32).tobytes())
        for (how, where), title in ways.items():
            row: dict[str, Any] = {"way": title}
            found.append(row)
            left = min(timeout, end - monotonic())
            if left <= 0:
                row["left_out"] = "the time for this run was used up"
                continue
            command = [sys.executable, "-m", "benchmarks.series", how, where, str(steps), folder]
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, cwd=ROOT, env=environment(), timeout=left
                )
                if done.returncode:
                    lines = done.stderr.strip().splitlines()
                    row["failed"] = lines[-1][:300] if lines else f"the process ended with code {done.returncode}"
                else:
                    row.update(json.loads(done.stdout.splitlines()[-1]))
            except subprocess.TimeoutExpired:
                row["left_out"] = f"it took longer than {left:.0f} s"
    return found


Train = Callable[[int, Callable[[], None]], None]
"""Makes so many steps and says so after each."""


def _own(how: str, series: np.ndarray) -> Train:
    import recurra
    from recurra.data.windows import sliding_windows
    from recurra.layers import LSTM, Dense

    model = recurra.Sequential([recurra.Input((WINDOW, 1)), LSTM(UNITS), Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    x, y = sliding_windows(series, WINDOW, 1)

    def train(steps: int, made: Callable[[], None]) -> None:
        if how == "own_by_hand":
            draw = np.random.default_rng(0)
            for _ in range(steps):
                rows = draw.integers(0, len(x), BATCH)
                model.train_on_batch(x[rows], y[rows])
                made()
            return
        tell = recurra.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: made())
        model.fit(x, y, batch_size=BATCH, steps_per_epoch=steps, verbose=0, callbacks=[tell])

    return train


def _torch(how: str, series: np.ndarray) -> Train:
    import torch

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = torch.nn.LSTM(1, UNITS, batch_first=True)
            self.dense = torch.nn.Linear(UNITS, 1)

        def forward(self, x: Any) -> Any:
            return self.dense(self.lstm(x)[0][:, -1])

    network = Network()
    rule = torch.optim.Adam(network.parameters(), fused=True)
    windows = torch.from_numpy(series).unfold(0, WINDOW + 1, 1)

    class Windows(torch.utils.data.Dataset):  # type: ignore[type-arg, unused-ignore]
        def __len__(self) -> int:
            return len(windows)

        def __getitem__(self, index: int) -> Any:
            return windows[index]

    def batches() -> Iterator[Any]:
        if how == "loader":
            yield from torch.utils.data.DataLoader(Windows(), BATCH, shuffle=True)
        while True:
            yield windows[torch.randint(len(windows), (BATCH,))]

    def train(steps: int, made: Callable[[], None]) -> None:
        source = batches()
        for _ in range(steps):
            batch = next(source)
            rule.zero_grad()
            loss = torch.nn.functional.mse_loss(network(batch[:, :WINDOW, None]), batch[:, WINDOW:])
            loss.backward()
            rule.step()
            made()

    return train


def main() -> None:
    how, where, steps, folder = sys.argv[1:]
    own = how.startswith("own")
    importlib.import_module("recurra.models" if own else "torch")
    before = memory()["now"]
    # torch wants to own what it reads, so that a mapping for it is copy-on-write: pages are copied if written to.
    mode: Any = {"memory": None, "mapped": "r" if own else "c"}[where]
    series = np.load(Path(folder, "series.npy"), mmap_mode=mode)
    train = _own(how, series) if own else _torch(how, series)
    times = [perf_counter()]
    train(1 + int(steps), lambda: times.append(perf_counter()))
    result = {
        "series": series.nbytes,
        "before": before,
        "peak": memory()["peak"],
        "first": times[1] - times[0],
        "step": statistics.median(after - earlier for earlier, after in pairwise(times[1:])),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
