"""What the machine can do at best, measured in the same run as everything else."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import numpy as np

from .protocol import all_threads

__all__ = ["Load", "machine", "machine_limits"]

_SOURCE = Path(__file__).with_name("limits.cpp")


def machine() -> dict[str, Any]:
    """What the machine is."""
    cores = all_threads({})
    found = {
        "processor": _processor(),
        "cores": cores,
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0, 1),
        "processors": max(os.cpu_count() or 1, cores),
    }
    begun = Load()
    sleep(1)
    return {**found, **begun.others()}


class Load:
    """How busy other programs keep the cores that this process may use, from now on.

    The load average will not do: it counts the whole machine, of which this process may be given few cores, and the
    minute before.
    """

    def __init__(self) -> None:
        self._at = perf_counter()
        self._ticks = _ticks()
        self._own = _own_seconds()

    def others(self) -> dict[str, float]:
        """``busy``, the cores they kept busy on average, and ``stolen``, those a hypervisor gave to other machines.

        Empty where the system does not tell. Processes that this one began count once they have ended.
        """
        now = _ticks()
        seconds = perf_counter() - self._at
        if not now or not self._ticks or now == self._ticks:
            return {}
        busy, stolen, _ = ((new - old) / os.sysconf("SC_CLK_TCK") for new, old in zip(now, self._ticks, strict=True))
        busy -= _own_seconds() - self._own
        return {"busy": round(max(busy, 0.0) / seconds, 2), "stolen": round(stolen / seconds, 2)}


def _ticks() -> tuple[int, int, int] | None:
    """Ticks of the clock that the cores of this process were busy since the system began, those stolen, and all."""
    file = Path("/proc/stat")
    if not file.exists() or not hasattr(os, "sched_getaffinity"):
        return None
    allowed = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    busy = stolen = idle = 0
    for line in file.read_text(encoding="utf-8").splitlines():
        name, *counts = line.split()
        if name in allowed and len(counts) >= 8:
            user, nice, system, nothing, waiting, irq, soft, steal = map(int, counts[:8])
            busy += user + nice + system + irq + soft
            stolen += steal
            idle += nothing + waiting
    return busy, stolen, busy + stolen + idle


def _own_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def machine_limits(seconds: float = 0.3) -> dict[str, Any]:
    """Multiply-adds and bytes read a second, of one core and of all.

    Without a C++ compiler there is only numpy's matrix product, and the answer says so.
    """
    threads = all_threads({})
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return {"how": "numpy's matrix product, there being no C++ compiler", "flops_all": _sgemm(seconds)}
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder) / "limits")
        flags = ["-O3", "-std=c++20", "-march=native", "-ffp-contract=fast", "-Wno-psabi", "-pthread"]
        try:
            subprocess.run([compiler, *flags, str(_SOURCE), "-o", program], check=True, capture_output=True)
            runs = [_run([program, str(threads), str(seconds)]) for _ in range(3)]
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError):
            return {"how": "numpy's matrix product, limits.cpp not running here", "flops_all": _sgemm(seconds)}
    # Limits: what other programs took away does not count.
    found: dict[str, Any] = {name: max(run[name] for run in runs) for name in runs[0]}
    for name, value in list(found.items()):
        if name.endswith("_one"):
            found.setdefault(name.removesuffix("_one") + "_all", value)
    return {"how": f"limits.cpp, vectors of {found.pop('lanes')} floats", **found}


def _run(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, check=True, capture_output=True, timeout=120)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _sgemm(seconds: float) -> float:
    a = np.ones((1024, 1024), np.float32)
    rates: list[float] = []
    end = perf_counter() + seconds
    while perf_counter() < end or len(rates) < 3:
        begin = perf_counter()
        a @ a
        rates.append(2 * 1024**3 / (perf_counter() - begin))
    return max(rates)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
