"""recurra."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from ..cases import Case
from ..protocol import Maker, Repeated, Run, Unavailable, all_threads, open_terminal

__all__ = ["start"]


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

    def stream_program(case: Case, batches: int) -> Run:
        """A streamed step without the checks around it."""
        session = model_of(case, None).stream()
        step = session._step
        x = case.data(1)[0][:1, :1].copy()

        def run(steps: int) -> None:
            for _ in range(steps):
                step(x)

        run(2)
        return run

    def phase(kind: str) -> Maker:
        """A part of a step: forward with the loss, that and the gradients, the whole step, or forward alone."""

        def maker(case: Case, batches: int) -> Run:
            model = model_of(case, case.time)
            x, y = case.data(1)
            model.train_on_batch(x, y)
            programs = model._programs
            alone = kind == "predict_program"
            samples = programs.inputs(x) if alone else programs.samples(x, y)
            graph = {"predict_program": "predict", "forward": "test"}.get(kind, "train")
            program = programs.get(graph, samples.weight_ranks if not alone else ()).program
            feeds = samples.feeds
            count = model.optimizer.iterations

            def run(steps: int) -> None:
                nonlocal count
                for _ in range(steps):
                    if kind in ("forward", "predict_program"):
                        program.predict(feeds)
                    elif kind == "gradients":
                        program.gradients(feeds)
                    else:
                        count += 1
                        program.train(feeds, step=count, learning_rate=1e-3)

            run(2)
            return run

        return maker

    return {
        "train_step": lambda case, batches: fit(case, batches, verbose=0),
        "fit": fit_with_bar,
        "predict": predict,
        "stream": stream,
        "forward": phase("forward"),
        "gradients": phase("gradients"),
        "step": phase("step"),
        "predict_program": phase("predict_program"),
        "stream_program": stream_program,
    }
