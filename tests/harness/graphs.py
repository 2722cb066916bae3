"""Makes a graph with a loss, and programs, of a function that builds something."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from recurra import ops
from recurra.engines import Program, UpdateRule, get
from recurra.graph import Graph, GraphBuilder, Shape, Tensor, Variable

__all__ = ["Arrays", "Build", "Model", "evaluate", "rounded", "seeded", "trace"]

Arrays = Mapping[str, np.ndarray]
Build = Callable[[GraphBuilder, dict[str, Tensor]], Any]
"""Gets the builder and every parameter, state and input as a tensor by name; returns the outputs: a tensor, several,
or a dict of them. One named "loss" must be a scalar; without it the harness makes a loss in which every element of
every float output has a random weight of its own, so that no wrong gradient can hide."""


class Model:
    """A traced graph with what it takes to run it: values of parameters, states and feeds."""

    def __init__(self, graph: Graph, parameters: Arrays, states: Arrays, feeds: Arrays) -> None:
        self.graph = graph
        self.parameters = parameters
        self.states = states
        self.feeds = feeds

    def arrays(self, dtype: str) -> dict[str, np.ndarray]:
        """New arrays of all parameters and states."""
        return {
            name: np.array(value, dtype, order="C") for name, value in (*self.parameters.items(), *self.states.items())
        }

    def converted_feeds(self, dtype: str) -> dict[str, np.ndarray]:
        """The feeds as `Program` wants them."""
        wanted = {
            name: np.dtype(dtype if self.graph.values[id].dtype == "float" else "int32")
            for name, id in self.graph.inputs.items()
        }
        return {name: np.array(value, wanted[name], order="C") for name, value in self.feeds.items()}

    def slots(self, rule: UpdateRule, dtype: str) -> dict[str, dict[str, np.ndarray]]:
        """New slots of a rule, all zeros."""
        return {
            slot: {name: np.zeros(value.shape, dtype) for name, value in self.parameters.items()} for slot in rule.slots
        }

    def program(self, engine: str, arrays: Arrays, rule: UpdateRule | None = None, slots: Any = None) -> Program:
        """Compiles the graph. An engine may be named with a precision, as ``"native:bf16"``."""
        name, _, precision = engine.partition(":")
        return get(name).compile(self.graph, arrays, rule, slots, precision or "float32")


def trace(
    build: Build,
    parameters: Arrays,
    feeds: Arrays | None = None,
    shapes: Mapping[str, Shape] | None = None,
    states: Arrays | None = None,
) -> Model:
    """Traces ``build`` and adds a loss if there is none.

    Args:
        build: See `Build`.
        parameters: Trainable arrays by name.
        feeds: Input arrays by name; integers make int inputs.
        shapes: Symbolic shapes of inputs; the others have the shape of their array.
        states: Arrays of states by name.
    """
    feeds, shapes, states = dict(feeds or {}), shapes or {}, states or {}
    sizes = _trace(build, parameters, feeds, shapes, states, {})
    bound = sizes.bind(sizes.sizes({name: array.shape for name, array in feeds.items()}))
    weights = {
        name: _weights(name, bound.values[id].shape)
        for name, id in bound.outputs.items()
        if bound.values[id].dtype == "float" and "loss" not in bound.outputs
    }
    graph = _trace(build, parameters, feeds, shapes, states, weights)
    extra = {name: weights[name.removeprefix("weight:")] for name in graph.inputs if name.startswith("weight:")}
    return Model(graph, parameters, states, {**feeds, **extra})


def evaluate(function: Callable[..., Any], *arrays: Any, dtype: str = "float64", engine: str = "numpy") -> Any:
    """Runs ``function``, written with ops, on arrays; returns its output, or a tuple of them.

    Integer arrays become int inputs, all others float ones.
    """
    named = {f"x{i}": np.asarray(array) for i, array in enumerate(arrays)}
    ints = {name: array for name, array in named.items() if array.dtype.kind in "iu"}
    floats = {name: array for name, array in named.items() if name not in ints}
    builder = GraphBuilder()
    tensors = {name: builder.tensor(Variable(name, array)) for name, array in floats.items()}
    tensors |= {name: builder.input(name, array.shape, "int") for name, array in ints.items()}
    result = function(*(tensors[name] for name in named))
    several = isinstance(result, tuple)
    for i, tensor in enumerate(result if several else (result,)):
        builder.output(f"y{i}", tensor)
    model = Model(builder.finish(), floats, {}, ints)
    outputs = model.program(engine, model.arrays(dtype)).predict(model.converted_feeds(dtype))
    return tuple(outputs.values()) if several else outputs["y0"]


def _trace(
    build: Build, parameters: Arrays, feeds: Arrays, shapes: Mapping[str, Shape], states: Arrays, weights: Arrays
) -> Graph:
    builder = GraphBuilder(training=True)
    tensors = {name: builder.tensor(Variable(name, value)) for name, value in parameters.items()}
    tensors |= {name: builder.tensor(Variable(name, value, role="state")) for name, value in states.items()}
    for name, value in feeds.items():
        kind = "int" if value.dtype.kind in "iu" else "float"
        tensors[name] = builder.input(name, shapes.get(name, value.shape), kind)
    result = build(builder, tensors)
    if isinstance(result, Tensor):
        result = {"y": result}
    elif isinstance(result, tuple):
        result = {f"y{i}": tensor for i, tensor in enumerate(result)}
    loss: Any = None
    for name, tensor in result.items():
        builder.output(name, tensor)
        if name in weights:
            symbolic = any(isinstance(dim, str) for dim in tensor.shape)
            weight = builder.input(f"weight:{name}", tensor.shape) if symbolic else builder.tensor(weights[name])
            part = ops.reduce_sum(ops.multiply(tensor, weight))
            loss = part if loss is None else loss + part
    if loss is not None:
        builder.output("loss", loss)
    return builder.finish()


def _weights(name: str, shape: Any) -> np.ndarray:
    # Scaled so that the loss stays near 1 for any number of elements: a large sum would hide small mistakes.
    normal = seeded(f"weight of {name}").normal(size=shape)
    return rounded(normal / np.sqrt(max(1, normal.size)))


def seeded(name: str) -> np.random.Generator:
    """A generator of random numbers of its own for each name, the same in every run."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def rounded(value: Any) -> np.ndarray:
    """float64 numbers that float32 can hold too, so that both types start from the same ones."""
    return np.asarray(value, np.float32).astype(np.float64)
