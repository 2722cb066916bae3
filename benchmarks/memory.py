"""How much memory a process uses. Imports nothing large, so that it can be asked beside an import that is measured."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["memory"]


def memory() -> dict[str, int]:
    """The resident memory of this process in bytes, now and at its peak."""
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines() if ":" in line)
        return {
            "now": int(fields["VmRSS"].split()[0]) * 1024,
            "peak": int(fields["VmHWM"].split()[0]) * 1024,
        }
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"now": peak, "peak": peak}
