"""How an op is declared: its shape rule is registered, its public function emits it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import ArgumentError, ShapeError
from ..graph import RULES, Dim, GraphBuilder, Rule, Shape, Tensor, TensorSpec, show_shape

Specs = Sequence[TensorSpec | None]
Attributes = Mapping[str, Any]


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Registers the decorated function as the shape rule of the named ops."""

    def register(function: Rule) -> Rule:
        for name in names:
            RULES[name] = function
        return function

    return register


def emit(op: str, *inputs: Any, **attributes: Any) -> tuple[Tensor, ...]:
    """Emits ``op`` into the builder that the first symbolic tensor among ``inputs`` belongs to."""
    for value in inputs:
        if isinstance(value, Tensor):
            builder: GraphBuilder = value.builder
            return builder.emit(op, inputs, **attributes)
    raise ArgumentError(
        f"ops.{op} works on symbolic tensors, but none of its inputs is one: received "
        f"{', '.join(type(value).__name__ for value in inputs)}. Call it inside a layer or a loss, or make an "
        f"input with recurra.graph.GraphBuilder().input(name, shape)."
    )


def need(spec: TensorSpec | None, op: str, name: str, rank: int | None = None, dtype: str = "float") -> TensorSpec:
    """Checks one input of an op and returns its spec."""
    if spec is None:
        raise ArgumentError(f"ops.{op} needs the input '{name}'.")
    if spec.dtype != dtype:
        raise ArgumentError(
            f"ops.{op}: the input '{name}' must hold {dtype} values, received {spec.dtype}. Use ops.cast."
        )
    if rank is not None and len(spec.shape) != rank:
        raise ShapeError(
            f"ops.{op}: the input '{name}' must have {rank} dimensions, received {show_shape(spec.shape)}."
        )
    return spec


def same_dim(a: Dim, b: Dim) -> bool:
    """Whether two dimensions are known to be equal."""
    return a == b


def expect(spec: TensorSpec | None, op: str, name: str, shape: Shape, dtype: str = "float") -> None:
    """Checks that an input, where given, has exactly the shape that follows from the others."""
    if spec is not None and (spec.shape != shape or spec.dtype != dtype):
        raise ShapeError(
            f"ops.{op}: the input '{name}' must have shape {show_shape(shape)} and hold {dtype} values, "
            f"received {show_shape(spec.shape)} with {spec.dtype} values."
        )


def normal_axis(op: str, axis: int, rank: int) -> int:
    """Turns a negative axis into the one it means."""
    if not -rank <= axis < rank:
        raise ArgumentError(f"ops.{op}: axis {axis} does not exist in a tensor of {rank} dimensions.")
    return axis % rank
