"""`WeightHolder`: the variables of a layer and of the layers inside it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import config, initializers, regularizers
from ..errors import ArgumentError, ShapeError
from ..graph import Tensor, Variable, show_shape
from ..registry import Configurable
from ..typing import Array, ShapeLike
from .arguments import no_constraint
from .loading import first_value

__all__ = ["WeightHolder"]


class WeightHolder(Configurable):
    """What `Layer` is as a holder of variables.

    Args:
        name: Default: the class's name in snake case, numbered.
        trainable: Whether training changes the weights.
        dtype: Float type of the weights. Default: `recurra.config.floatx()`.
    """

    def __init__(self, name: str | None, trainable: bool, dtype: str | None) -> None:
        self.name = config.unique_name(config.snake_case(type(self).__name__)) if name is None else str(name)
        self.dtype = dtype or config.floatx()
        self.built = False
        self._trainable = bool(trainable)
        self._own_weights: list[Variable] = []
        self._own_states: list[Variable] = []
        self._frozen: set[str] = set()
        self._regularized: list[tuple[Variable, Callable[[Any], Tensor]]] = []

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

    def sublayers(self) -> Iterator[WeightHolder]:
        """The layers kept in this one's attributes, or in lists, tuples and mappings there."""
        found: dict[int, WeightHolder] = {}
        _collect(vars(self).values(), found)
        found.pop(id(self), None)
        return iter(found.values())

    def walk(self) -> Iterator[WeightHolder]:
        """This layer and all layers inside it, each once."""
        seen: set[int] = set()
        waiting: list[WeightHolder] = [self]
        while waiting:
            layer = waiting.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer
                waiting.extend(reversed(list(layer.sublayers())))

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


@functools.lru_cache(maxsize=1024)
def _kind(of: type) -> int:
    """Whether values of a type are layers (1), may hold some (2: in order, 3: by key) or neither (0)."""
    if issubclass(of, WeightHolder):
        return 1
    if issubclass(of, (list, tuple)):
        return 2
    return 3 if issubclass(of, Mapping) else 0


def _collect(values: Iterable[Any], found: dict[int, WeightHolder]) -> None:
    """Adds the layers among the values and inside them, each once."""
    # Models are walked at each call, so the many numbers and names that a layer holds must cost little.
    for value in values:
        kind = _kind(type(value))  # type: ignore[arg-type]  # types are hashable
        if kind == 1:
            found.setdefault(id(value), value)
        elif kind:
            _collect(value if kind == 2 else value.values(), found)
