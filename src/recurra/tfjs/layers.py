"""``tf.layers``: layers by factory, with options and defaults of TensorFlow.js.

Every factory takes its options as keywords or as a mapping: ``lstm(units=16)`` or ``lstm({"units": 16})``. All of them
know ``name``, ``trainable``, ``dtype``, ``inputShape``, ``batchInputShape``, ``batchSize`` and ``weights``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from .. import config
from .. import layers as keras
from ..errors import ArgumentError
from .options import UnknownMemberError, merge, missing, snake
from .tensor import Tensor, array_of, tensor

__all__ = [
    "Layer",
    "activation",
    "bidirectional",
    "dense",
    "denseLayer",
    "dropout",
    "embedding",
    "gru",
    "inputLayer",
    "lstm",
    "lstmLayer",
    "masking",
    "simpleRNN",
]

_COMMON = ["name", "trainable", "dtype", "inputShape", "batchInputShape", "batchSize", "weights"]
_KERNEL = ["kernelInitializer", "kernelRegularizer", "kernelConstraint"]
_BIAS = ["useBias", "biasInitializer", "biasRegularizer", "biasConstraint"]
_RECURRENT = [
    "units",
    "activation",
    "dropout",
    "recurrentDropout",
    "returnSequences",
    "returnState",
    "goBackwards",
    "stateful",
    "unroll",
    "recurrentInitializer",
    "recurrentRegularizer",
    "recurrentConstraint",
    *_KERNEL,
    *_BIAS,
]

_OPTIONS = {
    "activation": ["activation"],
    "bidirectional": ["layer", "mergeMode"],
    "dense": ["units", "activation", "activityRegularizer", *_KERNEL, *_BIAS],
    "dropout": ["rate", "noiseShape", "seed"],
    "embedding": [
        "inputDim",
        "outputDim",
        "inputLength",
        "maskZero",
        "embeddingsInitializer",
        "embeddingsRegularizer",
        "embeddingsConstraint",
        "activityRegularizer",
    ],
    "gru": ["recurrentActivation", "resetAfter", "implementation", *_RECURRENT],
    "inputLayer": ["inputShape", "batchInputShape", "batchSize", "dtype", "name", "sparse"],
    "lstm": ["recurrentActivation", "unitForgetBias", "implementation", *_RECURRENT],
    "masking": ["maskValue"],
    "simpleRNN": _RECURRENT,
}

_uses: Counter[str] = Counter()

Made = TypeVar("Made", bound="Layer")


class Layer(keras.Layer):
    """A layer of recurra that answers to the method names of TensorFlow.js as well."""

    _not_in_config = (*keras.Layer._not_in_config, "weights")
    first_weights: Sequence[Any] | None = None

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if self.first_weights is not None:
            self.setWeights(self.first_weights)

    def apply(self, inputs: Any, kwargs: Mapping[str, Any] | None = None, /, **options: Any) -> Any:
        """Calls the layer, on the results of ``tf.input`` and other layers, or on tensors.

        Args:
            inputs: What to call it on, or a list of it.
            kwargs, options: ``initialState`` of recurrent layers, ``training``.
        """
        found = merge(f"{self.name}.apply", ["initialState", "training", "mask"], kwargs, options)
        result = self(array_of(inputs), **{key: array_of(value) for key, value in snake(found).items()})
        return _tensors(result) if _holds_tensor(inputs) else result

    def getWeights(self) -> list[Tensor]:
        """Copies of the weights."""
        return [tensor(weight) for weight in self.get_weights()]

    def setWeights(self, weights: Sequence[Any]) -> None:
        """Sets the weights: tensors or arrays in the order of `getWeights`."""
        self.set_weights([array_of(weight) for weight in weights])

    def countParams(self) -> int:
        """The number of elements in all weights."""
        return self.count_params()

    def resetStates(self, states: Any = None) -> None:
        """Sets the states of a stateful layer: a list of tensors, or None for zeros."""
        self.reset_states(None if states is None else [array_of(state) for state in states])


class Activation(Layer, keras.Activation):
    """See `activation`."""


class Bidirectional(Layer, keras.Bidirectional):
    """See `bidirectional`."""


class Dense(Layer, keras.Dense):
    """See `dense`."""


class Dropout(Layer, keras.Dropout):
    """See `dropout`."""


class Embedding(Layer, keras.Embedding):
    """See `embedding`."""


class GRU(Layer, keras.GRU):
    """See `gru`."""


class LSTM(Layer, keras.LSTM):
    """See `lstm`."""


class Masking(Layer, keras.Masking):
    """See `masking`."""


class SimpleRNN(Layer, keras.SimpleRNN):
    """See `simpleRNN`."""


def activation(args: Mapping[str, Any] | None = None, /, **options: Any) -> Layer:
    """Applies an activation.

    Args:
        args, options: ``activation``: its name.

    >>> from recurra import tfjs as tf
    >>> tf.layers.activation(activation="relu").apply(tf.tensor1d([-1, 2])).print()
    Tensor
        [0, 2]
    """
    return _make(Activation, "activation", args, options, required={"activation": "'relu'"})


def bidirectional(args: Mapping[str, Any] | None = None, /, **options: Any) -> Layer:
    """Reads a sequence in both directions. Unlike Keras: outputs at masked steps repeat the output before.

    Args:
        args, options: ``layer``: what `lstm`, `gru` or `simpleRNN` makes; ``mergeMode`` (``"concat"``): how the two
            outputs are merged: ``"concat"``, ``"sum"``, ``"mul"``, ``"ave"``, or None for both of them.

    >>> layer = bidirectional(layer=lstm(units=16), mergeMode="sum", inputShape=[1, 1])
    >>> layer.backward_layer.go_backwards
    True
    """
    found = merge("bidirectional", [*_COMMON, *_OPTIONS["bidirectional"]], args, options)
    if found.get("weights") is not None:
        raise ArgumentError("bidirectional: TensorFlow.js knows no weights here. Call setWeights on the built layer.")
    mode = found.get("mergeMode", "concat")
    layer = _make(
        Bidirectional,
        "bidirectional",
        found,
        {},
        required={"layer": "lstm(units=16)"},
        defaults={"zeroOutputForMask": False},
    )
    if mode is None:  # A mode of its own here; elsewhere None means that an option is left out.
        layer.merge_mode = None
    return layer


def dense(args: Mapping[str, Any] | None = None, /, **options: Any) -> Layer:
    """A product with a kernel and a bias, over the last dimension.

    Args:
        args, options: ``units``; ``activation`` (linear), ``useBias`` (True), ``kernelInitializer``
            (``"glorotNormal"``), ``biasInitializer`` (``"zeros"``), ``kernelRegularizer``, ``biasRegularizer``,
            ``activityRegularizer``.

    >>> dense(units=3, inputShape=[2]).units
    3
    """
    return _make(Dense, "dense", args, options, required={"units": "1"}, defaults={"kernelInitializer": "glorotNormal"})


def dropout(args: Mapping[str, Any] | None = None, /, **options: Any) -> Layer:
    """While training, sets a share of the elements to 0 and scales the others up.

    Args:
        args, options: ``rate``; ``noiseShape``, ``seed``.
    """
    return _make(Dropout, "dropout", args, options, required={"rate": "0.5"})


def embedding(args: Mapping[str, Any] | None = None, /, **options: Any) -> Layer:
    """A vector for each index.

    Args:
        args, options: ``inputDim``, ``outputDim``; ``maskZero`` (False), ``inputLength``, ``embeddingsInitializer``
            (``"randomUniform"``), ``embeddingsRegularizer``, ``activityRegularizer``.
    """
    found = merge("embedding", [*_COMMON, *_OPTIONS["embedding"]], args, options)
    length = found.pop("inputLength", None)
    if length is not None and "inputShape" not in found and "batchInputShape" not in found:
        found["inputShape"] = list(length) if isinstance(length, (list, tuple)) else [length]
    return _make(Embedding, "embedding", found, {}, required={"inputDim": "1000", "outputDim": "16"})


def gru(args: Mapping[str, Any] | None = None, /, **options: Any) -> Layer:
    """Gated recurrent units. Unlike Keras: a hard sigmoid for the gates, and the reset gate before the product.

    Args:
        args, options: ``units``; ``activation`` (``"tanh"``), ``recurrentActivation`` (``"hardSigmoid"``),
            ``useBias`` (True), ``kernelInitializer`` (``"glorotNormal"``), ``recurrentInitializer``
            (``"orthogonal"``), ``biasInitializer`` (``"zeros"``), ``kernelRegularizer``, ``recurrentRegularizer``,
            ``biasRegularizer``, ``dropout`` (0), ``recurrentDropout`` (0; it spares the state that the update gate
            hands on), ``returnSequences``, ``returnState``, ``goBackwards``, ``stateful`` (False each);
            ``implementation`` and ``unroll`` have no effect.

    Raises:
        ArgumentError: ``resetAfter`` is True, which TensorFlow.js refuses.

    >>> layer = gru(units=16, inputShape=[1, 1])
    >>> layer.reset_after
    False
    """
    defaults = {"recurrentActivation": "hardSigmoid", "kernelInitializer": "glorotNormal"}
    found = merge("gru", [*_COMMON, *_OPTIONS["gru"]], args, options)
    found.pop("implementation", None)
    if found.pop("resetAfter", None):
        raise ArgumentError(
            "gru: resetAfter must be False, received True. TensorFlow.js has no such GRU; recurra.layers.GRU has it, "
            "as Keras does."
        )
    return _make(GRU, "gru", {**found, "resetAfter": False}, {}, required={"units": "16"}, defaults=defaults)


def lstm(args: Mapping[str, Any] | None = None, /, **options: Any) -> Layer:
    """Long short-term memory. Unlike Keras: a hard sigmoid for the gates, and no forget bias at the start.

    Args:
        args, options: ``units``; ``activation`` (``"tanh"``), ``recurrentActivation`` (``"hardSigmoid"``),
            ``useBias`` (True), ``unitForgetBias`` (False), ``kernelInitializer`` (``"glorotNormal"``),
            ``recurrentInitializer`` (``"orthogonal"``), ``biasInitializer`` (``"zeros"``), ``kernelRegularizer``,
            ``recurrentRegularizer``, ``biasRegularizer``, ``dropout`` (0), ``recurrentDropout`` (0),
            ``returnSequences``, ``returnState``, ``goBackwards``, ``stateful`` (False each); ``implementation`` and
            ``unroll`` have no effect.

    >>> layer = lstm(units=16, inputShape=[1, 1])
    >>> layer.recurrent_activation.__name__
    'hard_sigmoid_tfjs'
    """
    defaults = {"recurrentActivation": "hardSigmoid", "kernelInitializer": "glorotNormal", "unitForgetBias": False}
    found = merge("lstm", [*_COMMON, *_OPTIONS["lstm"]], args, options)
    found.pop("implementation", None)
    return _make(LSTM, "lstm", found, {}, required={"units": "16"}, defaults=defaults)


def masking(args: Mapping[str, Any] | None = None, /, **options: Any) -> Layer:
    """Marks the steps that do not count: those whose features all have one value.

    Args:
        args, options: ``maskValue`` (0).
    """
    return _make(Masking, "masking", args, options)


def simpleRNN(args: Mapping[str, Any] | None = None, /, **options: Any) -> Layer:
    """A recurrent layer without gates, whose output is its state.

    Args:
        args, options: ``units``; ``activation`` (``"tanh"``), ``useBias`` (True), ``kernelInitializer``
            (``"glorotNormal"``), ``recurrentInitializer`` (``"orthogonal"``), ``biasInitializer`` (``"zeros"``),
            ``kernelRegularizer``, ``recurrentRegularizer``, ``biasRegularizer``, ``dropout`` (0),
            ``recurrentDropout`` (0), ``returnSequences``, ``returnState``, ``goBackwards``, ``stateful`` (False
            each); ``unroll`` has no effect.

    >>> simpleRNN(units=16, inputShape=[1, 1]).activation.__name__
    'tanh'
    """
    defaults = {"kernelInitializer": "glorotNormal"}
    return _make(SimpleRNN, "simpleRNN", args, options, required={"units": "16"}, defaults=defaults)


def inputLayer(args: Mapping[str, Any] | None = None, /, **options: Any) -> keras.InputLayer:
    """The place where data enters a model.

    Args:
        args, options: ``inputShape`` (of one sample) or ``batchInputShape``; ``batchSize``, ``dtype``, ``name``.
    """
    found = merge("inputLayer", _OPTIONS["inputLayer"], args, options)
    shape, batch_shape = found.get("inputShape"), found.get("batchInputShape")
    if shape is None and batch_shape is None:
        raise missing("inputLayer", "inputShape", "[10, 1]")
    name = found.get("name") or _unique("input")
    if batch_shape is not None:
        return keras.InputLayer(batch_shape=tuple(batch_shape), dtype=found.get("dtype"), name=name)
    return keras.InputLayer(tuple(shape), found.get("batchSize"), found.get("dtype"), name=name)  # type: ignore[arg-type]


denseLayer = dense
lstmLayer = lstm


def _make(
    cls: type[Made],
    what: str,
    args: Mapping[str, Any] | None,
    options: Mapping[str, Any],
    required: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Made:
    found = merge(what, [*_COMMON, *_OPTIONS[what]], args, options)
    for name, example in (required or {}).items():
        if found.get(name) is None:
            raise missing(what, name, example)
    given = {name: value for name, value in found.items() if value is not None}
    weights = given.pop("weights", None)
    batch = given.pop("batchSize", None)
    given = {**(defaults or {}), **given}
    for name in ("activation", "recurrentActivation"):
        if isinstance(given.get(name), str):
            given[name] = activation_name(given[name])
    for name in ("inputShape", "batchInputShape"):
        if name in given:
            given[name] = _shape(what, name, given[name])
    if batch is not None and "inputShape" in given and "batchInputShape" not in given:
        given["batchInputShape"] = (batch, *given.pop("inputShape"))
    given.setdefault("name", _unique(f"{config.snake_case(cls.__name__)}_{cls.__name__}"))
    layer = cls(**snake(given))
    layer.first_weights = weights
    return layer


def activation_name(name: str) -> str:
    """TensorFlow.js has its own hard sigmoid; the other names mean what they mean in Keras.

    >>> activation_name("hardSigmoid"), activation_name("tanh")
    ('hard_sigmoid_tfjs', 'tanh')
    """
    return "hard_sigmoid_tfjs" if name.replace("_", "").lower() == "hardsigmoid" else name


def _shape(what: str, name: str, value: Any) -> tuple[int | None, ...]:
    if not isinstance(value, (list, tuple)):
        raise ArgumentError(f"{what}: {name} must be a list such as [10, 1], received {value!r}.")
    return tuple(value)


def _unique(prefix: str) -> str:
    """TensorFlow.js numbers names from 1."""
    _uses[prefix] += 1
    return f"{prefix}{_uses[prefix]}"


def _holds_tensor(value: Any) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, (list, tuple)) and any(map(_holds_tensor, value)))


def _tensors(result: Any) -> Any:
    return [tensor(item) for item in result] if isinstance(result, list) else tensor(result)


def __getattr__(name: str) -> Any:
    raise UnknownMemberError("layer in tf.layers:", name, [n for n in __all__ if n != "Layer"])
