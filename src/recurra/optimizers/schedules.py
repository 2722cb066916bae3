"""Learning rates that follow a schedule: functions of the number of steps done."""

from __future__ import annotations

import abc
import bisect
import math
from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError
from ..registry import Configurable, Registry

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "get",
    "registry",
    "serialize",
]

registry = Registry("learning rate schedule")


class LearningRateSchedule(Configurable, abc.ABC):
    """A learning rate that follows a schedule. One of your own implements ``__call__``."""

    @abc.abstractmethod
    def __call__(self, step: int) -> float:
        """The learning rate after ``step`` steps."""


@registry.register()
class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate * decay_rate^(step / decay_steps).

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: After how many steps the rate has become ``decay_rate`` times what it was.
        decay_rate: See above.
        staircase: Whether step / decay_steps is rounded down. Default False.
        name: Has no effect.

    >>> ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ) -> None:
        self.initial_learning_rate = float(initial_learning_rate)
        self.decay_steps = _positive("ExponentialDecay", "decay_steps", decay_steps)
        self.decay_rate = float(decay_rate)
        self.staircase = bool(staircase)
        self.name = name

    def __call__(self, step: int) -> float:
        return self.initial_learning_rate * math.pow(self.decay_rate, _turns(step, self.decay_steps, self.staircase))


@registry.register()
class InverseTimeDecay(LearningRateSchedule):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps).

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps, decay_rate: See above.
        staircase: Whether step / decay_steps is rounded down. Default False.
        name: Has no effect.

    >>> InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)(10)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ) -> None:
        self.initial_learning_rate = float(initial_learning_rate)
        self.decay_steps = _positive("InverseTimeDecay", "decay_steps", decay_steps)
        self.decay_rate = float(decay_rate)
        self.staircase = bool(staircase)
        self.name = name

    def __call__(self, step: int) -> float:
        return self.initial_learning_rate / (1.0 + self.decay_rate * _turns(step, self.decay_steps, self.staircase))


@registry.register()
class PiecewiseConstantDecay(LearningRateSchedule):
    """``values[i]`` up to and including step ``boundaries[i]``, the last value after them.

    Args:
        boundaries: Steps, rising.
        values: Rates, one more than boundaries.
        name: Has no effect.

    >>> schedule = PiecewiseConstantDecay([100], [0.1, 0.01])
    >>> schedule(100), schedule(101)
    (0.1, 0.01)
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str | None = None) -> None:
        self.boundaries = list(boundaries)
        self.values = [float(value) for value in values]
        self.name = name
        if len(self.values) != len(self.boundaries) + 1 or sorted(self.boundaries) != self.boundaries:
            raise ArgumentError(
                f"PiecewiseConstantDecay needs rising boundaries and one value more, received boundaries "
                f"{self.boundaries} and values {self.values}."
            )

    def __call__(self, step: int) -> float:
        return self.values[bisect.bisect_left(self.boundaries, step)]


@registry.register()
class PolynomialDecay(LearningRateSchedule):
    """(initial - end) * (1 - step / decay_steps)^power + end, and ``end_learning_rate`` after ``decay_steps``.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: See above.
        end_learning_rate: Default 0.0001.
        power: Default 1: a straight line.
        cycle: Whether decay_steps is multiplied so as to lie behind the step, instead of the rate staying at its
            end. Default False.
        name: Has no effect.

    >>> PolynomialDecay(0.1, decay_steps=10, end_learning_rate=0.0)(5)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str | None = None,
    ) -> None:
        self.initial_learning_rate = float(initial_learning_rate)
        self.decay_steps = _positive("PolynomialDecay", "decay_steps", decay_steps)
        self.end_learning_rate = float(end_learning_rate)
        self.power = float(power)
        self.cycle = bool(cycle)
        self.name = name

    def __call__(self, step: int) -> float:
        steps = self.decay_steps * max(1, math.ceil(step / self.decay_steps)) if self.cycle else self.decay_steps
        left = 1.0 - min(step, steps) / steps
        return float((self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate)


@registry.register()
class CosineDecay(LearningRateSchedule):
    """Half a cosine down to ``alpha`` times the start, after a straight warm-up if wanted. arXiv:1608.03983.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: Length of the decay.
        alpha: The end, as a share of the rate the decay starts from. Default 0.
        name: Has no effect.
        warmup_target: The rate at the end of the warm-up. Default None: no warm-up.
        warmup_steps: Length of the warm-up. Default 0.

    >>> CosineDecay(0.1, decay_steps=10)(5)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str | None = None,
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = float(initial_learning_rate)
        self.decay_steps = _positive("CosineDecay", "decay_steps", decay_steps)
        self.alpha = float(alpha)
        self.name = name
        self.warmup_target = None if warmup_target is None else float(warmup_target)
        self.warmup_steps = int(warmup_steps)

    def __call__(self, step: int) -> float:
        top = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return top + (self.warmup_target - top) * step / self.warmup_steps
            step, top = step - self.warmup_steps, self.warmup_target
        share = min(step, self.decay_steps) / self.decay_steps
        return top * ((1.0 - self.alpha) * 0.5 * (1.0 + math.cos(math.pi * share)) + self.alpha)


@registry.register()
class CosineDecayRestarts(LearningRateSchedule):
    """`CosineDecay` over and over (SGDR, Loshchilov and Hutter 2016, arXiv:1608.03983).

    Args:
        initial_learning_rate: The rate at step 0.
        first_decay_steps: Length of the first decay.
        t_mul: Each decay is this much longer than the one before. Default 2.
        m_mul: Each begins at this share of where the one before began. Default 1.
        alpha: The lowest rate, as a share of ``initial_learning_rate``. Default 0.
        name: Has no effect.

    >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=10)
    >>> schedule(5), schedule(10), schedule(20)
    (0.05, 0.1, 0.05)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str | None = None,
    ) -> None:
        self.initial_learning_rate = float(initial_learning_rate)
        self.first_decay_steps = _positive("CosineDecayRestarts", "first_decay_steps", first_decay_steps)
        self.t_mul = _positive("CosineDecayRestarts", "t_mul", t_mul)
        self.m_mul = float(m_mul)
        self.alpha = float(alpha)
        self.name = name

    def __call__(self, step: int) -> float:
        begin, length, top = 0.0, self.first_decay_steps, 1.0
        while step >= begin + length:
            begin, length, top = begin + length, length * self.t_mul, top * self.m_mul
        wave = 0.5 * top * (1.0 + math.cos(math.pi * (step - begin) / length))
        return self.initial_learning_rate * ((1.0 - self.alpha) * wave + self.alpha)


def get(identifier: Any) -> LearningRateSchedule | None:
    """Returns the schedule a mapping or an object stands for; None for anything else, such as a plain number."""
    found = registry.get(identifier) if isinstance(identifier, dict) else identifier
    return found if isinstance(found, LearningRateSchedule) else None


def serialize(schedule: LearningRateSchedule) -> Any:
    """The class name and configuration of a schedule.

    >>> serialize(PiecewiseConstantDecay([1], [0.1, 0.2]))["class_name"]
    'PiecewiseConstantDecay'
    """
    return registry.serialize(schedule)


def _turns(step: int, length: float, whole: bool) -> float:
    return math.floor(step / length) if whole else step / length


def _positive(schedule: str, argument: str, value: float) -> float:
    if not value > 0:
        raise ArgumentError(f"{schedule}: {argument} must be positive, received {value!r}.")
    return value
