"""Turns the graph of a whole sequence into the graph of one step that carries states.

It works on the graph, so it holds for every layer, a user's own included: each recurrent op that starts from zeros
starts from a state instead and leaves its last state there. Every other op must treat each time step alone; one that
looks along the time axis (a reversal, a sum over time) would give other numbers step by step, and is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import ArgumentError
from ..graph import ABSENT, Graph, Node, Shape, TensorSpec

__all__ = ["TIME", "step_graph"]

TIME = "time"

# Where each recurrent op takes its first states, and which of its outputs are the last ones.
_STATES = {
    "lstm": (((4, "h"), (5, "c")), (1, 2)),
    "gru": (((4, "h"),), (1,)),
    "simple_rnn": (((4, "h"),), (1,)),
}


def step_graph(graph: Graph, batch: int) -> Graph:
    """The graph of one step.

    Args:
        graph: For whole sequences: one input whose axis 1 has the size ``"time"``; the batch has the size
            ``"batch"``, or the number ``batch``.
        batch: Sequences side by side.

    Returns:
        The same graph for one time step, all sizes being numbers, with a state for each state of a recurrent op:
        ``"<layer>/h"`` and for an LSTM ``"<layer>/c"``.

    Raises:
        ArgumentError: An op looks along the time axis other than as a recurrence forward in time.
    """
    if graph.states:
        raise ArgumentError(
            "This model has stateful layers, which carry states between batches already. Make it with stateful=False "
            "to stream it; each session carries its own states."
        )
    values = list(graph.values)
    states: dict[str, int] = {}
    updates: dict[str, int] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        _check(node, values)
        if node.op in _STATES:
            node = _with_states(node, values, states, updates)
        nodes.append(node)
    stateful = replace(graph, values=tuple(values), nodes=tuple(nodes), states=states, updates=updates)
    return stateful.bind({TIME: 1, "batch": batch})


def _with_states(node: Node, values: list[TensorSpec], states: dict[str, int], updates: dict[str, int]) -> Node:
    starts, lasts = _STATES[node.op]
    inputs = list(node.inputs)
    scope = node.scope or node.op
    taken = {name.rpartition("/")[0] for name in states}
    unique = next(name for name in (scope, *(f"{scope}_{i}" for i in range(1, len(states) + 2))) if name not in taken)
    for (at, letter), last in zip(starts, lasts, strict=True):
        if inputs[at] != ABSENT:
            raise ArgumentError(
                f"The layer '{node.scope}' is given an initial state, so it cannot be streamed: a session carries the "
                f"states itself. Set them with session.state = {{...}} instead."
            )
        name = f"{unique}/{letter}"
        values.append(values[node.outputs[last]])
        inputs[at] = states[name] = len(values) - 1
        updates[name] = node.outputs[last]
    return replace(node, inputs=tuple(inputs))


def _check(node: Node, values: Sequence[TensorSpec]) -> None:
    """Refuses an op that mixes time steps."""
    axes = {_axis(values[id].shape) for id in node.inputs if id != ABSENT}
    if axes == {None}:
        return
    along = _ALONG_TIME.get(node.op, _never)
    for id in node.inputs:
        if id == ABSENT:
            continue
        shape = values[id].shape
        axis = _axis(shape)
        if axis is not None and along(node.attributes, shape, axis, values[node.outputs[0]].shape):
            where = f"The layer '{node.scope}'" if node.scope else "The model"
            raise ArgumentError(
                f"{where} looks along the time axis ({node.op}), so it cannot be streamed: its result for one step "
                f"would depend on later steps, or on how many there are."
            )


def _axis(shape: Shape) -> int | None:
    return shape.index(TIME) if TIME in shape else None


Attributes = Mapping[str, Any]


def _never(attributes: Attributes, shape: Shape, axis: int, result: Shape) -> bool:
    return False


def _last_axis(attributes: Attributes, shape: Shape, axis: int, result: Shape) -> bool:
    return axis == len(shape) - 1


def _named_axis(attributes: Attributes, shape: Shape, axis: int, result: Shape) -> bool:
    return bool(attributes["axis"] == axis)


def _reduced_axis(attributes: Attributes, shape: Shape, axis: int, result: Shape) -> bool:
    return axis in attributes["axes"]


def _backwards(attributes: Attributes, shape: Shape, axis: int, result: Shape) -> bool:
    return axis != 1 or bool(attributes["go_backwards"])


def _lost(attributes: Attributes, shape: Shape, axis: int, result: Shape) -> bool:
    return TIME not in result


_ALONG_TIME: dict[str, Callable[[Attributes, Shape, int, Shape], bool]] = {
    "argmax": _last_axis,
    "concatenate": _named_axis,
    "dense": _last_axis,
    "gru": _backwards,
    "log_softmax": _last_axis,
    "lstm": _backwards,
    "reduce_max": _reduced_axis,
    "reduce_mean": _reduced_axis,
    "reduce_sum": _reduced_axis,
    "reshape": _lost,
    "reverse": _named_axis,
    "simple_rnn": _backwards,
    "slice": _named_axis,
    "softmax": _last_axis,
    "take_along_last": _last_axis,
}
