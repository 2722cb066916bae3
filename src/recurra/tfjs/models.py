"""`LayersModel` and `Sequential`: models with the methods of TensorFlow.js."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import layers as keras
from .. import losses, metrics, models, training
from ..engines import Engine
from ..errors import ArgumentError
from ..graph import GraphBuilder
from ..graph import Tensor as Symbol
from ..layers.node import KerasTensor
from . import layers as own_layers
from . import train
from .callbacks import convert
from .layers import _unique, inputLayer
from .losses import LossFunction
from .options import merge, missing, snake
from .tensor import Tensor, array_of, scalar, tensor

__all__ = ["LayersModel", "Sequential", "input", "loadLayersModel", "model", "sequential"]

_FILE = "file://"

_FIT = [
    "batchSize",
    "epochs",
    "verbose",
    "callbacks",
    "validationSplit",
    "validationData",
    "shuffle",
    "classWeight",
    "sampleWeight",
    "initialEpoch",
    "stepsPerEpoch",
    "validationSteps",
    "yieldEvery",
]


class _Unmasked(models.Model):
    """A model whose loss counts masked steps, as TensorFlow.js's does."""

    def trace(self, builder: GraphBuilder, inputs: Sequence[Symbol]) -> tuple[list[Symbol], list[Symbol | None]]:
        outputs, _ = super().trace(builder, inputs)
        return outputs, [None] * len(outputs)


# A file calls these by the names of the classes they stand for.
_Model = type("Model", (_Unmasked,), {})
_Chain = type("Sequential", (_Unmasked, models.Sequential), {})


