"""Runs a case (see README.md) on one engine, through the public interface, and compares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tests.harness.tolerances import check_close, tolerance

import recurra
from recurra import engines, layers, losses, metrics, ops, optimizers, regularizers
from recurra.graph import GraphBuilder, Tensor
from recurra.tfjs import train as tfjs_train

Case = dict[str, Any]


def load(program: str, kind: str) -> list[Case]:
    """The cases of one golden file."""
    path = Path(__file__).parent / program / f"{kind}.json"
    cases: list[Case] = json.loads(path.read_text(encoding="utf-8"))
    return cases


def check(case: Case, engine: str) -> None:
    """Runs a case and compares everything its program computed."""
    result = KINDS[case["kind"]](case, engine)
    _compare(result, case["expected"], tolerance(engine, "float32", "parity"), case["id"])


def _compare(result: Any, expected: Any, allowed: Any, what: str) -> None:
    if expected is None:
        assert result is None, what
    elif isinstance(expected, Mapping):
        assert set(result) >= set(expected), what
        for key, value in expected.items():
            _compare(result[key], value, allowed, f"{what}: {key}")
    elif isinstance(result, list):
        assert len(result) == len(expected), what
        for index, (one, other) in enumerate(zip(result, expected, strict=True)):
            _compare(one, other, allowed, f"{what}[{index}]")
    else:
        check_close(result, np.asarray(expected, dtype=np.float64), allowed, what)


def make_layer(spec: Mapping[str, Any]) -> layers.Layer:
    if spec["class_name"] == "Sequential":
        return recurra.Sequential([make_layer(inner) for inner in spec["layers"]])
    config = {key: value for key, value in spec["config"].items() if key != "batch_input_shape"}
    return layers.deserialize({"class_name": spec["class_name"], "config": config})


def _set_weights(layer: layers.Layer, spec: Mapping[str, Any]) -> None:
    weights = spec.get("weights") or [w for inner in spec.get("layers", []) for w in inner.get("weights", [])]
    layer.set_weights([np.asarray(weight, dtype=np.float32) for weight in weights])


def make_model(case: Case, x: np.ndarray) -> Any:
    specs = case["layers"]
    first = specs[0]["layers"][0] if "layers" in specs[0] else specs[0]
    words = first["class_name"] in ("Embedding", "Reshape")
    shape = first["config"].get("batch_input_shape", [None, *x.shape[1:]])
    start = recurra.Input(batch_shape=shape, dtype="int32" if words else "float32")
    y = start
    for spec in specs:
        layer = make_layer(spec)
        y = layer(y)
        _set_weights(layer, spec)
    return recurra.Model(start, y)


def make_optimizer(class_name: str, config: Mapping[str, Any], program: str) -> optimizers.Optimizer:
    """An optimizer as the program means it: TensorFlow.js and PyTorch do not scale momentum, for example."""
    if program == "keras":
        found: optimizers.Optimizer = optimizers.get({"class_name": class_name, "config": dict(config)})
        return found
    c = dict(config)
    if class_name == "SGD":
        return tfjs_train.sgd(c["learning_rate"])
    if class_name == "Momentum":
        return tfjs_train.momentum(c["learning_rate"], c["momentum"], c["nesterov"])
    if class_name == "Adam":
        return tfjs_train.adam(c["learning_rate"], c["beta_1"], c["beta_2"], c["epsilon"])
    return tfjs_train.rmsprop(c["learning_rate"], c["decay"], c["momentum"], c["epsilon"], c["centered"])


def program_of(case: Case) -> str:
    """Whose optimizers a case means. Cases of TensorFlow.js's own tests do not say so in their id."""
    return next((name for name in ("keras", "torch") if case["id"].startswith(name)), "tfjs")


def _arrays(values: Any) -> list[np.ndarray]:
    return list(values) if isinstance(values, list | tuple) else [values]


def forward(case: Case, engine: str) -> Any:
    x = np.asarray(case["input"])
    model = make_model(case, x)
    model.compile(engine=engine)
    return _arrays(model.predict_on_batch(x))


def stateful(case: Case, engine: str) -> Any:
    x = np.asarray(case["input"])
    model = make_model(case, x)
    model.compile(engine=engine)
    run = {"predict": lambda: model.predict(x, verbose=0), "reset_states": lambda: model.reset_states()}
    return [run[call]() for call in case["calls"]]


def functional(case: Case, engine: str) -> Any:
    words = {name for node in case["nodes"] if node["class_name"] == "Embedding" for name in node["inbound"]}
    starts = [
        recurra.Input(spec["shape"], dtype="int32" if spec["name"] in words else "float32", name=spec["name"])
        for spec in case["inputs"]
    ]
    tensors = {spec["name"]: start for spec, start in zip(case["inputs"], starts, strict=True)}
    for node in case["nodes"]:
        layer = make_layer(node)
        state = [tensors[name] for name in node.get("initial_state", [])]
        (inbound,) = [tensors[name] for name in node["inbound"]]
        tensors[node["name"]] = layer(inbound, initial_state=state) if state else layer(inbound)
        _set_weights(layer, node)
    outputs = [tensor for name in case["outputs"] for tensor in _arrays(tensors[name])]
    model = recurra.Model(starts, outputs)
    model.compile(engine=engine)
    return _arrays(model.predict_on_batch([np.asarray(x) for x in case["input"]]))


