"""`Input`, where data enters a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import config
from ..errors import ArgumentError, ShapeError
from ..graph import Dim, show_shape
from .layer import Layer, registry
from .node import CallNode, KerasTensor

__all__ = ["Input", "InputLayer"]

_NAME = "input_layer"
_DTYPES = ("float32", "float64", "int32")


@registry.register()
class InputLayer(Layer):
    """The place where one input enters a model. `Input` makes one and returns its tensor.

    Args:
        shape: Shape of one sample; None for a size that is not known, or a name for one that other inputs share.
        batch_size: Number of samples in each batch where it is fixed, as stateful layers need. Default None.
        dtype: ``"float32"`` (default), ``"float64"``, or ``"int32"`` for indices.
        batch_shape: Instead of ``shape`` and ``batch_size``: both together, the batch in front.
        name: Default ``"input_layer"``, numbered.

    Raises:
        ArgumentError: Neither or both of ``shape`` and ``batch_shape`` were given, or the dtype is unknown.
        ShapeError: A size is neither None, a positive integer nor a name.
    """

    supports_masking = True

    def __init__(
        self,
        shape: Sequence[Dim | None] | None = None,
        batch_size: int | None = None,
        dtype: str | None = None,
        batch_shape: Sequence[Dim | None] | None = None,
        name: str | None = None,
    ) -> None:
        dtype = config.floatx() if dtype is None else str(np.dtype(dtype))
        if dtype in ("int64", "uint8", "int16", "bool"):
            dtype = "int32"
        if dtype not in _DTYPES:
            raise ArgumentError(f"The dtype of an Input must be one of {', '.join(_DTYPES)}, received {dtype!r}.")
        super().__init__(name=name, dtype=dtype)
        if (shape is None) == (batch_shape is None):
            raise ArgumentError("An Input needs either shape (of one sample) or batch_shape (with the batch in front).")
        if batch_shape is None:
            if shape is None or not isinstance(shape, (tuple, list)):
                raise ShapeError(f"The shape of an Input must be a tuple such as (10, 3), received {shape!r}.")
            batch_shape = (batch_size, *shape)
        for dim in batch_shape:
            if not (dim is None or isinstance(dim, str) or (not isinstance(dim, bool) and int(dim) == dim > 0)):
                raise ShapeError(
                    f"The sizes in the shape of an Input must be positive integers or None, received "
                    f"{show_shape(tuple(batch_shape))}."
                )
        self.batch_shape = tuple(dim if dim is None or isinstance(dim, str) else int(dim) for dim in batch_shape)
        self.built = True
        dims = tuple(_symbol(self.name, axis) if dim is None else dim for axis, dim in enumerate(self.batch_shape))
        node = CallNode(self, (), {})
        node.outputs = KerasTensor(dims, dtype, node)
        self._nodes.append(node)

    @property
    def tensor(self) -> KerasTensor:
        """The tensor to call layers on."""
        tensor: KerasTensor = self._nodes[0].outputs
        return tensor

    def call(self, x: Any) -> Any:
        return x

    def get_config(self) -> dict[str, Any]:
        return {"batch_shape": list(self.batch_shape), "dtype": self.dtype, "name": self.name}


def _symbol(name: str, axis: int) -> str:
    """What messages call an unknown size: ``"time"`` where nobody named the input, ``"series_time"`` otherwise."""
    if axis == 0:
        return "batch"
    if axis == 1:
        return "time" + name.removeprefix(_NAME) if name.startswith(_NAME) else f"{name}_time"
    return f"{name}_{axis}"


def Input(
    shape: Sequence[Dim | None] | None = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    batch_shape: Sequence[Dim | None] | None = None,
    name: str | None = None,
) -> KerasTensor:
    """A tensor that stands for data to come.

    Args:
        shape: Shape of one sample, such as (time, features); None for sizes that are not known.
        batch_size: Number of samples in each batch where it is fixed, as stateful layers need. Default None.
        dtype: ``"float32"`` (default), ``"float64"``, or ``"int32"`` for indices.
        batch_shape: Instead of ``shape`` and ``batch_size``: both together, the batch in front.
        name: By which data can be given in a mapping. Default ``"input_layer"``, numbered.

    >>> Input((None, 3)).shape
    (None, None, 3)
    """
    return InputLayer(shape, batch_size, dtype, batch_shape, name).tensor
