"""Computes with Keras what the cases of this folder expect.

    python run_cases.py < cases.json        prints a JSON list: one result for each case

Needs: pip install keras==3.15.1 torch==2.13.0
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np


def array(values: Any) -> np.ndarray:
    values = np.asarray(values)
    return values.astype("int32" if values.dtype.kind in "iu" else "float32")


def make_layer(spec: dict[str, Any]) -> keras.layers.Layer:
    config = dict(spec["config"])
    if "layer" in config:
        config["layer"] = make_layer(config["layer"])
    return getattr(keras.layers, spec["class_name"])(**config)


def build(case: dict[str, Any], x: np.ndarray) -> keras.Model:
    # Integers are word numbers where an embedding reads them, and plain numbers elsewhere.
    start = keras.Input(batch_shape=(None, *x.shape[1:]), dtype=x.dtype.name)
    y = start
    for spec in case["layers"]:
        layer = make_layer(spec)
        y = layer(y)
        layer.set_weights([array(w).astype("float32") for w in spec.get("weights", [])])
    return keras.Model(start, y)


def inputs(case: dict[str, Any], key: str) -> np.ndarray:
    x = array(case[key])
    return x if case["layers"][0]["class_name"] == "Embedding" else x.astype("float32")


def lists(values: Any) -> list[Any]:
    values = values if isinstance(values, list | tuple) else [values]
    return [keras.ops.convert_to_numpy(v).tolist() for v in values]


def forward(case: dict[str, Any]) -> Any:
    x = inputs(case, "input")
    return lists(build(case, x).predict_on_batch(x))


def train(case: dict[str, Any]) -> Any:
    x, y = inputs(case, "x"), array(case["y"])
    model = build(case, x)
    rule = getattr(keras.optimizers, case["optimizer"]["class_name"])(**case["optimizer"]["config"])
    model.compile(optimizer=rule, loss=case["loss"])
    before = lists(model.predict(x, verbose=0))[0]
    history = model.fit(x, y, batch_size=case["batch_size"], epochs=case["epochs"], shuffle=case["shuffle"], verbose=0)
    return {
        "loss": history.history["loss"],
        "predict_before": before,
        "predict_after": lists(model.predict(x, verbose=0))[0],
        "weights": [w.tolist() for w in model.get_weights()],
    }


def functional(case: dict[str, Any]) -> Any:
    # Masks are handed on by hand: Keras 3.15.1 drops the mask of an embedding when an initial state is given.
    values = {spec["name"]: array(x) for spec, x in zip(case["inputs"], case["input"], strict=True)}
    masks: dict[str, Any] = {}
    for node in case["nodes"]:
        layer = make_layer(node)
        (name,) = node["inbound"]
        keywords = {}
        if "initial_state" in node:
            keywords["initial_state"] = [values[s].astype("float32") for s in node["initial_state"]]
        if masks.get(name) is not None:
            keywords["mask"] = masks[name]
        layer.build(np.shape(values[name]))
        layer.set_weights([array(w).astype("float32") for w in node.get("weights", [])])
        values[node["name"]] = layer(values[name], **keywords)
        if node["class_name"] == "Embedding":
            masks[node["name"]] = layer.compute_mask(values[name])
    return [result for name in case["outputs"] for result in lists(values[name])]


def loss(case: dict[str, Any]) -> Any:
    rule = keras.losses.get({"class_name": case["class_name"], "config": {**case["config"], "reduction": None}})
    return lists(rule(array(case["y_true"]), array(case["y_pred"])))[0]


def metric(case: dict[str, Any]) -> Any:
    rule = getattr(keras.metrics, case["class_name"])(**case["config"])
    for y_true, y_pred, weight in zip(case["y_true"], case["y_pred"], case["sample_weight"], strict=True):
        rule.update_state(array(y_true), array(y_pred), sample_weight=array(weight))
    return float(rule.result())


def optimizer(case: dict[str, Any]) -> Any:
    rule = getattr(keras.optimizers, case["class_name"])(**case["config"])
    x = keras.Variable(array(case["x0"]).astype("float32"))
    steps = []
    for _ in case["expected"] if "expected" in case else range(case["steps"]):
        rule.apply([2 * x.value.detach()], [x])
        steps.append(lists(x)[0])
    return steps


KINDS = {
    "forward": forward,
    "functional": functional,
    "loss": loss,
    "metric": metric,
    "optimizer": optimizer,
    "train": train,
}

if __name__ == "__main__":
    print(json.dumps([KINDS[case["kind"]](case) for case in json.load(sys.stdin)]))
