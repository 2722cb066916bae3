"""The waist: a graph of coarse operations between what a model is and what runs it.

Layers and losses describe their computation by calling `recurra.ops` on symbolic `Tensor` objects. A
`GraphBuilder` records the calls; `GraphBuilder.finish` freezes them into a `Graph`, a flat list of nodes in
execution order. Engines compile a `Graph`; they never see a layer.

Shapes may hold symbols (``"batch"``, ``"time"``). `Graph.bind` replaces them by the sizes of real arrays and
works every other shape out again, so that an engine can plan its buffers once per shape.

Two element types exist: ``"float"`` (float32 natively, any float type in the numpy engine; also used for masks
and truth values, as 0 and 1) and ``"int"`` (int32: indices and class labels).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .errors import ArgumentError, ShapeError, UnknownNameError

__all__ = ["ABSENT", "Dim", "Graph", "GraphBuilder", "Node", "Shape", "Tensor", "TensorSpec", "Variable"]

Dim = int | str
Shape = tuple[Dim, ...]

ABSENT = -1
"""The id that stands for an optional input which was not given."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape and element type of one value. ``dtype`` is ``"float"`` or ``"int"``."""

    shape: Shape
    dtype: str = "float"


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: its name, the ids of the values it reads and makes, its attributes, and who emitted it."""

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attributes: Mapping[str, Any]
    scope: str = ""


class Variable:
    """A named array that a graph reads and an engine may change in place.

    Args:
        name: Unique within a model, such as ``"lstm/kernel"``.
        value: Its array. It is kept C-contiguous; engines bind to this very memory.
        trainable: Whether training updates it. Default True.
        role: ``"parameter"`` (default) or ``"state"`` (carried between calls, not trained).
    """

    __slots__ = ("_value", "name", "role", "trainable")

    def __init__(self, name: str, value: np.ndarray, trainable: bool = True, role: str = "parameter") -> None:
        self.name = name
        self.trainable = trainable and role == "parameter"
        self.role = role
        self._value = np.array(value, order="C", copy=True)

    @property
    def value(self) -> np.ndarray:
        """The array itself, not a copy."""
        return self._value

    @property
    def shape(self) -> tuple[int, ...]:
        return self._value.shape

    def assign(self, value: Any) -> None:
        """Copies ``value`` into the array; the memory stays where it is.

        Raises:
            ShapeError: The shapes differ.
        """
        array = np.asarray(value)
        if array.shape != self._value.shape:
            raise ShapeError(
                f"Cannot assign to the weight '{self.name}': expected shape {self._value.shape}, "
                f"received {array.shape}."
            )
        self._value[...] = array

    def __repr__(self) -> str:
        return f"Variable({self.name!r}, shape={self.shape}, trainable={self.trainable})"


class Tensor:
    """A symbolic value inside a `GraphBuilder`. Arithmetic operators emit the op of the same meaning."""

    __slots__ = ("builder", "id", "spec")

    def __init__(self, builder: GraphBuilder, id: int, spec: TensorSpec) -> None:
        self.builder = builder
        self.id = id
        self.spec = spec

    @property
    def shape(self) -> Shape:
        return self.spec.shape

    @property
    def dtype(self) -> str:
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        return len(self.spec.shape)

    def _binary(self, op: str, other: Any, swap: bool = False) -> Tensor:
        pair = (other, self) if swap else (self, other)
        return self.builder.emit(op, pair)[0]

    def __add__(self, other: Any) -> Tensor:
        return self._binary("add", other)

    def __radd__(self, other: Any) -> Tensor:
        return self._binary("add", other, swap=True)

    def __sub__(self, other: Any) -> Tensor:
        return self._binary("subtract", other)

    def __rsub__(self, other: Any) -> Tensor:
        return self._binary("subtract", other, swap=True)

    def __mul__(self, other: Any) -> Tensor:
        return self._binary("multiply", other)

    def __rmul__(self, other: Any) -> Tensor:
        return self._binary("multiply", other, swap=True)

    def __truediv__(self, other: Any) -> Tensor:
        return self._binary("divide", other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return self._binary("divide", other, swap=True)

    def __neg__(self) -> Tensor:
        return self.builder.emit("negative", (self,))[0]

    def __bool__(self) -> bool:
        raise ArgumentError(
            "A symbolic tensor has no truth value while a model is traced. Use ops.where or ops.greater, which "
            "become part of the graph, instead of Python's if."
        )

    def __repr__(self) -> str:
        return f"Tensor(shape={self.shape}, dtype={self.dtype!r})"


Rule = Callable[[Sequence[TensorSpec | None], Mapping[str, Any]], list[TensorSpec]]
RULES: dict[str, Rule] = {}
"""Shape rule of every op, filled by `recurra.ops`."""


@dataclass(frozen=True)
class Graph:
    """A frozen computation.

    Attributes:
        values: Shape and type of each value, by id.
        nodes: The operations, in an order in which they can run.
        inputs, parameters, states: Value ids by name of what comes from outside.
        trainable: The names of the parameters that training updates.
        constants: Arrays of the values that never change, by id.
        outputs: Value ids by name of what a run returns.
        updates: For a state's name, the id of the value that replaces it after a run.
    """

    values: tuple[TensorSpec, ...]
    nodes: tuple[Node, ...]
    inputs: Mapping[str, int]
    parameters: Mapping[str, int]
    trainable: frozenset[str]
    states: Mapping[str, int]
    constants: Mapping[int, np.ndarray]
    outputs: Mapping[str, int]
    updates: Mapping[str, int] = field(default_factory=dict)

    def sizes(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
        """Works out what each symbol stands for, given the shapes of the input arrays.

        Args:
            shapes: Shape of the array for each input, by name.

        Returns:
            Size by symbol.

        Raises:
            UnknownNameError: An input is missing or unknown.
            ShapeError: A shape does not fit, or two arrays disagree about a symbol.
        """
        for name in shapes:
            if name not in self.inputs:
                raise UnknownNameError("input", name, self.inputs)
        found: dict[str, int] = {}
        origin: dict[str, str] = {}
        for name, id in self.inputs.items():
            if name not in shapes:
                raise ArgumentError(f"No array was given for the input '{name}'. Expected: {', '.join(self.inputs)}.")
            expected, received = self.values[id].shape, tuple(shapes[name])
            fits = len(expected) == len(received) and all(
                isinstance(e, str) or e == r for e, r in zip(expected, received, strict=True)
            )
            if not fits:
                raise ShapeError(
                    f"The array for the input '{name}' has a wrong shape: expected {show_shape(expected)}, "
                    f"received {show_shape(received)}."
                )
            for dim, size in zip(expected, received, strict=True):
                if isinstance(dim, str):
                    if found.setdefault(dim, size) != size:
                        raise ShapeError(
                            f"The arrays disagree about the size '{dim}': the input '{origin[dim]}' has "
                            f"{found[dim]}, the input '{name}' has {size}."
                        )
                    origin.setdefault(dim, name)
        return found

    def bind(self, sizes: Mapping[str, Dim]) -> Graph:
        """Returns the same graph with every symbol replaced by its size, all shapes being worked out anew.

        Args:
            sizes: Size by symbol, as `Graph.sizes` returns it.
        """
        sizes = dict(sizes)
        values: list[TensorSpec | None] = [None] * len(self.values)
        leaves = [*self.inputs.values(), *self.parameters.values(), *self.states.values(), *self.constants]
        for id in leaves:
            spec = self.values[id]
            values[id] = replace(spec, shape=_substitute(spec.shape, sizes))
        nodes = []
        for node in self.nodes:
            attributes = {
                key: _substitute(value, sizes) if isinstance(value, tuple) else value
                for key, value in node.attributes.items()
            }
            specs = RULES[node.op]([values[i] if i != ABSENT else None for i in node.inputs], attributes)
            for id, spec in zip(node.outputs, specs, strict=True):
                values[id] = spec
                # Sizes that first arise inside, such as "a+b" of joined sequences: later attributes name them.
                for symbol, size in zip(self.values[id].shape, spec.shape, strict=True):
                    if isinstance(symbol, str):
                        sizes.setdefault(symbol, size)
            nodes.append(replace(node, attributes=attributes))
        # What no node makes, because nothing needs it, has no sizes either.
        bound = tuple(TensorSpec((), self.values[i].dtype) if spec is None else spec for i, spec in enumerate(values))
        return replace(self, values=bound, nodes=tuple(nodes))

    def __str__(self) -> str:
        names = {id: name for group in (self.inputs, self.parameters, self.states) for name, id in group.items()}

        def label(id: int) -> str:
            return "-" if id == ABSENT else names.get(id, f"%{id}")

        lines = [f"input {name}: {show_shape(self.values[id].shape)}" for name, id in self.inputs.items()]
        for node in self.nodes:
            made = ", ".join(f"%{id}: {show_shape(self.values[id].shape)}" for id in node.outputs)
            attributes = "".join(f" {key}={value}" for key, value in node.attributes.items())
            lines.append(f"{made} = {node.op}({', '.join(map(label, node.inputs))}){attributes}")
        lines += [f"update {name} <- {label(id)}" for name, id in self.updates.items()]
        lines += [f"output {name} = {label(id)}" for name, id in self.outputs.items()]
        return "\n".join(lines)


class GraphBuilder:
    """Records ops on symbolic tensors until `finish` freezes them.

    Args:
        training: Whether the graph is for training. Layers such as dropout look at it. Default False.

    Example:

    >>> from recurra import ops
    >>> from recurra.graph import GraphBuilder
    >>> builder = GraphBuilder()
    >>> x = builder.input("x", ("batch", 3))
    >>> builder.output("y", ops.reduce_sum(ops.square(x), axes=(1,)))
    >>> print(builder.finish())
    input x: (batch, 3)
    %1: (batch, 3) = square(x)
    %2: (batch,) = reduce_sum(%1) axes=(1,) keepdims=False
    output y = %2
    """

    def __init__(self, training: bool = False) -> None:
        self.training = training
        self._values: list[TensorSpec] = []
        self._nodes: list[Node] = []
        self._inputs: dict[str, int] = {}
        self._variables: dict[str, tuple[Variable, int]] = {}
        self._constants: dict[int, np.ndarray] = {}
        self._outputs: dict[str, int] = {}
        self._updates: dict[str, int] = {}
        self._scope: list[str] = []

    @property
    def variables(self) -> dict[str, Variable]:
        """The variables the graph reads, by name."""
        return {name: variable for name, (variable, _) in self._variables.items()}

    def _new(self, spec: TensorSpec) -> Tensor:
        self._values.append(spec)
        return Tensor(self, len(self._values) - 1, spec)

    def input(self, name: str, shape: Shape, dtype: str = "float") -> Tensor:
        """Declares an array that is given anew at each run."""
        if name in self._inputs:
            raise ArgumentError(f"Two inputs are named '{name}'. Give each input a name of its own.")
        tensor = self._new(TensorSpec(tuple(shape), dtype))
        self._inputs[name] = tensor.id
        return tensor

    def tensor(self, value: Any) -> Tensor:
        """Makes a tensor of a tensor, a variable, an array or a number."""
        if isinstance(value, Tensor):
            if value.builder is not self:
                raise ArgumentError("A symbolic tensor of one graph was used in another. Trace both in one graph.")
            return value
        if isinstance(value, Variable):
            if value.name not in self._variables:
                tensor = self._new(TensorSpec(tuple(value.shape), "float"))
                self._variables[value.name] = (value, tensor.id)
            known, id = self._variables[value.name]
            if known is not value:
                raise ArgumentError(f"Two weights are named '{value.name}'. Give each layer a name of its own.")
            return Tensor(self, id, self._values[id])
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise ArgumentError(f"A constant in a graph must be numbers, received {type(value).__name__}: {value!r}.")
        dtype = "int" if array.dtype.kind in "iu" and array.ndim else "float"
        tensor = self._new(TensorSpec(array.shape, dtype))
        self._constants[tensor.id] = array.astype(np.int32 if dtype == "int" else np.float64)
        return tensor

    def emit(self, op: str, inputs: Sequence[Any], **attributes: Any) -> tuple[Tensor, ...]:
        """Appends one operation and returns its outputs. ``None`` among the inputs is an absent optional one."""
        tensors = [None if value is None else self.tensor(value) for value in inputs]
        specs = RULES[op]([None if t is None else t.spec for t in tensors], attributes)
        outputs = tuple(self._new(spec) for spec in specs)
        self._nodes.append(
            Node(
                op,
                tuple(ABSENT if t is None else t.id for t in tensors),
                tuple(t.id for t in outputs),
                attributes,
                "/".join(self._scope),
            )
        )
        return outputs

    def argument(self, op: str, tensor: Tensor) -> Tensor | None:
        """The first input of the ``op`` that made a tensor; None where something else made it."""
        for node in reversed(self._nodes):
            if tensor.id in node.outputs and node.op == op:
                return Tensor(self, node.inputs[0], self._values[node.inputs[0]])
        return None

    @contextlib.contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Marks the nodes emitted inside with ``name``, which errors and `explain` show."""
        self._scope.append(name)
        try:
            yield
        finally:
            self._scope.pop()

    def update(self, state: Variable, value: Tensor) -> None:
        """After a run, ``state`` takes ``value``."""
        self.tensor(state)
        if value.shape != state.shape:
            raise ShapeError(f"The state '{state.name}' has shape {state.shape}; its new value has {value.shape}.")
        self._updates[state.name] = value.id

    def output(self, name: str, value: Tensor) -> None:
        """Declares a value that a run returns."""
        self._outputs[name] = self.tensor(value).id

    def finish(self) -> Graph:
        """Freezes the record. Nodes that no output or update needs are left out."""
        needed = {*self._outputs.values(), *self._updates.values()}
        kept = []
        for node in reversed(self._nodes):
            if needed.intersection(node.outputs):
                kept.append(node)
                needed.update(node.inputs)
        by_role: dict[str, dict[str, int]] = {"parameter": {}, "state": {}}
        for name, (variable, id) in self._variables.items():
            by_role[variable.role][name] = id
        return Graph(
            tuple(self._values),
            tuple(reversed(kept)),
            dict(self._inputs),
            by_role["parameter"],
            frozenset(name for name, (variable, _) in self._variables.items() if variable.trainable),
            by_role["state"],
            {id: array for id, array in self._constants.items() if id in needed},
            dict(self._outputs),
            dict(self._updates),
        )


def show_shape(shape: Sequence[Dim | None]) -> str:
    """Writes a shape as a person would read it.

    >>> show_shape(("batch", None, 3))
    '(batch, None, 3)'
    >>> show_shape((2,))
    '(2,)'
    """
    return "(" + ", ".join(map(str, shape)) + (",)" if len(shape) == 1 else ")")


def _substitute(shape: Shape, sizes: Mapping[str, Dim]) -> Shape:
    return tuple(sizes.get(dim, dim) if isinstance(dim, str) else dim for dim in shape)
