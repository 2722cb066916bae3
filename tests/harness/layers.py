"""What every layer and every loss must do, checked in one call: `check_layer`, `check_loss`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from recurra import config, engines, ops
from recurra.layers import Input, Layer, deserialize, serialize
from recurra.layers.structure import flatten
from recurra.models import Model

from .gradients import check_gradients
from .graphs import rounded
from .parity import check_engine
from .tolerances import check_close, tolerance

__all__ = ["check_layer", "check_loss"]


def check_layer(
    make: Callable[[], Layer],
    *inputs: np.ndarray,
    weights: int,
    open_axes: Sequence[int] = (),
    call: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    fixed_batch: bool = False,
) -> None:
    """Checks a layer.

    - Its configuration survives JSON and makes an equal layer.
    - It has as many weights as said, and the shapes of its results are those `compute_output_shape` tells.
    - Called on arrays it computes what a model of it computes; a sample's result does not depend on the others.
    - Sizes along ``open_axes`` may stay unknown.
    - A training step changes every trainable weight.
    - Every engine that runs here computes the same numbers.

    Args:
        make: Makes a new layer.
        *inputs: The arrays it is called on; more than one are given to it as a list.
        weights: How many weights it has.
        open_axes: Axes of the inputs, besides the batch, that the layer need not know.
        call: Further arguments of the call.
        custom_objects: Classes and functions its configuration names.
        fixed_batch: Whether it needs to know the batch size.
    """
    layer = make()
    _check_config(layer, custom_objects)
    shapes = [array.shape for array in inputs]
    single = len(inputs) == 1
    batch_shapes = [_open(shape, (), fixed_batch) for shape in shapes]
    expected = layer.compute_output_shape(batch_shapes[0] if single else batch_shapes)
    model = _model(make(), inputs, open_axes, call, fixed_batch)
    assert len(model.weights) == weights
    model.compile("sgd", None, engine="numpy")
    values = _results(model.predict(_fed(inputs)))
    assert len(values) == len(_shapes(expected))
    for value, shape in zip(values, _shapes(expected), strict=True):
        assert value.shape[1:] == tuple(shape[1:]), f"compute_output_shape says {shape}, computed {value.shape}"
    _check_eager(model, inputs, values, call)
    if not fixed_batch:
        for value, alone in zip(values, _results(model.predict(_fed([array[:1] for array in inputs]))), strict=True):
            check_close(alone, value[:1], tolerance("numpy", "float32", "forward"), "a sample alone")
    for engine in engines.available():
        _check_training(make, inputs, open_axes, call, fixed_batch, engine)
        _check_numbers(make, inputs, open_axes, call, fixed_batch, engine)


def _check_config(layer: Layer, custom_objects: Mapping[str, Any] | None) -> None:
    written = json.loads(json.dumps(serialize(layer)))
    copy = deserialize(written, custom_objects)
    assert type(copy) is type(layer)
    assert serialize(copy) == serialize(layer)


def _check_eager(model: Model, inputs: Sequence[np.ndarray], values: list[np.ndarray], call: Any) -> None:
    if call:
        return
    layer = model.layers[-1]
    for variable in layer.states:
        variable.assign(np.zeros(variable.shape))
    computed = _results(layer(inputs[0] if len(inputs) == 1 else list(inputs)))
    for actual, expected in zip(computed, values, strict=True):
        check_close(actual, expected, tolerance("numpy", "float32", "forward"), "called on arrays")


def _check_training(make: Any, inputs: Any, open_axes: Any, call: Any, fixed_batch: bool, engine: str) -> None:
    model = _model(make(), inputs, open_axes, call, fixed_batch)
    if not model.trainable_weights:
        return
    before = model.get_weights()
    model.compile("sgd", _slanted, engine=engine)
    outputs = _results(model.predict(_fed(inputs)))
    # A loss of order 1 for any number of outputs, so that no gradient drowns in float32.
    targets = [np.random.default_rng(1).normal(size=output.shape) for output in outputs]
    model.train_on_batch(_fed(inputs), targets[0] if len(targets) == 1 else targets)
    for variable, value in zip(model.weights, before, strict=True):
        changed = bool((variable.value != value).any())
        assert changed == variable.trainable, f"a training step left {variable.name} as it was"
        assert np.isfinite(variable.value).all(), f"a training step made {variable.name} infinite"


def _check_numbers(make: Any, inputs: Any, open_axes: Any, call: Any, fixed_batch: bool, engine: str) -> None:
    config.set_floatx("float64")
    try:
        truth = _model(make(), inputs, open_axes, call, fixed_batch)
        truth.compile("sgd", None, engine="numpy")
    finally:
        config.set_floatx("float32")
    model = _model(make(), inputs, open_axes, call, fixed_batch)
    model.set_weights(truth.get_weights())
    truth.set_weights(model.get_weights())
    model.compile("sgd", None, engine=engine)
    pairs = zip(_results(model.predict(_fed(inputs))), _results(truth.predict(_fed(inputs))), strict=True)
    for actual, expected in pairs:
        check_close(actual, expected, tolerance(engine, "float32", "forward"), f"the {engine} engine")


def _model(layer: Layer, inputs: Any, open_axes: Any, call: Any, fixed_batch: bool) -> Model:
    tensors = [
        Input(
            batch_shape=[
                None if axis in open_axes else size for axis, size in enumerate(_open(array.shape, (), fixed_batch))
            ],
            dtype="int32" if array.dtype.kind == "i" else None,
        )
        for array in inputs
    ]
    return Model(tensors, layer(tensors[0] if len(tensors) == 1 else tensors, **(call or {})))


def _slanted(y_true: Any, y_pred: Any) -> Any:
    """A loss whose gradient is nowhere 0, so that every weight must move."""
    return ops.reduce_mean(ops.square(y_pred - y_true) + 3.0 * y_pred, axes=(-1,))


def _open(shape: Sequence[int], axes: Sequence[int], fixed_batch: bool) -> tuple[int | None, ...]:
    return tuple(None if axis in axes or (axis == 0 and not fixed_batch) else size for axis, size in enumerate(shape))


def _fed(inputs: Sequence[np.ndarray]) -> Any:
    return inputs[0] if len(inputs) == 1 else list(inputs)


def _results(values: Any) -> list[np.ndarray]:
    return flatten(values)


def _shapes(expected: Any) -> list[Any]:
    return expected if isinstance(expected, list) else [expected]


def check_loss(loss: Any) -> None:
    """Checks a loss on every engine that runs here, values and gradients, against float64 of the numpy engine.

    Args:
        loss: An object of `recurra.losses`.
    """
    random = np.random.default_rng(5)
    prediction = random.uniform(0.1, 0.9, (6, 4))
    if loss.target_dtype == "int":
        target: np.ndarray = random.integers(0, 4, 6).astype(np.int32)
    else:
        target = random.uniform(0.1, 0.9, (6, 4))

    def build(_: Any, tensors: dict[str, Any]) -> Any:
        return loss.call(tensors["target"], tensors["prediction"])

    check_gradients(build, {"prediction": rounded(prediction)}, {"target": target})
    for engine in engines.available():
        check_engine(engine, build, {"prediction": rounded(prediction)}, {"target": target})
