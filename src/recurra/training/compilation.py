"""What `compile` was given, and what it means once the model's outputs are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import losses, metrics
from ..errors import ArgumentError, UnknownNameError
from ..registry import encode
from .graphs import OutputPlan

__all__ = ["CompileArguments", "plan_outputs"]


@dataclass(frozen=True, slots=True)
class CompileArguments:
    """The arguments of `compile`, as they were given, apart from the optimizer.

    Attributes:
        loss, loss_weights, metrics, weighted_metrics: One for all outputs, or a list or dict with one for each.
    """

    loss: Any = None
    loss_weights: Any = None
    metrics: Any = None
    weighted_metrics: Any = None

    def to_config(self) -> dict[str, Any]:
        """The arguments in a form JSON can hold.

        Raises:
            ArgumentError: One of them, such as a lambda, has no name to be found by again.
        """
        config = {}
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            try:
                config[name] = encode(getattr(self, name))
            except ArgumentError as error:
                raise ArgumentError(f"The argument {name} of compile cannot be saved. {error}") from None
        return config


def plan_outputs(arguments: CompileArguments, model: Any) -> list[OutputPlan]:
    """Finds the loss and the metrics of every output.

    Args:
        arguments: What `compile` was given.
        model: A built model: its ``outputs`` and ``output_names`` are looked at.

    Raises:
        UnknownNameError: A loss, a metric or an output does not exist.
        ArgumentError: A list has another length than there are outputs, or the same metric is there twice.
    """
    names = list(model.output_names)
    several = len(names) > 1
    found_losses = _per_output("loss", arguments.loss, names)
    factors = _per_output("loss_weights", arguments.loss_weights, names)
    plain = _per_output("metrics", arguments.metrics, names, nested=True)
    weighted = _per_output("weighted_metrics", arguments.weighted_metrics, names, nested=True)
    plans = []
    for i, (name, tensor) in enumerate(zip(names, model.outputs, strict=True)):
        loss = losses.get(found_losses[i])
        shape = tuple(tensor.dims)
        prefix = f"{name}_" if several else ""
        taken: set[str] = set()
        resolved = []
        for group in (plain[i], weighted[i]):
            named: dict[str, Any] = {}
            for identifier in group:
                metric = metrics.resolve(identifier, loss, shape)
                log_name = prefix + metric.name
                if log_name in taken or log_name == "loss":
                    raise ArgumentError(
                        f"Two numbers would be called '{log_name}'. Give the metric a name of its own, such as "
                        f"metrics.MeanSquaredError(name='mse_2')."
                    )
                taken.add(log_name)
                named[log_name] = metric
            resolved.append(named)
        decides = loss if loss is not None else next((m for group in resolved for m in group.values()), None)
        target_shape = shape if decides is None else tuple(decides.target_shape(shape))
        target_dtype = "float" if decides is None else decides.target_dtype
        factor = 1.0 if factors[i] is None else float(factors[i])
        plans.append(OutputPlan(name, loss, factor, resolved[0], resolved[1], target_shape, target_dtype))
    return plans


def _per_output(argument: str, value: Any, names: Sequence[str], nested: bool = False) -> list[Any]:
    """Spreads one argument over the outputs: a value (or, if nested, a list of values) for each."""
    if value is None:
        return [[] if nested else None for _ in names]
    if isinstance(value, Mapping) and "class_name" not in value:
        for key in value:
            if key not in names:
                raise UnknownNameError(f"output in the argument {argument} of compile:", key, names)
        return [_as_list(value.get(name)) if nested else value.get(name) for name in names]
    if len(names) == 1:
        if nested:
            return [_as_list(value)]
        if isinstance(value, (list, tuple)):
            if len(value) != 1:
                raise _wrong_length(argument, value, names)
            return [value[0]]
        return [value]
    if not isinstance(value, (list, tuple)):
        # One loss serves every output; one metric or factor for all would be a guess.
        if argument == "loss":
            return [value for _ in names]
        raise _wrong_length(argument, value, names)
    if len(value) != len(names):
        raise _wrong_length(argument, value, names)
    return [_as_list(item) if nested else item for item in value]


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    # Keras allows [["mae"]] for the only output as well.
    return [inner for item in items for inner in (item if isinstance(item, (list, tuple)) else [item])]


def _wrong_length(argument: str, value: Any, names: Sequence[str]) -> ArgumentError:
    return ArgumentError(
        f"The argument {argument} of compile must hold one entry for each output, as a list in the order "
        f"{', '.join(names)} or as a dict with these keys. Received: {value!r}."
    )
