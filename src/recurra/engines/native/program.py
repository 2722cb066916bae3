"""Hands bound graphs to the extension: one plan for each set of sizes, kept for the next run with the same ones."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError, EngineError, NonFiniteError, ShapeError, UnsupportedOpError
from ...graph import Graph
from ..base import PRECISIONS, Engine, Feeds, Program, Stream, UpdateRule
from . import _native

__all__ = [
    "ENGINE",
    "NativeEngine",
    "NativeProgram",
    "instruction_set",
    "instruction_sets",
    "num_threads",
    "set_num_threads",
]

Run = Callable[[_native.Plan, list[np.ndarray]], Any]

_PLANS_KEPT = 16
_DTYPES = {"float": np.dtype(np.float32), "int": np.dtype(np.int32)}


def instruction_set() -> str:
    """The instruction set the kernels use here; the environment variable RECURRA_ISA overrides the choice.

    >>> instruction_set() in instruction_sets()
    True
    """
    return _native.instruction_set()


def instruction_sets() -> list[str]:
    """The instruction sets that run here, any of which RECURRA_ISA may name; by default the first is used.

    ``"emulated"`` is for tests: AVX2 that computes in the steps of AVX-512.

    >>> "portable" in instruction_sets()
    True
    """
    return _native.instruction_sets()


def num_threads() -> int:
    """See `recurra.engines.num_threads`."""
    return _native.num_threads()


def set_num_threads(count: int) -> None:
    """See `recurra.engines.set_num_threads`, which checks ``count``."""
    _native.set_num_threads(count)


class NativeProgram(Program):
    """A graph and the arrays it works on. A plan is made at the first run with each set of sizes."""

    def __init__(
        self,
        graph: Graph,
        arrays: Mapping[str, np.ndarray],
        rule: UpdateRule | None,
        slots: Mapping[str, Mapping[str, np.ndarray]] | None,
        resident: bool = False,
        precision: str = "float32",
        recompute: bool = False,
    ) -> None:
        self.graph = graph
        self._recompute = recompute
        self._precision = precision
        self._resident = resident
        self._rule = rule
        self._inputs = list(graph.inputs)
        self._outputs = list(graph.outputs)
        self._parameters = list(graph.parameters)
        self._parameter_arrays = [_array(graph, arrays, name, id) for name, id in graph.parameters.items()]
        self._state_arrays = [_array(graph, arrays, name, id) for name, id in graph.states.items()]
        self._slots: list[list[np.ndarray | None]] = []
        if rule is not None:
            for slot in rule.slots:
                kept = (slots or {})[slot]
                self._slots.append(
                    [_bindable(f"{slot} of {name}", kept[name]) if name in kept else None for name in graph.parameters]
                )
        self._plans: OrderedDict[tuple[Any, ...], _native.Plan] = OrderedDict()

    def predict(self, feeds: Feeds, rows: np.ndarray | None = None, *, step: int = 0) -> dict[str, np.ndarray]:
        return self._run(False, feeds, rows, lambda plan, arrays: plan.predict(arrays, rows, step, False))

    def gradients(
        self, feeds: Feeds, rows: np.ndarray | None = None, *, step: int = 0
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        self._need_loss()
        gradients: list[np.ndarray | None] = []

        def run(plan: _native.Plan, arrays: list[np.ndarray]) -> list[np.ndarray]:
            outputs, made = plan.gradients(arrays, rows, step)
            gradients.extend(made)
            return outputs

        outputs = self._run(True, feeds, rows, run)
        pairs = zip(self._parameters, gradients, strict=True)
        return outputs, {name: gradient for name, gradient in pairs if gradient is not None}

    def train(
        self, feeds: Feeds, rows: np.ndarray | None = None, *, step: int, learning_rate: float
    ) -> dict[str, np.ndarray]:
        self._need_rule()
        self._need_loss()
        return self._run(True, feeds, rows, lambda plan, arrays: plan.train(arrays, rows, step, learning_rate))

    def train_steps(
        self,
        feeds: Feeds,
        rows: np.ndarray,
        batch_size: int,
        *,
        step: int,
        learning_rates: Sequence[float],
        seconds: float = math.inf,
    ) -> dict[str, np.ndarray]:
        rates = np.ascontiguousarray(learning_rates, dtype=np.float64)
        if batch_size < 1 or len(rows) != len(rates) * batch_size or not len(rates):
            raise ArgumentError(
                f"train_steps expects len(learning_rates) * batch_size rows and at least one step, received "
                f"{len(rows)} rows for {len(rates)} steps of {batch_size}."
            )
        self._need_rule()
        self._need_loss()
        # The extension counts in nanoseconds: a wait beyond a day stands for no limit.
        limit = min(seconds, 86400.0)
        made, outputs, failure = self._call(
            True,
            feeds,
            rows[:batch_size],
            lambda plan, arrays: plan.train_steps(arrays, rows, batch_size, step, rates, limit),
        )
        if failure is not None:
            error = NonFiniteError(failure)
            error.steps_made = made
            raise error
        return dict(zip(self._outputs, outputs.T, strict=True))

    def plan(self, feeds: Feeds) -> _native.Plan:
        """The plan for running these feeds forward."""
        return self._plan((), False, feeds, None)

    def _need_rule(self) -> None:
        if self._rule is None:
            raise EngineError("This program was compiled without an update rule, so it cannot train.")

    def _need_loss(self) -> None:
        id = self.graph.outputs.get("loss")
        if id is None or self.graph.values[id].shape != ():
            raise EngineError("Gradients need an output named 'loss' that is one number.")

    def _run(self, backward: bool, feeds: Feeds, rows: np.ndarray | None, run: Run) -> dict[str, np.ndarray]:
        return dict(zip(self._outputs, self._call(backward, feeds, rows, run), strict=True))

    def _call(self, backward: bool, feeds: Feeds, rows: np.ndarray | None, run: Run) -> Any:
        try:
            arrays = [feeds[name] for name in self._inputs]
            # The extension checks types and layout; rows are converted in silence there, so they are checked here.
            key = (backward, None if rows is None else (rows.shape, rows.dtype), *(array.shape for array in arrays))
            plan = self._plans.get(key)
            if plan is None:
                plan = self._plan(key, backward, feeds, rows)
            return run(plan, arrays)
        except KeyError:
            self.graph.sizes({name: np.shape(array) for name, array in feeds.items()})  # says which one is missing
            raise

    def _plan(self, key: tuple[Any, ...], backward: bool, feeds: Feeds, rows: np.ndarray | None) -> _native.Plan:
        graph = self.graph
        shapes = {}
        for name, array in feeds.items():
            shape = array.shape
            shapes[name] = shape if rows is None else (len(rows), *shape[1:])
        if rows is not None and (rows.dtype != np.int64 or rows.ndim != 1):
            raise ArgumentError(f"rows must be an int64 vector, received {rows.dtype} of shape {rows.shape}.")
        bound = graph.bind(graph.sizes(shapes))
        names = list(graph.states)
        try:
            plan = _native.Plan(
                # Values of nodes that were left out keep their symbols; nothing reads them.
                values=[([d if isinstance(d, int) else 0 for d in s.shape], s.dtype == "int") for s in bound.values],
                nodes=[
                    (node.op, list(node.inputs), list(node.outputs), _plain(node.attributes), node.scope)
                    for node in bound.nodes
                ],
                inputs=list(bound.inputs.items()),
                outputs=list(bound.outputs.items()),
                parameters=list(bound.parameters.items()),
                trainable=[name in bound.trainable for name in bound.parameters],
                states=list(bound.states.items()),
                updates=[(names.index(name), id) for name, id in bound.updates.items()],
                parameter_arrays=self._parameter_arrays,
                state_arrays=self._state_arrays,
                constants={
                    id: np.ascontiguousarray(array, dtype=_DTYPES[bound.values[id].dtype])
                    for id, array in bound.constants.items()
                },
                rule=self._rule if backward else None,
                slots=self._slots if backward else [],
                backward=backward,
                resident=self._resident,
                precision=self._precision,
                recompute=self._recompute,
            )
        except _native.Unsupported as error:
            raise UnsupportedOpError("native", str(error), ["numpy"]) from None
        self._plans[key] = plan
        if len(self._plans) > _PLANS_KEPT:
            self._plans.popitem(last=False)
        return plan


class NativeEngine(Engine):
    """Compiles graphs for the extension."""

    name = "native"

    def ops(self) -> frozenset[str]:
        return frozenset(_native.ops())

    def compile(
        self,
        graph: Graph,
        arrays: Mapping[str, np.ndarray],
        rule: UpdateRule | None = None,
        slots: Mapping[str, Mapping[str, np.ndarray]] | None = None,
        precision: str = "float32",
        recompute: bool = False,
    ) -> NativeProgram:
        self.need_precision(precision)
        known = self.ops()
        for node in graph.nodes:
            if node.op not in known:
                raise UnsupportedOpError("native", f"op '{node.op}' (in '{node.scope}')", ["numpy"])
        return NativeProgram(graph, arrays, rule, slots, precision=precision, recompute=recompute)

    def precisions(self) -> dict[str, str | None]:
        missing = _native.tiles_missing()
        reason = f"{missing} (the instruction set here is {instruction_set()})" if missing else None
        return {name: None if name == "float32" else reason for name in PRECISIONS}

    def stream(self, graph: Graph, parameters: Mapping[str, np.ndarray], precision: str = "float32") -> Stream:
        return NativeStream(self, graph, parameters, precision)


class NativeStream(Stream):
    """One plan, with its weights packed once, for all sessions."""

    def __init__(
        self, engine: NativeEngine, graph: Graph, parameters: Mapping[str, np.ndarray], precision: str = "float32"
    ) -> None:
        super().__init__(engine, graph, parameters, precision)
        states = {name: np.zeros(_known(graph, id), np.float32) for name, id in graph.states.items()}
        ((name, id),) = graph.inputs.items()
        x = np.zeros(_known(graph, id), _DTYPES[graph.values[id].dtype])
        program = NativeProgram(graph, {**parameters, **states}, None, None, resident=True, precision=precision)
        self._plan = program.plan({name: x})

    def session(
        self,
        states: Mapping[str, np.ndarray],
        convert: Callable[[Any], np.ndarray],
        shape: Sequence[int],
        outputs: Sequence[Sequence[int]],
    ) -> Callable[[Any, Any], Any]:
        arrays = [_array(self.graph, states, name, id) for name, id in self.graph.states.items()]
        return _native.Session(self._plan, arrays, convert, shape, outputs).step


def _known(graph: Graph, id: int) -> tuple[int, ...]:
    return tuple(int(dim) for dim in graph.values[id].shape)


def _array(graph: Graph, arrays: Mapping[str, np.ndarray], name: str, id: int) -> np.ndarray:
    if name not in arrays:
        raise ArgumentError(f"No array was given for the weight '{name}'.")
    if arrays[name].shape != graph.values[id].shape:
        raise ShapeError(
            f"The array for the weight '{name}' has a wrong shape: expected {graph.values[id].shape}, "
            f"received {arrays[name].shape}."
        )
    return _bindable(name, arrays[name])


def _bindable(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype != np.float32 or not array.flags.c_contiguous or not array.flags.writeable:
        raise EngineError(
            f"The native engine works on float32 weights; '{name}' is {array.dtype}. "
            f"Use engine='numpy' for other float types, or recurra.config.set_floatx('float32')."
        )
    return array


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in attributes.items()}


ENGINE = NativeEngine()
