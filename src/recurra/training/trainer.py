"""`Trainer`: compile, fit, evaluate and predict, for everything that can be traced into a graph."""

from __future__ import annotations

import importlib
import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import engines, optimizers
from ..data.arguments import whole_number
from ..engines import Engine
from ..errors import ArgumentError, UnknownNameError
from ..typing import Config
from .callbacks import Callback, CallbackList, History
from .compilation import CompileArguments
from .explain import explain
from .feeding import Batches, Samples, batch_size_of, split
from .fitting import Validation, run_fit, validation_epochs, validation_parts
from .graphs import Traced
from .loop import Truncation, predict_batches, test_batches
from .programs import Programs
from .progress import reporter
from .totals import Totals

__all__ = ["Trainer"]

Logs = dict[str, float]


class Trainer:
    """What a model inherits to be trained and used. `recurra.Sequential` and `recurra.Model` do.

    Attributes:
        optimizer: The optimizer, once compiled.
        loss: The loss as given to `compile`.
        compiled: Whether `compile` was called.
        stop_training: A callback sets it to True to end `fit`.
        history: What the last `fit` recorded.
    """

    optimizer: Any = None
    compiled: bool = False
    stop_training: bool = False
    history: History | None = None

    _programs: Programs | None = None

    if TYPE_CHECKING:  # what a model brings
        built: bool

        @property
        def inputs(self) -> list[Any]: ...
        @property
        def states(self) -> list[Any]: ...
        @property
        def weights(self) -> list[Any]: ...
        @property
        def trainable_weights(self) -> list[Any]: ...
        def _ensure_built(self, x: Any) -> None: ...

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        engine: str | Engine | None = None,
        precision: str = "float32",
        recompute: bool = False,
    ) -> None:
        """Says how to train.

        Args:
            optimizer: An optimizer or its name. Default ``"rmsprop"``.
            loss: A loss, its name, or a function of (y_true, y_pred) made of `recurra.ops`; for several outputs one
                for all, or a list or dict of them. A model without one can only predict. Default None.
            loss_weights: For several outputs, the factor of each loss in the total. Default 1 each.
            metrics: A list of metrics or names; for several outputs a list or dict of lists. Default none.
            weighted_metrics: The same, for metrics that use the sample weights. Default none.
            engine: ``"native"``, ``"numpy"`` or None: numpy for float64 weights, otherwise `recurra.engines.default`.
            precision: How float32 numbers enter matrix products, in training, prediction and streaming. ``"float32"``:
                as they are. ``"bf16x3"``: each as the sum of two bfloat16 numbers, which is close to float32.
                ``"bf16"``: rounded to bfloat16, 3 digits. Sums, states, weights and updates are float32 always. The
                latter two are for processors with AMX, on which they are faster; `recurra info` says whether they run
                here. Default ``"float32"``.
            recompute: Whether training keeps of `LSTM`, `GRU` and `SimpleRNN` layers only the states at every n-th time
                step, n being about the square root of their number, and makes the steps between again on the way back:
                less memory, about one more forward pass, the same numbers. For long sequences, on the native engine
                and with ``precision="float32"``; everything else is kept as ever. Default False.

        Raises:
            UnknownNameError: The optimizer, the engine, the precision, or (once the model is built) a loss or metric
                does not exist.
            ArgumentError: There is no optimizer, or ``recompute`` comes with another precision than float32.
            EngineError: The precision does not run here.

        Example:

        >>> import recurra
        >>> model = recurra.Sequential([recurra.Input((4,)), recurra.layers.Dense(1)])
        >>> model.compile(optimizer="adam", loss="mse", metrics=["mae"])
        """
        self.optimizer = optimizers.get(optimizer)
        if self.optimizer is None:
            raise ArgumentError("compile needs an optimizer, received None. The default is 'rmsprop'.")
        found = None if engine is None else engines.get(engine)
        programs = Programs(self, CompileArguments(loss, loss_weights, metrics, weighted_metrics), found)
        programs.engine.need_precision(precision)
        _check_recompute(recompute, precision)
        programs.precision, programs.recompute = precision, recompute
        self._programs = programs
        self.compiled = True
        if self.built:
            _ = self._programs.refresh().plans  # wrong names are errors here, not at the first fit

    @property
    def loss(self) -> Any:
        """The loss as it was given to `compile`."""
        return None if self._programs is None else self._programs.arguments.loss

    @property
    def precision(self) -> str:
        """How float32 numbers enter matrix products; see `compile`. Can be set, for a model that only predicts too.

        A model saved with a precision that does not run here can be loaded; set this to ``"float32"`` to use it.

        >>> import recurra
        >>> recurra.Sequential([recurra.Input((4,)), recurra.layers.Dense(1)]).precision
        'float32'
        """
        return "float32" if self._programs is None else self._programs.precision

    @precision.setter
    def precision(self, precision: str) -> None:
        programs = self._some_programs()
        programs.engine.need_precision(precision)
        _check_recompute(programs.recompute, precision)
        programs.precision = precision

    @property
    def recompute(self) -> bool:
        """Whether training keeps less memory and computes more; see `compile`. Can be set at any time.

        >>> import recurra
        >>> recurra.Sequential([recurra.Input((4,)), recurra.layers.Dense(1)]).recompute
        False
        """
        return self._programs is not None and self._programs.recompute

    @recompute.setter
    def recompute(self, recompute: bool) -> None:
        _check_recompute(recompute, self.precision)
        self._some_programs().recompute = recompute

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns, in its order; known once the model is built and compiled.

        >>> import recurra
        >>> model = recurra.Sequential([recurra.Input((4,)), recurra.layers.Dense(1)])
        >>> model.compile(loss="mse", metrics=["mae"])
        >>> model.metrics_names
        ['loss', 'mae']
        """
        return self._compiled_programs("metrics_names").refresh().metric_names

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Callback | Iterable[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        truncated_bptt_steps: int | None = None,
    ) -> History:
        """Trains the model.

        The reported loss is the mean over the epoch while the weights change; validation runs after it, without
        dropout, and leaves the states of stateful layers as training left them. Ctrl-C ends the run after the
        present batch: `fit` returns, ``history.interrupted`` is True, and EarlyStopping(restore_best_weights=True)
        still takes back the best weights. A second Ctrl-C raises KeyboardInterrupt at once.

        Args:
            x: Inputs, ``(batch, ...)``: arrays, nested lists, data frames; for several inputs a list, tuple or dict.
            y: Targets, one entry for each sample.
            batch_size: Samples a step. Default: the model's fixed batch size, otherwise 32.
            epochs: The number of the last epoch. Default 1.
            verbose: ``"auto"``: a bar on a terminal, otherwise nothing; 0: nothing; 1: a bar, or lines where there is
                no terminal; 2: one line an epoch.
            callbacks: Objects of `recurra.callbacks`.
            validation_split: The part of the data, from its end, to validate on instead of training. Default 0.
            validation_data: ``(x, y)`` or ``(x, y, sample_weight)`` to validate on. Goes before the split.
            shuffle: Whether each epoch has a new order, drawn from `recurra.random.generator`. Default True.
            class_weight: Weight by class, such as ``{0: 1.0, 1: 5.0}``; multiplied with ``sample_weight``.
            sample_weight: One weight for each sample, or, where the output is a sequence, for each time step.
            initial_epoch: The number of the first epoch, to go on with an earlier run. Default 0.
            steps_per_epoch: Batches an epoch; the next epoch then goes on where this one ended. Default: all data.
            validation_steps: Validate on this many batches only. Default: all.
            validation_batch_size: Default: that of training.
            validation_freq: Validate every so many epochs, or after the epochs (from 1) of this list. Default 1.
            truncated_bptt_steps: Cut each batch along time into pieces of so many steps (the last may be shorter), with
                one update of the weights for each: truncated back-propagation through time, for sequences whose
                gradients do not fit into memory. The states of the recurrent layers go from piece to piece as numbers
                without gradient and start anew for each batch; those of stateful layers go on as ever. Loss and
                metrics mean the same as without it. Where the outputs have no time axis, the pieces before the last
                ``truncated_bptt_steps`` steps are only run forward, and a batch makes one update. Steps, as the
                progress bar and the optimizer count them, are updates; callbacks are told of batches. Default: none.

        Returns:
            The history: ``history.history["loss"]`` is the list of losses, one an epoch.

        Raises:
            DataError, ShapeError: The data cannot be used.
            ArgumentError: ``truncated_bptt_steps`` was given for a model that mixes time steps, such as one with a
                Bidirectional layer, or that has no recurrent layer.
            NonFiniteError: The loss or a gradient became NaN or infinite. The weights are those before that step.

        Example:

        >>> import numpy as np, recurra
        >>> recurra.set_seed(0)
        >>> model = recurra.Sequential([recurra.Input((1,)), recurra.layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse")
        >>> history = model.fit(np.array([[1.0], [2.0]]), np.array([2.0, 4.0]), epochs=3)
        >>> len(history.history["loss"])
        3
        """
        programs = self._compiled_programs("fit")
        epochs = whole_number("epochs", epochs)
        if initial_epoch < 0:
            raise ArgumentError(f"initial_epoch counts from 0 and cannot be negative, received {initial_epoch}.")
        at = validation_epochs(validation_freq)
        self._ensure_built(x)
        programs.refresh()
        held_out = validation_split if validation_data is None else 0.0
        samples = programs.samples(x, y, sample_weight, class_weight, held_out)
        held: Samples | None = None
        if validation_data is not None:
            held = programs.samples(*validation_parts(validation_data), prefix="validation ")
        elif held_out:
            samples, held = split(samples, held_out)
        size = batch_size_of(self, batch_size, len(samples), "fit")
        batches = Batches(samples, size, shuffle, _count("steps_per_epoch", steps_per_epoch))
        truncation = _truncation(programs, samples, truncated_bptt_steps)
        updates = 1 if truncation is None else truncation.updates
        total = batches.steps * updates * max(epochs - initial_epoch, 0)
        validation: Validation | None = None
        if held is not None:
            held_size = batch_size_of(self, validation_batch_size or size, len(held), "validation")
            steps = _limited(Batches(held, held_size).steps, "validation_steps", validation_steps)
            validation = Validation(held, held_size, steps, at)
            total += steps * sum(at(epoch) for epoch in range(initial_epoch, epochs))
        self.history = history = History()
        self.stop_training = False
        watchers = CallbackList(callbacks, self, {"epochs": epochs, "steps": batches.steps, "verbose": verbose})
        watchers.append(history, self)
        show = reporter(verbose, total, epochs)
        run_fit(
            self, programs, samples, batches, validation, initial_epoch, epochs, watchers, history, show, truncation
        )
        return history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Callback | Iterable[Callback] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Computes the loss and the metrics on data.

        Args:
            x, y, sample_weight: As for `fit`.
            batch_size: Samples a batch. Default: the model's fixed batch size, otherwise 32.
            verbose: ``"auto"`` or 1: a bar on a terminal where it takes long; 0: nothing. Default ``"auto"``.
            steps: Look at this many batches only. Default: all.
            callbacks: Objects of `recurra.callbacks`.
            return_dict: Return a dict by name. Default False.

        Returns:
            The loss, or the list of the loss and the metrics in the order of `metrics_names`, or a dict.
        """
        programs = self._compiled_programs("evaluate")
        self._ensure_built(x)
        programs.refresh()
        samples = programs.samples(x, y, sample_weight)
        batches = Batches(samples, batch_size_of(self, batch_size, len(samples), "evaluate"))
        count = _limited(batches.steps, "steps", steps)
        test = programs.get("test", samples.weight_ranks)
        watchers = CallbackList(callbacks, self, {"epochs": 1, "steps": count, "verbose": verbose})
        show = reporter(verbose, count, title="Evaluating")
        watchers.call("on_test_begin", None)
        try:
            logs = test_batches(test, samples, itertools.islice(batches.epoch(), count), watchers, show)
        finally:
            show.close()
        watchers.call("on_test_end", logs)
        return _results(logs, return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Callback | Iterable[Callback] | None = None,
    ) -> Any:
        """Computes the model's outputs. Stateful layers carry their states from batch to batch and call to call.

        Args:
            x: Inputs, as for `fit`.
            batch_size: Samples a batch; the results do not depend on it. Default: the fixed one, otherwise 32.
            verbose: ``"auto"`` or 1: a bar on a terminal where it takes long; 0: nothing. Default ``"auto"``.
            steps: Predict this many batches only. Default: all.
            callbacks: Objects of `recurra.callbacks`.

        Returns:
            An array with one row for each sample, or a list of them where the model has several outputs.

        Example:

        >>> import numpy as np, recurra
        >>> model = recurra.Sequential([recurra.Input((2,)), recurra.layers.Dense(3)])
        >>> model.predict(np.zeros((5, 2))).shape
        (5, 3)
        """
        self._ensure_built(x)
        programs = self._some_programs().refresh()
        samples = programs.inputs(x)
        batches = Batches(samples, batch_size_of(self, batch_size, len(samples), "predict"))
        count = _limited(batches.steps, "steps", steps)
        watchers = CallbackList(callbacks, self, {"epochs": 1, "steps": count, "verbose": verbose})
        show = reporter(verbose, count, title="Predicting")
        program = programs.get("predict").program
        watchers.call("on_predict_begin", None)
        try:
            rows = itertools.islice(batches.epoch(), count)
            outputs = predict_batches(program, samples, rows, watchers, show)
        finally:
            show.close()
        watchers.call("on_predict_end", None)
        return outputs[0] if len(outputs) == 1 else outputs

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
        truncated_bptt_steps: int | None = None,
    ) -> Any:
        """One training step on one batch.

        Args:
            x, y, sample_weight, class_weight: As for `fit`; all samples make one batch.
            return_dict: Return a dict by name. Default False.
            truncated_bptt_steps: As for `fit`: one step for each piece of so many time steps. Default: none.

        Returns:
            Loss and metrics of this batch, before the step (of each piece), as `evaluate` returns them.
        """
        programs = self._compiled_programs("train_on_batch")
        self._ensure_built(x)
        programs.refresh()
        samples = programs.one_batch(programs.samples(x, y, sample_weight, class_weight), "train_on_batch")
        truncation = _truncation(programs, samples, truncated_bptt_steps)
        if truncation is not None:
            pieces = truncation.pieces
            outputs = pieces.train(samples, None, truncation.steps)
            return _results(_once(pieces.traced, outputs, len(samples)), return_dict)
        train = programs.get("train", samples.weight_ranks)
        step = self.optimizer.iterations + 1
        outputs = train.program.train(samples.feeds, step=step, learning_rate=self.optimizer.learning_rate)
        self.optimizer.iterations = step
        return _results(_once(train.traced, outputs, len(samples)), return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics on one batch.

        Args:
            x, y, sample_weight: As for `fit`; all samples make one batch.
            return_dict: Return a dict by name. Default False.

        Returns:
            As `evaluate` returns them.
        """
        programs = self._compiled_programs("test_on_batch")
        self._ensure_built(x)
        programs.refresh()
        samples = programs.one_batch(programs.samples(x, y, sample_weight), "test_on_batch")
        test = programs.get("test", samples.weight_ranks)
        return _results(_once(test.traced, test.program.predict(samples.feeds), len(samples)), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The model's outputs for one batch, as `predict` returns them."""
        self._ensure_built(x)
        programs = self._some_programs().refresh()
        samples = programs.one_batch(programs.inputs(x), "predict_on_batch")
        outputs = list(programs.get("predict").program.predict(samples.feeds).values())
        return outputs[0] if len(outputs) == 1 else outputs

    def explain(self) -> str:
        """Says which engine runs the model and what it runs: every operation, its shapes and its weights.

        Returns:
            Text for people; its form may change.
        """
        if not self.built:
            raise ArgumentError("explain needs a built model. Give it an Input, or call build, fit or predict first.")
        return explain(self._some_programs().refresh().get("predict"), getattr(self, "name", "model"))

    # Saving

    def save(self, filepath: str | os.PathLike[str], format: str | None = None, **options: Any) -> None:
        """Writes the model; `recurra.load_model` reads it. See `recurra.formats.save_model`.

        Args:
            filepath: Where to; by custom the name of a file ends in ``.safetensors``.
            format: ``"recurra"``: one file; ``"tfjs"``: a folder for TensorFlow.js. Default None: as the path says.
            **options: Options of the format, such as ``include_optimizer``.
        """
        _formats().save_model(self, filepath, format, **options)

    def save_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Writes the weights into one file. See `recurra.formats.save_weights`."""
        _formats().save_weights(self, filepath)

    def load_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Reads weights from a file of `save_weights` or `save`. See `recurra.formats.load_weights`."""
        _formats().load_weights(self, filepath)

    def get_compile_config(self) -> Config | None:
        """What `compile` was given, in a form JSON can hold; None where the model is not compiled.

        Raises:
            ArgumentError: Something in it, such as a lambda, has no such form.
        """
        if self._programs is None or not self.compiled:
            return None
        config = {"optimizer": optimizers.serialize(self.optimizer), **self._programs.arguments.to_config()}
        # Left out where it is the default, so that earlier versions read it.
        if self.precision != "float32":
            config["precision"] = self.precision
        if self.recompute:
            config["recompute"] = True
        return config

    def compile_from_config(self, config: Config) -> None:
        """Compiles with what `get_compile_config` returned.

        A precision that does not run here is no error before the model is used.
        """
        precision = config.get("precision", "float32")
        if precision not in engines.PRECISIONS:
            raise UnknownNameError("precision", precision, engines.PRECISIONS)
        _check_recompute(config.get("recompute", False), precision)
        self.compile(**{name: value for name, value in config.items() if name != "precision"})
        self._some_programs().precision = precision

    # Inside

    def _compiled_programs(self, what: str) -> Programs:
        if self._programs is None or not self.compiled:
            raise ArgumentError(
                f"{what} needs a loss and an optimizer. Call model.compile(optimizer='adam', loss='mse') first."
            )
        return self._programs

    def _some_programs(self) -> Programs:
        """Prediction needs no `compile`."""
        if self._programs is None:
            self._programs = Programs(self, CompileArguments())
        return self._programs


def _check_recompute(recompute: Any, precision: str) -> None:
    if not isinstance(recompute, bool):
        raise ArgumentError(f"recompute must be True or False, received {recompute!r}.")
    if recompute and precision != "float32":
        raise ArgumentError(
            f"recompute=True needs precision='float32', but the precision is '{precision}'. Set one of them back."
        )


def _formats() -> Any:
    # The formats stand above this room, so they are looked up when a file is written, not imported.
    return importlib.import_module(f"{__name__.split('.')[0]}.formats")


def _count(name: str, value: int | None) -> int | None:
    return None if value is None else whole_number(name, value)


def _limited(steps: int, name: str, limit: int | None) -> int:
    return min(steps, _count(name, limit) or steps)


def _truncation(programs: Programs, samples: Samples, steps: int | None) -> Truncation | None:
    if steps is None:
        return None
    steps = whole_number("truncated_bptt_steps", steps)
    pieces = programs.pieces(samples.weight_ranks)
    length = pieces.length(samples)
    # A sequence that is no longer than one piece is trained as ever.
    return Truncation(pieces, steps, pieces.updates(length, steps)) if length > steps else None


def _once(traced: Traced, outputs: Mapping[str, Any], size: int) -> Logs:
    totals = Totals(traced.reports)
    totals.add(outputs, size)
    return totals.result()


def _results(logs: Logs, return_dict: bool) -> Any:
    if return_dict:
        return logs
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