def train(case: Case, engine: str) -> Any:
    x, y = np.asarray(case["x"]), np.asarray(case["y"])
    fixed = case["layers"][0]["config"].get("stateful", False)
    result: dict[str, Any] = {}
    if "gradients" in case["expected"]:
        result["gradients"] = gradients(case, engine)
    model = make_model(case, x)
    rule = make_optimizer(case["optimizer"]["class_name"], case["optimizer"]["config"], program_of(case))
    model.compile(optimizer=rule, loss=case["loss"], engine=engine)
    # TensorFlow.js counts masked steps in the loss. No case here has a masked output, where the two would differ.
    result["predict_before"] = model.predict(x, batch_size=case["batch_size"], verbose=0)
    if fixed:
        model.reset_states()
    history = model.fit(x, y, batch_size=case["batch_size"], epochs=case["epochs"], shuffle=case["shuffle"], verbose=0)
    result["loss"] = np.asarray(history.history["loss"])
    result["weights"] = model.get_weights()
    if fixed:
        model.reset_states()
    result["predict_after"] = model.predict(x, batch_size=case["batch_size"], verbose=0)
    return result


def gradients(case: Case, engine: str) -> list[np.ndarray]:
    """What one step of plain gradient descent with the learning rate 1 takes away."""
    x, y = np.asarray(case["x"]), np.asarray(case["y"])
    model = make_model(case, x)
    model.compile(optimizer=optimizers.SGD(learning_rate=1.0), loss=case["loss"], engine=engine)
    before = model.get_weights()
    model.train_on_batch(x, y)
    return [old - new for old, new in zip(before, model.get_weights(), strict=True)]


def _run(engine: str, outputs: Any, **arrays: np.ndarray) -> np.ndarray:
    """Traces a function of tensors and runs it."""
    builder = GraphBuilder()
    feeds = {}
    tensors = {}
    for name, array in arrays.items():
        element = "int" if array.dtype.kind in "iu" else "float"
        feeds[name] = np.ascontiguousarray(array, dtype=np.int32 if element == "int" else np.float32)
        tensors[name] = builder.input(name, array.shape, element)
    builder.output("result", outputs(**tensors))
    return engines.get(engine).compile(builder.finish(), {}).predict(feeds)["result"]


def _values(rule: Any, case: Case, engine: str) -> np.ndarray:
    """The values of a loss or metric, one for each vector of predictions."""
    y_pred = np.asarray(case["y_pred"], dtype=np.float32)
    y_true = np.asarray(case["y_true"])
    single = y_pred.ndim == 1
    if single:
        y_pred, y_true = y_pred[None], y_true[None]
    integers = rule.target_dtype == "int"
    y_true = y_true.astype(np.int32 if integers else np.float32).reshape(rule.target_shape(y_pred.shape))
    values = _run(engine, lambda y_true, y_pred: rule.call(y_true, y_pred), y_true=y_true, y_pred=y_pred)
    return values[0] if single else values


def loss(case: Case, engine: str) -> Any:
    config = dict(case.get("config", {}))
    if case.get("from_logits"):
        config["from_logits"] = True
    name = case.get("name") or case["class_name"]
    return _values(losses.get({"class_name": name, "config": config}), case, engine)


def metric(case: Case, engine: str) -> Any:
    return _values(metrics.get(case["name"]), case, engine)


class SumOfSquares(losses.Loss):
    """The function that the optimizer cases minimise."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return ops.reduce_sum(ops.square(y_pred - y_true), axes=(-1,))


def optimizer(case: Case, engine: str) -> Any:
    x0 = np.asarray(case["x0"], dtype=np.float32)
    start = recurra.Input((1,))
    layer = layers.Dense(len(x0), use_bias=False)
    model = recurra.Model(start, layer(start))
    layer.set_weights([x0[None]])
    rule = make_optimizer(case["class_name"], case["config"], program_of(case))
    model.compile(optimizer=rule, loss=SumOfSquares(), engine=engine)
    steps = []
    for _ in case["expected"]:
        model.train_on_batch(np.ones((1, 1)), np.zeros((1, len(x0))))
        steps.append(model.get_weights()[0][0])
    return steps


def regularizer(case: Case, engine: str) -> Any:
    rule = regularizers.L1L2(**case["config"])
    return _run(engine, lambda x: rule(x), x=np.asarray(case["input"], dtype=np.float32))


def embedding_mask(case: Case, engine: str) -> Any:
    layer = layers.Embedding(3, 1, mask_zero=True)
    return _run(engine, lambda x: layer.compute_mask(x), x=np.asarray(case["input"]))


KINDS = {
    "embedding_mask": embedding_mask,
    "forward": forward,
    "functional": functional,
    "loss": loss,
    "metric": metric,
    "optimizer": optimizer,
    "regularizer": regularizer,
    "stateful": stateful,
    "train": train,
}
