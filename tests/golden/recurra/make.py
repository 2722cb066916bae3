"""Writes the model files of this version, with what their models compute. Later versions must read them.

``python tests/golden/recurra/make.py``, once for each version of the format; files that are there are never made anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import recurra
from recurra import layers, optimizers

HERE = Path(__file__).parent


def words_and_numbers() -> tuple[Any, list[np.ndarray], list[np.ndarray]]:
    """Several inputs and outputs, every recurrent layer, states handed on, a layer used twice, a model in the model."""
    words = recurra.Input((None,), dtype="int32", name="words")
    numbers = recurra.Input((5, 2), name="numbers")
    embedded = layers.Embedding(7, 3, mask_zero=True, name="embedding")(words)
    sequence = layers.GRU(4, return_sequences=True, dropout=0.2, seed=11, name="gru")(embedded)
    _, h, c = layers.LSTM(4, return_state=True, name="encoder")(sequence)
    inner = recurra.Sequential(
        [recurra.Input((5, 2), name="inner_input"), layers.Dense(4, activation="gelu", name="inner_dense")],
        name="inner",
    )
    decoded = layers.LSTM(4, recurrent_activation="hard_sigmoid", name="decoder")(inner(numbers), initial_state=[h, c])
    both = layers.Bidirectional(layers.SimpleRNN(2, name="simple"), merge_mode="sum", name="both")(sequence)
    shared = layers.Dense(2, kernel_regularizer="l2", name="shared")
    first = shared(layers.Dropout(0.1, seed=5, name="dropout")(decoded))
    second = layers.Activation("softmax", name="softmax")(shared(layers.Dense(4, name="widen")(both)))
    model = recurra.Model([words, numbers], [first, second], name="words_and_numbers")
    model.compile(
        optimizers.Adam(optimizers.schedules.ExponentialDecay(0.02, 10, 0.9), clipnorm=1.0),
        loss=["mse", "categorical_crossentropy"],
        loss_weights=[1.0, 0.5],
        metrics=[["mae"], ["accuracy"]],
    )
    draw = np.random.default_rng(3)
    x = [draw.integers(0, 7, (6, 4)).astype(np.int32), draw.normal(size=(6, 5, 2)).astype(np.float32)]
    y = [draw.normal(size=(6, 2)).astype(np.float32), np.eye(2, dtype=np.float32)[draw.integers(0, 2, 6)]]
    return model, x, y


def main() -> None:
    """Writes the files that are not there yet."""
    path = HERE / "version_1.safetensors"
    if path.exists():
        raise SystemExit(f"{path.name} is there; files of a version are never made anew.")
    recurra.set_seed(1)
    model, x, y = words_and_numbers()
    model.fit(x, y, epochs=3, batch_size=3, shuffle=False, verbose=0)
    model.user_metadata = {"note": "of version 1", "numbers": [1, 2.5, None]}
    model.save(path)
    expected = {
        "x": [array.tolist() for array in x],
        "y": [array.tolist() for array in y],
        "predictions": [array.tolist() for array in model.predict_on_batch(x)],
        "iterations": model.optimizer.iterations,
        "losses": model.fit(x, y, epochs=3, batch_size=3, shuffle=False, verbose=0).history["loss"],
        "metadata": model.user_metadata,
    }
    (HERE / "version_1.json").write_text(json.dumps(expected) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
