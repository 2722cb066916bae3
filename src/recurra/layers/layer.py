"""`Layer`, the base of every layer: weights, configuration, and how calling one becomes part of a graph."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np

from .. import config, initializers, ops, regularizers
from ..errors import ArgumentError, RecurraError, ShapeError, UnknownNameError
from ..graph import GraphBuilder, Tensor, Variable, show_shape
from ..random import derive_seed
from ..registry import Configurable, Registry, constructor_arguments, custom_object_scope
from ..typing import Array, Config, ShapeLike
from .input_spec import InputSpec
from .loading import first_value
from .node import CallNode, KerasTensor
from .structure import flatten, map_structure
from .tracing import filled, get_mask, public_shape, set_mask, symbolic_shape, trace_of

__all__ = ["Layer", "deserialize", "registry", "serialize"]

registry = Registry("layer")


class Layer(Configurable):
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
        self.name = config.unique_name(config.snake_case(type(self).__name__)) if name is None else str(name)
        self.dtype = dtype or config.floatx()
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.built = False
        self.input_spec: InputSpec | None = None
        self._trainable = bool(trainable)
        self._own_weights: list[Variable] = []
        self._own_states: list[Variable] = []
        self._frozen: set[str] = set()
        self._regularized: list[tuple[Variable, Callable[[Any], Tensor]]] = []
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

    def add_weight(
        self,
        shape: ShapeLike = (),
        initializer: Any = "glorot_uniform",
        dtype: str | None = None,
        trainable: bool = True,
        *,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
        role: str = "parameter",
    ) -> Variable:
        """Makes a weight of this layer.

        Args:
            shape: Its shape. Default: a scalar.
            initializer: What makes its first value. Default ``"glorot_uniform"``.
            dtype: Its float type. Default: the layer's.
            trainable: Whether training changes it. Default True.
            regularizer: Penalty added to the training loss. Default None.
            constraint: None: there are no constraints yet.
            name: Unique within the layer. Default ``"weight"``, numbered.
            role: ``"parameter"`` (default) or ``"state"``: carried from call to call, not trained, not saved.

        Returns:
            The variable, which `recurra.ops` take like a tensor.
        """
        no_constraint(self, "constraint", constraint)
        sizes = tuple(shape)
        if any(size is None or size < 0 for size in sizes):
            raise ShapeError(
                f"The weight '{name}' of layer '{self.name}' needs known sizes, received {show_shape(sizes)}. Give "
                f"the model an Input whose feature dimension is known."
            )
        taken = {variable.name for variable in (*self._own_weights, *self._own_states)}
        if name is None:
            name, count = "weight", 0
            while f"{self.name}/{name}" in taken:
                count += 1
                name = f"weight_{count}"
        full_name = f"{self.name}/{name}"
        if full_name in taken:
            raise ArgumentError(f"Layer '{self.name}' has a weight named '{name}' already.")
        known = tuple(int(size or 0) for size in sizes)
        value = first_value(full_name, known, dtype or self.dtype, role)
        if value is None:
            value = initializers.get(initializer)(known, dtype or self.dtype)
        variable = Variable(full_name, value, trainable and self._trainable, role)
        if not trainable:
            self._frozen.add(full_name)
        (self._own_weights if role == "parameter" else self._own_states).append(variable)
        if regularizer is not None:
            self._regularized.append((variable, regularizers.get(regularizer)))
        return variable

    def add_loss(self, loss: Tensor) -> None:
        """Adds a symbolic scalar, computed inside `call`, to the loss of the model."""
        if loss.shape != ():
            raise ShapeError(
                f"add_loss in layer '{self.name}' needs a scalar, received the shape {show_shape(loss.shape)}. Use "
                f"ops.reduce_mean or ops.reduce_sum."
            )
        trace_of(loss.builder).losses.append(loss)

    # Weights

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights. Setting it sets the layers inside as well; compile the model after."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for variable in self._own_weights:
            variable.trainable = self._trainable and variable.name not in self._frozen
        for layer in self.sublayers():
            layer.trainable = value

    def sublayers(self) -> Iterator[Layer]:
        """The layers kept in this one's attributes, or in lists, tuples and mappings there."""
        seen = {id(self)}
        for value in vars(self).values():
            for leaf in flatten(value):
                if isinstance(leaf, Layer) and id(leaf) not in seen:
                    seen.add(id(leaf))
                    yield leaf

    def walk(self) -> Iterator[Layer]:
        """This layer and all layers inside it, each once."""
        seen: set[int] = set()
        waiting: list[Layer] = [self]
        while waiting:
            layer = waiting.pop(0)
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer
                waiting[:0] = layer.sublayers()

    @property
    def weights(self) -> list[Variable]:
        """The variables that are saved: all but states, those of the layers inside included."""
        return [variable for layer in self.walk() for variable in layer._own_weights]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [variable for variable in self.weights if variable.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return [variable for variable in self.weights if not variable.trainable]

    @property
    def states(self) -> list[Variable]:
        """The variables carried from call to call, of stateful layers."""
        return [variable for layer in self.walk() for variable in layer._own_states]

    @property
    def variables(self) -> list[Variable]:
        """Weights and states."""
        return self.weights + self.states

    def get_weights(self) -> list[Array]:
        """Copies of the weights' arrays, in the order of `weights`."""
        return [variable.value.copy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Copies arrays into the weights, in the order of `weights`. Either all are set or none.

        Raises:
            ShapeError: The number of arrays, or the shape of one, differs.
        """
        variables = self.weights
        arrays = [np.asarray(weight) for weight in weights]
        if len(arrays) != len(variables):
            hint = "" if self.built else " It is not built yet: call it or build(input_shape) first."
            raise ShapeError(
                f"'{self.name}' has {len(variables)} weights ({', '.join(v.name for v in variables) or 'none'}), "
                f"received {len(arrays)}.{hint}"
            )
        for variable, array in zip(variables, arrays, strict=True):
            if array.shape != variable.shape:
                raise ShapeError(
                    f"The weight '{variable.name}' has the shape {show_shape(variable.shape)}, received an array of "
                    f"shape {show_shape(array.shape)}."
                )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)

    def count_params(self) -> int:
        """The number of elements in all weights."""
        return sum(variable.value.size for variable in self.weights)

    def reset_states(self, states: Any = None) -> None:
        """Sets the states of stateful layers to 0, those of the layers inside included."""
        for variable in self.states:
            variable.assign(np.zeros(variable.shape))

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
                return self._wire(args, kwargs)
            if any(isinstance(leaf, Tensor) for leaf in leaves):
                return self._trace(args, kwargs)
            return self._compute(args, kwargs)
        except RecurraError as error:
            if not hasattr(error, "__notes__"):
                error.add_note(f"This happened in the call of layer '{self.name}' ({type(self).__name__}).")
            raise

    def _wire(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Notes a call on KerasTensors. The shapes of the results are learnt from a graph that is thrown away."""
        builder = GraphBuilder()
        trace_of(builder).only_shapes = True
        known: dict[int, Tensor] = {}

        def stand_in(leaf: Any) -> Any:
            if not isinstance(leaf, KerasTensor):
                return leaf
            if id(leaf) not in known:
                tensor = builder.input(f"x{len(known)}", leaf.dims, leaf.element)
                if leaf.mask_dims is not None:
                    set_mask(tensor, builder.input(f"mask{len(known)}", leaf.mask_dims))
                known[id(leaf)] = tensor
            return known[id(leaf)]

        results = self._trace(map_structure(stand_in, args), map_structure(stand_in, kwargs))
        node = CallNode(self, args, kwargs)
        count = iter(range(len(flatten(results))))

        def keras_tensor(tensor: Tensor) -> KerasTensor:
            mask = get_mask(tensor)
            dtype = "int32" if tensor.dtype == "int" else self.dtype
            return KerasTensor(tensor.shape, dtype, node, next(count), None if mask is None else mask.shape)

        node.outputs = map_structure(keras_tensor, results)
        self._nodes.append(node)
        return node.outputs

    def _trace(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Emits the computation into the graph its arguments belong to."""
        inputs = args[0] if args else next(iter(kwargs.values()))
        tensors = [leaf for leaf in flatten(inputs) if isinstance(leaf, Tensor)]
        builder = next(leaf for leaf in flatten((args, kwargs)) if isinstance(leaf, Tensor)).builder
        shapes = map_structure(lambda leaf: public_shape(tuple(leaf.shape)) if hasattr(leaf, "shape") else None, inputs)
        if self.input_spec is not None and tensors and isinstance(inputs, Tensor):
            self.input_spec.check(shapes, self.name)
        if not self.built:
            self.build(shapes)
            if self.input_spec is not None and isinstance(inputs, Tensor):
                self.input_spec.check(shapes, self.name)
        accepted = _call_arguments(type(self).call)
        kwargs = dict(kwargs)
        mask = kwargs.get("mask")
        if mask is None:
            mask = map_structure(get_mask, inputs)
            if "mask" in accepted:
                kwargs["mask"] = mask
        elif "mask" not in accepted:
            del kwargs["mask"]
        if "training" in accepted and kwargs.get("training") is None:
            kwargs["training"] = builder.training
        with builder.scope(self.name):
            outputs = self.call(*args, **kwargs)
            self._check_outputs(outputs)
            new_mask = self.compute_mask(inputs, mask)
            if self.activity_regularizer is not None:
                for output in flatten(outputs):
                    batch = ops.reduce_sum(filled(output, output.shape[:1], 1.0))
                    self.add_loss(self.activity_regularizer(output) / batch)
        own = {tensor.id for tensor in tensors}
        masks = new_mask if isinstance(new_mask, (list, tuple)) else [new_mask]
        rest = iter([*masks, *[None] * len(flatten(outputs))])
        outputs = map_structure(lambda output: _with_mask(output, next(rest), own), outputs)
        consumes = self.supports_masking or "mask" in accepted
        if trace_of(builder).only_shapes and not consumes and all(get_mask(out) is None for out in flatten(outputs)):
            self._warn_of_dropped_mask(mask)
        return outputs

    def _compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        from .eager import compute

        return compute(self, args, kwargs)

    def _check_outputs(self, outputs: Any) -> None:
        for output in flatten(outputs):
            if not isinstance(output, Tensor):
                raise ArgumentError(
                    f"call of layer '{self.name}' ({type(self).__name__}) must return symbolic tensors made with "
                    f"recurra.ops, received {type(output).__name__}."
                )

    def _warn_of_dropped_mask(self, mask: Any) -> None:
        if any(leaf is not None for leaf in flatten(mask)):
            warnings.warn(
                f"Layer '{self.name}' ({type(self).__name__}) receives masked steps but cannot hand on the mask: the "
                f"layers after it and the loss count every step. Put a recurrent layer with return_sequences=False "
                f"before it, or set supports_masking = True in a layer of your own.",
                UserWarning,
                stacklevel=2,
            )

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


def no_constraint(layer: Layer, argument: str, value: Any) -> None:
    """Refuses constraints, which do not exist yet."""
    if value is not None:
        raise ArgumentError(
            f"{type(layer).__name__}: {argument} must be None, received {value!r}. Constraints on weights are not "
            f"available; a regularizer or the optimizer's weight_decay keeps weights small."
        )


def _with_mask(output: Tensor, mask: Tensor | None, inputs: set[int]) -> Tensor:
    """Puts the mask beside the output. None leaves what layers inside put there.

    An input handed through under another mask is copied: it keeps its own.
    """
    known = get_mask(output)
    passed = output.id in inputs
    if known is mask or (mask is None and not passed):
        return output
    if passed:
        output = ops.reshape(output, output.shape)
    set_mask(output, mask)
    return output


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


@functools.cache
def _call_arguments(call: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(call).parameters)
