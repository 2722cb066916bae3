"""From the arguments of `fit`, `evaluate` and `predict` to feeds and the rows to take from them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..data.arguments import whole_number
from ..data.batching import (
    FeedSpec,
    check_lengths,
    check_sizes,
    class_weights,
    collect,
    convert,
    weights_feed,
)
from ..errors import ArgumentError, DataError
from .graphs import OutputPlan
from .order import order_of_pass

__all__ = ["Batches", "Samples", "batch_size_of", "fixed_batch_size", "prepare", "split", "split_point"]


@dataclass(frozen=True, slots=True)
class Samples:
    """Converted data: full arrays and the part of them that is meant.

    Attributes:
        feeds: An array for each input of the graph.
        start, stop: The rows that are meant.
        weight_ranks: For each output the dimensions of its sample weights, or None.
    """

    feeds: dict[str, np.ndarray]
    start: int
    stop: int
    weight_ranks: tuple[int | None, ...]

    def __len__(self) -> int:
        return self.stop - self.start


def prepare(
    model: Any,
    plans: Sequence[OutputPlan] | None,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    *,
    float_type: np.dtype[Any],
    held_out: float = 0.0,
    prefix: str = "",
) -> Samples:
    """Checks and converts data for a model.

    Args:
        model: A built model.
        plans: One for each output; None for prediction, which needs no targets.
        x, y, sample_weight, class_weight: As given to `fit`.
        float_type: The engine's float type.
        held_out: The part at the end that will be split off for validation; classes have no weight there.
        prefix: Put before the names of the arguments in messages, such as ``"validation "``.

    Raises:
        DataError, ShapeError: The data cannot be used.
    """
    several = len(model.inputs) > 1
    names = list(model.input_names)
    ranks = [len(tensor.dims) for tensor in model.inputs]
    specs = [
        FeedSpec(name, f"{prefix}x['{name}']" if several else f"{prefix}x", tensor.dims, tensor.element)
        for name, tensor in zip(names, model.inputs, strict=True)
    ]
    items = collect(x, names, ranks, f"{prefix}x")
    feeds = {spec.feed: convert(item, spec, float_type) for spec, item in zip(specs, items, strict=True)}
    labelled = {spec.label: feeds[spec.feed] for spec in specs}
    if plans is None:
        samples = check_lengths(labelled)
        check_sizes(specs, feeds)
        return Samples(feeds, 0, samples, ())
    if y is None:
        raise DataError(f"{prefix}y is missing: the loss compares the output with it. Give one entry per sample.")
    labelled.update(_targets(y, plans, prefix, float_type, specs, feeds))
    samples = check_lengths(labelled)
    check_sizes(specs, feeds)
    if class_weight is not None and len(plans) > 1:
        raise ArgumentError("class_weight needs a model with one output. Give sample_weight for each output instead.")
    given = _weight_per_output(sample_weight, [plan.name for plan in plans], f"{prefix}sample_weight")
    trained = samples if not held_out else split_point(samples, held_out)
    weight_ranks: list[int | None] = [None] * len(plans)
    for i, plan in enumerate(plans):
        if plan.used:
            label = f"{prefix}sample_weight" + (f"['{plan.name}']" if len(plans) > 1 else "")
            rank, target = len(model.outputs[i].dims), feeds[f"target_{i}"]
            weight = _weight(given[i], class_weight, plan, target, rank, trained, label, float_type)
            if weight is not None:
                feeds[f"weight_{i}"] = weight
                weight_ranks[i] = weight.ndim
    return Samples(feeds, 0, samples, tuple(weight_ranks))


def _targets(
    y: Any,
    plans: Sequence[OutputPlan],
    prefix: str,
    float_type: np.dtype[Any],
    specs: list[FeedSpec],
    feeds: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    used = [(i, plan) for i, plan in enumerate(plans) if plan.used]
    names = [plan.name for plan in plans]
    if isinstance(y, Mapping) or len(plans) == 1:
        parts = collect(y, [plan.name for _, plan in used], [len(p.target_shape) for _, p in used], f"{prefix}y")
        items = {i: part for (i, _), part in zip(used, parts, strict=True)}
    else:
        items = dict(enumerate(collect(y, names, [len(plan.target_shape) for plan in plans], f"{prefix}y")))
    labelled = {}
    for i, plan in used:
        label = f"{prefix}y['{plan.name}']" if len(plans) > 1 else f"{prefix}y"
        spec = FeedSpec(f"target_{i}", label, plan.target_shape, plan.target_dtype)
        specs.append(spec)
        labelled[label] = feeds[spec.feed] = convert(items[i], spec, float_type)
    return labelled


def _weight(
    given: Any,
    class_weight: Any,
    plan: OutputPlan,
    target: np.ndarray,
    output_rank: int,
    trained: int,
    label: str,
    float_type: np.dtype[Any],
) -> np.ndarray | None:
    """The weights of one output: what was given for samples times what was given for classes, or None."""
    factors = []
    if given is not None:
        steps = int(target.shape[1]) if output_rank >= 3 else None
        factors.append(weights_feed(given, len(target), steps, label, float_type))
    if class_weight is not None:
        one_hot = plan.target_dtype == "float" and target.ndim > 1 and target.shape[-1] > 1
        factor = class_weights(class_weight, target, target.shape[-1] if one_hot else None, float_type)
        factor[trained:] = 1.0
        factors.append(factor)
    if len(factors) < 2:
        return factors[0] if factors else None
    rank = max(factor.ndim for factor in factors)
    first, second = (factor if factor.ndim == rank else factor[:, None] for factor in factors)
    return np.ascontiguousarray(first * second)


def _weight_per_output(value: Any, names: Sequence[str], label: str) -> list[Any]:
    if value is None or len(names) == 1:
        if isinstance(value, Mapping):
            return collect(value, names, [1], label)
        return [value] * len(names)
    if isinstance(value, Mapping):
        collect({name: 0 for name in names} | dict(value), names, [1] * len(names), label)
        return [value.get(name) for name in names]
    if isinstance(value, (list, tuple)) and len(value) == len(names) and not all(np.ndim(item) == 0 for item in value):
        return list(value)
    return [value] * len(names)


def split(samples: Samples, fraction: float) -> tuple[Samples, Samples]:
    """Sets the last part aside for validation.

    Args:
        samples: All of them.
        fraction: The part for validation, between 0 and 1.

    Raises:
        ArgumentError: The fraction is outside, or one of the parts would be empty.
    """
    at = samples.start + split_point(len(samples), fraction)
    return replace(samples, stop=at), replace(samples, start=at)


def split_point(count: int, fraction: float) -> int:
    """How many of ``count`` samples come before the part set aside. Raises as `split` does.

    >>> split_point(10, 0.25)
    7
    """
    if not 0.0 < fraction < 1.0:
        raise ArgumentError(f"validation_split must lie between 0 and 1, received {fraction}.")
    at = math.floor(count * (1.0 - fraction))
    if at in (0, count):
        raise ArgumentError(
            f"validation_split={fraction} of {count} samples leaves nothing to "
            f"{'train on' if at == 0 else 'validate on'}. Give more data or another fraction."
        )
    return at


def fixed_batch_size(model: Any) -> int | None:
    """The batch size that a model was made for, or None where any will do."""
    return next((int(tensor.dims[0]) for tensor in model.inputs if isinstance(tensor.dims[0], int)), None)


def batch_size_of(model: Any, batch_size: int | None, samples: int, what: str) -> int:
    """The batch size of a run: what was asked for, otherwise the model's fixed one, otherwise 32.

    Args:
        model: A built model; stateful ones have a fixed batch size.
        batch_size: As given by the user.
        samples: How many samples there are.
        what: What runs, such as ``"fit"``.

    Raises:
        ArgumentError: It is no positive number, or does not fit the fixed one.
        DataError: The samples are no whole number of fixed batches.
    """
    size = None if batch_size is None else whole_number("batch_size", batch_size)
    fixed = fixed_batch_size(model)
    if fixed is None:
        return 32 if size is None else size
    if size is not None and size != fixed:
        raise ArgumentError(
            f"The model has the fixed batch size {fixed}, but {what} received batch_size={batch_size}. Leave it "
            f"out, or make the model for that size."
        )
    if samples % fixed:
        raise DataError(
            f"The model has the fixed batch size {fixed}, so {what} needs a multiple of {fixed} samples, received "
            f"{samples}. Leave out {samples % fixed} of them, or make the model for another batch size."
        )
    return fixed


class Batches:
    """The rows of each batch, epoch after epoch.

    Args:
        samples: What to go through.
        size: Rows a batch; the last batch of a pass may be smaller.
        shuffle: Whether each pass has a new order, drawn from `recurra.random.generator`. Default False.
        steps: Batches an epoch; the next epoch then goes on where this one ended. Default: one whole pass.

    Attributes:
        steps: Batches an epoch.

    Example:

    >>> batches = Batches(Samples({}, 0, 5, ()), size=2)
    >>> [rows.tolist() for rows in batches.epoch()]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, samples: Samples, size: int, shuffle: bool = False, steps: int | None = None) -> None:
        self._samples = samples
        self._size = size
        self._shuffle = shuffle
        # Made of what a pass needs, not of this very object: that would make a circle, in which the order of all rows
        # outlives the run.
        self._endless = None if steps is None else _forever(samples, size, shuffle)
        self._left: tuple[np.ndarray, int] = (np.zeros(0, np.int64), size)  # of the present pass, with `steps`
        self.steps = -(-len(samples) // size) if steps is None else steps

    def epoch(self) -> Iterator[np.ndarray]:
        """The rows of each batch of the next epoch."""
        for rows, size in self.runs(most=1):
            for start in range(0, len(rows), size):
                yield rows[start : start + size].astype(np.int64)

    def runs(self, most: int | None = None) -> Iterator[tuple[np.ndarray, int]]:
        """The rows of the next epoch as runs of batches of one size: (rows, size), a smaller last batch by itself.

        Rows may be in four bytes here; engines take them in eight.

        Args:
            most: Batches a run, where epochs have ``steps``. Where an epoch is left early, the next one goes on after
                the run it was left in. Default: as many as lie together.

        Example:

        >>> batches = Batches(Samples({}, 0, 5, ()), size=2)
        >>> [(rows.tolist(), size) for rows, size in batches.runs()]
        [([0, 1, 2, 3], 2), ([4], 1)]
        """
        if self._endless is None:
            yield from order_of_pass(self._samples.start, self._samples.stop, self._size, self._shuffle)
            return
        wanted = self.steps
        while wanted:
            rows, size = self._left if len(self._left[0]) else next(self._endless)
            taken = rows[: min(wanted, most or wanted) * size]
            self._left = rows[len(taken) :], size
            wanted -= len(taken) // size
            yield taken, size


def _forever(samples: Samples, size: int, shuffle: bool) -> Iterator[tuple[np.ndarray, int]]:
    while True:
        yield from order_of_pass(samples.start, samples.stop, size, shuffle)
