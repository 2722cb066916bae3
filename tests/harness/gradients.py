"""Checks hand-written gradients against finite differences, in float64 on the numpy engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from recurra.graph import Shape

from .graphs import Arrays, Build, seeded, trace
from .tolerances import check_close, tolerance

__all__ = ["check_gradients"]

_STEP = 1e-4
_DIRECTIONS = 4
_SAMPLES = 5


def check_gradients(
    build: Build,
    parameters: Arrays,
    feeds: Arrays | None = None,
    *,
    shapes: Mapping[str, Shape] | None = None,
    states: Arrays | None = None,
    step: int = 1,
) -> None:
    """Checks the gradient of every parameter.

    For each parameter a few elements are moved one by one, which names the culprit, and all are moved together in a
    few random directions, in which every element takes part: dL/dv = sum of dL/dp * v.

    Args:
        build, parameters, feeds, shapes, states: See `harness.graphs.trace`.
        step: The training step, for random ops.

    Raises:
        AssertionError: A gradient differs from the finite difference.
    """
    model = trace(build, parameters, feeds, shapes, states)
    arrays = model.arrays("float64")
    _, gradients = model.program("numpy", arrays).gradients(model.feeds, step=step)
    still = {name: array.copy() for name, array in arrays.items()}
    only_loss = replace(model.graph, updates={}, outputs={"loss": model.graph.outputs["loss"]})
    model.graph = only_loss
    program = model.program("numpy", arrays)
    allowed = tolerance("numpy", "float64", "gradient")

    def difference(move: Callable[[float], None]) -> float:
        """The slope along a way to move the parameters, from four points; its error is of fourth order."""

        def loss(distance: float) -> float:
            move(distance)
            value = float(program.predict(model.feeds, step=step)["loss"])
            move(-distance)
            return value

        near = loss(_STEP) - loss(-_STEP)
        far = loss(2 * _STEP) - loss(-2 * _STEP)
        return (8 * near - far) / (12 * _STEP)

    random = seeded("directions")
    for name in parameters:
        assert gradients[name].shape == arrays[name].shape, f"gradient of {name} has shape {gradients[name].shape}"
        size, flat = arrays[name].size, arrays[name].reshape(-1)
        for i in random.choice(size, min(size, _SAMPLES), replace=False):

            def move_one(distance: float, flat: np.ndarray = flat, i: int = i) -> None:
                flat[i] += distance

            where = np.unravel_index(i, arrays[name].shape)
            check_close(
                gradients[name][where],
                np.array(difference(move_one)),
                allowed,
                f"gradient of {name}{list(map(int, where))}",
            )
            arrays[name][...] = still[name]
    for _ in range(_DIRECTIONS):
        way = {name: random.normal(size=arrays[name].shape) for name in parameters}
        length = np.sqrt(sum(float(np.square(v).sum()) for v in way.values()))

        def move_all(distance: float, way: Arrays = way, length: float = length) -> None:
            for name, v in way.items():
                arrays[name] += distance / length * v

        slope = sum(float((gradients[name] * v).sum()) for name, v in way.items()) / length
        check_close(np.array(slope), np.array(difference(move_all)), allowed, "slope along a random direction")
        for name in parameters:
            arrays[name][...] = still[name]
