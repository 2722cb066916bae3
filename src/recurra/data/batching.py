"""User data to feeds: contiguous arrays of the right type and shape, converted once per fit.

Everything a person may hand to `fit` or `predict` (numpy arrays, nested lists, data frames, tuples or dicts of
them) passes through here, and everything that cannot be used is refused here, in the words of the person who
gave it: arguments are named ``x``, ``y`` and ``sample_weight``, not after the graph's inputs.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError, ShapeError, UnknownNameError
from ..graph import Dim, show_shape

__all__ = [
    "FeedSpec",
    "check_lengths",
    "check_sizes",
    "class_weights",
    "collect",
    "convert",
    "data_shape",
    "number_array",
    "to_type",
    "weights_feed",
]


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """What one input of a graph takes.

    Attributes:
        feed: The name of the graph's input, such as ``"target_0"``.
        label: What messages call it, such as ``"y"`` or ``"x['price']"``.
        shape: The shape with the batch first; numbers, or symbols for sizes that the data decide.
        dtype: ``"float"`` or ``"int"``.
    """

    feed: str
    label: str
    shape: tuple[Dim, ...]
    dtype: str = "float"


def collect(data: Any, names: Sequence[str], ranks: Sequence[int], label: str) -> list[Any]:
    """Splits what the user gave into one item for each name.

    Args:
        data: One array-like where there is one name; otherwise a list or tuple in the order of ``names``, or a
            dict by name.
        names: The names of the model's inputs or outputs.
        ranks: How many dimensions each of them has. It tells ``[array]``, a list of one input, from data.
        label: What messages call the argument, ``"x"`` or ``"y"``.

    Raises:
        UnknownNameError: A key of the dict is no name.
        DataError: An item is missing, or there are too many.

    Example:

    >>> collect({"b": [2], "a": [1]}, ["a", "b"], [1, 1], "x")
    [[1], [2]]
    """
    if isinstance(data, Mapping):
        for key in data:
            if key not in names:
                raise UnknownNameError(f"key of {label}", key, names)
        missing = [name for name in names if name not in data]
        if missing:
            raise DataError(f"{label} lacks {', '.join(map(repr, missing))}. Expected the keys: {', '.join(names)}.")
        return [data[name] for name in names]
    if len(names) == 1:
        if isinstance(data, (list, tuple)) and len(data) == 1 and np.ndim(_as_array(data[0], label)) >= ranks[0]:
            return [data[0]]
        return [data]
    if not isinstance(data, (list, tuple)) or len(data) != len(names):
        received = f"{len(data)} of them" if isinstance(data, (list, tuple)) else f"one {type(data).__name__}"
        raise DataError(
            f"{label} must hold {len(names)} arrays, as a list or tuple in the order {', '.join(names)}, or as a "
            f"dict with these keys. Received: {received}."
        )
    return list(data)


def data_shape(value: Any, label: str = "x") -> tuple[int, ...]:
    """The shape of an array-like, for a model that takes its input shape from the data.

    >>> data_shape([[1, 2, 3], [4, 5, 6]])
    (2, 3)
    """
    return _as_array(value, label).shape


def convert(value: Any, spec: FeedSpec, float_type: np.dtype[Any] | type = np.float32) -> np.ndarray:
    """Turns one array-like into an array of the spec's type and shape, each row of which is contiguous.

    An array that already fits is returned as it is, not copied: sliding windows over a series (`sliding_windows`)
    and memory-mapped files stay what they are. Where it is unambiguous a missing or superfluous
    dimension of size 1 is mended: ``(n,)`` for ``(n, 1)``; ``(batch, time)`` for ``(batch, time, 1)``;
    ``(batch, features)`` for ``(batch, 1, features)``; ``(n, 1)`` for ``(n,)``.

    Args:
        value: Numbers, as an array, nested lists, or anything with ``to_numpy()`` such as a data frame.
        spec: What is wanted.
        float_type: The engine's float type. Default float32.

    Raises:
        ShapeError: The shape does not fit.
        DataError: The values are no numbers, are too large for the type, or there are none.

    Example:

    >>> convert([1.0, 2.0], FeedSpec("target_0", "y", ("batch", 1)))
    array([[1.],
           [2.]], dtype=float32)
    """
    array = number_array(value, spec.label)
    if array.size == 0:
        lacking = "sample" if array.shape[0] == 0 else "number along each axis"
        raise DataError(f"{spec.label} is empty: it has shape {show_shape(array.shape)}. Give at least one {lacking}.")
    return to_type(_fit_shape(array, spec), spec.label, np.dtype(np.int32 if spec.dtype == "int" else float_type))


def number_array(value: Any, label: str) -> np.ndarray:
    """An array-like as the array it is, of whatever numbers.

    Args:
        value: Numbers, as an array, nested lists, or anything with ``to_numpy()``.
        label: What messages call it.

    Raises:
        ShapeError: Nested lists of different lengths.
        DataError: These are no numbers.

    >>> number_array([[1, 2]], "x").shape
    (1, 2)
    """
    array = _as_array(value, label)
    if array.dtype.kind not in "fiub":
        raise DataError(_not_numbers(array, label))
    return array


def to_type(array: np.ndarray, label: str, dtype: np.dtype[Any]) -> np.ndarray:
    """An array of numbers as one of int32 or of a float type, each row of which is contiguous.

    Raises:
        DataError: A number does not fit: it is too large, or is not whole where indices are wanted.

    >>> to_type(np.array([1.5]), "x", np.dtype(np.int32))
    Traceback (most recent call last):
    ...
    recurra.errors.DataError: x must hold whole numbers (class labels or indices), received 1.5.
    """
    return _to_int(array, label) if dtype.kind == "i" else _to_float(array, label, dtype)


def check_lengths(labelled: Mapping[str, np.ndarray]) -> int:
    """Checks that all arrays hold equally many samples and returns how many.

    >>> check_lengths({"x": np.zeros((3, 2)), "y": np.zeros(4)})
    Traceback (most recent call last):
    ...
    recurra.errors.DataError: The arrays hold different numbers of samples: x has 3, y has 4. Each sample of x \
