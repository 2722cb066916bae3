"""The numpy engine: the readable truth that every other engine is checked against, in float32 or float64.

Each file of `recurra.ops` has one of the same name here, with the forward and the hand-written backward function of
each of its ops and the equations they follow. `program` runs them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ... import config
from ...errors import ArgumentError, ShapeError, UnsupportedOpError
from ...graph import Graph
from ..base import Engine, UpdateRule
from . import elementwise, gru, linear, lstm, random, reduction, shape, simple_rnn, update
from ._declare import FORWARD
from .program import NumpyProgram

__all__ = ["ENGINE", "NumpyEngine"]

_ROOMS = (elementwise, gru, linear, lstm, random, reduction, shape, simple_rnn)  # imported for what they register


class NumpyEngine(Engine):
    """Runs graphs with numpy, node by node.

    Example:
    >>> from recurra import ops
    >>> from recurra.graph import GraphBuilder
    >>> builder = GraphBuilder()
    >>> x = builder.input("x", ("batch", 2))
    >>> builder.output("y", ops.reduce_sum(ops.square(x), axes=(1,)))
    >>> program = NumpyEngine().compile(builder.finish(), {})
    >>> program.predict({"x": np.array([[3.0, 4.0]])})["y"].tolist()
    [25.0]
    """

    name = "numpy"

    def ops(self) -> frozenset[str]:
        """The ops the engine implements: all of `recurra.ops`."""
        return frozenset(FORWARD)

    def compile(
        self,
        graph: Graph,
        arrays: Mapping[str, np.ndarray],
        rule: UpdateRule | None = None,
        slots: Mapping[str, Mapping[str, np.ndarray]] | None = None,
        precision: str = "float32",
        recompute: bool = False,
    ) -> NumpyProgram:
        """Compiles a graph. See `Engine.compile`.

        The arrays are float32 or float64, all alike; the program computes in that type. If there is none, as in a
        model without weights, it computes in `config.floatx`. ``recompute`` changes nothing here: this engine is for
        reading, and a backward function reads best where everything it needs was kept.

        Raises:
            UnsupportedOpError: The graph holds an op this engine lacks.
            ArgumentError: An array is missing or of another type.
            ShapeError: An array has a wrong shape.
            EngineError: A precision other than float32 was asked for.
        """
        self.need_precision(precision)
        for node in graph.nodes:
            if node.op not in FORWARD:
                raise UnsupportedOpError(self.name, f"op '{node.op}'", ())
        dtype: np.dtype[np.float32] | np.dtype[np.float64] | None = None
        for name, id in (*graph.parameters.items(), *graph.states.items()):
            array = arrays.get(name)
            if array is None:
                raise ArgumentError(f"No array was given for the weight '{name}'.")
            if array.shape != graph.values[id].shape:
                raise ShapeError(
                    f"The array for the weight '{name}' has a wrong shape: expected {graph.values[id].shape}, "
                    f"received {array.shape}."
                )
            dtype = array.dtype if dtype is None else dtype
            if array.dtype not in (np.float32, np.float64) or array.dtype != dtype:
                raise ArgumentError(
                    f"The weights of a model must all be float32 or all be float64: '{name}' is {array.dtype}"
                    + (f", others are {dtype}." if array.dtype != dtype else ".")
                )
        if rule is not None:
            trained = {name: arrays[name] for name in graph.parameters if name in graph.trainable}
            update.check(rule, slots or {}, trained)
        return NumpyProgram(graph, arrays, np.dtype(dtype or config.floatx()), rule, slots or {})


ENGINE = NumpyEngine()
