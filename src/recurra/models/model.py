"""`Model`: a web of layers between inputs and outputs that can be trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self
from weakref import WeakValueDictionary

from .. import engines, ops
from ..data.arguments import whole_number
from ..engines import Engine
from ..errors import ArgumentError, UnknownNameError
from ..graph import GraphBuilder, Tensor
from ..layers.input_layer import InputLayer
from ..layers.layer import Layer, registry
from ..layers.node import CallNode, KerasTensor
from ..layers.structure import flatten, map_structure
from ..layers.tracing import get_mask
from ..registry import custom_object_scope
from ..streaming import Predictor, Streamer, StreamSession
from ..training.trainer import Trainer
from ..typing import Config
from .summary import summarize
from .web import layers_of, node_order, web_config, web_from_config

__all__ = ["Model"]


@registry.register("Model", "Functional")
class Model(Trainer, Layer):
    """A web of layers between inputs and outputs. It can be trained, and called like a layer.

    Args:
        inputs: What `recurra.Input` returned: one, a list, or a mapping of names to them.
        outputs: What calling layers returned: one, a list, or a mapping.
        name: Default ``"model"``, numbered.
        trainable: Whether training changes the weights. Default True.

    Raises:
        ArgumentError: An output depends on an input that is not among ``inputs``, or two layers share a name.

    Example:

    >>> from recurra.layers import Dense, Input, LSTM
    >>> from recurra.models import Model
    >>> series = Input((None, 2), name="series")
    >>> outputs = Dense(1)(LSTM(4)(series))
    >>> model = Model(series, outputs)
    >>> model.count_params()
    117
    >>> [layer.name for layer in model.layers][0]
    'series'
    """

    supports_masking = True

    user_metadata: dict[str, Any] | None = None
    """Notes of your own that JSON can hold. They are saved with the model. Default None."""

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool = True) -> None:
        self._start(name)
        self._connect(inputs, outputs)
        if not trainable:
            self.trainable = False

    def _start(self, name: str | None) -> None:
        Layer.__init__(self, name=name)
        Trainer.__init__(self)
        self._layers: list[Layer] = []
        self._inputs: Any = None
        self._outputs: Any = None
        self._leaves: tuple[tuple[KerasTensor, ...], tuple[KerasTensor, ...]] = (), ()
        self._order: list[CallNode] = []
        # By batch size, as long as sessions of them live; and the last one, for the next session.
        self._streamers: WeakValueDictionary[int, Streamer] = WeakValueDictionary()
        self._streamer: Streamer | None = None

    def _connect(self, inputs: Any, outputs: Any) -> None:
        """Makes the web between these tensors the model."""
        for argument, structure in (("inputs", inputs), ("outputs", outputs)):
            for leaf in flatten(structure):
                if not isinstance(leaf, KerasTensor):
                    raise ArgumentError(
                        f"Model: {argument} must come from recurra.Input and calls of layers, received "
                        f"{type(leaf).__name__}."
                    )
        for leaf in flatten(inputs):
            if not isinstance(leaf.layer, InputLayer):
                raise ArgumentError(
                    f"Model: inputs must be what recurra.Input returned, received a result of the layer "
                    f"'{leaf.name}'. Make a new Input and call the layers after '{leaf.name}' on it."
                )
        self._inputs, self._outputs = inputs, outputs
        self._leaves = tuple(flatten(inputs)), tuple(flatten(outputs))
        self._order = node_order(self.inputs, self.outputs)
        self._layers = layers_of(self.inputs, self.outputs, self._order)
        self.input_element = "int" if any(tensor.element == "int" for tensor in self.inputs) else "float"
        self.built = True
        if self._programs is not None:
            self._programs.forget()

    # What the model is made of

    @property
    def inputs(self) -> list[KerasTensor]:
        """The inputs in order."""
        self._need_built()
        return list(self._leaves[0])

    @property
    def outputs(self) -> list[KerasTensor]:
        """The outputs in order."""
        self._need_built()
        return list(self._leaves[1])

    @property
    def input(self) -> Any:
        """The input, or the structure of inputs the model was made with."""
        self._need_built()
        return self._inputs

    @property
    def output(self) -> Any:
        """The output, or the structure of outputs the model was made with."""
        self._need_built()
        return self._outputs

    @property
    def input_shape(self) -> Any:
        """The shape of the input, or a list of shapes."""
        shapes = [tensor.shape for tensor in self.inputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self) -> Any:
        """The shape of the output, or a list of shapes."""
        shapes = [tensor.shape for tensor in self.outputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def input_names(self) -> list[str]:
        """The names by which data may be given: the keys of the mapping of inputs, or the names of the `Input`s."""
        return _names(self._inputs, self.inputs)

    @property
    def output_names(self) -> list[str]:
        """The keys of the mapping of outputs, or the names of the layers the outputs come from."""
        return _names(self._outputs, self.outputs)

    @property
    def layers(self) -> list[Layer]:
        """The layers, from the inputs on."""
        return list(self._layers)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Finds a layer by name or by its place in `layers`.

        Raises:
            UnknownNameError: No layer has that name.
            ArgumentError: Neither or both were given, or there are fewer layers.
        """
        if (name is None) == (index is None):
            raise ArgumentError("get_layer needs either a name or an index.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ArgumentError(f"The model has {len(layers)} layers; there is none with the index {index}.")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise UnknownNameError("layer", name, [layer.name for layer in layers])

    # Computing

    def trace(self, builder: GraphBuilder, inputs: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor | None]]:
        """Emits the whole model into a graph. Stateful layers ask for their states to be updated.

        Args:
            builder: The graph.
            inputs: One symbolic tensor for each of `inputs`.

        Returns:
            One tensor for each of `outputs`, and the mask beside each, or None.
        """
        if len(inputs) != len(self.inputs):
            raise ArgumentError(
                f"The model '{self.name}' has {len(self.inputs)} inputs ({', '.join(self.input_names)}), received "
                f"{len(inputs)}."
            )
        values: dict[int, Tensor] = {}
        for keras_tensor, tensor in zip(self.inputs, inputs, strict=True):
            fits = tensor.dtype == keras_tensor.element
            values[id(keras_tensor)] = tensor if fits else ops.cast(tensor, keras_tensor.element)

        def value(leaf: Any) -> Any:
            return values[id(leaf)] if isinstance(leaf, KerasTensor) else leaf

        for node in self._order:
            results = node.layer(*map_structure(value, node.args), **map_structure(value, node.kwargs))
            for keras_tensor, tensor in zip(flatten(node.outputs), flatten(results), strict=True):
                values[id(keras_tensor)] = tensor
        outputs = [values[id(tensor)] for tensor in self.outputs]
        return outputs, [get_mask(tensor) for tensor in outputs]

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        given = [inputs[name] for name in self.input_names] if isinstance(inputs, Mapping) else flatten(inputs)
        builder = given[0].builder
        outputs = iter(self.trace(builder, given)[0])
        return map_structure(lambda _: next(outputs), self._outputs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        # The layers inside have put the masks beside the outputs.
        return None

    def build(self, input_shape: Any = None) -> None:
        """Does nothing: a model with inputs is built."""

    def stream(self, batch_size: int = 1, engine: str | Engine | None = None) -> StreamSession:
        """Starts a session that runs the model step by step, carrying its states.

        Every session has states of its own and keeps the weights the model has now; sessions of one batch size made
        while the weights stay the same share one copy of them.

        Args:
            batch_size: Sequences side by side. Default 1.
            engine: What runs the steps. Default: the engine of `compile`, otherwise the default one.

        Raises:
            ArgumentError: The model is not built, has several inputs or no time axis, or a layer looks along the
                whole sequence (such as one that goes backwards).
            EngineError: The model's `precision` does not run on the engine.

        Example:

        >>> from recurra.layers import LSTM, Dense, Input
        >>> from recurra.models import Sequential
        >>> model = Sequential([Input((None, 1)), LSTM(8), Dense(1)])
        >>> session = model.stream()
        >>> session.step([0.5]).shape
        (1, 1)
        """
        self._need_built()
        chosen = engines.get(engine) if engine is not None else self._some_programs().refresh().engine
        batch_size = whole_number("batch_size", batch_size)
        streamer = self._streamers.get(batch_size)
        if streamer is None or not streamer.is_current(chosen, self.precision):
            streamer = self._streamers[batch_size] = Streamer(self, batch_size, chosen, self.precision)
        self._streamer = streamer
        return StreamSession(streamer)

    def predictor(
        self, batch_size: int = 1, time_steps: int | None = None, engine: str | Engine | None = None
    ) -> Predictor:
        """Makes the model ready for many predictions of one size: a call takes microseconds.

        Args:
            batch_size: Samples in a call. Default 1.
            time_steps: Time steps of a sample; needed where the model takes sequences of any length. Default None.
            engine: What runs it. Default: the engine of `compile`, otherwise the default one.

        Returns:
            A `Predictor`, which is called with an array of shape (batch_size, ...) and keeps the weights of now.

        Raises:
            ArgumentError: The model is not built, has several inputs or stateful layers, or a size is missing.
            EngineError: The model's `precision` does not run on the engine.

        Example:

        >>> from recurra.layers import LSTM, Dense, Input
        >>> from recurra.models import Sequential
        >>> model = Sequential([Input((7, 1)), LSTM(8), Dense(1)])
        >>> predictor = model.predictor()
        >>> predictor([[[0.5]] * 7]).shape
        (1, 1)
        """
        self._need_built()
        chosen = engines.get(engine) if engine is not None else self._some_programs().refresh().engine
        return Predictor(self, batch_size, time_steps, chosen, self.precision)

    # Configuration

    def get_config(self) -> Config:
        """The layers with their configurations and how they are wired, in a form JSON can hold."""
        config: Config = {"name": self.name, "trainable": self.trainable}
        return {**config, **web_config(self.inputs, self._outputs, self.layers, self._order)}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Makes a model of what `get_config` returned. Its weights are new.

        Args:
            config: The configuration.
            custom_objects: Classes and functions of your own, by name.
        """
        with custom_object_scope(custom_objects):
            inputs, outputs = web_from_config(config)
        single = inputs[0] if len(inputs) == 1 else inputs
        return cls(single, outputs, name=config.get("name"), trainable=config.get("trainable", True))

    def summary(
        self,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
    ) -> None:
        """Prints a table of the layers with their output shapes and numbers of weights.

        Args:
            print_fn: What receives the text. Default: `print`.
            expand_nested: Whether the layers of models inside the model are listed too. Default False.
            show_trainable: Whether a column says if training changes the layer. Default False.
        """
        (print_fn or print)(summarize(self, expand_nested, show_trainable))

    def _ensure_built(self, x: Any) -> None:
        self._need_built()

    def _need_built(self) -> None:
        if self._inputs is None:
            raise ArgumentError(
                f"The model '{self.name}' does not know the shape of its input yet. Begin it with "
                f"recurra.Input(shape), call build(input_shape), or fit it to data first."
            )


def _names(structure: Any, tensors: Sequence[KerasTensor]) -> list[str]:
    if isinstance(structure, Mapping) and len(structure) == len(tensors):
        return [str(key) for key in structure]
    if len(tensors) == 1:
        return [tensors[0].name]
    taken: Counter[str] = Counter()
    names = []
    for tensor in tensors:
        count = taken[tensor.name]
        taken[tensor.name] += 1
        names.append(f"{tensor.name}_{count}" if count else tensor.name)
    return names
