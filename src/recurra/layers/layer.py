"""`Layer`, the base of every layer: weights, configuration, and how calling one becomes part of a graph."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from .. import regularizers
from ..errors import ArgumentError, RecurraError, ShapeError, UnknownNameError
from ..graph import GraphBuilder, Tensor, show_shape
from ..random import derive_seed
from ..registry import Registry, constructor_arguments, custom_object_scope
from ..typing import Config, ShapeLike
from .calling import trace, wire
from .eager import compute
from .input_spec import InputSpec
from .node import CallNode, KerasTensor
from .structure import flatten, map_structure
from .tracing import public_shape, symbolic_shape, trace_of
from .weights import WeightHolder

__all__ = ["Layer", "deserialize", "registry", "serialize"]

registry = Registry("layer")


class Layer(WeightHolder):
    """A part of a model: weights, and a computation on symbolic tensors.

    A layer of your own subclasses this. It makes its weights in `build`, which is called once with the first input's
    shape, and computes in `call` with `recurra.ops`; it then trains on every engine. `get_config` works by itself
    where each constructor argument is kept in an attribute of its name.

    Args:
        name: Unique within a model. Default: the class's name in snake case, numbered.
        trainable: Whether training changes the weights. Default True.
        dtype: Float type of the weights. Default: `recurra.config.floatx()`.
        activity_regularizer: Penalty on the output, divided by the batch size. Default None.
        input_shape: Shape of one sample, for the first layer of a Sequential. Default None.
        batch_input_shape: The same with the batch size in front. Default None.

    Call arguments:
        The first is a tensor or a structure of tensors; the others are what `call` takes. Called on the results of
        `recurra.Input` or of other layers it is wired into a model; called on numpy arrays it computes at once.

    Example:

    >>> import numpy as np
    >>> from recurra import ops
    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
    ...     def call(self, x):
    ...         return ops.multiply(x, self.factor)
    >>> layer = Scale()
    >>> layer(np.array([[1.0, 2.0]])).tolist()
    [[1.0, 2.0]]
    >>> layer.set_weights([np.array([2.0, 3.0])])
    >>> layer(np.array([[1.0, 2.0]])).tolist()
    [[2.0, 6.0]]
    """

    supports_masking: bool = False
    """Whether the layer hands on the mask of its input."""

    input_element: str = "float"
    """The element type the layer reads, ``"float"`` or ``"int"``; a model without `Input` gives it that."""

    _not_in_config: tuple[str, ...] = ("activity_regularizer", "input_shape", "batch_input_shape")

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | None = None,
        activity_regularizer: Any = None,
        input_shape: ShapeLike | None = None,
        batch_input_shape: ShapeLike | None = None,
        **unknown: Any,
    ) -> None:
        for argument in unknown:
            raise UnknownNameError(f"argument of {type(self).__name__}", argument, constructor_arguments(type(self)))
        super().__init__(name, trainable, dtype)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.input_spec: InputSpec | None = None
        self._nodes: list[CallNode] = []
        if input_shape is not None and batch_input_shape is None:
            batch_input_shape = (None, *input_shape)
        self._first_shape = None if batch_input_shape is None else tuple(batch_input_shape)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _marks_built(cls.build)  # type: ignore[method-assign]

    # What a layer is made of

    def build(self, input_shape: Any) -> None:
        """Makes the weights.

        Args:
            input_shape: Shape of the first argument of `call`, None standing for unknown sizes; a list of shapes
                where that is a list.
        """
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the result from symbolic tensors with `recurra.ops`.

        An argument named ``mask`` receives the mask of the input (float, of shape (batch, time), or None); one named
        ``training`` receives whether the graph is for training.
        """
        raise NotImplementedError(f"The layer {type(self).__name__} has no call(self, x).")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the result, given that of the input. Default: handed on if `supports_masking`."""
        if not self.supports_masking:
            return None
        return next((m for m in flatten(mask) if m is not None), None)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the result for an input of ``input_shape``. A layer not built yet is built for it.

        >>> from recurra.layers import Dense
        >>> Dense(3).compute_output_shape((None, 7, 2))
        (None, 7, 3)
        """
        builder = GraphBuilder()
        trace_of(builder).only_shapes = True
        shapes = [input_shape] if _is_shape(input_shape) else list(input_shape)
        inputs = [
            builder.input(f"x{i}", symbolic_shape(shape, "x"), self.input_element) for i, shape in enumerate(shapes)
        ]
        outputs = self(inputs[0] if _is_shape(input_shape) else inputs)
        return map_structure(lambda tensor: public_shape(tensor.shape), outputs)

    def add_loss(self, loss: Tensor) -> None:
        """Adds a symbolic scalar, computed inside `call`, to the loss of the model."""
        if loss.shape != ():
            raise ShapeError(
                f"add_loss in layer '{self.name}' needs a scalar, received the shape {show_shape(loss.shape)}. Use "
                f"ops.reduce_mean or ops.reduce_sum."
            )
        trace_of(loss.builder).losses.append(loss)

    def penalties(self, builder: GraphBuilder) -> list[Tensor]:
        """What is added to the loss: regularizers of trainable weights, and what layers added while traced.

        Args:
            builder: The graph that this layer or model was traced in.

        Returns:
            Symbolic scalars.
        """
        terms = [
            regularizer(builder.tensor(variable))
            for layer in self.walk()
            for variable, regularizer in layer._regularized
            if variable.trainable
        ]
        return terms + trace_of(builder).losses

    # Calling

    @property
    def input(self) -> Any:
        """The tensors of the layer's first call in a model."""
        return self._first_node().args[0]

    @property
    def output(self) -> Any:
        """The result of the layer's first call in a model."""
        return self._first_node().outputs

    def _first_node(self) -> CallNode:
        if not self._nodes:
            raise ArgumentError(f"The layer '{self.name}' has not been called in a model yet.")
        return self._nodes[0]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves = flatten((args, kwargs))
        try:
            if any(isinstance(leaf, KerasTensor) for leaf in leaves):
                return wire(self, args, kwargs)
            if any(isinstance(leaf, Tensor) for leaf in leaves):
                return trace(self, args, kwargs)
            return compute(self, args, kwargs)
        except RecurraError as error:
            if not hasattr(error, "__notes__"):
                error.add_note(f"This happened in the call of layer '{self.name}' ({type(self).__name__}).")
            raise

    def noise_seed(self, like: Tensor, seed: int) -> int:
        """A seed for one random op: ``seed`` itself, or one derived from it when the graph has used it before."""
        uses = trace_of(like.builder).uses
        uses[id(self)] += 1
        return derive_seed(seed, uses[id(self)] - 1)

    def get_config(self) -> dict[str, Any]:
        # Also where the constructor does not take them: weights in files are found by the layer's name.
        result = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype, **super().get_config()}
        if self.activity_regularizer is not None:
            result["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return result

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes a layer of what `get_config` returned. Its weights are new."""
        taken = constructor_arguments(cls)
        extra = {key: config[key] for key in ("name", "trainable", "dtype") if key in config and key not in taken}
        layer = super().from_config({key: value for key, value in config.items() if key not in extra})
        for key, value in extra.items():
            setattr(layer, key, value)
        return layer

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r}, built={self.built}>"


def serialize(layer: Layer) -> dict[str, Any]:
    """The class name and configuration of a layer.

    >>> from recurra.layers import Flatten
    >>> serialize(Flatten(name="flat"))["class_name"]
    'Flatten'
    """
    result: dict[str, Any] = registry.serialize(layer)
    return result


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Layer:
    """Makes a layer of what `serialize` returned. Its weights are new.

    Args:
        config: A mapping with ``"class_name"`` and ``"config"``.
        custom_objects: Classes and functions of your own, by name.
    """
    with custom_object_scope(custom_objects):
        layer: Layer = registry.get(config)
    return layer


def _is_shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(
        item is None or isinstance(item, (int, np.integer)) for item in value
    )


def _marks_built(build: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(build)
    def wrapped(self: Layer, *args: Any, **kwargs: Any) -> None:
        build(self, *args, **kwargs)
        self.built = True

    return wrapped
