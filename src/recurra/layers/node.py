"""Wiring layers before there is a graph: `KerasTensor` stands for a value, `CallNode` for one call of a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError
from ..graph import Dim, Shape, show_shape
from .structure import flatten
from .tracing import public_shape

if TYPE_CHECKING:
    from .layer import Layer

__all__ = ["CallNode", "KerasTensor"]


class KerasTensor:
    """The value a layer will give, before there is any data: a shape, a type and where it comes from.

    `recurra.Input` makes one; calling a layer on one makes another; `recurra.Model` turns a web of them into a model.

    Attributes:
        shape: None stands for a size that is not known yet, such as the batch.
        dtype: ``"float32"``, ``"float64"`` or ``"int32"``.
        name: The name of the layer it comes from.
        node: The call it is a result of.
        index: Which of the results.
        dims: The shape with a symbol for each unknown size; equal symbols are equal sizes.
        mask_dims: The shape of the mask that travels beside it, or None.
    """

    __slots__ = ("dims", "dtype", "index", "mask_dims", "node")

    def __init__(self, dims: Shape, dtype: str, node: CallNode, index: int = 0, mask_dims: Shape | None = None) -> None:
        self.dims: tuple[Dim, ...] = dims
        self.dtype = dtype
        self.node = node
        self.index = index
        self.mask_dims = mask_dims

    @property
    def shape(self) -> tuple[int | None, ...]:
        return public_shape(self.dims)

    @property
    def ndim(self) -> int:
        return len(self.dims)

    @property
    def layer(self) -> Layer:
        return self.node.layer

    @property
    def name(self) -> str:
        return self.node.layer.name

    @property
    def element(self) -> str:
        """The element type in a graph: ``"float"`` or ``"int"``."""
        return "int" if self.dtype.startswith("int") else "float"

    def __bool__(self) -> bool:
        raise ArgumentError("A KerasTensor holds no data yet and has no truth value.")

    def __iter__(self) -> Any:
        raise ArgumentError("A KerasTensor cannot be iterated over: use layers, or write a Layer with recurra.ops.")

    def _no_arithmetic(self, *_: Any) -> Any:
        raise ArgumentError(
            "Arithmetic on a KerasTensor is not part of a model. Use the layers Add, Subtract, Multiply, Average, "
            "Maximum, Minimum or Concatenate, or write a Layer whose call uses recurra.ops."
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _no_arithmetic
    __neg__ = __matmul__ = __getitem__ = _no_arithmetic

    def __repr__(self) -> str:
        return f"<KerasTensor shape={show_shape(self.shape)}, dtype={self.dtype}, from layer '{self.name}'>"


@dataclass(eq=False, slots=True)
class CallNode:
    """One call of a layer: what it was called with and what it gave.

    Attributes:
        layer: The layer.
        args, kwargs: The arguments; any `KerasTensor` inside is an edge of the web.
        outputs: The result: one `KerasTensor` or a structure of them.
    """

    layer: Layer
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: Any = None

    @property
    def parents(self) -> list[KerasTensor]:
        """The tensors the call reads."""
        return [leaf for leaf in flatten((self.args, self.kwargs)) if isinstance(leaf, KerasTensor)]
