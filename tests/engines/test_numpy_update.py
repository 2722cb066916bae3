"""Update rules against numbers worked out by hand and against invariants of the methods."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from recurra.engines import UpdateRule
from recurra.engines.numpy import update
from recurra.errors import ArgumentError, UnknownNameError
from tests.harness.rules import RULES


def follow(
    rule: UpdateRule, p: float, gradients: list[float], lr: float, dtype: str = "float64"
) -> tuple[list[float], dict[str, float]]:
    """The parameter after each step, and the slots in the end."""
    parameters = {"p": np.array([p], dtype)}
    slots: Mapping[str, Mapping[str, np.ndarray]] = {slot: {"p": np.zeros(1, dtype)} for slot in rule.slots}
    path = []
    for step, g in enumerate(gradients, 1):
        update.apply(rule, parameters, {"p": np.array([g], dtype)}, slots, step, lr)
        path.append(float(parameters["p"][0]))
    assert parameters["p"].dtype == dtype
    return path, {slot: float(slots[slot]["p"][0]) for slot in rule.slots}


def test_sgd() -> None:
    assert follow(RULES["sgd"], 1.0, [0.5, -2.0], 0.1)[0] == pytest.approx([0.95, 1.15])


def test_sgd_momentum_scaled() -> None:
    # m: -0.1, then 0.9 * -0.1 - 0.2 = -0.29
    path, slots = follow(RULES["sgd-momentum-scaled"], 1.0, [1.0, 2.0], 0.1)
    assert path == pytest.approx([0.9, 0.61])
    assert slots["momentum"] == pytest.approx(-0.29)


def test_sgd_momentum_scaled_nesterov() -> None:
    # p += 0.9 m - lr g: 0.9 * -0.1 - 0.1 = -0.19; then 0.9 * -0.29 - 0.2 = -0.461
    path, _ = follow(RULES["sgd-momentum-scaled-nesterov"], 1.0, [1.0, 2.0], 0.1)
    assert path == pytest.approx([0.81, 0.349])


def test_sgd_momentum_unscaled() -> None:
    # m: 1, then 0.9 + 2 = 2.9; p: 1 - 0.1, then - 0.29
    path, slots = follow(RULES["sgd-momentum"], 1.0, [1.0, 2.0], 0.1)
    assert path == pytest.approx([0.9, 0.61])
    assert slots["momentum"] == pytest.approx(2.9)


def test_sgd_momentum_unscaled_nesterov() -> None:
    # lr (g + 0.9 m): 0.1 * 1.9 = 0.19; 0.1 * (2 + 2.61) = 0.461
    path, _ = follow(RULES["sgd-momentum-nesterov"], 1.0, [1.0, 2.0], 0.1)
    assert path == pytest.approx([0.81, 0.349])


def test_scaled_and_unscaled_momentum_differ_when_the_learning_rate_changes() -> None:
    results = []
    for name in ("sgd-momentum-scaled", "sgd-momentum"):
        parameters, slots = {"p": np.zeros(1)}, {"momentum": {"p": np.zeros(1)}}
        for step, lr in ((1, 0.1), (2, 0.01)):
            update.apply(RULES[name], parameters, {"p": np.ones(1)}, slots, step, lr)
        results.append(float(parameters["p"][0]))
    # Scaled: -0.1 - (0.09 + 0.01); unscaled: -0.1 - 0.01 * 1.9.
    assert results == pytest.approx([-0.2, -0.119])


def test_rmsprop() -> None:
    # v: 0.1 * 4 = 0.4, then 0.36 + 0.1 = 0.46
    path, slots = follow(RULES["rmsprop"], 1.0, [2.0, -1.0], 0.01)
    first = 1 - 0.02 / math.sqrt(0.4 + 1e-7)
    assert path == pytest.approx([first, first + 0.01 / math.sqrt(0.46 + 1e-7)], rel=1e-13)
    assert slots["velocity"] == pytest.approx(0.46)


def test_rmsprop_momentum() -> None:
    path, slots = follow(RULES["rmsprop-momentum"], 1.0, [2.0, -1.0], 0.01)
    d1, d2 = 0.02 / math.sqrt(0.4 + 1e-7), -0.01 / math.sqrt(0.46 + 1e-7)
    assert path == pytest.approx([1 - d1, 1 - d1 - (0.8 * d1 + d2)], rel=1e-13)
    assert slots["momentum"] == pytest.approx(0.8 * d1 + d2)


def test_rmsprop_centered() -> None:
    # a: 0.2, then 0.18 - 0.1 = 0.08; v - a^2: 0.4 - 0.04 = 0.36, then 0.46 - 0.0064 = 0.4536
    path, slots = follow(RULES["rmsprop-centered"], 1.0, [2.0, -1.0], 0.01)
    first = 1 - 0.02 / math.sqrt(0.36 + 1e-7)
    assert path == pytest.approx([first, first + 0.01 / math.sqrt(0.4536 + 1e-7)], rel=1e-13)
    assert slots["average"] == pytest.approx(0.08)


def test_adam() -> None:
    # m: 0.2, then 0.2 + (-1 - 0.2) 0.1 = 0.08; v: 0.004, then 0.004 + (1 - 0.004) 0.001 = 0.004996
    path, slots = follow(RULES["adam"], 1.0, [2.0, -1.0], 0.01)
    first = 1 - 0.01 * math.sqrt(0.001) / 0.1 * 0.2 / (math.sqrt(0.004) + 1e-7)
    second = first - 0.01 * math.sqrt(1 - 0.999**2) / 0.19 * 0.08 / (math.sqrt(0.004996) + 1e-7)
    assert path == pytest.approx([first, second], rel=1e-13)
    assert slots == pytest.approx({"momentum": 0.08, "velocity": 0.004996})


def test_adam_plain_epsilon() -> None:
    path, _ = follow(RULES["adam-plain-epsilon"], 1.0, [2.0, -1.0], 0.01)
    first = 1 - 0.01 * 2 / (2 + 1e-7)
    second = first - 0.01 / 0.19 * 0.08 / (math.sqrt(0.004996 / (1 - 0.999**2)) + 1e-7)
    assert path == pytest.approx([first, second], rel=1e-13)


@pytest.mark.parametrize("name", ["adam", "adam-plain-epsilon", "adam-amsgrad"])
def test_the_first_step_of_adam_has_the_length_of_the_learning_rate(name: str) -> None:
    for g in (1e-2, 1.0, -300.0):
        path, _ = follow(RULES[name], 0.0, [g], 0.01)
        assert path[0] == pytest.approx(-math.copysign(0.01, g), rel=1e-3)


def test_the_two_epsilons_of_adam_differ() -> None:
    """With a gradient as small as epsilon, Keras' epsilon weighs 1 / sqrt(1 - beta_2) as much."""
    keras, plain = (follow(RULES[name], 0.0, [1e-7], 0.01)[0][0] for name in ("adam", "adam-plain-epsilon"))
    assert plain == pytest.approx(-0.01 / 2, rel=1e-6)
    assert keras == pytest.approx(-0.01 / (1 + 1 / math.sqrt(0.001)), rel=1e-6)


