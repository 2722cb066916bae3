"""Random cases within what recurra and one other program both offer.

    python random_cases.py keras 1 24 GRU > cases.json        program, seed, number of cases, recurrent layer

A case is plain JSON (see README.md) without the key "expected", which the program's run_cases fills in. The live
tests draw fresh seeds; the golden files hold a few seeds for good.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

Case = dict[str, Any]

ACTIVATIONS = ["tanh", "tanh", "tanh", "sigmoid", "relu", "softsign", "linear"]
RECURRENT = {
    "keras": ["sigmoid", "sigmoid", "hard_sigmoid", "tanh"],
    "tfjs": ["sigmoid", "hard_sigmoid_tfjs", "hard_sigmoid_tfjs"],
    "torch": ["sigmoid"],
}
PROGRAMS = sorted(RECURRENT)
GATES = {"GRU": 3, "LSTM": 4, "SimpleRNN": 1}


class Draw:
    """Random choices and arrays with few digits, so that the files stay small and exact."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)

    def choose(self, values: list[Any]) -> Any:
        return values[int(self.generator.integers(len(values)))]

    def integer(self, low: int, high: int) -> int:
        return int(self.generator.integers(low, high + 1))

    def flag(self) -> bool:
        return bool(self.generator.integers(2))

    def array(self, *shape: int, scale: float = 0.6) -> list[Any]:
        return np.round(self.generator.uniform(-scale, scale, shape), 4).tolist()  # type: ignore[no-any-return]

    def indices(self, high: int, *shape: int) -> list[Any]:
        return self.generator.integers(0, high, shape).tolist()  # type: ignore[no-any-return]


def generate(program: str, seed: int, count: int, cell: str = "LSTM") -> list[Case]:
    """Makes ``count`` cases, two of three to train, the others to run forward; ``cell`` is the recurrent layer."""
    draw = Draw(seed)
    cases = []
    name = program if cell == "LSTM" else f"{program}_{cell}"
    for index in range(count):
        make = forward_case if index % 3 == 0 else train_case
        case = make(draw, program, cell)
        cases.append({"id": f"{name}_{seed}_{index}", **case, "origin": "random weights"})
    return cases


def forward_case(draw: Draw, program: str, cell: str) -> Case:
    layers, x = stack(draw, program, cell, head=draw.flag())
    return {"kind": "forward", "layers": layers, "input": x}