needs its own entry in the others.
    """
    lengths = {label: len(array) for label, array in labelled.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{label} has {length}" for label, length in lengths.items())
        raise DataError(
            f"The arrays hold different numbers of samples: {shown}. Each sample of {next(iter(lengths))} needs "
            f"its own entry in the others."
        )
    return next(iter(lengths.values()))


def check_sizes(specs: Sequence[FeedSpec], feeds: Mapping[str, np.ndarray]) -> None:
    """Checks that the arrays agree about every symbol other than the batch, such as ``"time"``.

    Raises:
        ShapeError: Two arrays disagree.
    """
    found: dict[str, tuple[int, str]] = {}
    for spec in specs:
        for dim, size in zip(spec.shape[1:], feeds[spec.feed].shape[1:], strict=True):
            if isinstance(dim, str):
                known, origin = found.setdefault(dim, (size, spec.label))
                if known != size:
                    raise ShapeError(
                        f"The arrays disagree about the size '{dim}': {origin} has {known}, {spec.label} has {size}. "
                        f"Shapes: {spec.label} {show_shape(feeds[spec.feed].shape)}, expected {show_shape(spec.shape)}."
                    )


def weights_feed(
    value: Any, samples: int, steps: int | None, label: str, float_type: np.dtype[Any] | type = np.float32
) -> np.ndarray:
    """Checks sample weights and converts them.

    Args:
        value: One weight for each sample, ``(batch,)`` or ``(batch, 1)``; where ``steps`` is given also one for each
            time step, ``(batch, time)``.
        samples: How many samples there are.
        steps: How many time steps the model's output has, or None where it has no time axis.
        label: What messages call it.
        float_type: The engine's float type. Default float32.

    Raises:
        ShapeError: The shape is another.
        DataError: A weight is negative, NaN or infinite.

    Example:

    >>> weights_feed([1, 0.5], 2, None, "sample_weight")
    array([1. , 0.5], dtype=float32)
    """
    array = number_array(value, label)
    if array.ndim == 2 and array.shape[1] == 1 and steps != 1:
        array = array[:, 0]
    if array.shape != (samples,) and (steps is None or array.shape != (samples, steps)):
        per_step = "" if steps is None else f", or {show_shape((samples, steps))}, one for each time step"
        raise ShapeError(
            f"{label} has a wrong shape: expected {show_shape((samples,))}, one weight for each sample{per_step}. "
            f"Received {show_shape(array.shape)}."
        )
    result = _to_float(array, label, np.dtype(float_type))
    if not (np.isfinite(result).all() and (result >= 0).all()):
        raise DataError(
            f"{label} must be finite and not negative. Received values from {array.min()} to {array.max()}."
        )
    return result


def class_weights(
    weights: Mapping[int, float], target: np.ndarray, depth: int | None, float_type: np.dtype[Any] | type = np.float32
) -> np.ndarray:
    """Gives each sample the weight of its class; a class that is not named weighs 1.

    Args:
        weights: Weight by class.
        target: The converted targets: labels, or one row per sample for one-hot targets.
        depth: The number of columns of one-hot targets, or None where ``target`` holds labels.
        float_type: The engine's float type. Default float32.

    Returns:
        Array of the shape of the labels.

    Example:

    >>> class_weights({0: 1.0, 1: 5.0}, np.array([0, 1, 1]), None)
    array([1., 5., 5.], dtype=float32)
    """
    table = _class_table(weights)
    if depth is None:
        labels = target
        if labels.ndim > 1 and labels.shape[-1] == 1:
            labels = labels[..., 0]
    else:
        labels = target.argmax(axis=-1)
    classes, places = np.unique(np.rint(labels), return_inverse=True)
    found = [table.get(int(number), 1.0) if np.isfinite(number) else 1.0 for number in classes]
    by_class = np.array(found, np.dtype(float_type))
    return by_class[places.reshape(labels.shape)]


def _class_table(weights: Any) -> dict[int, float]:
    if not isinstance(weights, Mapping):
        raise ArgumentError(
            f"class_weight must be a dict of weight by class, such as {{0: 1.0, 1: 5.0}}. Received: {weights!r}."
        )
    table: dict[int, float] = {}
    for key, value in weights.items():
        try:
            number, weight = operator.index(key), float(value)
        except (TypeError, ValueError):
            number, weight = 0, math.nan
        if not (math.isfinite(weight) and weight >= 0):
            raise ArgumentError(
                f"class_weight maps class numbers to finite weights not below 0. Received: {key!r}: {value!r}."
            )
        table[number] = weight
    return table


def _as_array(value: Any, label: str) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    if value is None:
        raise DataError(f"{label} is None. Expected an array of numbers.")
    if isinstance(value, (str, bytes)):
        raise DataError(f"{label} is text: {value[:40]!r}. Expected an array of numbers.")
    if isinstance(value, Mapping):
        raise DataError(f"{label} is a {type(value).__name__}, where one array was expected.")
    if hasattr(value, "to_numpy"):
        return np.asarray(value.to_numpy())
    if hasattr(value, "__next__") or (hasattr(value, "__iter__") and not hasattr(value, "__len__")):
        raise DataError(
            f"{label} is a {type(value).__name__}. Expected an array of numbers: collect the items first, for "
            f"example with numpy.stack(list(...))."
        )
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ShapeError(
            f"{label} holds rows of different lengths, which make no array. Give every sample the same shape; pad "
            f"shorter sequences and mask them with a Masking layer or Embedding(mask_zero=True)."
        ) from error


def _not_numbers(array: np.ndarray, label: str) -> str:
    kinds = {"O": "Python objects", "U": "text", "S": "bytes", "M": "dates", "m": "durations", "c": "complex numbers"}
    example = repr(array.reshape(-1)[0]) if array.size else "nothing"
    return (
        f"{label} must hold numbers, received {kinds.get(array.dtype.kind, array.dtype)}, such as {example}. "
        f"Convert it first, for example with numpy.asarray(data, dtype='float32')."
    )


def _matches(shape: tuple[int, ...], wanted: Sequence[Dim]) -> bool:
    # The batch, the first dimension, is checked by the trainer, which knows the batch size.
    return len(shape) == len(wanted) and all(
        isinstance(dim, str) or dim == size for dim, size in zip(wanted[1:], shape[1:], strict=True)
    )


def _fit_shape(array: np.ndarray, spec: FeedSpec) -> np.ndarray:
    wanted = spec.shape
    if _matches(array.shape, wanted):
        return array
    candidates = set()
    if array.ndim >= 1 and array.ndim < len(wanted):
        if len(wanted) == 3 and array.ndim == 2:
            if wanted[2] == 1:
                candidates.add((*array.shape, 1))
            if wanted[1] == 1:
                candidates.add((array.shape[0], 1, array.shape[1]))
        elif all(dim == 1 for dim in wanted[array.ndim :]):
            candidates.add(array.shape + (1,) * (len(wanted) - array.ndim))
    elif array.ndim == len(wanted) + 1 and array.shape[-1] == 1:
        candidates.add(array.shape[:-1])
    fitting = {shape for shape in candidates if _matches(shape, wanted)}
    if len(fitting) == 1:
        return array.reshape(fitting.pop())
    hint = ""
    if len(wanted) == 3 and array.ndim == 2:
        hint = (
            " Two-dimensional data are taken as (batch, time) where there is one feature, or as (batch, features) "
            "where there is one time step; here they are neither."
        )
    raise ShapeError(
        f"{spec.label} has a wrong shape: expected {show_shape(wanted)}, received {show_shape(array.shape)}.{hint}"
    )


def _to_float(array: np.ndarray, label: str, dtype: np.dtype[Any]) -> np.ndarray:
    if array.dtype == dtype:
        return _contiguous_rows(array, dtype)
    try:
        with np.errstate(over="raise", invalid="ignore"):
            return _contiguous_rows(array, dtype)
    except FloatingPointError:
        raise DataError(
            f"{label} holds numbers too large for {dtype.name}, from {np.nanmin(array):g} to {np.nanmax(array):g}. "
            f"Scale the data first."
        ) from None


def _contiguous_rows(array: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Converts an array so that each row is contiguous, copying no more than the memory it stands on."""
    if array.dtype == dtype and array.flags.c_contiguous and array.ndim:
        return array
    if array.flags.c_contiguous or not array[:1].flags.c_contiguous or array.strides[0] < 0:
        return np.ascontiguousarray(array, dtype=dtype)
    if array.dtype == dtype:
        return array
    row, step, item = array[0].size, array.strides[0], array.itemsize
    if step % item or step >= row * item:
        return np.ascontiguousarray(array, dtype=dtype)
    # Rows overlap: these are windows over a series, of which each point is converted once.
    points = np.lib.stride_tricks.as_strided(
        array, ((len(array) - 1) * (step // item) + row,), (item,), writeable=False
    )
    converted = points.astype(dtype)
    inner = np.empty(array.shape[1:], dtype).strides
    strides = (step // item * dtype.itemsize, *inner)
    return np.lib.stride_tricks.as_strided(converted, array.shape, strides, writeable=False)


def _to_int(array: np.ndarray, label: str) -> np.ndarray:
    if array.dtype == np.int32:
        return _contiguous_rows(array, array.dtype)
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore", over="ignore"):  # what does not fit becomes some other number
            converted = np.ascontiguousarray(array, dtype=np.int32)
    else:
        converted = np.ascontiguousarray(array, dtype=np.int32)
    same = converted.reshape(array.shape) == array
    if same.all():
        return converted
    wrong = array[~same]
    if array.dtype.kind == "f" and not (np.isfinite(wrong[0]) and wrong[0] == np.floor(wrong[0])):
        raise DataError(f"{label} must hold whole numbers (class labels or indices), received {wrong[0]}.")
    raise DataError(
        f"{label} must hold whole numbers that fit into 32 bits, received values from {array.min()} to {array.max()}."
    )
