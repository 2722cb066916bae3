"""`ModelSpec`: a model as plain data, between files and models.

A format translates between its files and a `ModelSpec`; only this module turns one into a model and back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, FormatError
from ..graph import Variable, show_shape
from ..layers.layer import serialize
from ..layers.loading import weights_from
from ..models import Model
from ..models.clone import model_from_config
from ..registry import custom_object_scope
from ..typing import Array, Config
from .limits import StateLimit
from .matching import match_weights

__all__ = ["ModelSpec", "OptimizerState", "require_built", "require_finite", "require_finite_state"]


@dataclass
class OptimizerState:
    """Where an optimizer stands.

    Attributes:
        iterations: The number of steps done.
        slots: For each slot of its rule the arrays, one for each trainable weight in the order of the weights.
    """

    iterations: int
    slots: dict[str, list[Array]] = field(default_factory=dict)


@dataclass
class ModelSpec:
    """A model as plain data.

    Attributes:
        config: ``{"class_name", "config"}``, what `recurra.models.model_from_config` takes.
        weights: Names and arrays. Read from a file, the names are the file's and the order is too.
        compile: What `Model.compile_from_config` takes, or None.
        optimizer: The optimizer's state, or None.
        metadata: The user's own notes, or None.
        masked_outputs: Names of outputs beside which a mask travels.
    """

    config: Config
    weights: list[tuple[str, Array]]
    compile: Config | None = None
    optimizer: OptimizerState | None = None
    metadata: dict[str, Any] | None = None
    masked_outputs: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, model: Model) -> ModelSpec:
        """Describes a model. The arrays are the model's own, not copies.

        Raises:
            ArgumentError: The model is not built, or something in it, such as a lambda, cannot be written down.
        """
        require_built(model, "saved")
        try:
            config, compiled = serialize(model), model.get_compile_config()
        except ArgumentError as error:
            raise ArgumentError(f"The model '{model.name}' cannot be saved. {error}") from error
        weights = [(variable.name, variable.value) for variable in model.weights]
        if len({name for name, _ in weights}) != len(weights):
            raise ArgumentError(
                f"Two weights of the model '{model.name}' share a name. Give each layer a name of its own."
            )
        state = None
        if compiled is not None:
            names = [variable.name for variable in model.trainable_weights]
            slots = model.optimizer.slots
            known = all(set(names) <= set(arrays) for arrays in slots.values())
            state = OptimizerState(int(model.optimizer.iterations))
            if known:
                state.slots = {slot: [arrays[name] for name in names] for slot, arrays in slots.items()}
        masked = [
            name for name, tensor in zip(model.output_names, model.outputs, strict=True) if tensor.mask_dims is not None
        ]
        return cls(config, weights, compiled, state, model.user_metadata, masked)

    def build(
        self,
        file: Path,
        custom_objects: Mapping[str, Any] | None = None,
        compile: bool = True,
        allow_nonfinite: bool = False,
    ) -> Model:
        """Makes the model. Nothing larger than the weights at hand is allocated on the way.

        Args:
            file: Where the description comes from, for messages.
            custom_objects: Classes and functions of the user's own, by name.
            compile: Whether to compile it, with the optimizer's state.
            allow_nonfinite: Whether weights may be NaN or infinite.

        Raises:
            FormatError: The model cannot be made, or weights or state do not fit it.
        """
        limit = _Limit(sum(array.size for _, array in self.weights), file)
        with custom_object_scope(custom_objects), weights_from(limit):
            model = _make(self.config, file)
        pairs = match_weights(_by_layer(model), self.weights, file)
        for variable, array in pairs:
            variable.assign(array)
        if not allow_nonfinite:
            require_finite(model.weights, file)
        model.user_metadata = self.metadata
        if compile and self.compile is not None:
            with custom_object_scope(custom_objects):
                _compile(model, self.compile, file)
            if self.optimizer is not None:
                if not allow_nonfinite:
                    require_finite_state((array for slot in self.optimizer.slots.values() for array in slot), file)
                trainable = [variable for variable, _ in pairs if variable.trainable]
                _restore(model, self.optimizer, trainable, file)
        return model


class _Limit:
    """Gives zeros to every new weight, as many as the file has numbers for and no more."""

    def __init__(self, elements: int, file: Path) -> None:
        self._left = elements
        self._states = StateLimit(file)
        self._file = file

    def __call__(self, name: str, shape: tuple[int, ...], dtype: str, role: str) -> Array | None:
        if role != "parameter":
            self._states.take(name, shape)
            return None
        self._left -= math.prod(shape)
        if self._left < 0:
            raise FormatError(
                f"The layers in '{self._file}' have more weights than the file: '{name}' of shape {show_shape(shape)} "
                f"finds no numbers."
            )
        return np.zeros(shape, dtype)


def require_built(model: Any, what: str) -> None:
    """Raises ArgumentError where something is no model, or has no weights yet."""
    if not isinstance(model, Model):
        raise ArgumentError(f"Only a recurra model can be {what} here, received {type(model).__name__}.")
    if not model.built:
        raise ArgumentError(
            f"The model '{model.name}' has no weights yet and cannot be {what}. Give it an Input, or build or fit it."
        )


def require_finite(variables: Sequence[Variable], file: Path) -> None:
    """Raises FormatError where weights are NaN or infinite."""
    bad = [variable.name for variable in variables if not np.isfinite(variable.value).all()]
    if bad:
        raise FormatError(
            f"Weights in '{file}' are NaN or infinite: {', '.join(bad[:5])}{' ...' if len(bad) > 5 else ''}. Whatever "
            f"the model predicts would be so too. To look at them all the same, read with allow_nonfinite=True."
        )


def require_finite_state(arrays: Iterable[Array], file: Path) -> None:
    """Raises FormatError where an optimizer's arrays are NaN or infinite."""
    if not all(np.isfinite(array).all() for array in arrays):
        raise FormatError(
            f"The state of the optimizer in '{file}' is NaN or infinite; training on would make the weights so too. "
            f"load_model(..., compile=False) reads the model without it."
        )


def _by_layer(model: Model) -> list[list[Variable]]:
    """The weights of each layer that has any, those of layers inside others by themselves."""
    return [list(layer._own_weights) for layer in model.walk() if layer._own_weights]


def _make(config: Mapping[str, Any], file: Path) -> Model:
    try:
        model = model_from_config(config)
    except FormatError:
        raise
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
        raise FormatError(
            f"The model in '{file}' cannot be made: {error} If it uses a class or function of your own, give "
            f"load_model custom_objects={{'name': it}}."
        ) from error
    if not model.built:
        raise FormatError(f"The model in '{file}' does not say which shape its input has, so it has no weights.")
    return model


def _compile(model: Model, config: Config, file: Path) -> None:
    try:
        model.compile_from_config(config)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise FormatError(
            f"The model in '{file}' cannot be compiled as it was: {error} load_model(..., compile=False) reads it "
            f"without."
        ) from error


def _restore(model: Model, state: OptimizerState, trainable: Sequence[Variable], file: Path) -> None:
    optimizer = model.optimizer
    optimizer.iterations = state.iterations
    if not state.slots:
        return
    optimizer.build(model.trainable_weights)
    for slot, arrays in optimizer.slots.items():
        given = state.slots.get(slot)
        if given is None or [array.shape for array in given] != [variable.shape for variable in trainable]:
            raise FormatError(
                f"The optimizer's state '{slot}' in '{file}' does not fit the {len(trainable)} trainable weights of "
                f"its model. load_model(..., compile=False) reads the model without it."
            )
        for variable, array in zip(trainable, given, strict=True):
            arrays[variable.name][...] = array