class LayersModel:
    """A model with the methods of TensorFlow.js. `model` and `sequential` make one.

    Attributes:
        recurra: The model underneath, with the methods of Keras and recurra's own, such as ``explain``.
    """

    recurra: Any

    def __init__(self, recurra: Any) -> None:
        self.recurra = recurra

    @property
    def name(self) -> str:
        """The name of the model."""
        return str(self.recurra.name)

    @property
    def layers(self) -> list[Any]:
        """The layers, from the inputs on."""
        return list(self.recurra.layers)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs."""
        return list(self.recurra.inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs."""
        return list(self.recurra.outputs)

    @property
    def optimizer(self) -> Any:
        """The optimizer, once compiled."""
        return self.recurra.optimizer

    @property
    def stopTraining(self) -> bool:
        """A callback sets it to True to end `fit`."""
        return bool(self.recurra.stop_training)

    @stopTraining.setter
    def stopTraining(self, value: bool) -> None:
        self.recurra.stop_training = value

    def getLayer(self, name: str | int | None = None, index: int | None = None) -> Any:
        """Finds a layer by name or by its place in `layers`."""
        if isinstance(name, int):
            name, index = None, name
        return self.recurra.get_layer(name, index)

    def apply(self, inputs: Any) -> Any:
        """Calls the model like a layer, on symbolic tensors or on tensors."""
        result = self.recurra(array_of(inputs))
        return tensor(result) if isinstance(inputs, Tensor) else result

    def compile(
        self, args: Mapping[str, Any] | None = None, /, *, engine: str | Engine | None = None, **options: Any
    ) -> None:
        """Says how to train.

        Args:
            args, options: ``optimizer``: ``"sgd"``, ``"rmsprop"``, ``"adam"`` or what ``tf.train`` makes; ``loss``: a
                name such as ``"meanSquaredError"``, a member of ``tf.losses``, or for several outputs a list or
                mapping of them; ``metrics``: names such as ``"accuracy"``.
            engine: As in `recurra.training.Trainer.compile`.

        Raises:
            UnknownNameError: An option, the optimizer, the loss or a metric does not exist.
        """
        found = merge("compile", ["optimizer", "loss", "metrics"], args, options)
        for name, example in (("optimizer", "'adam'"), ("loss", "'meanSquaredError'")):
            if found.get(name) is None:
                raise missing("compile", name, example)
        self.recurra.compile(
            optimizer=train.optimizer(found["optimizer"]),
            loss=_each(_loss, found["loss"]),
            metrics=_each(_metric, found.get("metrics")),
            engine=engine,
        )

    def fit(self, x: Any, y: Any, args: Mapping[str, Any] | None = None, /, **options: Any) -> training.History:
        """Trains the model. There is nothing to await: the history is there when the call returns.

        Args:
            x, y: Tensors or arrays; for several inputs or outputs lists or mappings of them.
            args, options: ``batchSize`` (32), ``epochs`` (1), ``verbose`` (1: a bar on a terminal), ``callbacks``,
                ``validationSplit`` (0), ``validationData``, ``shuffle`` (True), ``classWeight``, ``sampleWeight``,
                ``initialEpoch`` (0), ``stepsPerEpoch``, ``validationSteps``; ``yieldEvery`` has no effect.

        Returns:
            The history: ``history.history["loss"]`` is the list of losses, one an epoch.
        """
        found = merge("fit", _FIT, args, options)
        found.pop("yieldEvery", None)
        callbacks = convert(found.pop("callbacks", None))
        validation = found.pop("validationData", None)
        keywords = {name: array_of(value) for name, value in snake(found).items()}
        if validation is not None:
            keywords["validation_data"] = tuple(array_of(part) for part in validation)
        keywords["verbose"] = _verbose(keywords.get("verbose", 1))
        history: training.History = self.recurra.fit(array_of(x), array_of(y), callbacks=callbacks, **keywords)
        return history

    def evaluate(self, x: Any, y: Any, args: Mapping[str, Any] | None = None, /, **options: Any) -> Any:
        """Computes the loss and the metrics.

        Args:
            x, y: As for `fit`.
            args, options: ``batchSize`` (32), ``verbose`` (1), ``sampleWeight``, ``steps``.

        Returns:
            A scalar tensor, or a list of them.
        """
        found = merge("evaluate", ["batchSize", "verbose", "sampleWeight", "steps"], args, options)
        keywords = {name: array_of(value) for name, value in snake(found).items()}
        keywords["verbose"] = _verbose(keywords.get("verbose", 1))
        result = self.recurra.evaluate(array_of(x), array_of(y), **keywords)
        return [scalar(value) for value in result] if isinstance(result, list) else scalar(result)

    def predict(self, x: Any, args: Mapping[str, Any] | None = None, /, **options: Any) -> Any:
        """Computes the outputs.

        Args:
            x: Tensor or array; for several inputs a list or mapping of them.
            args, options: ``batchSize`` (32), ``verbose`` (0).

        Returns:
            A tensor, or a list of them where the model has several outputs.
        """
        found = merge("predict", ["batchSize", "verbose"], args, options)
        return _tensors(self.recurra.predict(array_of(x), **{"verbose": 0, **snake(found)}))

    def predictOnBatch(self, x: Any) -> Any:
        """Computes the outputs for one batch."""
        return _tensors(self.recurra.predict_on_batch(array_of(x)))

    def trainOnBatch(self, x: Any, y: Any) -> Any:
        """One training step on one batch.

        Returns:
            The loss before the step, or a list of it and the metrics.
        """
        return self.recurra.train_on_batch(array_of(x), array_of(y))

    def getWeights(self) -> list[Tensor]:
        """Copies of the weights, in the order of the layers."""
        return [tensor(weight) for weight in self.recurra.get_weights()]

    def setWeights(self, weights: Sequence[Any]) -> None:
        """Sets the weights: tensors or arrays in the order of `getWeights`."""
        self.recurra.set_weights([array_of(weight) for weight in weights])

    def countParams(self) -> int:
        """The number of elements in all weights."""
        return int(self.recurra.count_params())

    def resetStates(self) -> None:
        """Sets the states of stateful layers to 0."""
        self.recurra.reset_states()

    def summary(
        self, lineLength: int | None = None, positions: Any = None, printFn: Callable[[str], Any] = print
    ) -> None:
        """Prints a table of the layers.

        Args:
            lineLength, positions: Accepted, without effect: columns are as wide as what they hold.
            printFn: What receives the text. Default `print`.
        """
        self.recurra.summary(print_fn=printFn)

    def save(self, filepath: Any, args: Mapping[str, Any] | None = None, /, **options: Any) -> None:
        """Writes the model.

        Args:
            filepath: ``"file://folder"`` writes the folder that ``tf.loadLayersModel`` reads, here and in JavaScript; a
                path writes what `recurra.formats.save_model` makes of it.
            args, options: ``includeOptimizer``: whether training can go on from the files. Default, as there: False.

        >>> import tempfile
        >>> from recurra import tfjs as tf
        >>> model = tf.sequential(layers=[tf.layers.dense(units=1, inputShape=[2])])
        >>> folder = tempfile.mkdtemp()
        >>> model.save(f"file://{folder}")
        >>> loadLayersModel(f"file://{folder}/model.json").countParams()
        3
        """
        from .. import formats

        found = merge("save", ["includeOptimizer"], args, options)
        path = str(filepath)
        if path.startswith(_FILE):
            include = bool(found.get("includeOptimizer"))
            formats.save_model(self.recurra, path.removeprefix(_FILE), "tfjs", include_optimizer=include)
        else:
            formats.save_model(self.recurra, filepath)

    def setUserDefinedMetadata(self, userDefinedMetadata: Mapping[str, Any]) -> None:
        """Sets notes that are saved with the model."""
        self.recurra.user_metadata = dict(userDefinedMetadata)

    def getUserDefinedMetadata(self) -> dict[str, Any] | None:
        """The notes that were set or read with the model."""
        notes: dict[str, Any] | None = self.recurra.user_metadata
        return notes

    def dispose(self) -> None:
        """Does nothing: Python frees memory by itself."""


