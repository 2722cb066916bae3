"""What every engine offers: `Engine.compile` turns a graph into a `Program` that runs it."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from ..errors import ArgumentError, EngineError, NonFiniteError, UnknownNameError
from ..graph import Graph

__all__ = ["PRECISIONS", "Engine", "Program", "Stream", "UpdateRule"]

Feeds = Mapping[str, np.ndarray]

PRECISIONS = ("float32", "bf16x3", "bf16")
"""How float32 numbers enter matrix products: as they are, as sums of two bfloat16 numbers, or rounded to one."""


@dataclass(frozen=True)
class UpdateRule:
    """How a training step changes the parameters, in terms every engine implements.

    In the formulas p is a parameter, g its gradient after clipping, lr the learning rate, t the step (from 1).
    Before anything else each parameter decays: p <- p - lr * weight_decay * p.

    ``kind="sgd"``, constants ``momentum``, ``nesterov``, ``scaled`` (0 or 1), slot ``momentum`` (if momentum > 0)::

        momentum = 0:  p <- p - lr g
        scaled = 1 (Keras):          m <- momentum m - lr g;  p <- p + m   (nesterov: p + momentum m - lr g)
        scaled = 0 (TF.js, PyTorch): m <- momentum m + g;     p <- p - lr m (nesterov: p - lr (g + momentum m))

    ``kind="rmsprop"``, constants ``rho``, ``momentum``, ``epsilon``, ``centered``, slots ``velocity``,
    ``momentum`` (if momentum > 0), ``average`` (if centered)::

        v <- rho v + (1 - rho) g^2;  a <- rho a + (1 - rho) g
        d  = lr g / sqrt(v + epsilon)     (centered: v - a^2 + epsilon)
        m <- momentum m + d;  p <- p - m  (without momentum: p <- p - d)

    ``kind="adam"``, constants ``beta_1``, ``beta_2``, ``epsilon``, ``epsilon_hat`` (0 or 1), ``amsgrad``,
    slots ``momentum``, ``velocity``, ``velocity_max`` (if amsgrad)::

        m <- m + (g - m)(1 - beta_1);  v <- v + (g^2 - v)(1 - beta_2);  u = v  (amsgrad: u <- max(u, v))
        epsilon_hat = 1 (Keras):          p <- p - lr sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(u) + epsilon)
        epsilon_hat = 0 (TF.js, PyTorch): p <- p - lr / (1 - beta_1^t) * m / (sqrt(u) / sqrt(1 - beta_2^t) + epsilon)

    Attributes:
        kind: ``"sgd"``, ``"rmsprop"`` or ``"adam"``.
        constants: The numbers above, and ``weight_decay``.
        slots: The names of the arrays kept for each parameter; all start at 0.
        clipvalue: Each element of a gradient is limited to [-clipvalue, clipvalue], or None.
        clipnorm: Each gradient is scaled down to this Euclidean norm if it is larger, or None.
        global_clipnorm: All gradients together are scaled down to this norm if it is larger, or None.
    """

    kind: str
    constants: Mapping[str, float] = field(default_factory=dict)
    slots: tuple[str, ...] = ()
    clipvalue: float | None = None
    clipnorm: float | None = None
    global_clipnorm: float | None = None


class Program(abc.ABC):
    """A compiled graph. It reads and changes the very arrays given to `Engine.compile`.

    ``feeds`` maps each input's name to an array, float inputs in the program's float type and int inputs int32,
    each row of it C-contiguous: whole arrays, windows over a series, pieces ``array[:, 10:20]`` of sequences. With
    ``rows``, an int64 vector, the batch is ``array[rows]`` of each feed, gathered inside; without, the arrays are the
    batch.

    ``step`` numbers the training steps from 1; random ops draw from it.
    """

    graph: Graph

    @abc.abstractmethod
    def predict(self, feeds: Feeds, rows: np.ndarray | None = None, *, step: int = 0) -> dict[str, np.ndarray]:
        """Runs forward, applies the updates of states, and returns the outputs by name, as new arrays."""

    @abc.abstractmethod
    def gradients(
        self, feeds: Feeds, rows: np.ndarray | None = None, *, step: int = 0
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Returns the outputs and the gradient of the scalar output ``"loss"`` for each trainable parameter.

        Changes nothing: neither parameters nor states.
        """

    @abc.abstractmethod
    def train(
        self, feeds: Feeds, rows: np.ndarray | None = None, *, step: int, learning_rate: float
    ) -> dict[str, np.ndarray]:
        """One training step: forward, backward, clipping, update of parameters, slots and states.

        Returns the outputs, computed before the update.

        Raises:
            NonFiniteError: The loss or a gradient is NaN or infinite. Nothing was changed. The message names the
                first input, parameter or node (by scope and op) that held such a number.
        """

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
        """Several training steps on consecutive pieces of ``rows``, in one call of the engine where it can.

        Args:
            feeds: See `Program`.
            rows: int64 vector of ``len(learning_rates) * batch_size`` rows.
            batch_size: Rows of each step.
            step: Number of the first step.
            learning_rates: One for each step.
            seconds: The call returns after the first step that ends later than this. Default: no limit.

        Returns:
            For each output, which must be a number, an array with one entry for each step made (at least one).

        Raises:
            NonFiniteError: See `train`; its ``steps_made`` says how many steps were made before.
        """
        made: list[dict[str, np.ndarray]] = []
        end = perf_counter() + seconds
        for i, learning_rate in enumerate(learning_rates):
            piece = rows[i * batch_size : (i + 1) * batch_size]
            try:
                made.append(self.train(feeds, piece, step=step + i, learning_rate=learning_rate))
            except NonFiniteError as error:
                error.steps_made = i
                raise
            if perf_counter() >= end:
                break
        return {name: np.stack([outputs[name] for outputs in made]) for name in made[0]}