def train_case(draw: Draw, program: str, cell: str) -> Case:
    loss = draw.choose(["mean_squared_error", "mean_squared_error", "mean_absolute_error", "binary_crossentropy"])
    if program != "torch" and draw.integer(0, 2) == 0:
        loss = draw.choose(["categorical_crossentropy", "sparse_categorical_crossentropy"])
    outputs = draw.integer(2, 4) if "categorical" in loss else draw.integer(1, 3)
    activation = {"binary_crossentropy": "sigmoid"}.get(loss, "softmax" if "categorical" in loss else "linear")
    layers, x = stack(draw, program, cell, head=True, outputs=outputs, activation=activation)
    samples = len(x)
    if loss == "sparse_categorical_crossentropy":
        y = draw.indices(outputs, samples, 1)
    elif loss == "categorical_crossentropy":
        y = np.eye(outputs, dtype=int)[draw.indices(outputs, samples)].tolist()
    elif loss == "binary_crossentropy":
        y = draw.indices(2, samples, outputs)
    else:
        y = draw.array(samples, outputs, scale=1.0)
    return {
        "kind": "train",
        "layers": layers,
        "loss": loss,
        "optimizer": optimizer(draw, program),
        "x": x,
        "y": y,
        "batch_size": draw.choose([samples, (samples + 1) // 2]),
        "epochs": 3,
        "shuffle": False,
    }


def optimizer(draw: Draw, program: str) -> dict[str, Any]:
    rate = draw.choose([0.01, 0.05])
    momentum = {"momentum": 0.9, "nesterov": draw.flag()}
    adam = {"learning_rate": rate, "beta_1": 0.9, "beta_2": draw.choose([0.99, 0.999]), "epsilon": 1e-7}
    if program == "keras":
        extra = draw.choose([{}, {}, {"clipnorm": 0.05}, {"clipvalue": 0.02}, {"global_clipnorm": 0.1}])
        rmsprop = {"rho": 0.9, "momentum": draw.choose([0.0, 0.5]), "epsilon": 1e-7, "centered": draw.flag()}
        return draw.choose(
            [
                {"class_name": "SGD", "config": {"learning_rate": rate, **momentum, **extra}},
                {"class_name": "SGD", "config": {"learning_rate": rate, **extra}},
                {"class_name": "RMSprop", "config": {"learning_rate": rate, **rmsprop, **extra}},
                {"class_name": "Adam", "config": {**adam, "amsgrad": draw.flag(), **extra}},
            ]
        )  # type: ignore[no-any-return]
    rules = [
        {"class_name": "SGD", "config": {"learning_rate": rate}},
        {"class_name": "Momentum", "config": {"learning_rate": rate, **momentum}},
        {"class_name": "Adam", "config": adam},
    ]
    if program == "tfjs":
        # Not centered: rounding makes TensorFlow.js's variance negative now and then, and its root NaN.
        rmsprop = {"decay": 0.9, "momentum": draw.choose([0.0, 0.5]), "epsilon": 1e-7, "centered": False}
        rules.append({"class_name": "RMSProp", "config": {"learning_rate": rate, **rmsprop}})
    return draw.choose(rules)  # type: ignore[no-any-return]


def stack(
    draw: Draw, program: str, cell: str, head: bool, outputs: int = 2, activation: str = "linear"
) -> tuple[list[dict[str, Any]], list[Any]]:
    """One or two recurrent layers, sometimes on an embedding with a mask, sometimes with a Dense layer on top."""
    # TensorFlow.js cannot train two recurrent layers on a single step: the gradient of unstack fails there.
    samples, time, features = draw.integer(2, 5), draw.integer(2 if program == "tfjs" else 1, 6), draw.integer(1, 3)
    layers: list[dict[str, Any]] = []
    x: list[Any]
    masked = False
    if draw.integer(0, 2) == 0:
        words = draw.integer(3, 6)
        masked = program != "torch" and draw.flag()
        config = {"input_dim": words, "output_dim": features, "mask_zero": masked}
        layers.append(layer("Embedding", config, draw.array(words, features)))
        x = draw.indices(words, samples, time)
        if masked:
            for row in x:
                row[0] = max(row[0], 1)
    else:
        x = draw.array(samples, time, features, scale=1.0)
    depth = draw.integer(1, 2)
    for level in range(depth):
        units = draw.integer(1, 5)
        last = level == depth - 1
        config = {
            "units": units,
            "activation": draw.choose(ACTIVATIONS) if program != "torch" else "tanh",
        }
        if cell != "SimpleRNN":
            config["recurrent_activation"] = draw.choose(RECURRENT[program])
        config["return_sequences"] = not last or (not head and draw.flag())
        width = GATES[cell] * units
        weights = [draw.array(features, width), draw.array(units, width)]
        config["use_bias"] = program == "torch" or draw.integer(0, 3) > 0
        if cell == "GRU":
            config["reset_after"] = program == "torch" or (program == "keras" and draw.flag())
        if config["use_bias"]:
            weights.append(draw.array(2, width) if config.get("reset_after") else draw.array(width))
        if program != "torch":
            # A layer that reads backwards gives its outputs in that order. recurra turns the mask with them; Keras and
            # TensorFlow.js hand it on unturned, so that the layer after skips the wrong steps.
            config["go_backwards"] = draw.integer(0, 3) == 0 and (last or not masked)
            config["return_state"] = last and not head and draw.flag()
        layers.append(layer(cell, config, *weights))
        features = units
    if head:
        config = {"units": outputs, "activation": activation}
        layers.append(layer("Dense", config, draw.array(features, outputs), draw.array(outputs)))
    return layers, x


def layer(class_name: str, config: dict[str, Any], *weights: list[Any]) -> dict[str, Any]:
    return {"class_name": class_name, "config": config, "weights": list(weights)}


if __name__ == "__main__":
    print(json.dumps(generate(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])))
