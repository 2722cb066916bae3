"""Optimizers: their rules by hand through training, configurations, slots, clipping, schedules, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra import config, optimizers
from recurra.errors import ArgumentError, UnknownNameError
from recurra.layers import Dense, Input
from recurra.models import Sequential
from recurra.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop, schedules

GRADIENT = np.array([0.5, -2.0])
"""The gradient of every step: the loss is linear in the weights."""


def train(optimizer: Optimizer, steps: int = 3, gradient: np.ndarray = GRADIENT) -> np.ndarray:
    """The weights, from [1, 1], after some steps with the same gradient."""
    config.set_floatx("float64")
    model = Sequential([Input((2,)), Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(optimizer, lambda y_true, y_pred: y_pred, engine="numpy")
    for _ in range(steps):
        model.train_on_batch(gradient[None, :, None][..., 0], np.zeros((1, 1)))
    return model.get_weights()[0][:, 0]


def simulate(step: Callable[[np.ndarray, np.ndarray, dict[str, Any], int], Any], steps: int = 3) -> np.ndarray:
    p, memory = np.ones(2), {"m": np.zeros(2), "v": np.zeros(2), "a": np.zeros(2), "u": np.zeros(2)}
    for t in range(1, steps + 1):
        p = step(p, GRADIENT, memory, t)
    return p


def test_sgd() -> None:
    np.testing.assert_allclose(train(SGD(0.1)), 1 - 0.3 * GRADIENT)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
def test_momentum(nesterov: bool, scaled: bool) -> None:
    def step(p: np.ndarray, g: np.ndarray, memory: dict[str, Any], t: int) -> Any:
        if scaled:
            memory["m"] = 0.9 * memory["m"] - 0.1 * g
            return p + (0.9 * memory["m"] - 0.1 * g if nesterov else memory["m"])
        memory["m"] = 0.9 * memory["m"] + g
        return p - 0.1 * (g + 0.9 * memory["m"] if nesterov else memory["m"])

    optimizer = SGD(0.1, momentum=0.9, nesterov=nesterov, scaled=scaled)
    np.testing.assert_allclose(train(optimizer), simulate(step))


def test_scaling_of_momentum_matters_when_the_rate_changes() -> None:
    def run(scaled: bool) -> np.ndarray:
        schedule = schedules.PiecewiseConstantDecay([1], [0.1, 0.01])
        return train(SGD(schedule, momentum=0.9, scaled=scaled))

    # m: -0.1 g, then -0.19 g, then 0.9 m - 0.01 g; against g, 1.9 g, 2.71 g times the rate of the step.
    np.testing.assert_allclose(run(True), 1 - (0.1 + 0.19 + 0.181) * GRADIENT)
    np.testing.assert_allclose(run(False), 1 - (0.1 + 0.19 + 0.0271) * GRADIENT)


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_rmsprop(centered: bool, momentum: float) -> None:
    def step(p: np.ndarray, g: np.ndarray, memory: dict[str, Any], t: int) -> Any:
        memory["v"] = 0.7 * memory["v"] + 0.3 * g * g
        memory["a"] = 0.7 * memory["a"] + 0.3 * g
        spread = memory["v"] - memory["a"] ** 2 if centered else memory["v"]
        memory["m"] = momentum * memory["m"] + 0.1 * g / np.sqrt(spread + 1e-3)
        return p - memory["m"]

    optimizer = RMSprop(0.1, rho=0.7, momentum=momentum, epsilon=1e-3, centered=centered)
    np.testing.assert_allclose(train(optimizer), simulate(step))


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("epsilon_hat", [False, True])
def test_adam(amsgrad: bool, epsilon_hat: bool) -> None:
    def step(p: np.ndarray, g: np.ndarray, memory: dict[str, Any], t: int) -> Any:
        memory["m"] = 0.8 * memory["m"] + 0.2 * g
        memory["v"] = 0.9 * memory["v"] + 0.1 * g * g
        memory["u"] = np.maximum(memory["u"], memory["v"]) if amsgrad else memory["v"]
        m, root = memory["m"] / (1 - 0.8**t), np.sqrt(memory["u"])
        if epsilon_hat:
            return p - 0.1 * m * np.sqrt(1 - 0.9**t) / (root + 0.1)
        return p - 0.1 * m / (root / np.sqrt(1 - 0.9**t) + 0.1)

    optimizer = Adam(0.1, 0.8, 0.9, epsilon=0.1, amsgrad=amsgrad, epsilon_hat=epsilon_hat)
    np.testing.assert_allclose(train(optimizer), simulate(step))


def test_weight_decay() -> None:
    def step(p: np.ndarray, g: np.ndarray, memory: dict[str, Any], t: int) -> Any:
        return p - 0.1 * 0.5 * p - 0.1 * g

    np.testing.assert_allclose(train(SGD(0.1, weight_decay=0.5)), simulate(step))
    plain, decayed = train(Adam(0.1), steps=1), train(AdamW(0.1, weight_decay=0.5), steps=1)
    np.testing.assert_allclose(plain - decayed, 0.1 * 0.5 * np.ones(2))
    assert AdamW().weight_decay == 0.004


def test_clipping() -> None:
    np.testing.assert_allclose(train(SGD(1.0, clipvalue=0.7), 1), 1 - np.array([0.5, -0.7]))
    norm = np.linalg.norm(GRADIENT)
    np.testing.assert_allclose(train(SGD(1.0, clipnorm=1.0), 1), 1 - GRADIENT / norm)
    np.testing.assert_allclose(train(SGD(1.0, global_clipnorm=0.5), 1), 1 - 0.5 * GRADIENT / norm)
    np.testing.assert_allclose(train(SGD(1.0, clipnorm=10.0), 1), 1 - GRADIENT)


class TestSchedules:
    def test_give_the_rate_of_the_step(self) -> None:
        optimizer = SGD(schedules.PiecewiseConstantDecay([1], [0.1, 1.0]))
        np.testing.assert_allclose(train(optimizer, 4), 1 - 2.2 * GRADIENT)
        assert optimizer.iterations == 4
        assert optimizer.learning_rate == 1.0

    def test_survive_in_the_configuration(self) -> None:
        optimizer = Adam(schedules.ExponentialDecay(0.1, 10, 0.5))
        copy = optimizers.get(json.loads(json.dumps(optimizers.serialize(optimizer))))
        copy.iterations = 20
        assert copy.learning_rate == pytest.approx(0.025)

    def test_cannot_be_overwritten_by_a_number(self) -> None:
        optimizer = SGD(schedules.ExponentialDecay(0.1, 10, 0.5))
        with pytest.raises(ArgumentError, match=r"follows a schedule \(ExponentialDecay\) and cannot be set"):
            optimizer.learning_rate = 0.5
        optimizer.learning_rate = schedules.ExponentialDecay(1.0, 10, 0.5)
        assert optimizer.learning_rate == 1.0

    def test_of_ones_own(self) -> None:
        class Halves(schedules.LearningRateSchedule):
            def __call__(self, step: int) -> float:
                return 0.5**step

        np.testing.assert_allclose(train(SGD(Halves()), 3), 1 - 1.75 * GRADIENT)

    def test_refusals(self) -> None:
        with pytest.raises(ArgumentError, match="rising boundaries and one value more"):
            schedules.PiecewiseConstantDecay([1, 2], [0.1])
        with pytest.raises(ArgumentError, match="CosineDecay: decay_steps must be positive, received 0"):
            schedules.CosineDecay(0.1, 0)

    def test_restarts_shrink(self) -> None:
        schedule = schedules.CosineDecayRestarts(1.0, 10, t_mul=1.0, m_mul=0.5)
        assert [schedule(step) for step in (0, 10, 20)] == pytest.approx([1, 0.5, 0.25])


class TestNames:
    @pytest.mark.parametrize(
        ("name", "cls"), [("sgd", SGD), ("adam", Adam), ("adamw", AdamW), ("rmsprop", RMSprop), ("RMSProp", RMSprop)]
    )
    def test_are_found(self, name: str, cls: type[Optimizer]) -> None:
        assert type(optimizers.get(name)) is cls

    def test_unknown(self) -> None:
        with pytest.raises(UnknownNameError, match=r"Unknown optimizer 'adma'\. Did you mean 'Adam"):
            optimizers.get("adma")
        with pytest.raises(ArgumentError, match=r"must be a recurra\.optimizers\.Optimizer, received builtin_function"):
            optimizers.get(len)
        assert optimizers.get(None) is None


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(0.5, 0.9, True, weight_decay=0.1, clipnorm=2.0, scaled=False),
        RMSprop(0.5, 0.8, 0.7, 1e-3, True, clipvalue=0.5),
        Adam(0.5, 0.8, 0.7, 1e-3, True, global_clipnorm=0.5, epsilon_hat=False),
        AdamW(0.5, 0.01, name="mine"),
    ],
    ids=lambda optimizer: optimizer.name,
)
def test_configurations(optimizer: Optimizer) -> None:
    written = json.loads(json.dumps(optimizers.serialize(optimizer)))
    copy = optimizers.get(written)
    assert type(copy) is type(optimizer)
    assert optimizers.serialize(copy) == written
    assert copy.rule() == optimizer.rule()


def test_slots_follow_the_weights_and_keep_their_values() -> None:
    layer = Dense(1)
    layer.build((None, 2))
    optimizer = Adam()
    optimizer.build(layer.weights)
    assert set(optimizer.slots) == {"momentum", "velocity"}
    assert optimizer.slots["velocity"]["dense/kernel"].shape == (2, 1)
    optimizer.slots["velocity"]["dense/kernel"][:] = 7
    other = Dense(3)
    other.build((None, 1))
    optimizer.build([*layer.weights, *other.weights])
    assert (optimizer.slots["velocity"]["dense/kernel"] == 7).all()
    assert (optimizer.slots["velocity"]["dense_1/kernel"] == 0).all()
    assert SGD().rule().slots == ()


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf"), "fast", None])
def test_learning_rates_are_checked(bad: Any) -> None:
    with pytest.raises(ArgumentError, match="Adam: learning_rate must be a finite number, not negative"):
        Adam(bad)
    optimizer = Adam()
    with pytest.raises(ArgumentError, match="learning_rate"):
        optimizer.learning_rate = bad
    assert optimizer.learning_rate == 0.001


def test_other_refusals() -> None:
    with pytest.raises(ArgumentError, match=r"only one way of clipping can be given, received \['clipnorm', 'clipv"):
        SGD(clipnorm=1, clipvalue=1)
    with pytest.raises(ArgumentError, match="clipnorm must be positive, received 0"):
        SGD(clipnorm=0)
    with pytest.raises(ArgumentError, match="beta_2 must be a finite number, not negative and below 1, received 1"):
        Adam(beta_2=1)
    with pytest.raises(ArgumentError, match=r"momentum must be a finite number.* received 1\.5"):
        SGD(momentum=1.5)
