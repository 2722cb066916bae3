"""Metrics: names, what "accuracy" means, values by hand. More values are checked in golden/functions."""

from __future__ import annotations

import inspect
import json
import math

import numpy as np
import pytest
from tests.harness.graphs import evaluate

from recurra import losses, metrics, ops
from recurra.errors import ArgumentError, UnknownNameError
from recurra.graph import Tensor
from recurra.layers import Dense, Input
from recurra.metrics import Metric, resolve
from recurra.models import Sequential

CLASSES = [
    name
    for name in metrics.__all__
    if inspect.isclass(cls := getattr(metrics, name))
    and issubclass(cls, Metric)
    and name not in ("Metric", "FunctionMetric", "LossMetric")
]


@pytest.mark.parametrize("name", CLASSES)
def test_configurations(name: str) -> None:
    metric = metrics.get(name)
    assert type(metric) is getattr(metrics, name)
    written = json.loads(json.dumps(metrics.serialize(metric)))
    assert metrics.serialize(metrics.get(written)) == written


@pytest.mark.parametrize(
    ("spelling", "cls", "name"),
    [
        ("mse", metrics.MeanSquaredError, "mse"),
        ("MSE", metrics.MeanSquaredError, "mse"),
        ("meanSquaredError", metrics.MeanSquaredError, "mean_squared_error"),
        ("rmse", metrics.RootMeanSquaredError, "rmse"),
        ("cosineProximity", metrics.CosineSimilarity, "cosine_proximity"),
        ("binaryAccuracy", metrics.BinaryAccuracy, "binary_accuracy"),
        ("kullbackLeiblerDivergence", metrics.KLDivergence, "kullback_leibler_divergence"),
        ("logcosh", metrics.LogCoshError, "logcosh"),
    ],
)
def test_names(spelling: str, cls: type[Metric], name: str) -> None:
    metric = metrics.get(spelling)
    assert type(metric) is cls
    assert metric.name == name


def test_losses_and_functions_serve_as_metrics() -> None:
    huber = metrics.get("huber")
    assert isinstance(huber, metrics.LossMetric) and huber.name == "huber"
    sparse = metrics.get(losses.SparseCategoricalCrossentropy(from_logits=True))
    assert sparse is not None and sparse.target_dtype == "int"
    assert sparse.target_shape(("batch", "time", 5)) == ("batch", "time")
    assert isinstance(metrics.get(losses.mean_absolute_error), metrics.MeanAbsoluteError)

    def largest(y_true: Tensor, y_pred: Tensor) -> Tensor:
        return ops.reduce_max(ops.absolute(y_pred - y_true), axes=(-1,))

    metric = metrics.get(largest)
    assert metric is not None and metric.name == "largest"
    assert evaluate(metric.call, np.array([[1.0, 2.0]]), np.array([[5.0, 2.0]])).tolist() == [4]
    assert metrics.get(None) is None
    with pytest.raises(UnknownNameError, match=r"Unknown metric 'accurracy'"):
        metrics.get("accurracy")


