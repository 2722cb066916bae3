"""Truncated back-propagation through time: a batch of long sequences is trained piece by piece.

Each batch is cut along the time axis. The states of the recurrent layers go from piece to piece as plain numbers, so
that gradients reach back to the beginning of their piece and no further, and each piece makes one update of the weights
(Williams and Peng 1990, "An efficient gradient-based algorithm for on-line training of recurrent network
trajectories", with as many steps forward as back). Memory is that of one piece.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..carry import TIME, Carried, carry_states, check_pieces, prune, refuse_fixed_lengths
from ..engines import Engine, Program
from ..errors import ArgumentError, NonFiniteError, ShapeError
from ..graph import Graph, show_shape
from .feeding import Samples
from .graphs import OutputPlan, Traced, has_time, trace_predict, trace_run

__all__ = ["Pieces"]

_WHAT = "trained with truncated_bptt_steps"


@dataclass(slots=True)
class _Sized:
    """What runs for one size of the batch.

    Attributes:
        batch: The size.
        states: The states that go from piece to piece.
        programs: By (whether the piece is only run forward, whether it is the first one); compiled when needed.
    """

    batch: int
    states: dict[str, np.ndarray]
    programs: dict[tuple[bool, bool], Program]


class Pieces:
    """What trains a model piece by piece.

    Args:
        model: A built and compiled model.
        plans: One for each of its outputs.
        weight_ranks: For each output the number of dimensions of its sample weights, or None for no weights.
        engine: What runs it.
        float_type: The float type of the weights.
        precision: One of `engines.PRECISIONS`.
        recompute: Whether a piece keeps less and makes it again.

    Attributes:
        traced: The graph of one piece before the states are carried; its ``reports`` are those of a batch.

    Raises:
        ArgumentError: The model mixes time steps other than as a recurrence forward in time, has no recurrent layer,
            or has both outputs with a time axis and outputs without.
    """

    def __init__(
        self,
        model: Any,
        plans: Sequence[OutputPlan],
        weight_ranks: Sequence[int | None],
        engine: Engine,
        float_type: np.dtype[Any],
        precision: str,
        recompute: bool,
    ) -> None:
        if not any(map(has_time, model.inputs)):
            raise ArgumentError(
                f"truncated_bptt_steps cuts sequences, but no input of '{model.name}' has a time axis. Leave it out."
            )
        with refuse_fixed_lengths(model.name, _WHAT):
            plain = trace_predict(model, pieces=True).graph
        check_pieces(plain, _WHAT)
        self._timed = _timed_outputs(model, plain, plans)
        self._optimizer = model.optimizer
        self._engine = engine
        self._float_type = float_type
        self._precision = precision
        self._recompute = recompute
        self.traced: Traced = trace_run(model, plans, True, weight_ranks, pieces=True)
        self._carried: Carried = carry_states(self.traced.graph)
        if not self._carried.graph.states:
            raise ArgumentError(
                f"truncated_bptt_steps carries the states of recurrent layers, but '{model.name}' has none that runs "
                f"along the time axis. Leave it out."
            )
        self._sized: dict[int, _Sized] = {}

    def length(self, samples: Samples) -> int:
        """How many time steps the sequences have.

        Raises:
            ShapeError: The inputs have different numbers of time steps.
        """
        graph = self.traced.graph
        lengths: dict[str, int] = {
            spec.label: samples.feeds[spec.feed].shape[1]
            for spec in self.traced.inputs
            if TIME in graph.values[graph.inputs[spec.feed]].shape
        }
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{label} has {length}" for label, length in lengths.items())
            raise ShapeError(f"truncated_bptt_steps needs inputs with equally many time steps: {shown}.")
        return next(iter(lengths.values()))

    def updates(self, length: int, steps: int) -> int:
        """How many updates of the weights a batch makes.

        Args:
            length: Time steps of its sequences.
            steps: Time steps of a piece.
        """
        return -(-length // steps) if self._timed else 1

    def train(
        self, samples: Samples, rows: np.ndarray | None, steps: int, between: Callable[[int], bool] | None = None
    ) -> dict[str, Any]:
        """Trains on one batch; the states start anew.

        Args:
            samples: The data.
            rows: The rows of the batch, or None for all.
            steps: Time steps of a piece.
            between: Called after each update with the number of them made in this batch; True ends the batch there.

        Returns:
            What an ordinary training step on the batch returns: the outputs by name, those of the pieces put together.

        Raises:
            NonFiniteError: The loss or a gradient of a piece became NaN or infinite. The weights are those after the
                piece before.
        """
        sized = self._of_size(len(samples) if rows is None else len(rows))
        for state in sized.states.values():
            state[...] = 0
        length = self.length(samples)
        if self._timed:
            return self._train_all(sized, samples, rows, length, steps, between)
        return self._train_end(sized, samples, rows, length, steps, between)

    def _train_all(
        self,
        sized: _Sized,
        samples: Samples,
        rows: np.ndarray | None,
        length: int,
        steps: int,
        between: Callable[[int], bool] | None,
    ) -> dict[str, Any]:
        total = _Total(self.traced)
        for made, start in enumerate(range(0, length, steps), 1):
            stop = min(start + steps, length)
            program = self._program(sized, False, start == 0)
            total.add(self._update(program, samples, rows, start, stop), stop - start)
            if between is not None and between(made):
                break
        return total.result()

    def _train_end(
        self,
        sized: _Sized,
        samples: Samples,
        rows: np.ndarray | None,
        length: int,
        steps: int,
        between: Callable[[int], bool] | None,
    ) -> dict[str, Any]:
        """The loss hangs on the last step: all pieces but the last are only run forward."""
        rest = length % steps
        starts = [*([0] if rest else []), *range(rest, length, steps)]
        step = self._optimizer.iterations + 1
        for start, stop in itertools.pairwise(starts):
            program = self._program(sized, True, start == 0)
            program.predict(self._cut(program, samples, start, stop), rows, step=step)
        outputs = self._update(self._program(sized, False, len(starts) == 1), samples, rows, starts[-1], length)
        if between is not None:
            between(1)
        return outputs

    def _update(
        self, program: Program, samples: Samples, rows: np.ndarray | None, start: int, stop: int
    ) -> dict[str, np.ndarray]:
        optimizer = self._optimizer
        feeds = self._cut(program, samples, start, stop)
        step = optimizer.iterations + 1
        try:
            outputs = program.train(feeds, rows, step=step, learning_rate=optimizer.learning_rate)
        except NonFiniteError as error:
            raise NonFiniteError(f"time steps {start} to {stop - 1}: {error}") from error
        optimizer.iterations = step
        return outputs

    def _cut(self, program: Program, samples: Samples, start: int, stop: int) -> dict[str, np.ndarray]:
        graph = program.graph
        return {
            name: samples.feeds[name][:, start:stop] if TIME in graph.values[id].shape else samples.feeds[name]
            for name, id in graph.inputs.items()
        }

    def _of_size(self, batch: int) -> _Sized:
        if batch not in self._sized:
            graph = self._carried.graph.bind({"batch": batch})
            shapes = {name: graph.values[graph.states[name]].shape for name in self._carried.states}
            states = {name: np.zeros([int(n) for n in shape], self._float_type) for name, shape in shapes.items()}
            self._sized[batch] = _Sized(batch, states, {})
        return self._sized[batch]

    def _program(self, sized: _Sized, ahead: bool, first: bool) -> Program:
        first = first and self._carried.first is not None
        found = sized.programs.get((ahead, first))
        if found is None:
            found = sized.programs[ahead, first] = self._compile(sized, ahead, first)
        return found

    def _compile(self, sized: _Sized, ahead: bool, first: bool) -> Program:
        carried = self._carried
        graph = carried.first if first and carried.first is not None else carried.graph
        graph = prune(graph, {} if ahead else graph.outputs).bind({"batch": sized.batch})
        arrays = {name: variable.value for name, variable in self.traced.variables.items()} | sized.states
        if ahead:
            return self._engine.compile(graph, arrays, precision=self._precision)
        return self._engine.compile(
            graph,
            arrays,
            self._optimizer.rule(),
            self._optimizer.slots,
            precision=self._precision,
            recompute=self._recompute,
        )


class _Total:
    """Puts the outputs of the pieces of a batch together into those of the batch."""

    def __init__(self, traced: Traced) -> None:
        self._traced = traced
        self._means = {
            report.value for report in traced.reports if report.count is None and report.value.startswith("metric/")
        }
        self._sum: defaultdict[str, float] = defaultdict(float)
        self._weight: defaultdict[str, float] = defaultdict(float)
        self._pieces = 0
        self._length = 0

    def add(self, outputs: Mapping[str, np.ndarray], length: int) -> None:
        """Adds the outputs of a piece of ``length`` time steps."""
        self._pieces += 1
        self._length += length
        counts = {part.name: part for part in self._traced.parts}
        for name, value in outputs.items():
            weight: float = length if name in self._means else 1
            part = counts.get(name)
            if part is not None and not part.summed:
                weight = length if part.count is None else float(outputs[part.count])
            self._sum[name] += float(value) * weight
            self._weight[name] += weight

    def result(self) -> dict[str, Any]:
        """The outputs of the batch, as far as something is reported of them."""
        total = self._sum
        result: dict[str, Any] = {name: total[name] for report in self._traced.reports for name in _sums(report)}
        result.update({name: total[name] / self._length for name in self._means})
        loss = total["piece/added"] + total["piece/penalty"] / self._pieces
        for part in self._traced.parts:
            weight = 1 if part.summed else self._weight[part.name]
            # Where nothing counted, as in a batch that is masked from end to end, the loss is 0.
            value = total[part.name] / weight if weight else 0.0
            loss += part.factor * value
            if part.report is not None:
                result[part.report] = value
        result["loss"] = loss
        return result


def _sums(report: Any) -> tuple[str, ...]:
    return () if report.count is None else (report.value, report.count)


def _timed_outputs(model: Any, graph: Graph, plans: Sequence[OutputPlan]) -> bool:
    """Whether the outputs with a loss or a metric have a time axis."""
    timed, whole = [], []
    for i, plan in enumerate(plans):
        if not plan.used:
            continue
        shape = graph.values[graph.outputs[f"output_{i}"]].shape
        if TIME not in shape:
            whole.append(plan.name)
            continue
        timed.append(plan.name)
        if shape.index(TIME) != 1 or plan.target_shape[1:2] != model.outputs[i].dims[1:2]:
            raise ArgumentError(
                f"The output '{plan.name}' and its targets cannot be cut into pieces: time must be axis 1 of both, "
                f"but the shapes are {show_shape(shape)} and {show_shape(plan.target_shape)}. Leave "
                f"truncated_bptt_steps out."
            )
    if timed and whole:
        raise ArgumentError(
            f"With truncated_bptt_steps the outputs must either all have a time axis or all have none: "
            f"{', '.join(timed)} has one, {', '.join(whole)} has none. Train them in models of their own, or leave "
            f"truncated_bptt_steps out."
        )
    return bool(timed)
