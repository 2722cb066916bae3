"""`Sequential`: layers one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from ..data.batching import data_shape
from ..errors import ArgumentError, ShapeError
from ..layers.input_layer import InputLayer
from ..layers.layer import Layer, deserialize, registry, serialize
from ..layers.node import KerasTensor
from ..registry import custom_object_scope
from ..typing import Config, ShapeLike
from .model import Model
from .web import check_names

__all__ = ["Sequential"]


@registry.register()
class Sequential(Model):
    """Layers one after the other: each is called on the result of the one before.

    Without an `Input` in front the model is built when it first sees data, or by `build`.

    Args:
        layers: Layers, the first of which may be what `recurra.Input` returns. Default: none; see `add`.
        name: Default ``"sequential"``, numbered.
        trainable: Whether training changes the weights. Default True.

    Raises:
        ArgumentError: One of the layers is none, or two share a name.
        ShapeError: A layer cannot take what the one before gives.

    Example:

    >>> from recurra.layers import Dense, Input, LSTM
    >>> from recurra.models import Sequential
    >>> model = Sequential([Input((10, 1)), LSTM(16), Dense(1)])
    >>> model.output_shape
    (None, 1)
    >>> model.count_params()
    1169
    """

    def __init__(self, layers: Iterable[Any] | None = None, name: str | None = None, trainable: bool = True) -> None:
        self._start(name)
        self._chain: list[Layer] = []
        self._tensors: list[Any] = []
        for layer in layers or ():
            self.add(layer)
        if not trainable:
            self.trainable = False

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the `Input`."""
        return list(self._chain)

    def add(self, layer: Any) -> None:
        """Appends a layer, or in front of all others what `recurra.Input` returned."""
        if isinstance(layer, KerasTensor):
            layer = layer.layer
        if isinstance(layer, InputLayer):
            if self._chain or self._tensors:
                raise ArgumentError(
                    f"An Input must be the first of a Sequential; '{self.name}' has {len(self._chain)} layers "
                    f"{'and an Input ' if self._tensors else ''}already."
                )
            self._tensors.append(layer.tensor)
            return
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"A Sequential is made of layers, received {type(layer).__name__}: {layer!r}."
                + (" Make an object of the class first, with ()." if isinstance(layer, type) else "")
            )
        check_names([*self._chain, layer])
        if not self._chain and not self._tensors:
            shape = _known_input_shape(layer)
            if shape is not None:
                self._tensors.append(_input_for(layer, shape).tensor)
        if self._tensors:
            self._append(layer)
        self._chain.append(layer)
        if self._tensors:
            self._finish()

    def pop(self, rebuild: bool = True) -> Layer:
        """Removes the last layer and returns it.

        Raises:
            ArgumentError: There is none.
        """
        if not self._chain:
            raise ArgumentError(f"The model '{self.name}' has no layers to remove.")
        layer = self._chain.pop()
        if self._tensors:
            self._tensors.pop()
            self._finish()
        return layer

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights of all layers, where there is no `Input`.

        Args:
            input_shape: Shape of the input, the batch in front: (None, time, features).

        Raises:
            ShapeError: A layer cannot take what the one before gives.
        """
        if self._tensors:
            return
        if input_shape is None:
            raise ArgumentError(f"The model '{self.name}' has no Input: build needs the input_shape, batch in front.")
        if not self._chain:
            raise ArgumentError(f"The model '{self.name}' has no layers. Add some first.")
        self._tensors.append(_input_for(self._chain[0], tuple(input_shape)).tensor)
        try:
            for layer in self._chain:
                self._append(layer)
        except Exception:
            self._tensors.clear()
            raise
        self._finish()

    def _ensure_built(self, x: Any) -> None:
        if not self._tensors:
            sample = data_shape(x)[1:]
            if not sample and self._chain and self._chain[0].input_element == "float":
                sample = (1,)  # a plain vector holds samples of one number
            self.build((None, *sample))

    def _append(self, layer: Layer) -> None:
        before = self._tensors[-1]
        if not isinstance(before, KerasTensor):
            raise ArgumentError(
                f"The layer '{self._chain[len(self._tensors) - 2].name}' gives {len(before)} results, so in a "
                f"Sequential no layer can follow it. Drop return_state=True, or use recurra.Model with Input."
            )
        self._tensors.append(layer(before))

    def _finish(self) -> None:
        if self._chain:
            self._connect(self._tensors[0], self._tensors[-1])
        else:
            self._inputs = self._outputs = None
            self._order, self._layers, self.built = [], [], False

    def sublayers(self) -> Any:
        return iter(self._chain)

    def get_config(self) -> Config:
        """The layers with their configurations, in a form JSON can hold."""
        layers = [self._tensors[0].layer, *self._chain] if self._tensors else self._chain
        return {"name": self.name, "trainable": self.trainable, "layers": [serialize(layer) for layer in layers]}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Makes a model of what `get_config` returned. Its weights are new.

        Args:
            config: The configuration.
            custom_objects: Classes and functions of your own, by name.
        """
        with custom_object_scope(custom_objects):
            layers = [deserialize(layer) for layer in config["layers"]]
        return cls(layers, name=config.get("name"), trainable=config.get("trainable", True))


def _known_input_shape(layer: Layer) -> ShapeLike | None:
    if isinstance(layer, Model) and layer.built:
        shape: ShapeLike = layer.inputs[0].shape
        return shape
    return layer._first_shape


def _input_for(layer: Layer, shape: ShapeLike) -> InputLayer:
    if len(shape) < 1:
        raise ShapeError(f"The input_shape of a model has the batch in front, such as (None, 10, 1); received {shape}.")
    return InputLayer(
        batch_shape=shape, dtype="int32" if layer.input_element == "int" else None, name=f"{layer.name}_input"
    )
