"""`Optimizer`, the base of every optimizer: its numbers, its arrays, and how one is found by name."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..config import snake_case
from ..engines.base import UpdateRule
from ..errors import ArgumentError
from ..graph import Variable
from ..registry import Configurable, Registry, encode
from ..typing import Array, Config
from .schedules import LearningRateSchedule
from .schedules import get as get_schedule

__all__ = ["Optimizer", "get", "registry", "serialize"]

registry = Registry("optimizer")


class Optimizer(Configurable, abc.ABC):
    """How training changes weights. The engine applies the rule; the optimizer holds its numbers and arrays.

    Args:
        learning_rate: A number, or an object of `recurra.optimizers.schedules`.
        weight_decay: Before each step p <- p - learning_rate * weight_decay * p. Default None: no decay. Loshchilov
            and Hutter 2017, arXiv:1711.05101.
        clipnorm: Each gradient is scaled down to this Euclidean norm if it is larger. Default None.
        clipvalue: Each element of a gradient is limited to [-clipvalue, clipvalue]. Default None.
        global_clipnorm: All gradients together are scaled down to this norm. Default None.
        name: Default: the class's name in snake case.

    Attributes:
        iterations: The number of steps done.
        slots: The arrays of the rule: slot, then name of the parameter.

    Raises:
        ArgumentError: A number is out of range, or more than one way of clipping was given.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.iterations = 0
        self.slots: dict[str, dict[str, Array]] = {}
        self._rate: float | LearningRateSchedule = self._check_rate(learning_rate)
        self.weight_decay = None if weight_decay is None else self._number("weight_decay", weight_decay)
        clipping = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = [key for key, value in clipping.items() if value is not None]
        if len(given) > 1:
            raise ArgumentError(f"{type(self).__name__}: only one way of clipping can be given, received {given}.")
        for key, value in clipping.items():
            if value is not None and not value > 0:
                raise ArgumentError(f"{type(self).__name__}: {key} must be positive, received {value!r}.")
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step. It can be set, unless it follows a schedule."""
        return self._rate(self.iterations) if isinstance(self._rate, LearningRateSchedule) else self._rate

    @learning_rate.setter
    def learning_rate(self, value: float | LearningRateSchedule) -> None:
        rate = self._check_rate(value)
        if isinstance(self._rate, LearningRateSchedule) and not isinstance(rate, LearningRateSchedule):
            raise ArgumentError(
                f"The learning rate of this {type(self).__name__} follows a schedule ({type(self._rate).__name__}) "
                f"and cannot be set. Make the optimizer with a number to set it, for example from a callback."
            )
        self._rate = rate

    def learning_rates(self, steps: int) -> Array:
        """The learning rates of the next ``steps`` steps, as float64 of shape (steps,)."""
        if isinstance(self._rate, LearningRateSchedule):
            return np.array([self._rate(self.iterations + i) for i in range(steps)], np.float64)
        return np.full(steps, self._rate, np.float64)

    @abc.abstractmethod
    def _rule(self) -> tuple[str, dict[str, float], tuple[str, ...]]:
        """The kind of `UpdateRule`, its constants and its slots."""

    def rule(self) -> UpdateRule:
        """What the engine is asked to do at each step."""
        kind, constants, slots = self._rule()
        constants = {key: float(value) for key, value in constants.items()}
        constants["weight_decay"] = self.weight_decay or 0.0
        return UpdateRule(kind, constants, slots, self.clipvalue, self.clipnorm, self.global_clipnorm)

    def build(self, variables: Iterable[Variable]) -> None:
        """Makes the arrays of the rule for these variables, all 0. Arrays that fit already keep their values."""
        known = self.slots
        slots: dict[str, dict[str, Array]] = {}
        variables = list(variables)
        for slot in self.rule().slots:
            slots[slot] = {}
            for variable in variables:
                array = known.get(slot, {}).get(variable.name)
                value = variable.value
                fits = array is not None and array.shape == value.shape and array.dtype == value.dtype
                slots[slot][variable.name] = array if array is not None and fits else np.zeros_like(value)
        self.slots = slots

    def get_config(self) -> Config:
        """The numbers the optimizer was made with, in a form JSON can hold. `iterations` and `slots` are not in it."""
        return {**super().get_config(), "learning_rate": encode(self._rate)}

    def _check_rate(self, value: Any) -> float | LearningRateSchedule:
        schedule = get_schedule(value)
        return schedule if schedule is not None else self._number("learning_rate", value)

    def _number(self, argument: str, value: Any, below: float = float("inf")) -> float:
        """Checks that an argument is a number from 0 up to (not including) ``below``."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not 0.0 <= number < below:
            limit = "" if below == float("inf") else f" and below {below:g}"
            raise ArgumentError(
                f"{type(self).__name__}: {argument} must be a finite number, not negative{limit}, received {value!r}."
            )
        return number


def get(identifier: Any) -> Any:
    """Returns the optimizer a name, a mapping, a class or an object stands for; None stays None.

    Raises:
        UnknownNameError: No optimizer has that name.

    >>> get("adam").learning_rate
    0.001
    >>> get({"class_name": "SGD", "config": {"learning_rate": 0.5}}).learning_rate
    0.5
    """
    found = registry.get(identifier)
    if found is not None and not isinstance(found, Optimizer):
        raise ArgumentError(f"An optimizer must be a recurra.optimizers.Optimizer, received {type(found).__name__}.")
    return found


def serialize(optimizer: Optimizer) -> Any:
    """The class name and configuration of an optimizer, from which `get` makes an equal one.

    >>> serialize(get("sgd"))["class_name"]
    'SGD'
    """
    return registry.serialize(optimizer)
