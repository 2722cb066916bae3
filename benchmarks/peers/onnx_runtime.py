"""ONNX Runtime with its recurrent operators, on a model built here from seeded weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from ..cases import Case
from ..protocol import Maker, Run, all_threads

__all__ = ["start"]

_OPERATORS = {"LSTM": ("LSTM", 4, 2), "GRU": ("GRU", 3, 1), "SimpleRNN": ("RNN", 1, 1)}


def build(case: Case, stream: bool) -> bytes:
    """The model as a file: (batch, time, features) in; streamed, also the states in and out."""
    operator, gates, kept = _OPERATORS[case.cell]
    draw = np.random.default_rng(0)
    weights: list[Any] = []
    nodes: list[Any] = []
    ends: list[list[Any]] = [[], []]

    def weight(name: str, *shape: int) -> str:
        weights.append(numpy_helper.from_array(draw.uniform(-0.1, 0.1, shape).astype(np.float32), name))
        return name

    def value(name: str, *shape: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    batch, time = (1, 1) if stream else (case.batch, case.time)
    weights.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
    weights.append(numpy_helper.from_array(np.array([0], np.int64), "front"))
    nodes.append(helper.make_node("Transpose", ["x"], ["x0"], perm=[1, 0, 2]))
    for level in range(case.layers):
        inputs = case.units if level else case.features
        names = [
            f"x{level}",
            weight(f"w{level}", 1, gates * case.units, inputs),
            weight(f"r{level}", 1, gates * case.units, case.units),
            weight(f"b{level}", 1, 2 * gates * case.units),
        ]
        outputs = [f"y{level}"]
        if stream:
            names += [""] + [f"state{level}_{part}" for part in range(kept)]
            outputs += [f"state{level}_{part}_out" for part in range(kept)]
            for part in range(kept):
                ends[0].append(value(f"state{level}_{part}", 1, 1, case.units))
                ends[1].append(value(f"state{level}_{part}_out", 1, 1, case.units))
        else:
            outputs.append(f"last{level}")
        extra = {"linear_before_reset": 1} if case.cell == "GRU" else {}
        nodes.append(helper.make_node(operator, names, outputs, hidden_size=case.units, **extra))
        nodes.append(helper.make_node("Squeeze", [f"y{level}", "axis"], [f"x{level + 1}"]))
    if case.classes:
        nodes.append(helper.make_node("Transpose", [f"x{case.layers}"], ["sequence"], perm=[1, 0, 2]))
        shape: tuple[int, ...] = (batch, time, case.outputs)
    else:
        last = f"state{case.layers - 1}_0_out" if stream else f"last{case.layers - 1}"
        nodes.append(helper.make_node("Squeeze", [last, "front"], ["sequence"]))
        shape = (batch, case.outputs)
    nodes.append(helper.make_node("MatMul", ["sequence", weight("kernel", case.units, case.outputs)], ["product"]))
    nodes.append(helper.make_node("Add", ["product", weight("bias", case.outputs)], ["sum" if case.classes else "y"]))
    if case.classes:
        nodes.append(helper.make_node("Softmax", ["sum"], ["y"], axis=-1))
    x = value("x", batch, time, case.features)
    graph = helper.make_graph(nodes, case.name, [x, *ends[0]], [value("y", *shape), *ends[1]], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def start(settings: Mapping[str, Any]) -> dict[str, Maker]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = all_threads(settings)

    def session_of(case: Case, stream: bool) -> Any:
        return onnxruntime.InferenceSession(build(case, stream), options, providers=["CPUExecutionProvider"])

    def predict(case: Case, batches: int) -> Run:
        session = session_of(case, stream=False)
        feeds = {"x": case.data(1)[0]}

        def run(steps: int) -> None:
            for _ in range(steps):
                session.run(None, feeds)

        run(2)
        return run

    def stream(case: Case, batches: int) -> Run:
        session = session_of(case, stream=True)
        x = case.data(1)[0][:1, :1].copy()
        names = [value.name for value in session.get_inputs()][1:]

        def run(steps: int) -> None:
            states = [np.zeros((1, 1, case.units), np.float32) for _ in names]
            for _ in range(steps):
                feeds = dict(zip(names, states, strict=True))
                feeds["x"] = x
                _, *states = session.run(None, feeds)

        run(2)
        return run

    return {"predict": predict, "stream": stream}
