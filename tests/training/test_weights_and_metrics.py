"""Losses, metrics, weights and masks against hand computation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.training.models import LINE_X, LINE_Y, line, line_by_hand, weight

import recurra.random
from recurra import engines, losses, ops
from recurra.errors import (
    ShapeError,
)
from recurra.graph import GraphBuilder
from recurra.layers import LSTM, Dense, Embedding, Input
from recurra.models import Sequential
from recurra.optimizers import SGD
from recurra.training.graphs import weighted_loss


def test_sample_weights_by_hand() -> None:
    factors = [1.0, 0.5, 0.0, 2.0, 1.0]
    model = line(SGD(0.01))
    history = model.fit(LINE_X, LINE_Y, batch_size=2, shuffle=False, sample_weight=factors)
    expected, loss = line_by_hand(LINE_X, LINE_Y, [[0, 1], [2, 3], [4]], 0.01, weights=factors)
    assert weight(model) == pytest.approx(expected, rel=1e-6)
    assert history.history["loss"] == pytest.approx([loss], rel=1e-6)


def two_classes(loss: str, **options: Any) -> Sequential:
    model = Sequential([Input((1,)), Dense(2, use_bias=False, activation="softmax")])
    model.set_weights([np.array([[0.2, -0.4]])])
    model.compile(optimizer=SGD(0.0), loss=loss, engine="numpy", **options)
    return model


def crossentropy(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    scores = x * np.array([[0.2, -0.4]])
    return np.asarray(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(x)), labels])


def test_class_weights_by_hand_for_labels_and_one_hot_rows() -> None:
    labels = np.array([0, 1, 1, 0, 1])
    table = {0: 1.0, 1: 3.0}
    values = crossentropy(LINE_X, labels) * np.where(labels == 1, 3.0, 1.0)
    sparse = two_classes("sparse_categorical_crossentropy").fit(LINE_X, labels, class_weight=table)
    dense = two_classes("categorical_crossentropy").fit(LINE_X, np.eye(2)[labels], class_weight=table)
    assert sparse.history["loss"] == pytest.approx([values.mean()], rel=1e-5)
    assert dense.history["loss"] == pytest.approx([values.mean()], rel=1e-5)


def test_class_and_sample_weights_multiply() -> None:
    labels = np.array([0, 1, 1, 0, 1])
    factors = np.array([1.0, 2.0, 0.0, 1.0, 0.5])
    values = crossentropy(LINE_X, labels) * np.where(labels == 1, 3.0, 1.0) * factors
    history = two_classes("sparse_categorical_crossentropy").fit(
        LINE_X, labels, class_weight={1: 3.0}, sample_weight=factors
    )
    assert history.history["loss"] == pytest.approx([values.mean()], rel=1e-5)


def test_class_weights_do_not_weigh_validation() -> None:
    labels = np.array([0, 1, 1, 0, 1])
    history = two_classes("sparse_categorical_crossentropy").fit(
        LINE_X, labels, class_weight={1: 3.0}, validation_data=(LINE_X, labels)
    )
    assert history.history["val_loss"] == pytest.approx([crossentropy(LINE_X, labels).mean()], rel=1e-5)


def test_metrics_and_weighted_metrics() -> None:
    factors = np.array([1.0, 0.0, 2.0, 1.0, 0.5])
    model = line(SGD(0.0), metrics=["mae", "rmse"], weighted_metrics=["mse"])
    logs = model.fit(LINE_X, LINE_Y, batch_size=2, sample_weight=factors).history
    errors = np.abs(LINE_X - LINE_Y)[:, 0]
    assert list(logs) == ["loss", "mae", "rmse", "mse"]
    assert logs["mae"] == pytest.approx([errors.mean()], rel=1e-6)
    assert logs["rmse"] == pytest.approx([math.sqrt(float((errors**2).mean()))], rel=1e-6)
    assert logs["mse"] == pytest.approx([(errors**2 * factors).sum() / factors.sum()], rel=1e-6)
    assert logs["loss"] == pytest.approx([(errors**2 * factors).mean()], rel=1e-6)


def test_accuracy_finds_its_kind() -> None:
    labels = np.array([0, 1, 1, 0, 1])
    expected = (labels == 0).mean()
    for loss, y in (("sparse_categorical_crossentropy", labels), ("categorical_crossentropy", np.eye(2)[labels])):
        model = two_classes(loss, metrics=["accuracy"])
        assert model.evaluate(LINE_X, y)[1] == pytest.approx(expected)
    binary = Sequential([Input((1,)), Dense(1, activation="sigmoid")])
    binary.set_weights([np.array([[1.0]]), np.array([-2.5])])
    binary.compile(loss="binary_crossentropy", metrics=["acc"], engine="numpy")
    assert binary.evaluate(LINE_X, labels, return_dict=True)["acc"] == pytest.approx(0.6)


@pytest.mark.parametrize("name", ["mean_squared_error", "meanSquaredError", "MeanSquaredError", "mse"])
def test_names_in_the_spelling_of_keras_and_tensorflow_js(name: str) -> None:
    assert line(loss=name).evaluate(LINE_X, LINE_Y) == pytest.approx(float(((LINE_X - LINE_Y) ** 2).mean()))


def test_a_loss_of_ones_own() -> None:
    def fourth(y_true: Any, y_pred: Any) -> Any:
        return ops.reduce_mean(ops.square(ops.square(y_pred - y_true)), axes=(-1,))

    assert line(loss=fourth).evaluate(LINE_X, LINE_Y) == pytest.approx(float(((LINE_X - LINE_Y) ** 4).mean()))


def test_the_mean_of_means_is_one_mean_where_nothing_weighs() -> None:
    def loss_of(weighted: bool) -> tuple[list[str], float]:
        builder = GraphBuilder()
        target, output = (builder.input(name, ("batch", 2, 3)) for name in ("target", "output"))
        weight = builder.input("weight", ("batch",)) if weighted else None
        builder.output("loss", weighted_loss(losses.MeanSquaredError(), target, output, weight, None))
        feeds = {"target": numbers, "output": numbers**2, **({"weight": np.ones(4)} if weighted else {})}
        graph = builder.finish()
        program = engines.get("numpy").compile(graph, {})
        return [node.op for node in graph.nodes], float(program.predict(feeds)["loss"])

    numbers = np.linspace(-1, 2, 24).reshape(4, 2, 3)
    (plain, value), (weighted, same) = loss_of(False), loss_of(True)
    assert (plain.count("reduce_mean"), weighted.count("reduce_mean")) == (1, 2)
    assert value == pytest.approx(((numbers**2 - numbers) ** 2).mean()) == pytest.approx(same)


def test_class_weights_do_not_weigh_what_is_split_off() -> None:
    labels = np.array([0, 1, 1, 0, 1])
    factors = np.array([1.0, 1.0, 1.0, 2.0, 1.0])
    values = crossentropy(LINE_X, labels)
    history = two_classes("sparse_categorical_crossentropy").fit(
        LINE_X, labels, class_weight={1: 3.0}, sample_weight=factors, validation_split=0.4
    )
    assert history.history["loss"] == pytest.approx([(values[:3] * [1, 3, 3]).mean()], rel=1e-5)
    assert history.history["val_loss"] == pytest.approx([(values[3:] * factors[3:]).mean()], rel=1e-5)


def test_regularizers_add_to_the_loss() -> None:
    model = Sequential([Input((1,)), Dense(1, use_bias=False, kernel_regularizer="l2")])
    model.set_weights([np.array([[3.0]])])
    model.compile(optimizer=SGD(0.1), loss="mse", engine="numpy")
    assert model.evaluate(LINE_X, 3 * LINE_X) == pytest.approx(0.01 * 9.0, rel=1e-5)
    model.fit(LINE_X, 3 * LINE_X)
    assert weight(model) == pytest.approx(3.0 - 0.1 * 2 * 0.01 * 3.0, rel=1e-5)


def masked_model(**options: Any) -> Sequential:
    model = Sequential([Embedding(3, 1, mask_zero=True), LSTM(1, return_sequences=True), Dense(1)])
    model.build((None, 3))
    model.compile(optimizer=SGD(0.0), loss="mse", engine="numpy", **options)
    return model


def test_masked_steps_do_not_count() -> None:
    recurra.random.set_seed(1)
    model = masked_model(metrics=["mae"])
    x = np.array([[1, 2, 0], [1, 0, 0]])
    y = np.array([[1.0, 2.0, 99.0], [3.0, 99.0, 99.0]])
    errors = (model.predict(x)[:, :, 0] - y)[np.array([[1, 1, 0], [1, 0, 0]]) == 1]
    loss, mae = model.evaluate(x, y)
    assert loss == pytest.approx(float((errors**2).mean()), rel=1e-5)
    assert mae == pytest.approx(float(np.abs(errors).mean()), rel=1e-5)


def test_masks_and_sample_weights_together_as_keras_combines_them() -> None:
    recurra.random.set_seed(1)
    model = masked_model(weighted_metrics=["mae"])
    x = np.array([[1, 2, 0], [1, 0, 0]])
    y = np.array([[1.0, 2.0, 99.0], [3.0, 99.0, 99.0]])
    mask = np.array([[1, 1, 0], [1, 0, 0]])
    errors = model.predict(x)[:, :, 0] - y
    for factors in (np.array([2.0, 0.5]), np.array([[2.0, 1.0, 5.0], [0.5, 7.0, 7.0]])):
        full = np.broadcast_to(factors if factors.ndim == 2 else factors[:, None], (2, 3))
        loss, mae = model.evaluate(x, y, sample_weight=factors)
        # Keras 3 scales the mask by total / valid and then takes the mean of everything.
        assert loss == pytest.approx(float((errors**2 * full * mask).sum() / mask.sum()), rel=1e-5)
        assert mae == pytest.approx(float((np.abs(errors) * full * mask).sum() / (full * mask).sum()), rel=1e-5)


def test_a_batch_of_masked_steps_only_has_no_loss() -> None:
    assert masked_model().evaluate(np.zeros((2, 3), int), np.ones((2, 3))) == 0.0


def test_weights_per_time_step_without_a_mask() -> None:
    model = Sequential([Input((3, 1)), Dense(1, use_bias=False)])
    model.set_weights([np.array([[2.0]])])
    model.compile(loss="mse", engine="numpy", optimizer="sgd")
    x = np.arange(6, dtype=float).reshape(2, 3)
    factors = np.array([[1.0, 0.0, 2.0], [0.5, 0.0, 0.0]])
    assert model.evaluate(x, np.zeros((2, 3)), sample_weight=factors) == pytest.approx(
        float(((2 * x) ** 2 * factors).mean())
    )
    with pytest.raises(ShapeError, match=r"expected \(2,\).*or \(2, 3\)"):
        model.evaluate(x, np.zeros((2, 3)), sample_weight=np.ones((2, 2)))


def _known_to_nobody(x: Any) -> Any:
    """A softmax that the losses do not see as one."""
    return ops.softmax(x) * 1.0


@pytest.mark.parametrize("engine", engines.available())
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    "loss",
    [
        losses.SparseCategoricalCrossentropy(),
        losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
        losses.CategoricalCrossentropy(),
        losses.CategoricalCrossentropy(label_smoothing=0.2, reduction="sum"),
    ],
    ids=lambda loss: f"{loss.name}-{loss.reduction}",
)
def test_training_on_a_softmax_or_on_its_formula_is_the_same(
    loss: losses.Loss, masked: bool, weighted: bool, engine: str
) -> None:
    tokens = np.array([[1, 2, 0], [3, 1, 2], [2, 0, 0], [3, 3, 1], [1, 0, 0]])
    labels = np.array([[0, 3, 4], [2, 1, 0], [4, 4, 1], [0, 2, 3], [1, 3, 2]])
    weights = np.array([1.0, 0.5, 0.0, 2.0, 1.0]) if weighted else None
    target = labels if loss.target_dtype == "int" else np.eye(5)[labels]
    results = []
    for last, chosen in (
        (Dense(5, activation="softmax"), loss),
        (Dense(5, activation=_known_to_nobody), loss),
        (Dense(5), type(loss)(**{**loss.get_config(), "from_logits": True})),
    ):
        recurra.random.set_seed(3)
        embedding = Embedding(4, 3, mask_zero=masked)
        model = Sequential([Input((3,), dtype="int32"), embedding, LSTM(4, return_sequences=True), last])
        model.compile(optimizer=SGD(0.1), loss=chosen, metrics=["accuracy"], engine=engine)
        logs = model.fit(tokens, target, batch_size=2, epochs=3, shuffle=False, sample_weight=weights).history
        results.append([*logs["loss"], *logs["accuracy"], *np.concatenate([w.ravel() for w in model.get_weights()])])
    assert results[0] == pytest.approx(results[1], rel=1e-5, abs=1e-6)
    assert results[0] == pytest.approx(results[2], rel=1e-5, abs=1e-6)