class Engine(abc.ABC):
    """A way of running graphs."""

    name: str

    @abc.abstractmethod
    def ops(self) -> frozenset[str]:
        """The ops the engine implements."""

    @abc.abstractmethod
    def compile(
        self,
        graph: Graph,
        arrays: Mapping[str, np.ndarray],
        rule: UpdateRule | None = None,
        slots: Mapping[str, Mapping[str, np.ndarray]] | None = None,
        precision: str = "float32",
        recompute: bool = False,
    ) -> Program:
        """Compiles a graph.

        Args:
            graph: May hold symbolic sizes; buffers are planned at the first run with each set of sizes.
            arrays: The array of each parameter and state, by name. Kept, read and changed in place.
            rule: How to update; needed for `Program.train`.
            slots: The rule's arrays: slot name, then parameter name. Changed in place.
            precision: One of `PRECISIONS`: of the operands of matrix products. Sums, and everything else, stay as
                they are. Default ``"float32"``: operands too.
            recompute: Training should keep less between the forward and the backward pass, and make it again. An
                engine may ignore it; no number changes. Default False.

        Raises:
            UnsupportedOpError: The graph holds an op this engine lacks.
            EngineError: The precision does not run here; see `precisions`.
        """

    def precisions(self) -> dict[str, str | None]:
        """Every one of `PRECISIONS` with None where it runs here, otherwise with the reason why not."""
        reason = "it needs the native engine; this one computes in the float type of the weights throughout"
        return {name: None if name == "float32" else reason for name in PRECISIONS}

    def need_precision(self, precision: str) -> None:
        """Checks that a precision runs here.

        Raises:
            UnknownNameError: There is none of that name.
            EngineError: It does not run here. The message says what is missing.
        """
        if precision not in PRECISIONS:
            raise UnknownNameError("precision", precision, PRECISIONS)
        reason = self.precisions()[precision]
        if reason is not None:
            raise EngineError(
                f"precision='{precision}' does not run on the {self.name} engine here: {reason}. "
                f"Use precision='float32'."
            )

    def stream(self, graph: Graph, parameters: Mapping[str, np.ndarray], precision: str = "float32") -> Stream:
        """Prepares a graph with one input and states for being run step by step.

        Args:
            graph: All its sizes are numbers.
            parameters: The array of each parameter. They must never change: what the engine makes of them is kept.
            precision: See `compile`.
        """
        return Stream(self, graph, parameters, precision)


class Stream:
    """A graph that many sessions run step by step, each with states of its own, all with the same weights."""

    def __init__(
        self, engine: Engine, graph: Graph, parameters: Mapping[str, np.ndarray], precision: str = "float32"
    ) -> None:
        engine.need_precision(precision)
        self.graph = graph
        self._engine = engine
        self._parameters = parameters
        self._precision = precision

    def session(
        self,
        states: Mapping[str, np.ndarray],
        convert: Callable[[Any], np.ndarray],
        shape: Sequence[int],
        outputs: Sequence[Sequence[int]],
    ) -> Callable[[Any, Any], Any]:
        """Returns a function that makes one step: of the input and ``out`` it makes the output, or a list of several.

        ``out`` is None, or where to write: an array, or a sequence of them for several outputs. Then it is returned.

        Args:
            states: The array of each state, C-contiguous. Each step reads and changes them in place.
            convert: Makes a C-contiguous array of the input's type with ``shape`` of whatever a step is given.
            shape: The shape that steps have from outside; the graph's may have an axis of time beside.
            outputs: The same for each output.
        """
        program = self._engine.compile(self.graph, {**self._parameters, **states}, precision=self._precision)
        ((name, id),) = self.graph.inputs.items()
        inner = tuple(int(dim) for dim in self.graph.values[id].shape)
        shapes = [tuple(of_output) for of_output in outputs]
        float_type = next(iter((*self._parameters.values(), *states.values()))).dtype
        kinds = [self.graph.values[id].dtype for id in self.graph.outputs.values()]
        types = [np.dtype(np.int32) if kind == "int" else float_type for kind in kinds]

        def step(x: Any, out: Any) -> Any:
            given = [out] if len(shapes) == 1 else out
            if out is not None:
                _check_targets(given, shapes, types)
            made = program.predict({name: convert(x).reshape(inner)}).values()
            ys = [y.reshape(of_output) for y, of_output in zip(made, shapes, strict=True)]
            if out is not None:
                for target, y in zip(given, ys, strict=True):
                    target[...] = y
                return out
            return ys[0] if len(ys) == 1 else ys

        return step


def _check_targets(given: Any, shapes: Sequence[tuple[int, ...]], types: Sequence[np.dtype[Any]]) -> None:
    fits = isinstance(given, (list, tuple)) and len(given) == len(shapes)
    for target, shape, dtype in zip(given, shapes, types, strict=True) if fits else ():
        fits = fits and (
            type(target) is np.ndarray
            and target.shape == shape
            and target.dtype == dtype
            and target.flags.c_contiguous
            and target.flags.writeable
        )
    if not fits:
        kind = "a writable C-contiguous array" if len(shapes) == 1 else "a list of such arrays"
        wanted = ", ".join(f"{shape} of {dtype}" for shape, dtype in zip(shapes, types, strict=True))
        raise ArgumentError(f"out must be {kind}, of shape {wanted}.")
