"""Losses: names, functions, options, edges. Values are checked in golden/functions."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.harness.graphs import evaluate
from tests.harness.layers import check_loss

from recurra import losses, ops
from recurra.config import snake_case
from recurra.errors import ArgumentError, ShapeError, UnknownNameError
from recurra.graph import GraphBuilder, Tensor
from recurra.losses import Loss

CLASSES = [
    name
    for name in losses.__all__
    if inspect.isclass(cls := getattr(losses, name)) and issubclass(cls, Loss) and name not in ("Loss", "FunctionLoss")
]

SPELLINGS = {
    "MeanSquaredError": ["mse", "MSE", "mean_squared_error", "meanSquaredError"],
    "MeanAbsoluteError": ["mae", "mean_absolute_error", "meanAbsoluteError"],
    "MeanAbsolutePercentageError": ["mape", "meanAbsolutePercentageError"],
    "MeanSquaredLogarithmicError": ["msle", "meanSquaredLogarithmicError"],
    "Huber": ["huber"],
    "LogCosh": ["log_cosh", "logcosh", "logCosh"],
    "CosineSimilarity": ["cosine_similarity", "cosineProximity"],
    "Hinge": ["hinge"],
    "SquaredHinge": ["squaredHinge"],
    "CategoricalHinge": ["categoricalHinge"],
    "CategoricalCrossentropy": ["categoricalCrossentropy"],
    "SparseCategoricalCrossentropy": ["sparseCategoricalCrossentropy"],
    "BinaryCrossentropy": ["binaryCrossentropy", "bce"],
    "KLDivergence": ["kl_divergence", "kld", "kullbackLeiblerDivergence"],
    "Poisson": ["poisson"],
}


def test_every_class_has_a_function_and_spellings() -> None:
    assert sorted(SPELLINGS) == CLASSES
    for name in CLASSES:
        assert inspect.isfunction(getattr(losses, snake_case(name)))


@pytest.mark.parametrize("name", CLASSES)
def test_names(name: str) -> None:
    cls = getattr(losses, name)
    for spelling in [name, *SPELLINGS[name]]:
        assert type(losses.get(spelling)) is cls
    # The function stands for its class, which knows what targets it takes.
    assert type(losses.get(getattr(losses, snake_case(name)))) is cls
    loss = losses.get(cls)
    assert isinstance(loss, Loss) and loss.name == snake_case(name)


@pytest.mark.parametrize("name", CLASSES)
def test_configurations(name: str) -> None:
    loss = losses.get(name)
    written = json.loads(json.dumps(losses.serialize(loss)))
    assert losses.serialize(losses.get(written)) == written


def test_options_survive() -> None:
    loss = losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1, reduction="sum", name="mine")
    assert losses.get(losses.serialize(loss)).get_config() == {  # type: ignore[union-attr]
        "from_logits": True,
        "label_smoothing": 0.1,
        "reduction": "sum",
        "name": "mine",
    }


def test_a_function_of_ones_own() -> None:
    def cubic(y_true: Tensor, y_pred: Tensor) -> Tensor:
        return ops.reduce_mean(ops.absolute(y_pred - y_true) * ops.square(y_pred - y_true), axes=(-1,))

    loss = losses.get(cubic)
    assert loss is not None and loss.name == "cubic" and loss.target_dtype == "float"
    assert evaluate(loss.call, np.array([[0.0, 1.0]]), np.array([[2.0, 1.0]])).tolist() == [4]
    anonymous = losses.get(lambda y_true, y_pred: y_pred)
    assert anonymous is not None and anonymous.name == "lambda"


def test_reductions() -> None:
    assert losses.MeanSquaredError(reduction="mean").reduction == "sum_over_batch_size"
    assert losses.MeanSquaredError(reduction="auto").reduction == "sum_over_batch_size"
    with pytest.raises(UnknownNameError, match="Unknown reduction of a loss 'none'"):
        losses.MeanSquaredError(reduction="none")


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown loss 'mean_square_error'\. Did you mean 'MeanSquaredError'"):
        losses.get("mean_square_error")
    assert losses.get(None) is None


class TestSoftmax:
    """The cross-entropy of what comes straight from a softmax is one op; anything else is what its formula says."""

    LOGITS = np.array([[1.0, -2.0, 0.5], [0.0, 30.0, -3.0], [4.0, 2.0, 4.0], [-40.0, 1.0, 2.0]])
    CLASSES = np.array([2, 0, 1, 0])

    @staticmethod
    def ops_of(loss: Loss, probabilities: Callable[[Tensor], Tensor]) -> list[str]:
        builder = GraphBuilder()
        x = builder.input("x", ("batch", 3))
        target = builder.input("t", loss.target_shape(x.shape), loss.target_dtype)
        builder.output("loss", ops.reduce_mean(loss.call(target, probabilities(x))))
        return [node.op for node in builder.finish().nodes]

    @pytest.mark.parametrize("smoothing", [0.0, 0.2])
    @pytest.mark.parametrize("sparse", [False, True])
    def test_values(self, sparse: bool, smoothing: float) -> None:
        def loss(t: Tensor, p: Tensor, **options: Any) -> Tensor:
            if sparse:
                return losses.sparse_categorical_crossentropy(t, p, **options)
            return losses.categorical_crossentropy(t, p, label_smoothing=smoothing, **options)

        target = self.CLASSES if sparse else np.eye(3)[self.CLASSES]
        known = evaluate(lambda t, x: loss(t, ops.softmax(x)), target, self.LOGITS)
        formula = evaluate(lambda t, x: loss(t, ops.softmax(x) * 1.0), target, self.LOGITS)
        np.testing.assert_allclose(known, formula, rtol=1e-12)
        logits = evaluate(lambda t, x: loss(t, x, from_logits=True), target, self.LOGITS)
        assert known[[0, 2]] == pytest.approx(logits[[0, 2]])
        # Clipped to epsilon, as the probabilities themselves would be.
        assert known[1] < logits[1] and known[3] < logits[3]
        if not smoothing:
            assert known[[1, 3]] == pytest.approx(-np.log(1e-7))

    @pytest.mark.parametrize("name", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
    def test_when_it_is_one_op(self, name: str) -> None:
        loss = losses.get(name)
        assert loss is not None
        one = ["softmax", "softmax_crossentropy", "reduce_mean"]
        assert self.ops_of(loss, ops.softmax) == one
        assert self.ops_of(type(loss)(from_logits=True), lambda x: x) == one
        for other in (ops.sigmoid, ops.exp, lambda x: x, lambda x: ops.softmax(x) * 0.5):
            assert "softmax_crossentropy" not in self.ops_of(loss, other)

    def test_targets_that_are_repeated(self) -> None:
        def value(t: Tensor, x: Tensor) -> Tensor:
            return losses.categorical_crossentropy(t, ops.softmax(x))

        repeated = evaluate(value, np.array([[0.5, 0.0, 0.5]]), self.LOGITS)
        assert repeated.shape == (4,)
        assert repeated[0] == evaluate(value, np.array([[0.5, 0.0, 0.5]]), self.LOGITS[:1])[0]


class TestEdges:
    def test_certain_and_wrong_stays_finite(self) -> None:
        one_hot, wrong = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
        limit = -np.log(1e-7)
        assert evaluate(losses.categorical_crossentropy, one_hot, wrong)[0] == pytest.approx(limit)
        assert evaluate(losses.sparse_categorical_crossentropy, np.array([0]), wrong)[0] == pytest.approx(limit)
        assert evaluate(losses.binary_crossentropy, one_hot, wrong)[0] == pytest.approx(limit)
        assert evaluate(losses.kl_divergence, one_hot, wrong)[0] == pytest.approx(limit, rel=1e-5)
        assert evaluate(losses.poisson, one_hot, wrong)[0] == pytest.approx((limit + 1) / 2)

    def test_certain_and_right_is_zero(self) -> None:
        one_hot = np.array([[1.0, 0.0]])
        assert evaluate(losses.categorical_crossentropy, one_hot, one_hot)[0] == pytest.approx(0, abs=2e-7)
        assert evaluate(losses.binary_crossentropy, one_hot, one_hot)[0] == pytest.approx(0, abs=2e-7)

    def test_huge_logits_do_not_overflow(self) -> None:
        logits = np.array([[1e5, -1e5]])
        for function, target in (
            (losses.categorical_crossentropy, np.array([[0.0, 1.0]])),
            (losses.sparse_categorical_crossentropy, np.array([1])),
            (losses.binary_crossentropy, np.array([[0.0, 1.0]])),
        ):
            value = evaluate(lambda t, p, f=function: f(t, p, from_logits=True), target, logits)[0]
            assert value == pytest.approx(2e5 if function is not losses.binary_crossentropy else 1e5)

    def test_large_errors_of_log_cosh(self) -> None:
        value = evaluate(losses.log_cosh, np.array([[0.0], [0.0]]), np.array([[1e4], [-1e4]]))
        np.testing.assert_allclose(value, 1e4 - np.log(2))

    def test_a_target_of_zero_in_percent(self) -> None:
        value = evaluate(losses.mean_absolute_percentage_error, np.array([[0.0]]), np.array([[1.0]]))
        assert value[0] == pytest.approx(100 / 1e-7)

    def test_zero_vectors_have_no_angle(self) -> None:
        assert evaluate(losses.cosine_similarity, np.zeros((1, 3)), np.ones((1, 3)))[0] == 0

    def test_huber_joins_smoothly(self) -> None:
        errors = np.array([[0.5], [1.0], [1.0 + 1e-9], [3.0]])
        assert evaluate(losses.huber, np.zeros((4, 1)), errors) == pytest.approx([0.125, 0.5, 0.5, 2.5])

    def test_targets_of_hinge_are_signs_or_all_binary(self) -> None:
        prediction = np.array([[0.5, 0.5]])
        assert evaluate(losses.hinge, np.array([[0.0, 1.0]]), prediction)[0] == pytest.approx((1.5 + 0.5) / 2)
        assert evaluate(losses.hinge, np.array([[-1.0, 1.0]]), prediction)[0] == pytest.approx((1.5 + 0.5) / 2)
        assert evaluate(losses.hinge, np.array([[0.0, -1.0]]), prediction)[0] == pytest.approx((1 + 1.5) / 2)

    def test_smoothing_needs_a_known_number_of_classes(self) -> None:
        builder = GraphBuilder()
        t, p = (builder.input(name, ("batch", "n")) for name in "tp")
        with pytest.raises(ShapeError, match=r"needs a known number of classes, received \(batch, n\)"):
            losses.categorical_crossentropy(t, p, label_smoothing=0.1)
        with pytest.raises(ArgumentError, match=r"label_smoothing must lie in \[0, 1\], received 1\.5"):
            losses.BinaryCrossentropy(label_smoothing=1.5)


@pytest.mark.parametrize("name", CLASSES)
def test_every_engine_computes_the_same_and_gradients_are_right(name: str) -> None:
    check_loss(losses.get(name))
