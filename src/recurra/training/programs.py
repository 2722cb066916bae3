"""The programs of one model: traced and compiled at their first use, made anew when the model has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import engines
from ..engines import Engine, Program
from ..errors import ArgumentError
from .compilation import CompileArguments, plan_outputs
from .feeding import Samples, fixed_batch_size, prepare
from .graphs import OutputPlan, Traced, trace_predict, trace_run
from .pieces import Pieces

__all__ = ["Compiled", "Programs"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A traced graph and the program an engine made of it."""

    traced: Traced
    program: Program
    engine: Engine
    precision: str
    recompute: bool


class Programs:
    """What a model runs.

    Args:
        model: The model. It need not be built yet.
        arguments: What `compile` was given; empty for a model that only predicts.
        engine: The engine to use. None: decided when a program is made, numpy for float64 weights, otherwise the
            default one.

    Attributes:
        arguments: What `compile` was given.
        precision: One of `engines.PRECISIONS`. May be changed at any time.
        recompute: Whether training keeps less and makes it again. May be changed at any time.
        float_type: The float type of the weights.
    """

    def __init__(self, model: Any, arguments: CompileArguments, engine: Engine | None = None) -> None:
        self.arguments = arguments
        self.precision = "float32"
        self.recompute = False
        self._model = model
        self._engine = engine
        self._plans: list[OutputPlan] | None = None
        self._compiled: dict[tuple[Any, ...], Compiled] = {}
        self._pieces: dict[tuple[Any, ...], Pieces] = {}
        self._weights: tuple[Any, ...] = ()
        self.float_type: np.dtype[Any] = np.dtype(np.float32)

    def refresh(self) -> Programs:
        """Forgets what was made for a model that has changed since: layers were added, or frozen.

        To be called once in every method of the model that uses the programs; looking at all weights takes time.
        """
        weights = tuple((weight, weight.trainable) for weight in self._model.weights)
        if weights != self._weights:
            self._weights = weights
            self._plans = None
            self._compiled, self._pieces = {}, {}
            wide = any(weight.value.dtype == np.float64 for weight, _ in weights)
            self.float_type = np.dtype(np.float64 if wide else np.float32)
        return self

    def forget(self) -> None:
        """Forgets what was made, because the layers are others now; they may have the same weights."""
        self._weights, self._plans, self._compiled, self._pieces = (), None, {}, {}

    @property
    def engine(self) -> Engine:
        """What runs the model: what `compile` was given, numpy for float64 weights, otherwise the default engine."""
        if self._engine is not None:
            return self._engine
        return engines.get("numpy") if self.float_type == np.float64 else engines.default()

    @property
    def plans(self) -> list[OutputPlan]:
        """What is computed from each output of the model, which must be built."""
        if self._plans is None:
            self._plans = plan_outputs(self.arguments, self._model)
        return self._plans

    @property
    def metric_names(self) -> list[str]:
        """The names of all that is reported, in order."""
        plans = self.plans
        names = ["loss"]
        if len(plans) > 1:
            names += [f"{plan.name}_loss" for plan in plans if plan.loss is not None]
        return names + [name for plan in plans for name in (*plan.metrics, *plan.weighted_metrics)]

    def inputs(self, x: Any) -> Samples:
        """Converts data for prediction."""
        return prepare(self._model, None, x, float_type=self.float_type)

    def samples(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: Any = None,
        held_out: float = 0.0,
        prefix: str = "",
    ) -> Samples:
        """Converts data for training or testing. See `feeding.prepare`.

        Raises:
            ArgumentError: The model has no loss.
        """
        plans = self.plans
        if all(plan.loss is None for plan in plans):
            raise ArgumentError("No output has a loss. Give compile one, such as loss='mse'.")
        return prepare(
            self._model,
            plans,
            x,
            y,
            sample_weight,
            class_weight,
            float_type=self.float_type,
            held_out=held_out,
            prefix=prefix,
        )

    def one_batch(self, samples: Samples, what: str) -> Samples:
        """Checks that the samples make one batch of a model of fixed batch size.

        Raises:
            ArgumentError: They are more or fewer.
        """
        fixed = fixed_batch_size(self._model)
        if fixed not in (None, len(samples)):
            raise ArgumentError(
                f"The model has the fixed batch size {fixed}, so {what} needs {fixed} samples, received {len(samples)}."
            )
        return samples

    def get(self, kind: str, weight_ranks: tuple[int | None, ...] = ()) -> Compiled:
        """The program of a kind.

        Args:
            kind: ``"train"``, ``"test"`` or ``"predict"``.
            weight_ranks: For each output the number of dimensions of its sample weights, or None for no weights.
        """
        model = self._model
        engine = self.engine
        key = (kind, weight_ranks, engine.name, self.precision, self.recompute)
        found = self._compiled.get(key)
        if found is None:
            traced = trace_predict(model) if kind == "predict" else self._trace(kind == "train", weight_ranks)
            arrays = {name: variable.value for name, variable in traced.variables.items()}
            if kind == "train":
                optimizer = model.optimizer
                optimizer.build(model.trainable_weights)
                program = engine.compile(
                    traced.graph,
                    arrays,
                    optimizer.rule(),
                    optimizer.slots,
                    precision=self.precision,
                    recompute=self.recompute,
                )
            else:
                program = engine.compile(traced.graph, arrays, precision=self.precision)
            found = self._compiled[key] = Compiled(traced, program, engine, self.precision, self.recompute)
        return found

    def pieces(self, weight_ranks: tuple[int | None, ...] = ()) -> Pieces:
        """What trains piece by piece along time.

        Args:
            weight_ranks: As for `get`.

        Raises:
            ArgumentError: The model cannot be trained so.
        """
        model, engine = self._model, self.engine
        key = (weight_ranks, engine.name, self.precision, self.recompute)
        if key not in self._pieces:
            model.optimizer.build(model.trainable_weights)
            self._pieces[key] = Pieces(
                model, self.plans, weight_ranks, engine, self.float_type, self.precision, self.recompute
            )
        return self._pieces[key]

    def _trace(self, training: bool, weight_ranks: tuple[int | None, ...]) -> Traced:
        return trace_run(self._model, self.plans, training, weight_ranks)
