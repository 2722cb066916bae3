"""A graph made ready to run: forward through its nodes in order, backward through them in reverse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ArgumentError, EngineError, NonFiniteError
from ...graph import ABSENT, Graph, Node
from ..base import Feeds, Program, UpdateRule
from . import update
from ._declare import BACKWARD, FORWARD, Array, Call
from .diagnosis import origin
from .feeds import gather

__all__ = ["NumpyProgram"]

_KEPT_SHAPES = 64
"""Bound graphs kept; beyond that, sequences of ever new lengths would fill the memory."""


@dataclass(slots=True)
class _Run:
    """One forward pass: the bound graph, every value by id, and the call of every node."""

    graph: Graph
    values: list[Any]
    calls: list[Call]
    rows: Array | None
    step: int


class NumpyProgram(Program):
    """A graph that runs on numpy, in the float type of its arrays."""

    def __init__(
        self,
        graph: Graph,
        arrays: Mapping[str, Array],
        dtype: np.dtype[Any],
        rule: UpdateRule | None,
        slots: Mapping[str, Mapping[str, Array]],
    ) -> None:
        self.graph = graph
        self._arrays = arrays
        self._dtype = dtype
        self._rule = rule
        self._slots = slots
        self._bound: dict[tuple[tuple[str, int], ...], Graph] = {}
        self._constants = {
            id: array.astype(dtype if graph.values[id].dtype == "float" else np.int32)
            for id, array in graph.constants.items()
        }
        self._needs = _values_with_gradient(graph)

    def predict(self, feeds: Feeds, rows: Array | None = None, *, step: int = 0) -> dict[str, Array]:
        run = self._forward(feeds, rows, step)
        outputs = self._outputs(run)
        self._update_states(run)
        return outputs

    def gradients(
        self, feeds: Feeds, rows: Array | None = None, *, step: int = 0
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        run = self._forward(feeds, rows, step)
        gradients, _ = self._backward(run)
        return self._outputs(run), gradients

    def train(self, feeds: Feeds, rows: Array | None = None, *, step: int, learning_rate: float) -> dict[str, Array]:
        if self._rule is None:
            raise EngineError("This program cannot train: compile it with an update rule (an optimizer).")
        if step < 1:
            raise ArgumentError(f"Training steps are numbered from 1, received step={step}.")
        run = self._forward(feeds, rows, step)
        gradients, culprit = self._backward(run)
        _require_finite(run, gradients, culprit)
        outputs = self._outputs(run)
        # Nothing was changed so far; from here on nothing can fail.
        with np.errstate(all="ignore"):
            gradients = update.clip(self._rule, gradients)
            update.apply(self._rule, self._arrays, gradients, self._slots, step, learning_rate)
        self._update_states(run)
        return outputs

    def _bind(self, sizes: Mapping[str, int]) -> Graph:
        key = tuple(sorted(sizes.items()))
        if key not in self._bound:
            if len(self._bound) >= _KEPT_SHAPES:
                del self._bound[next(iter(self._bound))]
            self._bound[key] = self.graph.bind(sizes)
        return self._bound[key]

    def _forward(self, feeds: Feeds, rows: Array | None, step: int) -> _Run:
        batch, sizes = gather(self.graph, feeds, rows, self._dtype)
        graph = self._bind(sizes)
        values: list[Any] = [None] * len(graph.values)
        for name, id in graph.inputs.items():
            values[id] = batch[name]
        for name, id in (*graph.parameters.items(), *graph.states.items()):
            values[id] = self._arrays[name]
        for id, constant in self._constants.items():
            values[id] = constant
        labels = {id: f"The input '{name}'" for name, id in graph.inputs.items()}
        calls = []
        # NaN and infinity are data like any other here; training looks at its results afterwards.
        with np.errstate(all="ignore"):
            for node in graph.nodes:
                call = self._call(graph, node, labels, step)
                result = FORWARD[node.op](call, *(None if id == ABSENT else values[id] for id in node.inputs))
                call.outputs = self._typed(graph, node, result if isinstance(result, tuple) else (result,))
                for id, value in zip(node.outputs, call.outputs, strict=True):
                    values[id] = value
                calls.append(call)
        return _Run(graph, values, calls, rows, step)

    def _call(self, graph: Graph, node: Node, labels: Mapping[int, str], step: int) -> Call:
        return Call(
            node.op,
            node.attributes,
            tuple(_known(graph.values[id].shape) for id in node.outputs),
            tuple(id in self._needs for id in node.inputs),
            self._dtype,
            step,
            tuple(labels.get(id, f"An input of ops.{node.op}") for id in node.inputs),
            f" in '{node.scope}'" if node.scope else "",
        )

    def _typed(self, graph: Graph, node: Node, results: tuple[Any, ...]) -> tuple[Array, ...]:
        """Makes arrays of the two types a graph knows of what numpy returned: truth values, numbers, wider integers."""
        arrays = []
        for id, result in zip(node.outputs, results, strict=True):
            spec = graph.values[id]
            array = np.asarray(result, self._dtype if spec.dtype == "float" else np.int32)
            if array.shape != spec.shape:
                raise EngineError(
                    f"The op '{node.op}' made an array of shape {array.shape} where its shape rule says {spec.shape}. "
                    f"This is a mistake in recurra or in a custom op; please report it."
                )
            arrays.append(array)
        return tuple(arrays)

    def _backward(self, run: _Run) -> tuple[dict[str, Array], str | None]:
        """Returns the gradient of each trainable parameter, and who made the first one that is not finite."""
        graph = run.graph
        if "loss" not in graph.outputs:
            raise EngineError(f"Gradients need an output named 'loss'; this graph has {sorted(graph.outputs)}.")
        loss = graph.outputs["loss"]
        if graph.values[loss].shape != () or graph.values[loss].dtype != "float":
            raise EngineError(f"The output 'loss' must be one float number, received {graph.values[loss]}.")
        found: dict[int, Array] = {loss: np.ones((), self._dtype)}
        culprit: str | None = None
        with np.errstate(all="ignore"):
            for node, call in zip(reversed(graph.nodes), reversed(run.calls), strict=True):
                received = [found.pop(id, None) for id in node.outputs]
                if not any(call.needs) or node.op not in BACKWARD or all(g is None for g in received):
                    continue
                filled = tuple(
                    np.zeros(shape, self._dtype) if g is None else g
                    for g, shape in zip(received, call.shapes, strict=True)
                )
                inputs = [None if id == ABSENT else run.values[id] for id in node.inputs]
                sent = BACKWARD[node.op](call, filled if len(filled) > 1 else filled[0], *inputs)
                for id, needed, g in zip(node.inputs, call.needs, sent, strict=True):
                    if needed and g is not None:
                        g = np.asarray(g, self._dtype)
                        found[id] = found[id] + g if id in found else g
                        if culprit is None and not np.isfinite(g).all():
                            culprit = f"the backward pass of the op '{node.op}'{call.place} made NaN or infinity"
        gradients = {}
        for name, id in graph.parameters.items():
            if name in graph.trainable:
                # A copy, for an op may hand its own gradient on unchanged, or a view of it.
                gradients[name] = np.array(found.get(id, np.zeros_like(run.values[id])), order="C")
        return gradients, culprit

    def _outputs(self, run: _Run) -> dict[str, Array]:
        return {name: np.array(run.values[id], order="C") for name, id in run.graph.outputs.items()}

    def _update_states(self, run: _Run) -> None:
        # All are copied before any is written: the new value of one may be a view of another.
        new = {name: np.array(run.values[id]) for name, id in run.graph.updates.items()}
        for name, value in new.items():
            self._arrays[name][...] = value


def _values_with_gradient(graph: Graph) -> frozenset[int]:
    """The values that depend on a trainable parameter by way of ops that let a gradient through."""
    needs = {id for name, id in graph.parameters.items() if name in graph.trainable}
    for node in graph.nodes:
        if node.op in BACKWARD and needs.intersection(node.inputs):
            needs.update(id for id in node.outputs if graph.values[id].dtype == "float")
    return frozenset(needs)


def _known(shape: tuple[int | str, ...]) -> tuple[int, ...]:
    return tuple(dim for dim in shape if isinstance(dim, int))


def _require_finite(run: _Run, gradients: Mapping[str, Array], culprit: str | None) -> None:
    loss = run.values[run.graph.outputs["loss"]]
    wrong = next((name for name, g in gradients.items() if not np.isfinite(g).all()), None)
    if np.isfinite(loss) and wrong is None:
        return
    what = f"the gradient of the weight '{wrong}' is not finite" if np.isfinite(loss) else f"the loss is {float(loss)}"
    begin = origin(run.graph, run.values, run.calls, run.rows) or culprit or "it was already so"
    raise NonFiniteError(
        f"Training stopped at step {run.step}: {what}, expected a finite number. It began here: {begin}. The weights "
        f"are those from before this step. If the data holds no NaN or infinity, lower the learning rate, or clip the "
        f"gradients (clipnorm=1.0 of the optimizer)."
    )
