"""A model made ready for many predictions of one size: `Predictor`, made by ``model.predictor()``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.arguments import whole_number
from ..data.batching import number_array, to_type
from ..engines import Engine
from ..errors import ArgumentError, ShapeError
from ..graph import GraphBuilder, show_shape

__all__ = ["Predictor"]


class Predictor:
    """Predicts batches of one size, with as little as possible between the caller and the engine.

    It keeps the weights the model had when it was made, packed as the engine reads them, so that a call computes and
    does nothing else. Its numbers are those of ``model.predict``, bit for bit on the native engine. Calls from several
    threads wait for each other.

    Args:
        model: A built model with one input, none of whose layers carries a state from batch to batch.
        batch_size: Samples in a call.
        time_steps: Time steps of a sample, for a model that takes sequences of any length.
        engine: What runs the model.
        precision: How float32 numbers enter matrix products, one of `recurra.engines.PRECISIONS`.

    Attributes:
        input_shape: The shape of the array that a call takes.
        output_shapes: The shapes of what it returns, one for each output of the model.

    Raises:
        ArgumentError: The model has several inputs or stateful layers, or a size is missing or contradicts the model.

    Example:

    >>> import numpy as np
    >>> from recurra.layers import LSTM, Dense, Input
    >>> from recurra.models import Sequential
    >>> model = Sequential([Input((None, 2)), LSTM(4), Dense(1)])
    >>> predictor = model.predictor(batch_size=3, time_steps=5)
    >>> x = np.ones((3, 5, 2), np.float32)
    >>> bool((predictor(x) == model.predict(x, verbose=0)).all())
    True
    """

    def __init__(
        self, model: Any, batch_size: Any, time_steps: Any, engine: Engine, precision: str = "float32"
    ) -> None:
        if len(model.inputs) != 1:
            raise ArgumentError(
                f"Only a model with one input can be made a predictor; '{model.name}' has {len(model.inputs)}. "
                f"Use predict_on_batch."
            )
        given = model.inputs[0]
        sizes = [whole_number("batch_size", batch_size), *given.shape[1:]]
        if time_steps is not None and len(sizes) > 1 and sizes[1] is None:
            sizes[1] = whole_number("time_steps", time_steps)
        elif time_steps is not None and (len(sizes) < 2 or sizes[1] != time_steps):
            raise ArgumentError(f"The input of the model has the shape {show_shape(given.shape)}: it does not take "
                                f"time_steps={time_steps!r}.")  # fmt: skip
        if given.shape[0] not in (None, sizes[0]):
            raise ArgumentError(
                f"The model has the fixed batch size {given.shape[0]}; predictor(batch_size={batch_size}) differs."
            )
        if None in sizes:
            raise ArgumentError(
                f"The input of the model has the shape {show_shape(given.shape)}, and a predictor has fixed sizes: "
                f"give time_steps for axis 1; other axes must be known to the model."
            )
        builder = GraphBuilder()
        outputs, _ = model.trace(builder, [builder.input("x", tuple(sizes), given.element)])
        for name, output in zip(model.output_names, outputs, strict=True):
            builder.output(name, output)
        graph = builder.finish()
        if graph.states:
            raise ArgumentError(
                f"A layer of '{model.name}' carries its state from batch to batch ({', '.join(graph.states)}). "
                f"Use model.stream(), or predict."
            )
        self.input_shape: tuple[int, ...] = tuple(sizes)
        self.output_shapes: list[tuple[int, ...]] = [
            tuple(int(dim) for dim in graph.values[id].shape) for id in graph.outputs.values()
        ]
        weights = {name: variable.value.copy() for name, variable in builder.variables.items()}
        first = next(iter(weights.values()), np.zeros(0, np.float32))
        dtype = np.dtype(np.int32) if given.element == "int" else first.dtype
        shape = self.input_shape

        # Not a method: the extension keeps it, and a circle through the extension would never be freed.
        def convert(x: Any) -> np.ndarray:
            array = number_array(x, "The input")
            if array.shape != shape:
                raise ShapeError(
                    f"This predictor takes arrays of shape {show_shape(shape)}, received {show_shape(array.shape)}."
                )
            return np.ascontiguousarray(to_type(array, "The input", dtype))

        self._run = engine.stream(graph, weights, precision).session({}, convert, shape, self.output_shapes)

    def __call__(self, x: Any, out: Any = None) -> Any:
        """Predicts one batch.

        Args:
            x: The batch, of the shape `input_shape`. Converted to the model's type where it is another.
            out: Where to write: an array of the shape and type of the output, or for several outputs a list of such.
                It is what the call returns; nothing is allocated then, up to eight outputs. Default None: new arrays.

        Returns:
            The output of the model, of the shape ``output_shapes[0]``, or a list for several outputs.

        Raises:
            ShapeError: ``x`` has another shape.
            DataError: ``x`` holds no numbers, or one that does not fit the type, such as 1.5 for an index.
            ArgumentError: ``out`` does not fit, or an index is out of range.
        """
        return self._run(x, out)
