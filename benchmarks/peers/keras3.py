"""Keras 3, on the backend of the settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..cases import Case
from ..protocol import Maker, Repeated, Run, all_threads, open_terminal

__all__ = ["start"]


def start(settings: Mapping[str, Any]) -> dict[str, Maker]:
    os.environ["KERAS_BACKEND"] = settings["backend"]
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if settings["backend"] == "torch":
        import torch

        torch.set_num_threads(all_threads(settings))
    import keras

    def model_of(case: Case, stateful: bool = False) -> Any:
        keras.utils.set_random_seed(0)
        cell = getattr(keras.layers, case.cell)
        shape = (1, 1, case.features) if stateful else (case.batch, case.time, case.features)
        stack = [keras.Input(batch_shape=shape)]
        stack += [
            cell(case.units, return_sequences=case.classes or level + 1 < case.layers, stateful=stateful)
            for level in range(case.layers)
        ]
        stack.append(keras.layers.Dense(case.outputs, activation="softmax" if case.classes else None))
        model = keras.Sequential(stack)
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy" if case.classes else "mse")
        return model

    def train(case: Case, batches: int) -> Run:
        model = model_of(case)
        x, y = case.data(batches)
        parts = [(x[i : i + case.batch], y[i : i + case.batch]) for i in range(0, len(x), case.batch)]

        def run(steps: int) -> None:
            for step in range(steps):
                model.train_on_batch(*parts[step % len(parts)])

        run(2)
        return run

    def fit(case: Case, batches: int) -> Run:
        open_terminal()
        model = model_of(case)
        data = Repeated(case, batches)

        def run(steps: int) -> int:
            arrays, epochs, made = data.epochs(steps)
            model.fit(*arrays, batch_size=case.batch, epochs=epochs, shuffle=False, verbose=1)
            return made

        run(2)
        return run

    def predict(case: Case, batches: int) -> Run:
        model = model_of(case)
        x, _ = case.data(1)

        def run(steps: int) -> None:
            for _ in range(steps):
                model.predict_on_batch(x)

        run(2)
        return run

    def stream(case: Case, batches: int) -> Run:
        model = model_of(case, stateful=True)
        x = case.data(1)[0][:1, :1].copy()

        def run(steps: int) -> None:
            for _ in range(steps):
                model.predict_on_batch(x)

        run(2)
        return run

    return {"train_step": train, "fit": fit, "predict": predict, "stream": stream}
