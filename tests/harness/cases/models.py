"""Small whole models as cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from recurra import ops
from recurra.engines import UpdateRule
from recurra.graph import GraphBuilder, Shape, Tensor

from ..graphs import rounded, seeded
from ..rules import RULES
from ._case import Case, normal
from .lstm import lstm_parameters

__all__ = ["cases"]


def cases() -> Iterator[Case]:
    """Small whole models: every update rule, losses, masks, states, dropout."""
    for name, rule in RULES.items():
        yield _regression(f"model-regression-{name}", rule)
    yield _classification()
    yield _masked_text()
    yield _stateful()
    yield _stacked_dropout()


def _regression(name: str, rule: UpdateRule) -> Case:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        with b.scope("lstm"):
            _, h, _ = ops.lstm(t["x"], t["w"], t["r"], t["b"])
        with b.scope("dense"):
            y = ops.dense(h, t["dw"], t["db"])
        error = ops.square(y - t["target"])
        return {"loss": ops.reduce_mean(error), "y": y, "sum": ops.reduce_sum(error)}

    features, units = 2, 7
    parameters = {
        **{key: value for key, value in lstm_parameters(6, 5, features, units, "b").items() if key != "x"},
        "dw": normal("dw", units, 1),
        "db": normal("db", 1),
    }
    feeds = {"x": normal("x", 6, 5, features), "target": normal("target", 6, 1)}
    return Case(
        name, build, parameters, feeds, shapes={"x": ("batch", "time", features), "target": ("batch", 1)}, rule=rule
    )


def _classification() -> Case:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        hidden = ops.tanh(ops.dense(t["x"], t["w"], t["b"]))
        logits = ops.dense(hidden, t["w2"], t["b2"])
        losses = -ops.take_along_last(ops.log_softmax(logits), t["label"])
        right = ops.equal(ops.argmax(logits), t["label"])
        return {"loss": ops.reduce_mean(losses * t["weight"]), "right": ops.reduce_sum(right), "y": ops.softmax(logits)}

    parameters = {"w": normal("w", 3, 9), "b": normal("b", 9), "w2": normal("w2", 9, 4), "b2": normal("b2", 4)}
    feeds = {
        "x": normal("cx", 11, 3),
        "label": seeded("labels").integers(0, 4, 11).astype(np.int32),
        "weight": rounded(np.abs(normal("cw", 11))),
    }
    shapes: dict[str, Shape] = {"x": ("batch", 3), "label": ("batch",), "weight": ("batch",)}
    return Case("model-classification", build, parameters, feeds, shapes=shapes, rule=RULES["adam"])


def _masked_text() -> Case:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        mask = 1.0 - ops.equal(ops.cast(t["tokens"], "float"), 0.0)
        x = ops.embedding(t["tokens"], t["table"])
        sequence, _, _ = ops.lstm(x, t["w"], t["r"], t["b"], mask=mask, zero_output_for_mask=True)
        backward, _, _ = ops.lstm(x, t["w2"], t["r2"], t["b2"], mask=mask, go_backwards=True)
        both = ops.concatenate([sequence, ops.reverse(backward, 1)], axis=-1)
        logits = ops.reshape(ops.dense(both, t["dw"]), ("batch", "time"))
        # Binary cross-entropy from logits, written so that it cannot overflow.
        losses = ops.softplus(logits) - logits * t["target"]
        return {"loss": ops.reduce_sum(losses * mask) / ops.reduce_sum(mask), "probability": ops.sigmoid(logits)}

    one, two = lstm_parameters(4, 6, 3, 5, "b"), lstm_parameters(4, 6, 3, 5, "b", "c")
    parameters = {
        "table": normal("table", 8, 3),
        **{key: one[key] for key in ("w", "r", "b")},
        **{f"{key}2": rounded(two[key][::-1]) for key in ("w", "r", "b")},
        "dw": normal("tw", 10, 1),
    }
    tokens = np.array([[3, 1, 4, 1, 5, 0], [7, 2, 0, 0, 0, 0], [6, 6, 6, 6, 6, 6], [0, 0, 0, 0, 0, 0]], np.int32)
    feeds = {"tokens": tokens, "target": rounded(tokens % 2)}
    shapes: dict[str, Shape] = {"tokens": ("batch", "time"), "target": ("batch", "time")}
    return Case("model-masked-text", build, parameters, feeds, shapes=shapes, rule=RULES["rmsprop"])


def _stateful() -> Case:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        sequence, h, c = ops.lstm(t["x"], t["w"], t["r"], t["b"], t["state_h"], t["state_c"])
        b.update(b.variables["state_h"], h)
        b.update(b.variables["state_c"], c)
        return sequence

    parameters = {key: value for key, value in lstm_parameters(3, 4, 2, 5, "b").items() if key != "x"}
    states = {"state_h": normal("sh", 3, 5, scale=0.3), "state_c": normal("sc", 3, 5)}
    return Case("model-stateful", build, parameters, {"x": normal("sx", 3, 4, 2)}, states, {"x": (3, "time", 2)})


def _stacked_dropout() -> Case:
    def build(b: GraphBuilder, t: dict[str, Tensor]) -> Any:
        x = ops.dropout(t["x"], 0.25, seed=3, noise_shape=("batch", 1, 2))
        ones = ops.broadcast_to(ops.reduce_sum(ops.slice(x, 1, 0, 1), (1, 2), keepdims=False) * 0.0 + 1.0, ("batch",))
        ones = ops.broadcast_to(ops.reshape(ones, ("batch", 1)), ("batch", 5))
        sequence, _, _ = ops.lstm(x, t["w"], t["r"], t["b"], recurrent_mask=ops.dropout(ones, 0.4, seed=2**63 + 5))
        sequence = ops.dropout(sequence, 0.5, seed=4)
        _, h, c = ops.lstm(sequence, t["w2"], t["r2"])
        return {"h": h, "c": c, "sequence": sequence}

    one, two = lstm_parameters(4, 3, 2, 5, "b"), lstm_parameters(4, 3, 5, 3)
    parameters = {**{key: one[key] for key in ("w", "r", "b")}, "w2": two["w"], "r2": two["r"]}
    return Case(
        "model-stacked-dropout",
        build,
        parameters,
        {"x": normal("dx", 4, 3, 2)},
        shapes={"x": ("batch", "time", 2)},
        same_zeros=True,
        rule=RULES["adam-clipnorm"],
    )