class Sequential(LayersModel):
    """Layers one after the other. See `sequential`."""

    def add(self, layer: Any) -> None:
        """Appends a layer, or a model."""
        self.recurra.add(layer.recurra if isinstance(layer, LayersModel) else layer)

    def pop(self) -> None:
        """Removes the last layer."""
        self.recurra.pop()


def sequential(args: Mapping[str, Any] | None = None, /, **options: Any) -> Sequential:
    """Makes a model of layers one after the other.

    Args:
        args, options: ``layers``: a list of layers to begin with; ``name``.

    Example:

    >>> from recurra import tfjs as tf
    >>> model = tf.sequential()
    >>> model.add(tf.layers.lstm(units=16, inputShape=[1, 1]))
    >>> model.add(tf.layers.dense(units=1))
    >>> model.countParams()
    1169
    """
    found = merge("sequential", ["layers", "name"], args, options)
    made = Sequential(_Chain(name=found.get("name") or _unique("sequential_")))
    for layer in found.get("layers") or ():
        made.add(layer)
    return made


def model(args: Mapping[str, Any] | None = None, /, **options: Any) -> LayersModel:
    """Makes a model of all layers between inputs and outputs.

    Args:
        args, options: ``inputs``: what `input` made, or a list of it; ``outputs``: what ``layer.apply`` returned, or
            a list of it; ``name``.

    Example:

    >>> from recurra import tfjs as tf
    >>> start = tf.input(shape=[5, 2])
    >>> outputs = tf.layers.dense(units=1).apply(tf.layers.lstm(units=4).apply(start))
    >>> tf.model(inputs=start, outputs=outputs).countParams()
    117
    """
    found = merge("model", ["inputs", "outputs", "name"], args, options)
    for name in ("inputs", "outputs"):
        if found.get(name) is None:
            raise missing("model", name, "...")
    return LayersModel(_Model(found["inputs"], found["outputs"], name=found.get("name") or _unique("model")))


def loadLayersModel(path: Any, args: Mapping[str, Any] | None = None, /, **options: Any) -> LayersModel:
    """Reads a model that TensorFlow.js, its Python converter or recurra saved.

    Args:
        path: ``"file://folder/model.json"``, or a path; a folder will do.
        args, options: ``strict`` has no effect: weights that do not fit are always an error.

    Raises:
        FormatError: The files are missing or damaged.
        UnsupportedFeatureError: The model has something that recurra does not have.
    """
    from ..formats.tfjs.reader import read_spec

    merge("loadLayersModel", ["strict"], args, options)
    name = str(path)
    if "://" in name and not name.startswith(_FILE):
        raise ArgumentError(f"loadLayersModel reads files, such as 'file://folder/model.json', received {name!r}.")
    classes: dict[str, Any] = {"Model": _Model, "Sequential": _Chain}
    classes |= {known: getattr(own_layers, known) for known in keras.__all__ if known in vars(own_layers)}
    del classes["Layer"]
    document = Path(name.removeprefix(_FILE))
    document = document / "model.json" if document.is_dir() else document
    found = read_spec(document, {}).build(document, classes)
    return (Sequential if isinstance(found, models.Sequential) else LayersModel)(found)


def input(args: Mapping[str, Any] | None = None, /, **options: Any) -> KerasTensor:
    """Makes the place where data enters a model.

    Args:
        args, options: ``shape`` of one sample, or ``batchShape``; ``dtype``, ``name``. ``sparse`` has no effect.

    >>> input(shape=[10, 1]).shape
    (None, 10, 1)
    """
    found = merge("input", ["shape", "batchShape", "dtype", "name", "sparse"], args, options)
    if found.get("shape") is None and found.get("batchShape") is None:
        raise missing("input", "shape", "[10, 1]")
    names = {"shape": "inputShape", "batchShape": "batchInputShape"}
    layer: keras.InputLayer = inputLayer({names.get(name, name): value for name, value in found.items()})
    return layer.tensor


def _each(convert: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _each(convert, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_each(convert, item) for item in value]
    return value if value is None else convert(value)


def _loss(value: Any) -> Any:
    return value.loss if isinstance(value, LossFunction) else losses.get(value)


def _metric(value: Any) -> Any:
    """The metric under the name that TensorFlow.js gives it in logs."""
    if isinstance(value, LossFunction):
        raise ArgumentError(f"A metric is given by name, such as 'meanSquaredError', received {value!r}.")
    short = {"accuracy": "acc", "acc": "acc", "crossentropy": "ce", "ce": "ce"}
    if not isinstance(value, str):
        return value
    return short.get(value) or metrics.get({"class_name": value, "config": {"name": value}})


def _verbose(value: Any) -> Any:
    return "auto" if value == 1 else value


def _tensors(result: Any) -> Any:
    return [tensor(item) for item in result] if isinstance(result, list) else tensor(result)
