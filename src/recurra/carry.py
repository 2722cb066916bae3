"""Graphs of whole sequences made into graphs of pieces that carry states from one piece to the next.

Streaming runs pieces of one time step, truncated back-propagation through time pieces of many. Both work on the graph,
so they hold for every layer, a user's own included: each recurrence that runs along the time axis starts from a state
and leaves its last state there. Every other op must treat each time step alone; one that looks along the time axis (a
reversal, a sum over time) would give other numbers piece by piece, and `check_pieces` refuses it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from .errors import ArgumentError, ShapeError
from .graph import ABSENT, Graph, Node, Shape

__all__ = ["TIME", "Carried", "carry_states", "check_pieces", "prune", "refuse_fixed_lengths"]

TIME = "time"
"""The symbol of the axis that is cut."""

# Where each recurrent op takes its first states, and which of its outputs are the last ones.
_STATES = {
    "lstm": (((4, "h"), (5, "c")), (1, 2)),
    "gru": (((4, "h"),), (1,)),
    "simple_rnn": (((4, "h"),), (1,)),
}


@dataclass(frozen=True, slots=True)
class Carried:
    """What `carry_states` made.

    Attributes:
        graph: The graph that begins with the states that the piece before left.
        first: The graph of the first piece, which begins as the whole sequence does and leaves the same states. None
            where that is the same as starting with all new states at 0.
        states: The names of the new states: ``"<layer>/h"`` and for an LSTM ``"<layer>/c"``.
    """

    graph: Graph
    first: Graph | None
    states: tuple[str, ...]


def carry_states(graph: Graph) -> Carried:
    """Makes every recurrence along the time axis begin with a state and leave its last state there.

    States that are there already, those of stateful layers, stay as they are. No gradient flows into a state.

    Args:
        graph: One that `check_pieces` accepts. Its axis of time has the size ``"time"``.
    """
    values = list(graph.values)
    kept = set(graph.states.values())
    states: dict[str, int] = dict(graph.states)
    updates: dict[str, int] = dict(graph.updates)
    nodes: list[Node] = []
    made: list[str] = []
    given = False
    for node in graph.nodes:
        if node.op in _STATES and TIME in values[node.inputs[0]].shape:
            starts, lasts = _STATES[node.op]
            inputs = list(node.inputs)
            name = _unused(node.scope or node.op, [letter for _, letter in starts], {*graph.parameters, *states})
            for (at, letter), last in zip(starts, lasts, strict=True):
                if inputs[at] in kept:
                    continue
                given |= inputs[at] != ABSENT
                values.append(values[node.outputs[last]])
                inputs[at] = states[f"{name}/{letter}"] = len(values) - 1
                updates[f"{name}/{letter}"] = node.outputs[last]
                made.append(f"{name}/{letter}")
            node = replace(node, inputs=tuple(inputs))
        nodes.append(node)
    later = replace(graph, values=tuple(values), nodes=tuple(nodes), states=states, updates=updates)
    first = replace(graph, values=tuple(values), states=states, updates=updates) if given else None
    return Carried(later, first, tuple(made))


def prune(graph: Graph, outputs: Mapping[str, int]) -> Graph:
    """The part of a graph that gives these outputs and the new values of the states.

    Args:
        graph: A graph.
        outputs: Value ids by name; may be empty.

    Returns:
        A graph without the nodes, inputs and constants that nothing needs. Parameters and states all stay.
    """
    needed = {*outputs.values(), *graph.updates.values()}
    kept = []
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            kept.append(node)
            needed.update(node.inputs)
    return replace(
        graph,
        nodes=tuple(reversed(kept)),
        inputs={name: id for name, id in graph.inputs.items() if id in needed},
        constants={id: array for id, array in graph.constants.items() if id in needed},
        outputs=dict(outputs),
    )


@contextmanager
def refuse_fixed_lengths(model: str, what: str) -> Iterator[None]:
    """Around the tracing of a model whose axis of time has no size of its own: says so where a layer needs one.

    Args:
        model: The name of the model.
        what: What cannot be done then, such as ``"streamed"``.

    Raises:
        ArgumentError: The tracing met a `ShapeError`.
    """
    try:
        yield
    except ShapeError as error:
        raise ArgumentError(
            f"'{model}' cannot be {what}: axis 1 of its input is taken as time, of any number of steps, for which a "
            f"layer does not work. {error}"
        ) from error


def check_pieces(graph: Graph, what: str) -> None:
    """Refuses a graph whose results depend on where the sequence is cut.

    Args:
        graph: Of a model, without a loss. Its axis of time has the size ``"time"``.
        what: What cannot be done then, such as ``"streamed"``.

    Raises:
        ArgumentError: An op mixes time steps other than as a recurrence forward in time, or a result of the whole
            sequence, such as a last state, flows into the single steps.
    """
    whole: set[int] = set()  # values without a time axis that depend on all steps
    for node in graph.nodes:
        read = [id for id in node.inputs if id != ABSENT]
        shapes = [graph.values[id].shape for id in read]
        results = [graph.values[id].shape for id in node.outputs]
        where = f"The layer '{node.scope}'" if node.scope else "The model"
        if any(TIME in shape for shape in shapes):
            along = _ALONG_TIME.get(node.op, _never)
            mixes = any(
                TIME in shape and along(node.attributes, shape, shape.index(TIME), results[0]) for shape in shapes
            )
            if mixes or any(shape.count(TIME) > 1 for shape in results):
                raise ArgumentError(
                    f"{where} looks along the time axis ({node.op}), so the model cannot be {what}: its result for one "
                    f"piece of the sequence would depend on later steps, or on how many there are."
                )
        if whole.intersection(read) and any(TIME in shape for shape in results):
            raise ArgumentError(
                f"{where} gives each time step something that depends on the whole sequence ({node.op}), such as the "
                f"last state of another layer, so the model cannot be {what}."
            )
        if whole.intersection(read) or any(TIME in shape for shape in shapes):
            whole.update(id for id, shape in zip(node.outputs, results, strict=True) if TIME not in shape)


def _unused(scope: str, letters: Sequence[str], taken: Collection[str]) -> str:
    """A name like ``scope`` under which none of the states is known yet."""
    names = (scope, *(f"{scope}_{i}" for i in range(1, len(taken) + 2)))
    return next(name for name in names if not any(f"{name}/{letter}" in taken for letter in letters))


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
    "softmax_crossentropy": _last_axis,
    "take_along_last": _last_axis,
}
"""How to tell for an op whether it looks along the time axis; the ops that are not named never do."""
