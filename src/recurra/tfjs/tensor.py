"""`Tensor`, an array with the methods of TensorFlow.js, and the functions that make one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..graph import show_shape
from .tensor_format import format_tensor

__all__ = ["Tensor", "array_of", "ones", "scalar", "tensor", "tensor1d", "tensor2d", "tensor3d", "tensor4d", "zeros"]

_TYPES = {"float32": np.float32, "int32": np.int32, "bool": np.bool_}


class Tensor:
    """An array of fixed shape and type. Functions and models that take arrays take it as well.

    Args:
        values: The elements.
        dtype: ``"float32"``, ``"int32"`` or ``"bool"``.
    """

    __slots__ = ("_values", "dtype")

    def __init__(self, values: Any, dtype: str = "float32") -> None:
        self._values = np.ascontiguousarray(values, _TYPES[dtype]).reshape(np.shape(values))
        self.dtype = dtype

    @property
    def shape(self) -> list[int]:
        """The sizes of the dimensions."""
        return list(self._values.shape)

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return self._values.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._values.size

    def dataSync(self) -> np.ndarray:
        """The elements in one row, as a copy."""
        return self._values.ravel().copy()

    def data(self) -> np.ndarray:
        """The same as `dataSync`: nothing here has to be awaited."""
        return self.dataSync()

    def arraySync(self) -> Any:
        """The elements in nested lists; a number if there is one element without dimensions."""
        return self._values.tolist()

    def array(self) -> Any:
        """The same as `arraySync`: nothing here has to be awaited."""
        return self.arraySync()

    def reshape(self, shape: Sequence[int]) -> Tensor:
        """The same elements in another shape; one size may be -1."""
        return tensor(self._values.ravel(), shape, self.dtype)

    def toString(self, verbose: bool = False) -> str:
        """What `print` prints.

        Args:
            verbose: Whether type, rank and shape come first. Default False.
        """
        return format_tensor(self._values, self.dtype, verbose)

    def print(self, verbose: bool = False) -> None:
        """Prints the elements exactly as TensorFlow.js does.

        >>> tensor2d([[1, 2.5], [3, 4]]).print()
        Tensor
            [[1, 2.5],
             [3, 4  ]]
        """
        print(self.toString(verbose))

    def dispose(self) -> None:
        """Does nothing: Python frees memory by itself."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._values, dtype=dtype, copy=True)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return self.toString()


def tensor(values: Any, shape: Sequence[int] | None = None, dtype: str | None = None) -> Tensor:
    """Makes a tensor.

    Args:
        values: A number, nested lists of numbers or booleans, or an array.
        shape: Its shape, if ``values`` is flat or has that shape. One size may be -1. Default: that of ``values``.
        dtype: ``"float32"``, ``"int32"`` or ``"bool"``. Default: ``"bool"`` for booleans, otherwise ``"float32"``.

    Raises:
        ArgumentError: ``values`` are not numbers, or the type does not exist.
        ShapeError: The values do not fill the shape.

    Example:

    >>> tensor([1, 2, 3, 4], [2, 2]).shape
    [2, 2]
    """
    try:
        array = values._values if isinstance(values, Tensor) else np.asarray(values)
    except ValueError:
        raise ShapeError(f"The lists inside a tensor must all have the same length, received {values!r}.") from None
    if array.dtype.kind not in "fiub":
        raise ArgumentError(f"A tensor holds numbers or booleans, received {type(values).__name__}: {values!r}.")
    if dtype is None:
        dtype = "bool" if array.dtype.kind == "b" else "float32"
    if dtype not in _TYPES:
        raise ArgumentError(f"The dtype of a tensor must be one of {', '.join(_TYPES)}, received {dtype!r}.")
    if shape is not None:
        array = _shaped(array, list(shape))
    return Tensor(array, dtype)


def scalar(value: float, dtype: str | None = None) -> Tensor:
    """Makes a tensor without dimensions.

    >>> scalar(3).print()
    Tensor
        3
    """
    return _of_rank(0, value, None, dtype)


def tensor1d(values: Any, dtype: str | None = None) -> Tensor:
    """Makes a tensor of one dimension.

    >>> tensor1d([1, 2, 3]).shape
    [3]
    """
    return _of_rank(1, values, None, dtype)


def tensor2d(values: Any, shape: Sequence[int] | None = None, dtype: str | None = None) -> Tensor:
    """Makes a tensor of two dimensions, of nested lists, or of a flat list and a shape.

    >>> tensor2d([1, 2], [2, 1]).arraySync()
    [[1.0], [2.0]]
    """
    return _of_rank(2, values, shape, dtype)


def tensor3d(values: Any, shape: Sequence[int] | None = None, dtype: str | None = None) -> Tensor:
    """Makes a tensor of three dimensions, of nested lists, or of a flat list and a shape.

    >>> tensor3d([1, 2], [2, 1, 1]).shape
    [2, 1, 1]
    """
    return _of_rank(3, values, shape, dtype)


def tensor4d(values: Any, shape: Sequence[int] | None = None, dtype: str | None = None) -> Tensor:
    """Makes a tensor of four dimensions, of nested lists, or of a flat list and a shape."""
    return _of_rank(4, values, shape, dtype)


def zeros(shape: Sequence[int], dtype: str = "float32") -> Tensor:
    """Makes a tensor of zeros.

    >>> zeros([2]).arraySync()
    [0.0, 0.0]
    """
    return tensor(np.zeros(shape), None, dtype)


def ones(shape: Sequence[int], dtype: str = "float32") -> Tensor:
    """Makes a tensor of ones.

    >>> ones([2]).arraySync()
    [1.0, 1.0]
    """
    return tensor(np.ones(shape), None, dtype)


def array_of(value: Any) -> Any:
    """Turns every tensor inside lists, tuples and mappings into a numpy array; other things stay what they are."""
    if isinstance(value, Tensor):
        return np.asarray(value)
    if isinstance(value, (list, tuple)) and any(isinstance(item, Tensor) for item in value):
        return type(value)(array_of(item) for item in value)
    if isinstance(value, dict):
        return {key: array_of(item) for key, item in value.items()}
    return value


def _of_rank(rank: int, values: Any, shape: Sequence[int] | None, dtype: str | None) -> Tensor:
    name = "scalar" if rank == 0 else f"tensor{rank}d"
    if shape is not None and len(shape) != rank:
        raise ShapeError(f"{name} needs a shape of {rank} sizes, received {list(shape)}.")
    made = tensor(values, shape, dtype)
    if made.rank != rank:
        hint = f" Give the shape as well: {name}(values, shape)." if made.rank == 1 and rank > 1 else ""
        raise ShapeError(f"{name} needs values of {rank} dimensions, received the shape {made.shape}.{hint}")
    return made


def _shaped(array: np.ndarray, shape: list[int]) -> np.ndarray:
    known = math.prod(size for size in shape if size != -1)
    fits = array.size == known if -1 not in shape else bool(known) and array.size % known == 0
    if shape.count(-1) > 1 or any(size < -1 for size in shape) or not fits:
        raise ShapeError(f"{array.size} values do not fill the shape {shape}.")
    if array.ndim > 1 and -1 not in shape and array.shape != tuple(shape):
        raise ShapeError(f"The values have the shape {show_shape(array.shape)}, but the shape given is {shape}.")
    return array.reshape(shape)
