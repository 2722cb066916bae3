"""``tf.train`` and ``tf.losses``."""

from __future__ import annotations

import math

import pytest

from recurra import tfjs as tf
from recurra.errors import ShapeError, UnknownNameError


def test_optimizers_have_the_formulas_and_defaults_of_tensorflow_js() -> None:
    adam = tf.train.adam()
    assert (adam.learning_rate, adam.beta_1, adam.beta_2, adam.epsilon) == (0.001, 0.9, 0.999, 1e-7)
    assert adam.rule().constants["epsilon_hat"] == 0
    momentum = tf.train.momentum(0.1, 0.5, True)
    assert dict(momentum.rule().constants) | {"scaled": 0, "nesterov": 1, "momentum": 0.5} == momentum.rule().constants
    assert tf.train.rmsprop(0.1).rule().constants["rho"] == 0.9
    assert tf.train.sgd().learning_rate == 0.01


def test_names_stand_for_defaults() -> None:
    assert tf.train.optimizer("sgd").learning_rate == 0.01
    assert tf.train.optimizer("RMSProp").learning_rate == 0.001
    assert tf.train.optimizer("adam").get_config() == tf.train.adam().get_config()
    mine = tf.train.sgd(3.0)
    assert tf.train.optimizer(mine) is mine
    with pytest.raises(UnknownNameError, match="'momentun'"):
        tf.train.optimizer("momentun")


@pytest.mark.parametrize(
    ("loss", "labels", "predictions", "expected"),
    [
        (tf.losses.meanSquaredError, [[1, 2], [3, 4]], [[1, 0], [3, 3]], 1.25),
        (tf.losses.absoluteDifference, [1, 2, 3], [1, 0, 6], 5 / 3),
        (tf.losses.huberLoss, [0, 0], [0.5, 3], (0.125 + 2.5) / 2),
        (tf.losses.logLoss, [[1, 0]], [[0.5, 0.25]], -(math.log(0.5) + math.log(0.75)) / 2),
        (tf.losses.sigmoidCrossEntropy, [[1, 0]], [[0, 0]], math.log(2)),
        (tf.losses.softmaxCrossEntropy, [[0, 1, 0]], [[1, 1, 1]], math.log(3)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_losses_can_be_called(loss: object, labels: object, predictions: object, expected: float) -> None:
    result = loss(tf.tensor(labels), tf.tensor(predictions))  # type: ignore[operator]
    assert result.arraySync() == pytest.approx(expected, rel=1e-6)


def test_losses_need_equal_shapes() -> None:
    with pytest.raises(ShapeError, match=r"one shape, received \(2,\) and \(3,\)"):
        tf.losses.meanSquaredError(tf.tensor1d([1, 2]), tf.tensor1d([1, 2, 3]))


@pytest.mark.parametrize("name", tf.losses.__all__)
def test_models_can_be_compiled_with_them(name: str) -> None:
    model = tf.sequential(layers=[tf.layers.dense(units=2, inputShape=[1], activation="sigmoid")])
    loss = getattr(tf.losses, name)
    model.compile(loss=loss, optimizer="sgd")
    x, y = tf.tensor2d([[1], [2]]), tf.tensor2d([[1, 0], [0, 1]])
    assert model.evaluate(x, y).arraySync() == pytest.approx(loss(y, model.predict(x)).arraySync(), rel=1e-6)
