"""recurra."""

from __future__ import annotations

import importlib
import inspect
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any
from unittest import mock

from ..cases import Case
from ..protocol import Maker, Repeated, Run, Unavailable, all_threads, open_terminal

__all__ = ["start"]

Plans = list[tuple[Any, list[str]]]


@contextmanager
def _noted(plans: Plans) -> Iterator[None]:
    """Notes the plans that the native engine makes meanwhile, each with the names of the ops of its nodes."""
    native: Any = importlib.import_module("recurra.engines.native._native")
    make = native.Plan

    def made(**arguments: Any) -> Any:
        plan = make(**arguments)
        plans.append((plan, [node[0] for node in arguments["nodes"]]))
        return plan

    with mock.patch.object(native, "Plan", made):
        yield


def by_phase(make: Maker) -> Maker:
    """The same steps twice, with the engine's clock off and on, so that it is seen what the clock itself takes."""

    def maker(case: Case, batches: int) -> Run:
        plans: Plans = []
        with _noted(plans):
            plain = make(case, batches)
        if not plans:
            raise Unavailable("only the native engine has a clock")

        def run(steps: int) -> Mapping[str, Any]:
            begin = perf_counter()
            with _noted(plans):  # ``fit`` on arrays of another length makes another plan
                plain(steps)
            unclocked = perf_counter() - begin
            for plan, _ in plans:
                plan.measure(True)
            begin = perf_counter()
            made = plain(steps)
            seconds = perf_counter() - begin
            parts: dict[str, float] = defaultdict(float)
            for plan, ops in plans:
                for phase, node, spent in plan.seconds():
                    parts[phase if node < 0 else f"{phase} {ops[node]}"] += spent
                plan.measure(False)
            return {"seconds": seconds, "steps": made or steps, "unclocked": unclocked, "parts": dict(parts)}

        return run

    return maker


def start(settings: Mapping[str, Any]) -> dict[str, Maker]:
    import recurra

    if "native" in recurra.engines.available():
        importlib.import_module("recurra.engines.native").set_num_threads(all_threads(settings))
    precision = settings.get("precision", "float32")

    def model_of(case: Case, time: int | None) -> Any:
        recurra.set_seed(0)
        cell = getattr(recurra.layers, case.cell)
        stack: list[Any] = [recurra.Input((time, case.features))]
        stack += [
            cell(case.units, return_sequences=case.classes or level + 1 < case.layers) for level in range(case.layers)
        ]
        stack.append(recurra.layers.Dense(case.outputs, activation="softmax" if case.classes else None))
        model = recurra.Sequential(stack)
        arguments: dict[str, Any] = {
            "optimizer": "adam",
            "loss": "sparse_categorical_crossentropy" if case.classes else "mse",
        }
        if precision != "float32":
            if "precision" not in inspect.signature(model.compile).parameters:
                raise Unavailable("this version has no reduced precision")
            arguments["precision"] = precision
        try:
            model.compile(**arguments)
        except recurra.errors.RecurraError as error:
            if precision == "float32":
                raise
            raise Unavailable(str(error)) from None
        return model

    def fit(case: Case, batches: int, verbose: int) -> Run:
        model = model_of(case, case.time)
        data = Repeated(case, batches)

        def run(steps: int) -> int:
            arrays, epochs, made = data.epochs(steps)
            model.fit(*arrays, batch_size=case.batch, epochs=epochs, shuffle=False, verbose=verbose)
            return made

        run(2)
        return run

    def fit_with_bar(case: Case, batches: int) -> Run:
        open_terminal()
        return fit(case, batches, verbose=1)

    def predict(case: Case, batches: int) -> Run:
        predictor = model_of(case, case.time).predictor(case.batch)
        x, _ = case.data(1)

        def run(steps: int) -> None:
            for _ in range(steps):
                predictor(x)

        run(2)
        return run

    def stream(case: Case, batches: int) -> Run:
        session = model_of(case, None).stream()
        x = case.data(1)[0][:1, 0].copy()

        def run(steps: int) -> None:
            for _ in range(steps):
                session.step(x)

        run(2)
        return run

    makers: dict[str, Maker] = {
        "train_step": lambda case, batches: fit(case, batches, verbose=0),
        "fit": fit_with_bar,
        "predict": predict,
        "stream": stream,
    }
    if "native" in recurra.engines.available():
        makers |= {f"{mode}, by phase": by_phase(maker) for mode, maker in makers.items()}
    return makers