def test_amsgrad_remembers_the_largest_velocity() -> None:
    gradients = [10.0, *[0.0] * 50, 1.0]
    _, slots = follow(RULES["adam-amsgrad"], 0.0, gradients, 0.01)
    assert slots["velocity_max"] == pytest.approx(0.1)
    assert slots["velocity"] < 0.1
    plain, amsgrad = (follow(RULES[name], 0.0, gradients, 0.01)[0][-1] for name in ("adam", "adam-amsgrad"))
    assert abs(amsgrad) < abs(plain)


def test_weight_decay_comes_first() -> None:
    # 2 - 0.1 * 0.01 * 2 = 1.998, then the step of 0.05
    assert follow(RULES["sgd-decay"], 2.0, [0.5], 0.1)[0] == pytest.approx([1.948])
    # Decoupled: a gradient of 0 moves nothing but the decay.
    path, slots = follow(RULES["adam-decay"], 2.0, [0.0], 0.1)
    assert path == pytest.approx([2 - 0.1 * 0.004 * 2])
    assert slots == {"momentum": 0, "velocity": 0}


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_goes_down_a_bowl(name: str) -> None:
    """L = (p - 3)^2 / 2 has gradient p - 3; every rule must come nearer to 3, in both float types alike."""
    ends = []
    for dtype in ("float64", "float32"):
        parameters = {"p": np.array([1.0], dtype)}
        rule = RULES[name]
        slots = {slot: {"p": np.zeros(1, dtype)} for slot in rule.slots}
        for step in range(1, 41):
            gradients = update.clip(rule, {"p": parameters["p"] - 3})
            update.apply(rule, parameters, gradients, slots, step, 0.02)
        ends.append(float(parameters["p"][0]))
        assert parameters["p"].dtype == dtype
    assert 1 < ends[0] < 4
    assert abs(ends[0] - 3) < 2
    assert ends[1] == pytest.approx(ends[0], rel=1e-5)


