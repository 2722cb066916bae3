"""A session: one stream of time steps through a model, with its own states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..carry import refuse_fixed_lengths
from ..data.batching import number_array, to_type
from ..engines import Engine
from ..errors import ArgumentError, ShapeError, UnknownNameError
from ..graph import GraphBuilder, show_shape
from .graph import TIME, step_graph

__all__ = ["StreamSession", "Streamer"]


class Streamer:
    """What the sessions of one model share: the graph of one step and the weights.

    Args:
        model: A built model with one input whose axis 1 is time.
        batch_size: Sequences side by side.
        engine: What runs the steps.
        precision: How float32 numbers enter matrix products, one of `recurra.engines.PRECISIONS`.

    Raises:
        ArgumentError: The model cannot run step by step.
    """

    def __init__(self, model: Any, batch_size: int, engine: Engine, precision: str = "float32") -> None:
        if len(model.inputs) != 1 or len(model.inputs[0].shape) < 2:
            shapes = ", ".join(show_shape(tensor.shape) for tensor in model.inputs)
            raise ArgumentError(
                f"Only a model with one input of shape (batch, time, ...) can be streamed; the inputs of "
                f"'{model.name}' are {shapes}."
            )
        given = model.inputs[0]
        fixed = given.shape[0]
        if fixed is not None and fixed != batch_size:
            raise ArgumentError(f"The model has the fixed batch size {fixed}; stream(batch_size={batch_size}) differs.")
        builder = GraphBuilder()
        batch = "batch" if fixed is None else fixed
        x = builder.input("x", (batch, TIME, *given.shape[2:]), given.element)
        with refuse_fixed_lengths(model.name, "streamed"):
            outputs, _ = model.trace(builder, [x])
        for name, output in zip(model.output_names, outputs, strict=True):
            builder.output(name, output)
        whole = builder.finish()
        timed = [TIME in whole.values[id].shape for id in whole.outputs.values()]
        self.batch_size = batch_size
        graph = step_graph(whole, self.batch_size)
        self._live = builder.variables
        self._weights = {name: variable.value.copy() for name, variable in self._live.items()}
        self._engine = engine
        self._precision = precision
        self._stream = engine.stream(graph, self._weights, precision)
        self.states = {
            name: tuple(int(dim) for dim in graph.values[id].shape) for name, id in self._stream.graph.states.items()
        }
        self.step_shape = tuple(int(dim) for dim in graph.values[graph.inputs["x"]].shape)
        self.plain_shape = (self.step_shape[0], *self.step_shape[2:])
        weights = next(iter(self._weights.values()), np.zeros(0, np.float32))
        self.state_dtype = weights.dtype
        self.dtype = np.dtype(np.int32) if given.element == "int" else weights.dtype
        sizes_of = [tuple(int(dim) for dim in graph.values[id].shape) for id in graph.outputs.values()]
        self.output_shapes = [
            (sizes[0], *sizes[2:]) if squeeze else sizes for sizes, squeeze in zip(sizes_of, timed, strict=True)
        ]

    def is_current(self, engine: Engine, precision: str) -> bool:
        """Whether the model still has the weights this was made with."""
        return (
            engine is self._engine
            and precision == self._precision
            and all(np.array_equal(self._weights[name], v.value, equal_nan=True) for name, v in self._live.items())
        )

    def start(self, states: Mapping[str, np.ndarray]) -> Any:
        """Returns the function that makes a step on these states: of the input and where to write the output."""
        # Not a method of the session: the extension keeps it, and a circle through the extension would never be freed.
        return self._stream.session(states, self.convert, self.plain_shape, self.output_shapes)

    def convert(self, x: Any) -> np.ndarray:
        """Makes an array of what a step is given. Raises as `StreamSession.step` does."""
        array = number_array(x, "A step")
        batch, *rest = self.plain_shape
        shapes = [self.plain_shape, self.step_shape, *([tuple(rest)] if batch == 1 else [])]
        if array.shape not in shapes:
            raise ShapeError(
                f"A step of this stream has the shape {show_shape(shapes[0])}: one time step of each of {batch} "
                f"sequence(s). Received {show_shape(array.shape)}."
            )
        return np.ascontiguousarray(to_type(array, "A step", self.dtype)).reshape(self.plain_shape)


class StreamSession:
    """One stream of time steps, made by ``model.stream()``.

    A session keeps the weights the model had when it was made, and shares them with the other sessions made then.
    Its numbers are those of ``model.predict`` over the whole sequence, bit for bit on the native engine.
    Sessions of one model may step in several threads at once, one session in one thread at a time.

    Args:
        streamer: What the sessions of a model share.

    Example:

    >>> import numpy as np
    >>> from recurra.layers import LSTM, Dense, Input
    >>> from recurra.models import Sequential
    >>> model = Sequential([Input((None, 2)), LSTM(4, return_sequences=True), Dense(1)])
    >>> session = model.stream()
    >>> x = np.ones((1, 3, 2), np.float32)
    >>> y = [session.step(x[:, t]) for t in range(3)]
    >>> bool((np.stack(y, axis=1) == model.predict(x, verbose=0)).all())
    True
    """

    def __init__(self, streamer: Streamer) -> None:
        self._streamer = streamer
        self._states = {name: np.zeros(shape, streamer.state_dtype) for name, shape in streamer.states.items()}
        self._step = streamer.start(self._states)

    def step(self, x: Any, out: Any = None) -> Any:
        """Takes one time step.

        Args:
            x: The step of each sequence, of shape (batch, features), or (features,) for a batch of one; for a model
                of numbers or words per step (batch,), or a number. Converted to the model's type where it is another.
            out: Where to write the output instead of into a new array: a C-contiguous array of its shape and type, or a
                list of them for several outputs. It is what the step returns. With it, and with ``x`` an array (batch,
                features) of the model's type, a step of up to eight outputs on the native engine allocates nothing.
                Default None.

        Returns:
            The output after this step, of shape (batch, ...) without the time axis: for a model that returns
            sequences the output of this step, otherwise that of the sequence so far. A list for several outputs.

        Raises:
            ShapeError: ``x`` has another shape.
            DataError: ``x`` holds no numbers, or one that does not fit the type, such as 1.5 for an index.
            ArgumentError: ``out`` does not fit, or an index is out of range.
        """
        return self._step(x, out)

    def reset(self) -> None:
        """Sets all states to 0: the next step is the first of a new sequence."""
        for state in self._states.values():
            state[...] = 0

    @property
    def state(self) -> dict[str, np.ndarray]:
        """The states, by name (``"lstm/h"``, ``"lstm/c"``), as copies of shape (batch, units).

        Can be set, to go on from a state saved before; either all states are set or none.

        Raises:
            UnknownNameError: A name is none of a state.
            ArgumentError: This is no mapping, or a state is missing.
            ShapeError: A state has another shape.
            DataError: A state holds no numbers, or numbers too large.

        Example:

        >>> import tempfile, numpy as np
        >>> from recurra.layers import LSTM, Dense, Input
        >>> from recurra.models import Sequential
        >>> session = Sequential([Input((None, 1)), LSTM(4), Dense(1)]).stream()
        >>> y = session.step([1.0])
        >>> with tempfile.TemporaryFile() as file:
        ...     np.savez(file, **session.state)
        ...     y = session.step([2.0])
        ...     _ = file.seek(0)
        ...     session.state = np.load(file)
        >>> bool((session.step([2.0]) == y).all())
        True
        """
        return {name: state.copy() for name, state in self._states.items()}

    @state.setter
    def state(self, states: Mapping[str, Any]) -> None:
        if not isinstance(states, Mapping):
            raise ArgumentError(
                f"The state of a session is set to a dict of {', '.join(self._states) or 'no states'}, such as "
                f"session.state gives. Received: {type(states).__name__}."
            )
        for name in states:
            if name not in self._states:
                raise UnknownNameError("state", name, self._states)
        given: dict[str, np.ndarray] = {}
        for name, own in self._states.items():
            if name not in states:
                raise ArgumentError(f"The state '{name}' is missing. Expected: {', '.join(self._states)}.")
            array = number_array(states[name], f"The state '{name}'")
            if array.shape != own.shape:
                raise ShapeError(f"The state '{name}' has a wrong shape: expected {own.shape}, received {array.shape}.")
            given[name] = to_type(array, f"The state '{name}'", own.dtype)
        for name, own in self._states.items():
            own[...] = given[name]
