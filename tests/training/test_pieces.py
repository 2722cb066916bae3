"""Truncated back-propagation through time: `fit(truncated_bptt_steps=...)`."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.harness.tolerances import check_close, tolerance

import recurra
from recurra import layers, ops
from recurra.callbacks import Callback
from recurra.data.windows import sliding_windows
from recurra.engines import available
from recurra.errors import ArgumentError, NonFiniteError, ShapeError
from recurra.layers import GRU, LSTM, Bidirectional, Dense, Dropout, Embedding, Input, Masking, RepeatVector, SimpleRNN
from recurra.models import Model, Sequential
from recurra.optimizers import SGD, Adam
from recurra.optimizers.schedules import ExponentialDecay

ENGINES = available()
KINDS = {"LSTM": LSTM, "GRU": GRU, "SimpleRNN": SimpleRNN}


def data(batch: int, time: int, features: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, time, features)).astype(np.float32)
    return x, np.cumsum(x[:, :, :1], axis=1).astype(np.float32) * 0.1


def sequences(kind: str, engine: str, sequences: bool = True, **options: Any) -> Sequential:
    """Two recurrent layers with dropout between them, and a layer for each step behind them."""
    recurra.set_seed(3)
    recurra.config.clear_session()
    layer = KINDS[kind]
    model = Sequential(
        [
            Input((None, 2), batch_size=4 if options.get("stateful") else None),
            layer(5, return_sequences=True, recurrent_dropout=0.2, **options),
            Dropout(0.3),
            layer(3, return_sequences=sequences, **options),
            Dense(1),
        ]
    )
    model.compile(Adam(ExponentialDecay(0.02, 5, 0.9)), "mse", metrics=["mae"], engine=engine)
    return model


def same(a: Any, b: Any) -> None:
    """Equal weights, bit for bit."""
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [1, 4, 5, 10])
def test_pieces_are_what_a_stateful_model_does_by_hand(engine: str, kind: str, steps: int) -> None:
    x, y = data(12, 11)
    model = sequences(kind, engine)
    history = model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0, truncated_bptt_steps=steps)
    other = sequences(kind, engine, stateful=True)
    losses = []
    for _ in range(2):
        total = np.zeros(2)
        for first in range(0, 12, 4):
            other.reset_states()
            for start in range(0, 11, steps):
                piece = slice(start, start + steps)
                a, b = np.ascontiguousarray(x[first : first + 4, piece]), y[first : first + 4, piece]
                total += np.multiply(other.train_on_batch(a, b), a.shape[1] * 4)
        losses.append(total / (12 * 11))
    same(model, other)
    assert model.optimizer.iterations == 2 * 3 * -(-11 // steps)
    np.testing.assert_allclose([history.history["loss"], history.history["mae"]], np.transpose(losses), rtol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [1, 4, 5, 10])
def test_without_time_in_the_output_the_loss_is_at_the_last_steps(engine: str, kind: str, steps: int) -> None:
    x, y = data(8, 11)
    model = sequences(kind, engine, sequences=False)
    history = model.fit(x, y[:, -1], batch_size=4, shuffle=False, verbose=0, truncated_bptt_steps=steps)
    assert model.optimizer.iterations == 2
    other = sequences(kind, engine, sequences=False, stateful=True)
    losses = []
    programs = other._compiled_programs("fit")
    ahead = None
    for first in (0, 4):
        other.reset_states()
        rows = x[first : first + 4]
        # The steps before run as in training, dropout included.
        graph = programs.refresh().get("train", (None,)).traced.graph
        arrays = {v.name: v.value for v in programs.get("train", (None,)).traced.variables.values()}
        ahead = ahead or programs.engine.compile(graph, arrays)
        cuts = [0, *range(11 % steps, 12, steps)] if 11 % steps else list(range(0, 12, steps))
        for start, stop in itertools.pairwise(cuts[:-1]):
            feeds = {other.input_names[0]: np.ascontiguousarray(rows[:, start:stop])}
            feeds["target_0"] = np.zeros((4, 1), np.float32)
            ahead.predict(feeds, step=other.optimizer.iterations + 1)
        losses.append(other.train_on_batch(rows[:, -steps:], y[first : first + 4, -1])[0])
    same(model, other)
    assert history.history["loss"] == pytest.approx([np.mean(losses)], rel=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("steps", [11, 12, 1000])
def test_pieces_as_long_as_the_sequence_change_no_bit(engine: str, steps: int) -> None:
    x, y = data(8, 11)
    results = []
    for options in ({}, {"truncated_bptt_steps": steps}):
        model = sequences("LSTM", engine)
        history = model.fit(x, y, batch_size=3, epochs=2, verbose=0, **options)
        results.append((model, history.history, model.train_on_batch(x, y, **options)))
    same(results[0][0], results[1][0])
    assert results[0][1:] == results[1][1:]


@pytest.mark.parametrize("engine", ENGINES)
def test_states_of_stateful_layers_go_on_from_batch_to_batch(engine: str) -> None:
    x, y = data(8, 6)
    model = sequences("LSTM", engine, stateful=True)
    model.fit(x, y, shuffle=False, verbose=0, truncated_bptt_steps=2)
    other = sequences("LSTM", engine, stateful=True)
    for first in (0, 4):
        for start in (0, 2, 4):
            other.train_on_batch(x[first : first + 4, start : start + 2], y[first : first + 4, start : start + 2])
    same(model, other)
    for state, other_state in zip(model.states, other.states, strict=True):
        assert (state.value == other_state.value).all()
        assert state.value.any()


class Total(layers.Layer):
    """Adds something to the loss that is a sum over time."""

    supports_masking = True

    def call(self, x: Any) -> Any:
        self.add_loss(ops.reduce_sum(ops.square(x)) * 0.01)
        return x


def rich(engine: str, reduction: str) -> Model:
    recurra.set_seed(1)
    recurra.config.clear_session()
    x = Input((12, 2))
    hidden = LSTM(4, return_sequences=True, kernel_regularizer="l2")(Masking()(x))
    hidden = Total()(hidden)
    model = Model(x, [Dense(1, name="a")(hidden), Dense(3, activation="softmax", name="b")(hidden)])
    model.compile(
        SGD(0.0),
        {
            "a": recurra.losses.MeanSquaredError(reduction=reduction),
            "b": recurra.losses.SparseCategoricalCrossentropy(reduction=reduction),
        },
        loss_weights={"a": 1.0, "b": 0.5},
        metrics={"a": ["mae"], "b": ["accuracy"]},
        weighted_metrics={"a": ["mse"], "b": []},
        engine=engine,
    )
    return model


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("weights", [None, "samples", "steps"])
def test_what_is_reported_means_the_same(engine: str, reduction: str, weights: str | None) -> None:
    """With a learning rate of 0, loss and metrics are those of the whole sequences."""
    x, y = data(9, 12)
    x[0, 4:] = x[1, 5:9] = 0  # masked
    labels = np.random.default_rng(1).integers(0, 3, (9, 12))
    weight = None if weights is None else np.random.default_rng(2).random((9,) if weights == "samples" else (9, 12))
    weight = None if weight is None else {"a": weight, "b": weight}
    reports = []
    for options in ({}, {"truncated_bptt_steps": 5}):
        model = rich(engine, reduction)
        run = model.fit(x, {"a": y, "b": labels}, 4, sample_weight=weight, verbose=0, shuffle=False, **options)
        reports.append({name: values[0] for name, values in run.history.items()})
    assert reports[0].keys() == reports[1].keys()
    assert {"loss", "a_loss", "b_loss", "a_mae", "b_accuracy", "a_mse"} == reports[0].keys()
    for name, value in reports[0].items():
        assert reports[1][name] == pytest.approx(value, rel=2e-6), name


@pytest.mark.parametrize("engine", ENGINES)
def test_a_piece_that_is_masked_from_end_to_end_keeps_the_states(engine: str) -> None:
    x, y = data(4, 9)
    x[:, 3:6] = 0
    recurra.set_seed(1)
    model = Sequential([Input((None, 2)), Masking(), LSTM(4), Dense(1)])
    model.compile(SGD(0.1), "mse", engine=engine)
    start = model.get_weights()
    model.fit(x, y[:, -1], shuffle=False, verbose=0, truncated_bptt_steps=3)
    trained = model.get_weights()
    model.set_weights(start)
    # The same without the masked steps.
    model.fit(np.delete(x, [3, 4, 5], axis=1), y[:, -1], shuffle=False, verbose=0, truncated_bptt_steps=3)
    for one, other in zip(trained, model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)
    assert not (trained[0] == start[0]).all()


def with_first_state(engine: str, stateful: bool = False) -> Model:
    """The first state comes from an input that is the same for all steps."""
    recurra.set_seed(2)
    recurra.config.clear_session()
    x, static = Input((6, 2), batch_size=4, name="x"), Input((3,), batch_size=4, name="static")
    h = Dense(5, activation="tanh", name="start")(static)
    hidden = LSTM(5, return_sequences=True, name="memory")(x, initial_state=[h, h])
    model = Model([x, static], Dense(1, name="out")(hidden))
    model.compile(SGD(0.1), "mse", engine=engine)
    return model


@pytest.mark.parametrize("engine", ENGINES)
def test_the_first_piece_begins_with_the_initial_state(engine: str) -> None:
    x, y = data(4, 6)
    head, rest = (np.ascontiguousarray(half) for half in (x[:, :3], x[:, 3:]))
    static = np.random.default_rng(4).random((4, 3), np.float32)
    model = with_first_state(engine)
    start = [weight.copy() for weight in model.get_weights()]
    model.fit([x, static], y, shuffle=False, verbose=0, truncated_bptt_steps=3)

    # By hand: the first piece with the layer that makes the state, the second one from the states it left.
    first = with_first_state(engine)
    a = Input((3, 2), batch_size=4)
    s = Input((3,), batch_size=4)
    h = first.get_layer("start")(s)
    out, *states = LSTM(5, return_sequences=True, return_state=True, name="again")(a, initial_state=[h, h])
    probe = Model([a, s], [first.get_layer("out")(out), *states])
    probe.get_layer("again").set_weights(first.get_layer("memory").get_weights())
    state = probe.predict([head, static], verbose=0)[1:]
    probe.compile(SGD(0.1), ["mse", None, None], engine=engine)
    probe.train_on_batch([head, static], [y[:, :3], None, None])

    tail = Sequential([Input((3, 2), batch_size=4), LSTM(5, return_sequences=True, stateful=True), Dense(1)])
    tail.compile(SGD(0.1), "mse", engine=engine)
    tail.layers[0].set_weights(probe.get_layer("again").get_weights())
    tail.layers[1].set_weights(probe.get_layer("out").get_weights())
    tail.layers[0].reset_states(state)
    tail.train_on_batch(rest, y[:, 3:])
    assert not (model.get_layer("start").get_weights()[0] == start[0]).all()
    hand = [probe.get_layer("start"), tail.layers[0], tail.layers[1]]
    for name, other in zip(("start", "memory", "out"), hand, strict=True):
        for one, two in zip(model.get_layer(name).get_weights(), other.get_weights(), strict=True):
            if engine == "native":
                assert (one == two).all()
            else:  # numpy's matrix products may round by where their operands lie
                check_close(one, two, tolerance(engine, "float32", "training"), name)


@pytest.mark.parametrize("engine", ENGINES)
def test_windows_and_files_train_as_their_copies_do(engine: str, tmp_path: Path) -> None:
    series = np.random.default_rng(0).standard_normal((60, 2)).astype(np.float32)
    x, _ = sliding_windows(series, window=12)
    np.save(tmp_path / "x.npy", np.array(x))
    models = []
    for inputs in (x, np.array(x), np.load(tmp_path / "x.npy", mmap_mode="r")):
        model = sequences("LSTM", engine)
        model.fit(inputs, np.array(x)[:, :, :1], batch_size=8, verbose=0, truncated_bptt_steps=5)
        models.append(model)
    same(models[0], models[1])
    same(models[1], models[2])


@pytest.mark.parametrize("engine", ENGINES)
def test_words(engine: str) -> None:
    recurra.set_seed(1)
    model = Sequential([Input((10,), dtype="int32"), Embedding(7, 3), GRU(4, return_sequences=True), Dense(7)])
    model.compile("adam", recurra.losses.SparseCategoricalCrossentropy(from_logits=True), engine=engine)
    words = np.random.default_rng(0).integers(0, 7, (6, 11))
    history = model.fit(words[:, :-1], words[:, 1:], epochs=40, verbose=0, truncated_bptt_steps=4)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert model.optimizer.iterations == 40 * 3


def test_memory_is_that_of_a_piece() -> None:
    pytest.importorskip("recurra.engines.native")
    x, y = data(2, 4000)
    whole, cut = sequences("LSTM", "native"), sequences("LSTM", "native")
    whole.train_on_batch(x, y)
    cut.train_on_batch(x, y, truncated_bptt_steps=40)
    (plan,) = whole._compiled_programs("fit").get("train", (None,)).program._plans.values()  # type: ignore[attr-defined]
    pieces = cut._compiled_programs("fit").pieces((None,))
    plans = [
        plan
        for sized in pieces._sized.values()
        for program in sized.programs.values()
        for plan in program._plans.values()  # type: ignore[attr-defined]
    ]
    assert plans
    assert sum(plan.arena_bytes for plan in plans) < plan.arena_bytes / 40


@pytest.mark.parametrize("engine", ENGINES)
def test_callbacks_are_told_of_batches_and_ctrl_c_ends_between_pieces(engine: str) -> None:
    x, y = data(8, 10)
    seen: list[Any] = []

    class Watch(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append((batch, sorted(logs)))

    model = sequences("LSTM", engine)
    model.fit(x, y, batch_size=4, callbacks=[Watch()], verbose=0, truncated_bptt_steps=5)
    assert seen == [(0, ["loss", "mae"]), (1, ["loss", "mae"])]

    pieces = model._compiled_programs("fit").pieces((None,))
    update = pieces._update

    def interrupted(*arguments: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return update(*arguments)

    pieces._update = interrupted  # type: ignore[method-assign]
    before = model.optimizer.iterations
    history = model.fit(x, y, batch_size=4, verbose=0, truncated_bptt_steps=2)
    assert history.interrupted
    assert model.optimizer.iterations == before + 1


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loss_that_is_not_finite_names_the_piece(engine: str) -> None:
    x, y = data(4, 9)
    x[2, 7] = np.nan
    model = sequences("LSTM", engine)
    with pytest.raises(NonFiniteError, match="Epoch 1 of 1, batch 1: time steps 6 to 8: "):
        model.fit(x, y, verbose=0, truncated_bptt_steps=3)
    assert model.optimizer.iterations == 2
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


class TimeMean(layers.Layer):
    def call(self, x: Any) -> Any:
        return x - ops.reduce_mean(x, axes=(1,), keepdims=True)


def encoder_decoder() -> Model:
    x = Input((6, 2))
    _, h, c = LSTM(4, return_state=True, name="encoder")(x)
    return Model(x, Dense(1)(LSTM(4, return_sequences=True, name="decoder")(x, initial_state=[h, c])))


def two_kinds_of_outputs() -> Model:
    x = Input((6, 2))
    return Model(x, [Dense(1, name="each")(LSTM(4, return_sequences=True)(x)), Dense(1, name="end")(LSTM(4)(x))])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Sequential([Input((6, 2)), LSTM(1, return_sequences=True, go_backwards=True, name="back")]), "'back'"),
        (
            lambda: Sequential([Input((6, 2)), Bidirectional(LSTM(1, return_sequences=True), "sum", name="both")]),
            "'both/.*' looks along the time axis .* cannot be trained with truncated_bptt_steps",
        ),
        (lambda: Sequential([Input((6, 2)), LSTM(1, return_sequences=True), TimeMean(name="mean")]), "'mean' looks"),
        (
            lambda: Sequential([Input((6, 2)), LSTM(1, return_sequences=True), layers.Flatten(), Dense(1)]),
            "cannot be trained with truncated_bptt_steps: axis 1 of its input is taken as time",
        ),
        (lambda: Sequential([Input((6, 2)), Dense(1)]), "carries the states of recurrent layers, but"),
        (encoder_decoder, "'decoder' gives each time step something that depends on the whole sequence"),
        (two_kinds_of_outputs, "each has one, end has none"),
    ],
)
def test_models_that_mix_time_are_refused(make: Callable[[], Any], words: str) -> None:
    model = make()
    model.compile("adam", "mse")
    x, y = data(4, 6)
    targets = [y, y[:, -1]] if len(model.outputs) > 1 else y if len(model.outputs[0].shape) == 3 else y[:, -1]
    for steps in (2, 6):
        with pytest.raises(ArgumentError, match=words):
            model.fit(x, targets, verbose=0, truncated_bptt_steps=steps)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "many"])
def test_the_number_of_steps_is_checked(wrong: Any) -> None:
    x, y = data(4, 6)
    with pytest.raises(ArgumentError, match="truncated_bptt_steps must be a whole number from 1"):
        sequences("LSTM", "numpy").fit(x, y, verbose=0, truncated_bptt_steps=wrong)


def test_inputs_of_other_lengths_are_refused() -> None:
    a, b = Input((None, 2), name="a"), Input((None, 2), name="b")
    model = Model([a, b], layers.Add()([Dense(1)(LSTM(3)(a)), Dense(1)(LSTM(3)(b))]))
    model.compile("adam", "mse")
    with pytest.raises(ShapeError, match=r"x\['a'\] has 6, x\['b'\] has 5"):
        model.fit([data(4, 6)[0], data(4, 5)[0]], np.zeros((4, 1)), verbose=0, truncated_bptt_steps=2)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_decoder_behind_the_last_state_starts_anew(engine: str) -> None:
    """What runs over repeated states is no part of the sequence that is cut."""
    x, y = data(4, 8)
    recurra.set_seed(1)
    model = Sequential([Input((8, 2)), LSTM(4), RepeatVector(3), LSTM(4, return_sequences=True), Dense(1)])
    model.compile(SGD(0.1), "mse", engine=engine)
    model.fit(x, y[:, -3:], verbose=0, truncated_bptt_steps=3)
    pieces = model._compiled_programs("fit").pieces((None,))
    assert sorted(pieces._carried.states) == [f"{model.layers[0].name}/c", f"{model.layers[0].name}/h"]
    assert model.optimizer.iterations == 1