def test_clipvalue() -> None:
    clipped = update.clip(UpdateRule("sgd", clipvalue=0.5), {"a": np.array([-2.0, 0.3, 0.7])})
    assert clipped["a"].tolist() == [-0.5, 0.3, 0.5]


def test_clipnorm_is_per_parameter() -> None:
    g = {"a": np.array([3.0, 4.0]), "b": np.array([0.3, 0.4])}
    clipped = update.clip(UpdateRule("sgd", clipnorm=1.0), g)
    np.testing.assert_allclose(clipped["a"], [0.6, 0.8], rtol=1e-15)
    assert clipped["b"].tolist() == [0.3, 0.4]
    assert g["a"].tolist() == [3, 4]


@pytest.mark.parametrize("limits", [{"clipnorm": 1.0}, {"global_clipnorm": 1.0}])
def test_a_norm_just_over_the_limit_is_clipped_and_one_just_under_it_is_not(limits: dict[str, float]) -> None:
    rule = UpdateRule("sgd", **limits)  # type: ignore[arg-type]
    over, under = np.array([0.0, 1.001]), np.array([0.0, 0.999])
    assert update.clip(rule, {"a": over})["a"].tolist() == pytest.approx([0, 1], abs=1e-12)
    assert update.clip(rule, {"a": under})["a"].tolist() == [0, 0.999]


def test_global_clipnorm_keeps_the_direction() -> None:
    g = {"a": np.array([3.0]), "b": np.array([[4.0]])}
    clipped = update.clip(UpdateRule("sgd", global_clipnorm=1.0), g)
    assert clipped["a"].tolist() == pytest.approx([0.6])
    assert clipped["b"][0].tolist() == pytest.approx([0.8])
    assert update.clip(UpdateRule("sgd", global_clipnorm=5.0), g)["a"].tolist() == [3]


def test_norms_do_not_overflow_float32() -> None:
    g = np.full(4, 1e30, np.float32)
    clipped = update.clip(UpdateRule("sgd", clipnorm=1.0), {"a": g})["a"]
    assert clipped.dtype == np.float32
    np.testing.assert_allclose(clipped, 0.5, rtol=1e-6)


def test_bad_rules_are_named() -> None:
    parameters = {"p": np.zeros(2)}
    with pytest.raises(UnknownNameError, match=r"Unknown update rule 'adma'\. Did you mean 'adam'"):
        update.check(UpdateRule("adma"), {}, parameters)
    rule = RULES["adam"]
    with pytest.raises(ArgumentError, match=r"slot 'momentum' of the parameter 'p'.*shape \(2,\), received none"):
        update.check(rule, {}, parameters)
    slots = {"momentum": {"p": np.zeros(2)}, "velocity": {"p": np.zeros(3)}}
    with pytest.raises(ArgumentError, match=r"slot 'velocity'.*received float64 of shape \(3,\)"):
        update.check(rule, slots, parameters)
