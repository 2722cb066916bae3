"""Turns the graph of a whole sequence into the graph of one step that carries states."""

from __future__ import annotations

from ..carry import TIME, carry_states, check_pieces
from ..errors import ArgumentError
from ..graph import Graph

__all__ = ["TIME", "step_graph"]


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
    check_pieces(graph, "streamed")
    carried = carry_states(graph)
    if carried.first is not None:
        raise ArgumentError(
            "A recurrent layer of this model is given an initial state, so it cannot be streamed: a session carries "
            "the states itself. Make the model without it and set the states with session.state = {...}."
        )
    return carried.graph.bind({TIME: 1, "batch": batch})
