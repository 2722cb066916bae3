"""Writes keras.json: what Keras computes for losses, activations, metrics and learning rate schedules.

Run it where Keras and one of its back ends are installed:

    KERAS_BACKEND=torch python tests/golden/functions/run_cases.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

STEPS = [0, 1, 5, 10, 13, 20, 35]


def plain(value: Any) -> Any:
    return np.asarray(value, np.float64).tolist()


def main() -> None:
    random = np.random.default_rng(0)
    shape = (4, 3)
    data = {
        "numbers": random.normal(size=shape),
        "positive": random.uniform(0.05, 2.0, shape),
        "shares": random.uniform(0.01, 0.99, shape),
        "binary": np.array([[0, 1, 1], [1, 0, 0], [0, 0, 1], [1, 1, 1]], float),
        "signs": np.array([[-1, 1, 1], [1, -1, -1], [-1, -1, 1], [1, 1, 1]], float),
        "one_hot": np.eye(3)[[1, 2, 0, 1]],
        "classes": np.array([1, 2, 0, 1]),
        "line": np.linspace(-4, 4, 17).reshape(1, 17),
    }
    # What float32 can hold, so that Keras and whoever reads this start from the same numbers.
    data = {key: value if value.dtype.kind == "i" else value.astype(np.float32) for key, value in data.items()}
    losses: list[tuple[str, str, str, dict[str, Any]]] = [
        ("mean_squared_error", "positive", "numbers", {}),
        ("mean_absolute_error", "positive", "numbers", {}),
        ("mean_absolute_percentage_error", "positive", "numbers", {}),
        ("mean_squared_logarithmic_error", "positive", "numbers", {}),
        ("huber", "positive", "numbers", {}),
        ("huber", "positive", "numbers", {"delta": 0.4}),
        ("log_cosh", "positive", "numbers", {}),
        ("cosine_similarity", "positive", "numbers", {}),
        ("hinge", "binary", "numbers", {}),
        ("hinge", "signs", "numbers", {}),
        ("squared_hinge", "binary", "numbers", {}),
        ("squared_hinge", "signs", "numbers", {}),
        ("categorical_hinge", "one_hot", "numbers", {}),
        ("kl_divergence", "shares", "positive", {}),
        ("poisson", "positive", "shares", {}),
        ("binary_crossentropy", "binary", "shares", {}),
        ("binary_crossentropy", "binary", "shares", {"label_smoothing": 0.2}),
        ("binary_crossentropy", "binary", "numbers", {"from_logits": True}),
        ("categorical_crossentropy", "one_hot", "shares", {}),
        ("categorical_crossentropy", "one_hot", "shares", {"label_smoothing": 0.3}),
        ("categorical_crossentropy", "one_hot", "numbers", {"from_logits": True}),
        ("sparse_categorical_crossentropy", "classes", "shares", {}),
        ("sparse_categorical_crossentropy", "classes", "numbers", {"from_logits": True}),
    ]
    activations = [
        *("celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu"),
        *("linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink"),
        *("softmax", "softplus", "softsign", "squareplus", "tanh", "tanh_shrink"),
    ]
    metrics: list[tuple[str, str, str, dict[str, Any]]] = [
        ("RootMeanSquaredError", "positive", "numbers", {}),
        ("MeanAbsolutePercentageError", "positive", "numbers", {}),
        ("LogCoshError", "positive", "numbers", {}),
        ("CosineSimilarity", "positive", "numbers", {}),
        ("BinaryAccuracy", "binary", "shares", {}),
        ("BinaryAccuracy", "binary", "shares", {"threshold": 0.8}),
        ("CategoricalAccuracy", "one_hot", "numbers", {}),
        ("SparseCategoricalAccuracy", "classes", "numbers", {}),
        ("TopKCategoricalAccuracy", "one_hot", "numbers", {"k": 2}),
        ("SparseTopKCategoricalAccuracy", "classes", "numbers", {"k": 2}),
        ("KLDivergence", "shares", "positive", {}),
        ("Poisson", "positive", "shares", {}),
        ("Hinge", "signs", "numbers", {}),
        ("SparseCategoricalCrossentropy", "classes", "numbers", {"from_logits": True}),
    ]
    schedules: list[tuple[str, dict[str, Any]]] = [
        ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
        ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5, "staircase": True}),
        ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
        ("PiecewiseConstantDecay", {"boundaries": [5, 13], "values": [1.0, 0.5, 0.1]}),
        (
            "PolynomialDecay",
            {"initial_learning_rate": 0.1, "decay_steps": 10, "end_learning_rate": 0.01, "power": 2.0},
        ),
        (
            "PolynomialDecay",
            {"initial_learning_rate": 0.1, "decay_steps": 10, "end_learning_rate": 0.01, "cycle": True},
        ),
        ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "alpha": 0.1}),
        (
            "CosineDecay",
            {
                "initial_learning_rate": 0.0,
                "decay_steps": 10,
                "alpha": 0.1,
                "warmup_target": 0.2,
                "warmup_steps": 4,
            },
        ),
        (
            "CosineDecayRestarts",
            {"initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 1.5, "m_mul": 0.9, "alpha": 0.05},
        ),
    ]
    result: dict[str, Any] = {
        "made_by": f"tests/golden/functions/run_cases.py with Keras {keras.__version__} on {keras.backend.backend()}",
        "data": {key: value.tolist() for key, value in data.items()},
        "losses": [],
        "activations": {name: plain(getattr(keras.activations, name)(data["line"])) for name in activations},
        "metrics": [],
        "steps": STEPS,
        "schedules": [],
    }
    for name, target, prediction, options in losses:
        values = plain(getattr(keras.losses, name)(data[target], data[prediction], **options))
        result["losses"].append([name, target, prediction, options, values])
    for name, target, prediction, options in metrics:
        metric = getattr(keras.metrics, name)(**options)
        metric.update_state(data[target], data[prediction])
        result["metrics"].append([name, target, prediction, options, float(metric.result())])
    for name, options in schedules:
        schedule = getattr(keras.optimizers.schedules, name)(**options)
        result["schedules"].append([name, options, [float(schedule(step)) for step in STEPS]])
    Path(__file__).with_name("keras.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