class TestResolve:
    @pytest.mark.parametrize("name", ["accuracy", "acc"])
    @pytest.mark.parametrize(
        ("loss", "columns", "expected"),
        [
            ("sparse_categorical_crossentropy", 5, metrics.SparseCategoricalAccuracy),
            ("categorical_crossentropy", 5, metrics.CategoricalAccuracy),
            ("mse", 5, metrics.CategoricalAccuracy),
            ("binary_crossentropy", 1, metrics.BinaryAccuracy),
            ("mse", 1, metrics.BinaryAccuracy),
            # Several yes-or-no answers at once: Keras 3 takes the categorical accuracy, which counts only the largest.
            ("binary_crossentropy", 5, metrics.BinaryAccuracy),
        ],
    )
    def test_accuracy(self, name: str, loss: str, columns: int, expected: type[Metric]) -> None:
        metric = resolve(name, losses.get(loss), ("batch", columns))
        assert type(metric) is expected
        assert metric.name == name

    def test_crossentropy(self) -> None:
        sparse = losses.get("sparse_categorical_crossentropy")
        assert type(resolve("ce", sparse, ("batch", 3))) is metrics.SparseCategoricalCrossentropy
        assert type(resolve("crossentropy", losses.get("mse"), ("batch", 1))) is metrics.BinaryCrossentropy
        assert type(resolve("ce", None, ("batch", 4))) is metrics.CategoricalCrossentropy

    def test_targets_of_another_kind_are_refused(self) -> None:
        sparse = losses.get("sparse_categorical_crossentropy")
        with pytest.raises(ArgumentError, match=r"'mae' needs targets of the shape .* is given class numbers"):
            resolve("mae", sparse, ("batch", 3))
        with pytest.raises(ArgumentError, match=r"'sparse_categorical_accuracy' needs class numbers, but the loss 'm"):
            resolve("sparse_categorical_accuracy", losses.get("mse"), ("batch", 3))
        with pytest.raises(ArgumentError, match="cannot be None"):
            resolve(None, sparse, ("batch", 3))


class TestValues:
    def test_accuracies(self) -> None:
        share = np.array([[0.2, 0.7, 0.1], [0.5, 0.1, 0.4], [0.3, 0.3, 0.4]])
        classes = np.array([1, 2, 2])
        one_hot = np.eye(3)[classes]
        assert evaluate(metrics.SparseCategoricalAccuracy().call, classes, share).tolist() == [1, 0, 1]
        assert evaluate(metrics.CategoricalAccuracy().call, one_hot, share).tolist() == [1, 0, 1]
        assert evaluate(metrics.SparseTopKCategoricalAccuracy(2).call, classes, share).tolist() == [1, 1, 1]
        assert evaluate(metrics.TopKCategoricalAccuracy(1).call, one_hot, share).tolist() == [1, 0, 1]

    def test_binary_accuracy(self) -> None:
        target, share = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[0.9, 0.5], [0.4, 0.6]])
        assert evaluate(metrics.BinaryAccuracy().call, target, share).tolist() == [1, 0]
        assert evaluate(metrics.BinaryAccuracy(threshold=0.3).call, target, share).tolist() == [0.5, 0.5]
        with pytest.raises(ArgumentError, match="threshold must lie between 0 and 1, received 1"):
            metrics.BinaryAccuracy(threshold=1)

    def test_exact(self) -> None:
        values = evaluate(metrics.Accuracy().call, np.array([[1.0, 2.0]]), np.array([[1.0, 2.5]]))
        assert values.tolist() == [0.5]

    def test_cosine_similarity_is_the_loss_turned_round(self) -> None:
        x = np.array([[1.0, 2.0]])
        assert evaluate(metrics.CosineSimilarity().call, x, 3 * x)[0] == pytest.approx(1)
        assert evaluate(losses.CosineSimilarity().call, x, 3 * x)[0] == pytest.approx(-1)


class TestInTraining:
    def test_root_mean_squared_error_is_taken_over_all_samples(self) -> None:
        model = Sequential([Input((1,)), Dense(1, kernel_initializer="ones")])
        model.compile("sgd", "mse", metrics=["rmse", "mae"])
        x, y = np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [9.0]])
        results = model.evaluate(x, y, batch_size=2, return_dict=True)
        assert results["rmse"] == pytest.approx(math.sqrt(36 / 3))
        assert results["mae"] == pytest.approx(2)

    def test_weights(self) -> None:
        model = Sequential([Input((1,)), Dense(1, kernel_initializer="ones")])
        model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=[metrics.MeanAbsoluteError(name="weighted")])
        x, y = np.array([[1.0], [2.0]]), np.array([[2.0], [6.0]])
        results = model.evaluate(x, y, sample_weight=np.array([3.0, 1.0]), return_dict=True)
        assert results["loss"] == pytest.approx((3 * 1 + 16) / 2)
        assert results["mae"] == pytest.approx(2.5)
        assert results["weighted"] == pytest.approx((3 * 1 + 4) / 4)
