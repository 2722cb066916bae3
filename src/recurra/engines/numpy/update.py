"""The step of an optimizer: clipping, decay and the update rules, as `recurra.engines.UpdateRule` defines them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...errors import ArgumentError, UnknownNameError
from ..base import UpdateRule
from ._declare import Array

__all__ = ["RULES", "apply", "check", "clip"]

Slots = Mapping[str, Array]


def _sgd(p: Array, g: Array, slots: Slots, lr: float, step: int, constants: Mapping[str, float]) -> None:
    momentum = constants.get("momentum", 0.0)
    if not momentum:
        p -= lr * g
    elif constants.get("scaled", 0.0):
        m = slots["momentum"]
        m[...] = momentum * m - lr * g
        p += momentum * m - lr * g if constants.get("nesterov", 0.0) else m
    else:
        m = slots["momentum"]
        m[...] = momentum * m + g
        p -= lr * (g + momentum * m) if constants.get("nesterov", 0.0) else lr * m


def _rmsprop(p: Array, g: Array, slots: Slots, lr: float, step: int, constants: Mapping[str, float]) -> None:
    rho, v = constants["rho"], slots["velocity"]
    v[...] = rho * v + (1 - rho) * np.square(g)
    spread = v
    if constants.get("centered", 0.0):
        # v - a^2 is the variance of the gradient instead of its mean square.
        a = slots["average"]
        a[...] = rho * a + (1 - rho) * g
        spread = v - np.square(a)
    d = lr * g / np.sqrt(spread + constants["epsilon"])
    if constants.get("momentum", 0.0):
        m = slots["momentum"]
        m[...] = constants["momentum"] * m + d
        d = m
    p -= d


def _adam(p: Array, g: Array, slots: Slots, lr: float, step: int, constants: Mapping[str, float]) -> None:
    beta_1, beta_2, epsilon = constants["beta_1"], constants["beta_2"], constants["epsilon"]
    m, v = slots["momentum"], slots["velocity"]
    m += (g - m) * (1 - beta_1)
    v += (np.square(g) - v) * (1 - beta_2)
    u = v
    if constants.get("amsgrad", 0.0):
        u = slots["velocity_max"]
        u[...] = np.maximum(u, v)
    # m and v start at 0 and are too small at first; these two undo it. Kingma and Ba 2014, arXiv:1412.6980.
    correct_m, correct_v = 1 - beta_1**step, math.sqrt(1 - beta_2**step)
    if constants.get("epsilon_hat", 0.0):
        p -= lr * correct_v / correct_m * m / (np.sqrt(u) + epsilon)
    else:
        p -= lr / correct_m * m / (np.sqrt(u) / correct_v + epsilon)


RULES: dict[str, Callable[..., None]] = {"adam": _adam, "rmsprop": _rmsprop, "sgd": _sgd}


def check(rule: UpdateRule, slots: Mapping[str, Mapping[str, Array]], parameters: Mapping[str, Array]) -> None:
    """Checks that the rule exists and has its arrays.

    Raises:
        UnknownNameError: The rule does not exist.
        ArgumentError: A slot is missing, or has another shape or type than its parameter.
    """
    if rule.kind not in RULES:
        raise UnknownNameError("update rule", rule.kind, RULES)
    for slot in rule.slots:
        for name, parameter in parameters.items():
            array = slots.get(slot, {}).get(name)
            if array is None or array.shape != parameter.shape or array.dtype != parameter.dtype:
                received = "none" if array is None else f"{array.dtype} of shape {array.shape}"
                raise ArgumentError(
                    f"The update rule '{rule.kind}' needs the slot '{slot}' of the parameter '{name}': expected "
                    f"{parameter.dtype} of shape {parameter.shape}, received {received}."
                )


def clip(rule: UpdateRule, gradients: Mapping[str, Array]) -> dict[str, Array]:
    """Limits gradients: each element, then each array's norm, then the norm of all together.

    Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", arXiv:1211.5063.
    """
    clipped = dict(gradients)
    if rule.clipvalue is not None:
        clipped = {name: np.clip(g, -rule.clipvalue, rule.clipvalue) for name, g in clipped.items()}
    if rule.clipnorm is not None:
        clipped = {name: _limit(g, _norm(g), rule.clipnorm) for name, g in clipped.items()}
    if rule.global_clipnorm is not None:
        norm = math.sqrt(sum(_norm(g) ** 2 for g in clipped.values()))
        clipped = {name: _limit(g, norm, rule.global_clipnorm) for name, g in clipped.items()}
    return clipped


def _norm(g: Array) -> float:
    # float64, because the square of a large float32 gradient overflows.
    return math.sqrt(float(np.square(g, dtype=np.float64).sum()))


def _limit(g: Array, norm: float, limit: float) -> Array:
    return g * g.dtype.type(limit / norm) if norm > limit else g


def apply(
    rule: UpdateRule,
    parameters: Mapping[str, Array],
    gradients: Mapping[str, Array],
    slots: Mapping[str, Mapping[str, Array]],
    step: int,
    learning_rate: float,
) -> None:
    """Changes parameters and slots in place by one step with the (clipped) gradients."""
    decay = rule.constants.get("weight_decay", 0.0)
    # Python's float has no influence on the type of an array; numpy's float64 would turn float32 into itself.
    lr = float(learning_rate)
    update: Callable[..., Any] = RULES[rule.kind]
    for name, g in gradients.items():
        p = parameters[name]
        if decay:
            p -= lr * decay * p
        update(p, g, {slot: slots[slot][name] for slot in rule.slots}, lr, step, rule.constants)
