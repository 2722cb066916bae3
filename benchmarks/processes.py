"""The processes that run the peers, and what they are asked."""

from __future__ import annotations

import atexit
import contextlib
import importlib.metadata
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from .peers import Peer

__all__ = ["ROOT", "Failed", "LeftOut", "Pool", "Worker", "environment", "missing"]

HERE = Path(__file__).parent
ROOT = HERE.parent


class Failed(Exception):
    """A peer failed; the message says how."""


class LeftOut(Exception):
    """A peer does not take part; the message says why."""


def missing(peer: Peer) -> str | None:
    """Why a peer cannot run here, or None."""
    if peer.node:
        if shutil.which("node") is None:
            return "Node.js is not installed"
        if not (HERE / "node_modules" / "@tensorflow").exists():
            return "TensorFlow.js is not installed in benchmarks/ (make bench does it where there is npm)"
        return None
    for package in peer.packages:
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return f"{package} is not installed"
    return None


def environment() -> dict[str, str]:
    """The environment of every process: what libraries say about themselves is not wanted."""
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}


class Worker:
    """One process that runs one peer. See `benchmarks.worker` for what it understands.

    Between two requests the process is stopped: the threads of some programs go on spinning for a while after their
    work is done, which would be measured as the time of whoever comes next.

    Args:
        peer: Which.
        patience: Seconds to wait for it to start.
    """

    def __init__(self, peer: Peer, patience: float = 120.0) -> None:
        self.peer = peer
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the process)
        settings = json.dumps(peer.settings)
        if peer.node:
            command = ["node", str(HERE / "peers" / peer.module), settings]
        else:
            command = [sys.executable, "-m", "benchmarks.worker", peer.module, settings]
        # A session of its own: Ctrl-C reaches this process only, which then ends the others.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=ROOT,
            env=environment(),
            start_new_session=True,
        )
        atexit.register(self.close)
        self._rest = b""
        try:
            self._read(patience)
            self._signal(signal.SIGSTOP)
        except BaseException:
            self.close()
            raise

    def ask(self, request: Mapping[str, Any], patience: float) -> dict[str, Any]:
        """Sends a request and waits for the answer.

        Raises:
            LeftOut: It cannot do that here.
            Failed: It reported an error or ended.
            TimeoutError: It took longer than ``patience`` seconds. The process is of no use any more.
        """
        assert self._process.stdin is not None
        self._signal(signal.SIGCONT)
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise Failed(self._last_words()) from None
        try:
            return self._read(patience)
        finally:
            self._signal(signal.SIGSTOP)

    def prepare(self, mode: str, case: Mapping[str, Any], patience: float, batches: int = 8) -> None:
        """Makes it ready to run a case. See `ask` for what it raises."""
        self.ask({"prepare": mode, "case": dict(case), "batches": batches}, patience)

    def run(self, steps: int, patience: float) -> float:
        """Does so many steps; returns the seconds a step took. See `ask` for what it raises."""
        return float(self.timed(steps, patience)["seconds"])

    def timed(self, steps: int, patience: float) -> dict[str, Any]:
        """Like `run`, but returns the whole answer, with all times a step."""
        answer = self.ask({"run": steps}, patience)
        made = int(answer["steps"])
        times: dict[str, Any] = {name: answer[name] / made for name in ("seconds", "unclocked") if name in answer}
        if "parts" in answer:
            times["parts"] = {name: seconds / made for name, seconds in answer["parts"].items()}
        return times

    def memory(self) -> dict[str, int]:
        """Bytes of the process, now and at the peak."""
        return self.ask({"memory": True}, 10)

    def close(self) -> None:
        """Ends the process."""
        atexit.unregister(self.close)
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                with contextlib.suppress(OSError):  # what was still to be written has no reader any more
                    stream.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has ended; asking it says so
            os.killpg(self._process.pid, number)

    def _read(self, patience: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        end = monotonic() + patience
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not selector.select(max(end - monotonic(), 0)):
                    raise TimeoutError
                piece = os.read(self._process.stdout.fileno(), 1 << 16)
                if not piece:
                    raise Failed(self._last_words())
                self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "unavailable" in answer:
            raise LeftOut(answer["unavailable"])
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def _last_words(self) -> str:
        try:
            code: int | None = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = None
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"the process ended with code {code}" + (f": {lines[-1][:300]}" if lines else "")


class Pool:
    """One process for each peer, started when it is needed, started again after it failed."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}
        self._gone: dict[str, Exception] = {}

    def get(self, peer: Peer) -> Worker:
        """The process of a peer.

        Raises:
            LeftOut: The peer is not installed, or cannot run here.
            Failed: It does not start.
        """
        reason = missing(peer)
        if reason:
            raise LeftOut(reason)
        if peer.name in self._gone:
            raise self._gone[peer.name]
        if peer.name not in self._workers:
            try:
                self._workers[peer.name] = Worker(peer)
            except (Failed, LeftOut) as error:
                self._gone[peer.name] = error
                raise
            except TimeoutError:
                self._gone[peer.name] = Failed("it did not start in time")
                raise self._gone[peer.name] from None
        return self._workers[peer.name]

    def drop(self, peer: Peer) -> None:
        """Ends the process of a peer; the next `get` starts another."""
        worker = self._workers.pop(peer.name, None)
        if worker is not None:
            worker.close()

    def close(self) -> None:
        """Ends all processes."""
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
