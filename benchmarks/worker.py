"""One framework in a process of its own, which does what it is asked.

    python -m benchmarks.worker pytorch '{"threads": 1}'

Requests come in on standard input and answers go out on standard output, one JSON object a line:

    {"prepare": "train_step", "case": {...}, "batches": 8}  makes a model; it is what later requests use
    {"run": 100}           does so many steps              -> {"seconds": 0.2, "steps": 100}; a mode that ends in
                           ", by phase" adds what its phases took and what as many steps took without the clock:
                           {"parts": {"forward lstm": 0.1, ...}, "unclocked": 0.19}
    {"memory": true}       the memory of the process       -> {"now": ..., "peak": ...} in bytes

An answer ``{"unavailable": ...}`` says that this framework cannot do this here, ``{"error": ...}`` that it failed.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from .cases import Case
from .memory import memory
from .protocol import Maker, Run, Unavailable


def _answer(request: Mapping[str, Any], makers: Mapping[str, Maker], running: list[Run]) -> dict[str, Any]:
    if "prepare" in request:
        running.clear()  # The old model goes before the new one is made.
        maker = makers.get(request["prepare"])
        if maker is None:
            raise Unavailable(f"no mode '{request['prepare']}'")
        running.append(maker(Case.from_dict(request["case"]), request["batches"]))
        return {"ready": True}
    if "memory" in request:
        return dict(memory())
    if not running:
        raise RuntimeError("nothing was prepared")
    begin = perf_counter()
    made = running[0](request["run"])
    seconds = perf_counter() - begin
    if isinstance(made, Mapping):
        return {"seconds": seconds, "steps": request["run"], **made}
    return {"seconds": seconds, "steps": made or request["run"]}


def main() -> None:
    # What libraries print must not come between the answers.
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    makers: dict[str, Maker] = {}
    running: list[Run] = []

    def reply(work: Callable[[], dict[str, Any]]) -> None:
        try:
            answer = work()
        except Unavailable as reason:
            answer = {"unavailable": str(reason)}
        except Exception as error:
            traceback.print_exc(file=sys.__stderr__)
            answer = {"error": f"{type(error).__name__}: {str(error).strip()[:300]}".splitlines()[0]}
        channel.write(json.dumps(answer) + "\n")
        channel.flush()

    def start() -> dict[str, Any]:
        module = importlib.import_module(f"benchmarks.peers.{sys.argv[1]}")
        makers.update(module.start(json.loads(sys.argv[2])))
        return {"ready": True}

    reply(start)
    for line in sys.stdin:
        request = json.loads(line)
        reply(lambda request=request: _answer(request, makers, running))  # type: ignore[misc]


if __name__ == "__main__":
    main()
