"""The graphs of a model: for training, for testing (loss and metrics), for prediction, for training in pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .. import ops
from ..carry import TIME
from ..config import epsilon
from ..data.batching import FeedSpec
from ..graph import Graph, GraphBuilder, Shape, Tensor, Variable
from ..layers.tracing import trace_of
from .totals import Report

__all__ = ["LossPart", "OutputPlan", "Traced", "has_time", "trace_predict", "trace_run", "weighted_loss"]


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """What is computed from one output of a model.

    Attributes:
        name: The output's name.
        loss: The loss, or None where the output has none.
        loss_weight: Its factor in the total.
        metrics: Metrics that count every sample the same, by the name that logs call them.
        weighted_metrics: Metrics that use the sample weights.
        target_shape: The shape of the targets, with symbols.
        target_dtype: ``"float"`` or ``"int"``.
    """

    name: str
    loss: Any
    loss_weight: float
    metrics: dict[str, Any]
    weighted_metrics: dict[str, Any]
    target_shape: Shape
    target_dtype: str

    @property
    def used(self) -> bool:
        """Whether targets are needed at all."""
        return self.loss is not None or bool(self.metrics) or bool(self.weighted_metrics)


@dataclass(frozen=True, slots=True)
class LossPart:
    """How the losses of the pieces of a sequence, from one output of the model, make the loss of the whole.

    Attributes:
        name: The graph's output that holds the loss of one piece.
        count: The output that holds what the piece's mean was divided by. None: each time step weighs the same.
        summed: Whether the loss is a sum, so that the whole is the sum of the pieces, not a mean.
        factor: The weight of this loss in the total.
        report: What logs call it, or None where it is not reported by itself.
    """

    name: str
    count: str | None
    summed: bool
    factor: float
    report: str | None


@dataclass(frozen=True, slots=True)
class Traced:
    """A graph, the variables it reads, and what it takes and reports.

    Attributes:
        graph: The graph.
        variables: The variables it reads, by name.
        inputs, targets: What the feeds are, in the order of the model's inputs and of the outputs in use.
        reports: What it reports for each batch; empty for prediction.
        parts: For training in pieces: the losses of a piece; otherwise empty.
    """

    graph: Graph
    variables: dict[str, Variable]
    inputs: tuple[FeedSpec, ...]
    targets: tuple[FeedSpec, ...]
    reports: tuple[Report, ...]
    parts: tuple[LossPart, ...] = ()


def trace_predict(model: Any, pieces: bool = False) -> Traced:
    """Traces prediction: outputs ``"output_0"``, ``"output_1"``, ...

    Args:
        model: What has ``trace`` and ``inputs``.
        pieces: Whether the time axis gets the size `recurra.carry.TIME`, whatever the model's own says.
    """
    builder = GraphBuilder(training=False)
    specs, tensors = _inputs(builder, model, pieces)
    outputs, _ = model.trace(builder, tensors)
    for i, output in enumerate(outputs):
        builder.output(f"output_{i}", output)
    return Traced(builder.finish(), builder.variables, specs, (), ())


def trace_run(
    model: Any,
    plans: Sequence[OutputPlan],
    training: bool,
    weight_ranks: Sequence[int | None],
    pieces: bool = False,
) -> Traced:
    """Traces training or testing: the output ``"loss"`` and the metrics.

    Args:
        model: What has ``trace``, ``inputs`` and ``penalties``.
        plans: One for each output; at least one has a loss.
        training: For training; otherwise for testing.
        weight_ranks: For each output the number of dimensions of its sample weights: 1, 2, or None for no weights.
        pieces: Whether the graph is for pieces of a sequence. The time axis then has the size `recurra.carry.TIME`,
            whatever the model's own says; an output with that axis has targets with it; and there are outputs
            beside the reports: those of `Traced.parts`, ``"piece/added"`` for what layers added to the loss and
            ``"piece/penalty"`` for the regularizers of weights, where there are any.
    """
    builder = GraphBuilder(training=training)
    specs, tensors = _inputs(builder, model, pieces)
    outputs, masks = model.trace(builder, tensors)
    targets: list[FeedSpec] = []
    terms: list[Tensor] = []
    reports = [Report("loss", "loss")]
    several = len(plans) > 1
    metric_reports: list[Report] = []
    parts: list[LossPart] = []
    for i, (plan, output, mask, rank) in enumerate(zip(plans, outputs, masks, weight_ranks, strict=True)):
        if not plan.used:
            continue
        if pieces and TIME in output.shape:
            plan = replace(plan, target_shape=(plan.target_shape[0], TIME, *plan.target_shape[2:]))
        label = f"y['{plan.name}']" if several else "y"
        target_spec = FeedSpec(f"target_{i}", label, plan.target_shape, plan.target_dtype)
        targets.append(target_spec)
        target = builder.input(target_spec.feed, target_spec.shape, target_spec.dtype)
        weight = None if rank is None else builder.input(f"weight_{i}", target_spec.shape[:rank])
        if plan.loss is not None:
            with builder.scope("loss"):
                loss, count = _reduced(plan.loss, target, output, weight, mask)
                if pieces:
                    parts.append(_emit_part(builder, f"piece/{i}", plan, loss, count, several))
                if several:
                    name = f"{plan.name}_loss"
                    builder.output(name, loss)
                    reports.append(Report(name, name))
                terms.append(loss if plan.loss_weight == 1.0 else loss * plan.loss_weight)
        with builder.scope("metrics"):
            for metrics, factor in ((plan.metrics, None), (plan.weighted_metrics, weight)):
                for name, metric in metrics.items():
                    metric_reports.append(_emit_metric(builder, name, metric, target, output, factor, mask))
    with builder.scope("loss"):
        total = terms[0]
        penalties = model.penalties(builder)
        for term in (*terms[1:], *penalties):
            total = total + term
        if pieces:
            added = trace_of(builder).losses
            _emit_sum(builder, "piece/added", added)
            _emit_sum(builder, "piece/penalty", penalties[: len(penalties) - len(added)])
    builder.output("loss", total)
    everything = (*reports, *metric_reports)
    return Traced(builder.finish(), builder.variables, specs, tuple(targets), everything, tuple(parts))


def weighted_loss(loss: Any, target: Tensor, output: Tensor, weight: Tensor | None, mask: Tensor | None) -> Tensor:
    """Reduces the values of a loss to one number.

    With values v, weights w (1 where none are given) and mask m, the reduction ``"sum_over_batch_size"`` is
    mean(v w) over all values, and sum(v w m) / sum(m) where there is a mask; ``"sum"`` is sum(v w m);
    ``"mean_with_sample_weight"`` is sum(v w m) / sum(w m).
    """
    return _reduced(loss, target, output, weight, mask)[0]


def _reduced(
    loss: Any, target: Tensor, output: Tensor, weight: Tensor | None, mask: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """The loss, and what its sum was divided by, or None where that is the number of values or nothing."""
    reduction = loss.reduction
    values = loss.call(target, output)
    mask = _usable(mask, values)
    if mask is not None and reduction != "sum":
        values = _to_rank(values, mask.ndim)
    factors = [_expand(factor, values.ndim) for factor in (weight, mask) if factor is not None]
    product = values
    for factor in factors:
        product = product * factor
    if reduction == "sum":
        return ops.reduce_sum(product), None
    if reduction == "mean_with_sample_weight" and factors:
        count = ops.reduce_sum(_weights_of(values, factors))
        return ops.reduce_sum(product) / (count + epsilon()), count
    if reduction != "mean_with_sample_weight" and mask is not None:
        count = ops.reduce_sum(mask)
        return ops.reduce_sum(product) / (count + epsilon()), count
    return _mean(product), None


def _mean(values: Tensor) -> Tensor:
    """The mean of all. Values that are means themselves, all of equally many numbers, are not computed one by one."""
    numbers = values.builder.argument("reduce_mean", values)
    return ops.reduce_mean(values if numbers is None else numbers)


def _emit_part(
    builder: GraphBuilder, name: str, plan: OutputPlan, loss: Tensor, count: Tensor | None, several: bool
) -> LossPart:
    builder.output(f"{name}/loss", loss)
    if count is not None:
        builder.output(f"{name}/count", count)
    return LossPart(
        f"{name}/loss",
        None if count is None else f"{name}/count",
        plan.loss.reduction == "sum",
        plan.loss_weight,
        f"{plan.name}_loss" if several else None,
    )


def _emit_sum(builder: GraphBuilder, name: str, terms: Sequence[Tensor]) -> None:
    if terms:
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        builder.output(name, total)


def _emit_metric(
    builder: GraphBuilder,
    name: str,
    metric: Any,
    target: Tensor,
    output: Tensor,
    weight: Tensor | None,
    mask: Tensor | None,
) -> Report:
    values = metric.call(target, output)
    mask = _usable(mask, values)
    finish: Callable[[float], float] | None = getattr(metric, "finish", None)
    ranks = [factor.ndim for factor in (weight, mask) if factor is not None]
    key = f"metric/{name}"
    if not ranks:
        builder.output(key, ops.reduce_mean(values))
        return Report(name, key, None, finish)
    values = _to_rank(values, max(ranks))
    factors = [_expand(factor, values.ndim) for factor in (weight, mask) if factor is not None]
    weights = _weights_of(values, factors)
    builder.output(f"{key}/sum", ops.reduce_sum(values * weights))
    builder.output(f"{key}/count", ops.reduce_sum(weights))
    return Report(name, f"{key}/sum", f"{key}/count", finish)


def has_time(tensor: Any) -> bool:
    """Whether axis 1 of an input of a model is taken for time.

    It is where there is an axis of features behind it, where the input holds words or other indices, and where its size
    is not fixed. An input (batch, features) of fixed size is the same for all time steps.

    Args:
        tensor: A `KerasTensor`.
    """
    dims = tensor.dims
    return len(dims) > 2 or (len(dims) == 2 and (tensor.element == "int" or not isinstance(dims[1], int)))


def _inputs(builder: GraphBuilder, model: Any, pieces: bool = False) -> tuple[tuple[FeedSpec, ...], list[Tensor]]:
    several = len(model.inputs) > 1
    specs = tuple(
        FeedSpec(
            name,
            f"x['{name}']" if several else "x",
            (tensor.dims[0], TIME, *tensor.dims[2:]) if pieces and has_time(tensor) else tensor.dims,
            tensor.element,
        )
        for name, tensor in zip(model.input_names, model.inputs, strict=True)
    )
    return specs, [builder.input(spec.feed, spec.shape, spec.dtype) for spec in specs]


def _usable(mask: Tensor | None, values: Tensor) -> Tensor | None:
    """A mask says nothing about values that have no time axis any more."""
    return None if mask is None or mask.ndim > values.ndim else mask


def _to_rank(values: Tensor, rank: int) -> Tensor:
    """Means over the dimensions behind the first ``rank``."""
    return values if values.ndim <= rank else ops.reduce_mean(values, axes=range(rank, values.ndim))


def _expand(factor: Tensor, rank: int) -> Tensor:
    """Adds dimensions of size 1 at the end."""
    return factor if factor.ndim >= rank else ops.reshape(factor, (*factor.shape, *(1,) * (rank - factor.ndim)))


def _weights_of(values: Tensor, factors: Sequence[Tensor]) -> Tensor:
    """The product of the factors, in the shape of the values."""
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product if product.shape == values.shape else ops.broadcast_to(product, values.shape)
