"""What a case is, and the numbers cases are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recurra.engines import UpdateRule
from recurra.graph import Shape

from ..graphs import Arrays, Build, rounded, seeded, trace
from ..rules import RULES

__all__ = ["Case", "away", "label", "normal", "on"]


@dataclass(frozen=True)
class Case:
    """One graph with its numbers.

    Attributes:
        name: Unique.
        build: See `harness.graphs.Build`.
        parameters, feeds, states, shapes: See `harness.graphs.trace`.
        smooth: Whether finite differences can be compared: no kink or jump is near, nothing stops the gradient.
        trains: Whether training steps can be compared. Not where float32 cannot hold the change of a step.
        same_zeros: Whether other engines must make zeros in the very same places.
        rule: The update rule of the training steps.
    """

    name: str
    build: Build
    parameters: Arrays = field(default_factory=dict)
    feeds: Arrays = field(default_factory=dict)
    states: Arrays = field(default_factory=dict)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    smooth: bool = True
    trains: bool = True
    same_zeros: bool = False
    rule: UpdateRule = RULES["sgd"]

    def __str__(self) -> str:
        return self.name

    def ops(self) -> frozenset[str]:
        """The ops its graph is made of."""
        model = trace(self.build, self.parameters, self.feeds, self.shapes, self.states)
        return frozenset(node.op for node in model.graph.nodes)


def normal(name: str, *shape: int, scale: float = 1.0) -> np.ndarray:
    return rounded(scale * seeded(name).normal(size=shape))


def away(x: np.ndarray, *kinks: float, margin: float = 0.02) -> np.ndarray:
    """Moves numbers out of the neighbourhood of kinks, where a finite difference means nothing."""
    for kink in kinks:
        near = np.abs(x - kink) < margin
        x = np.where(near, kink + np.where(x >= kink, margin, -margin), x)
    return rounded(x)


def label(*shapes: tuple[int, ...]) -> str:
    return "-".join("x".join(map(str, shape)) or "scalar" for shape in shapes)


def on(function: Callable[..., Any], *names: str, **options: Any) -> Build:
    """Builds ``function`` of the tensors of those names; a name that the case lacks stands for None."""
    return lambda builder, t: function(*(t.get(name) for name in names), **options)
