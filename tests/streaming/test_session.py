"""Streaming gives the numbers of the whole sequence, step by step."""

from __future__ import annotations

import gc
import itertools
import threading
import tracemalloc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import engines, layers, ops
from recurra.errors import ArgumentError, DataError, ShapeError, UnknownNameError
from recurra.layers import GRU, LSTM, Dense, Dropout, Embedding, Input, Masking, RepeatVector
from recurra.models import Model, Sequential

ENGINES = engines.available()


def series(batch: int, time: int, features: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((batch, time, features)).astype(np.float32)


def close(engine: str, actual: np.ndarray, expected: np.ndarray) -> None:
    """Equal bits on the native engine; numpy's matrix products round by their sizes."""
    if engine == "native":
        assert (actual == expected).all()
    else:
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("units", [5, 16, 33])
def test_steps_equal_the_whole_sequence(engine: str, batch: int, units: int) -> None:
    model = Sequential(
        [Input((None, 3)), LSTM(units, return_sequences=True), Dropout(0.5), LSTM(7, return_sequences=True), Dense(2)]
    )
    model.compile("adam", "mse", engine=engine)
    x = series(batch, 9, 3)
    session = model.stream(batch)
    y = np.stack([session.step(x[:, t]) for t in range(9)], axis=1)
    close(engine, y, model.predict(x, verbose=0))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_every_recurrent_layer_streams(engine: str, kind: str) -> None:
    layer = getattr(layers, kind)
    model = Sequential([Input((6, 2)), layer(10, return_sequences=True), layer(4), Dense(1)])
    model.compile("adam", "mse", engine=engine)
    x = series(2, 6, 2)
    session = model.stream(2)
    for t in range(6):
        y = session.step(x[:, t])
    close(engine, y, model.predict(x, verbose=0))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_thousands_of_steps(kind: str) -> None:
    model = Sequential([Input((None, 2)), getattr(layers, kind)(9, return_sequences=True), Dense(1)])
    x = series(1, 7001, 2)
    session = model.stream()
    y = np.stack([session.step(x[:, t]) for t in range(7001)], axis=1)
    assert (y == model.predict(x, verbose=0)).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_masked_steps_leave_the_states_as_they_are(engine: str, kind: str) -> None:
    model = Sequential([Input((None, 2)), Masking(), getattr(layers, kind)(6, return_sequences=True)])
    model.compile("adam", "mse", engine=engine)
    x = series(1, 5, 2)
    x[:, 2] = 0
    session = model.stream()
    y = [session.step(x[:, t]) for t in range(5)]
    close(engine, np.stack(y, axis=1), model.predict(x, verbose=0))
    assert (y[1] == y[2]).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_words_and_several_outputs(engine: str) -> None:
    words = Input((None,), dtype="int32")
    hidden, h, c = LSTM(8, return_sequences=True, return_state=True)(Embedding(11, 4)(words))
    model = Model(words, [Dense(11, activation="softmax")(hidden), h, c])
    model.compile("adam", engine=engine)
    x = np.array([[1, 5, 10, 0, 3]], np.int32)
    expected = model.predict(x, verbose=0)
    session = model.stream()
    y: Any = None
    for t in range(5):
        y = session.step(int(x[0, t]))
        close(engine, y[0], expected[0][:, t])
    close(engine, y[1], expected[1])
    close(engine, y[2], expected[2])
    with pytest.raises(ArgumentError, match="expected 0 <= index < 11"):
        session.step(11)


def test_states_are_read_saved_restored_and_reset() -> None:
    model = Sequential([Input((None, 1)), LSTM(4, name="memory"), Dense(1)])
    session = model.stream()
    first = session.step([0.5])
    saved = session.state
    assert sorted(saved) == ["memory/c", "memory/h"]
    assert saved["memory/h"].shape == (1, 4)
    second = session.step([1.5])
    session.state = saved
    assert (session.step([1.5]) == second).all()
    saved["memory/h"][...] = 99  # a copy: it changes nothing
    session.reset()
    assert (session.step([0.5]) == first).all()
    with pytest.raises(UnknownNameError, match="Did you mean 'memory/h'"):
        session.state = {**session.state, "memory/hh": saved["memory/h"]}
    with pytest.raises(ArgumentError, match="'memory/c' is missing"):
        session.state = {"memory/h": saved["memory/h"]}
    with pytest.raises(ShapeError, match=r"expected \(1, 4\), received \(4,\)"):
        session.state = {"memory/h": np.zeros(4), "memory/c": np.zeros((1, 4))}


def test_sessions_are_independent_and_share_weights() -> None:
    model = Sequential([Input((None, 2)), LSTM(5, return_sequences=True)])
    a, b = model.stream(), model.stream()
    x = series(1, 4, 2)
    expected = model.predict(x, verbose=0)
    for t in range(4):
        assert (a.step(x[:, t]) == expected[:, t]).all()
    assert (b.step(x[:, 0]) == expected[:, 0]).all()
    two = model.stream(batch_size=2)
    assert a._streamer is b._streamer is model.stream()._streamer
    assert two._streamer is model.stream(batch_size=2)._streamer
    assert two._streamer is not a._streamer
    kept = weakref.ref(two._streamer)
    del two
    model.stream()
    gc.collect()
    assert kept() is None  # weights of batch sizes that no session has are not kept


def test_sessions_are_made_in_several_threads_at_once() -> None:
    model = Sequential([Input((None, 2)), LSTM(5)])
    model.stream()
    wrong: list[object] = []

    def work() -> None:
        try:
            for size in (*range(1, 9), *range(1, 9)):
                shape = model.stream(size).step(np.zeros((size, 2), np.float32)).shape
                if shape != (size, 5):
                    wrong.append(shape)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_session_keeps_the_weights_it_was_made_with() -> None:
    model = Sequential([Input((None, 1)), LSTM(4), Dense(1)])
    old = model.stream()
    before = old.step([1.0])
    model.set_weights([weight * 2 for weight in model.get_weights()])
    new = model.stream()
    old.reset()
    assert (old.step([1.0]) == before).all()
    assert not (new.step([1.0]) == before).all()


def test_steps_are_converted_and_checked() -> None:
    model = Sequential([Input((None, 2)), LSTM(4)])
    session = model.stream()
    wanted = session.step(np.array([[1, 2]], np.float32))
    for same in ([1, 2], [[1.0, 2.0]], np.array([1.0, 2.0]), np.array([[[1, 2]]])):
        session.reset()
        assert (session.step(same) == wanted).all()
    for wrong in ([1], [[1, 2], [3, 4]], 1.0):
        with pytest.raises(ShapeError, match="A step of this stream has the shape"):
            session.step(wrong)
    for wrong, words in {
        ("a", "b"): "A step must hold numbers, received text",
        ((1, 2), (3,)): "rows of different lengths",
        None: "A step is None",
        (1e300, 1): "numbers too large for float32",
    }.items():
        with pytest.raises((DataError, ShapeError), match=words):
            session.step(wrong)


def test_indices_are_converted_and_checked() -> None:
    session = Sequential([Input((None,), dtype="int32"), Embedding(11, 4), LSTM(3)]).stream()
    wanted = session.step(7)
    for same in (7.0, np.int64(7), [7], np.array([[7]], np.uint8)):
        session.reset()
        assert (session.step(same) == wanted).all()
    for wrong, words in {
        1.7: "A step must hold whole numbers .* received 1.7",
        np.nan: "A step must hold whole numbers .* received nan",
        np.inf: "A step must hold whole numbers .* received inf",
        2**32 + 7: "fit into 32 bits",
        np.float32(2**31): "fit into 32 bits",
        np.uint64(2**63 + 7): "fit into 32 bits",
    }.items():
        with pytest.raises(DataError, match=words):
            session.step(wrong)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_decoder_behind_the_last_state_starts_anew_with_each_step(engine: str) -> None:
    model = Sequential([Input((None, 2)), LSTM(4), RepeatVector(3), LSTM(5, return_sequences=True), Dense(1)])
    model.compile("adam", "mse", engine=engine)
    x = series(1, 4, 2)
    session = model.stream()
    assert len(session.state) == 2
    for t in range(4):
        close(engine, session.step(x[:, t]), model.predict(x[:, : t + 1], verbose=0))


def last_state_for_all_steps() -> Model:
    x = Input((None, 2))
    last = LSTM(4, name="encoder")(x)
    each = LSTM(4, return_sequences=True, name="decoder")(x, initial_state=[last, last])
    return Model(x, each)


def test_the_last_state_of_a_layer_cannot_be_streamed_into_the_steps_of_another() -> None:
    with pytest.raises(ArgumentError, match="'decoder' gives each time step something that depends on the whole"):
        last_state_for_all_steps().stream()


@pytest.mark.parametrize("engine", ENGINES)
def test_outputs_are_written_where_the_caller_says(engine: str) -> None:
    model = Sequential([Input((None, 2)), LSTM(4, return_sequences=True), Dense(3)])
    model.compile("adam", "mse", engine=engine)
    x = series(2, 5, 2)
    plain, session = model.stream(2), model.stream(2)
    out = np.full((2, 3), np.nan, np.float32)
    for t in range(5):
        y = session.step(x[:, t], out=out)
        assert y is out
        assert (out == plain.step(x[:, t])).all()
    for wrong in (
        np.empty((3, 2), np.float32),
        np.empty((2, 3)),
        np.empty((3, 2), np.float32).T,
        np.broadcast_to(out[:1], (2, 3)),
        [out],
        "out",
    ):
        before = session.state
        with pytest.raises(ArgumentError, match=r"out must be a writable C-contiguous array, of shape \(2, 3\)"):
            session.step(x[:, 0], out=wrong)
        assert all((session.state[name] == before[name]).all() for name in before)  # nothing was computed


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_step_takes_no_memory_of_python(outputs: int) -> None:
    """The core's tests show that none is taken there."""
    x = Input((None, 2))
    y = LSTM(3)(x)
    session = Model(x, [Dense(i + 1)(y) for i in range(outputs)]).stream()
    step = np.ones((1, 2), np.float32)
    out: Any = [np.empty((1, i + 1), np.float32) for i in range(outputs)]
    out = out if outputs > 1 else out[0]
    session.step(step, out=out)

    def most(out: Any) -> int:
        """Bytes of Python's that a step takes for a moment."""
        tracemalloc.start()
        try:
            for _ in itertools.repeat(None, 3):
                before, _ = tracemalloc.get_traced_memory()
                tracemalloc.reset_peak()
                session.step(step, out=out)
                _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        return peak - before

    assert most(out) <= bytes_of_looking()
    assert most(None) >= bytes_of_looking() + 100 * outputs


def bytes_of_looking() -> int:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - before


@pytest.mark.parametrize("engine", ENGINES)
def test_several_outputs_are_written_where_the_caller_says(engine: str) -> None:
    x = Input((None, 2))
    hidden, h, c = LSTM(4, return_sequences=True, return_state=True)(x)
    model = Model(x, [Dense(3)(hidden), h, c])
    model.compile("adam", engine=engine)
    plain, session = model.stream(), model.stream()
    out = [np.empty((1, 3), np.float32), np.empty((1, 4), np.float32), np.empty((1, 4), np.float32)]
    for step in series(1, 3, 2)[0]:
        y = session.step(step, out=out)
        assert y is out
        assert all((one == other).all() for one, other in zip(out, plain.step(step), strict=True))
    for wrong in (out[:2], out[0], [out[0], out[0], out[2]], [None, *out[1:]], np.zeros((3, 1, 3), np.float32)):
        with pytest.raises(ArgumentError, match="out must be a list of such arrays, of shape"):
            session.step([0, 0], out=wrong)


def test_arrays_of_every_kind_are_steps() -> None:
    """What is no plain contiguous float32 array takes another way in; the numbers are the same."""
    model = Sequential([Input((None, 2)), LSTM(4)])
    session = model.stream(3)
    plain = series(3, 1, 2)[:, 0].copy()
    wanted = session.step(plain)
    wide = np.zeros((3, 4), np.float32)
    wide[:, ::2] = plain
    swapped = plain.astype(">f4")
    typed = plain.astype(np.dtype(np.float32, metadata={"unit": "m"}))
    for same in (
        wide[:, ::2],
        np.asfortranarray(plain),
        swapped,
        typed,
        plain.astype(np.float64),
        plain.view(np.recarray),
    ):
        session.reset()
        assert (session.step(same) == wanted).all()


class Twice(layers.Layer):
    """Two recurrences in one scope, and a weight that is called like a state."""

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], 3), name="kernel")
        self.recurrent = self.add_weight((3, 3), name="h")

    def call(self, x: Any) -> Any:
        first, *_ = ops.simple_rnn(x, self.kernel, self.recurrent)
        second, *_ = ops.simple_rnn(x * 2.0, self.kernel, self.recurrent)
        return first + second

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], 3)


@pytest.mark.parametrize("engine", ENGINES)
def test_states_have_names_of_their_own(engine: str) -> None:
    model = Sequential([Input((None, 2)), Twice(name="twice")])
    model.compile("adam", "mse", engine=engine)
    x = series(1, 4, 2)
    session = model.stream()
    assert sorted(session.state) == ["twice_1/h", "twice_2/h"]
    y = np.stack([session.step(x[:, t]) for t in range(4)], axis=1)
    close(engine, y, model.predict(x, verbose=0))


def test_a_state_goes_through_a_file(tmp_path: Path) -> None:
    model = Sequential([Input((None, 2)), LSTM(4, return_sequences=True), GRU(3)])
    x = series(1, 6, 2)
    session = model.stream()
    for t in range(3):
        session.step(x[:, t])
    np.savez(tmp_path / "state.npz", **session.state)
    expected = [session.step(x[:, t]) for t in range(3, 6)]
    later = model.stream()
    with np.load(tmp_path / "state.npz") as saved:
        later.state = saved
    assert all((later.step(x[:, t]) == y).all() for t, y in zip(range(3, 6), expected, strict=True))


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    session = Sequential([Input((None, 2)), LSTM(4)]).stream()
    session.step([1, 2])
    before = session.state
    (h, c) = before
    for wrong, words in (
        ("zeros", "is text: 'zeros'"),
        ([["a", "b", "c", "d"]], "must hold numbers"),
        ([[1, 2, 3, 1e300]], "numbers too large for float32"),
    ):
        with pytest.raises(DataError, match=words):
            session.state = {h: np.ones((1, 4)), c: wrong}
        assert all((session.state[name] == before[name]).all() for name in before)
    for nothing in (None, [1, 2]):
        with pytest.raises(ArgumentError, match="is set to a dict of lstm.*/h, lstm.*/c"):
            session.state = nothing  # type: ignore[assignment]


@pytest.mark.parametrize("engine", ENGINES)
def test_sessions_run_in_several_threads_at_once(engine: str) -> None:
    model = Sequential([Input((None, 3)), LSTM(20, return_sequences=True), Dense(2)])
    model.compile("adam", "mse", engine=engine)
    x = np.random.default_rng(5).standard_normal((6, 50, 3)).astype(np.float32)
    expected: list[list[np.ndarray]] = []
    for one in x:
        session = model.stream()
        expected.append([session.step(step) for step in one])
    wrong: list[int] = []

    def work(number: int) -> None:
        session = model.stream()
        for _ in range(5):
            session.reset()
            for step, y in zip(x[number], expected[number], strict=True):
                if not (session.step(step) == y).all():
                    wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(x))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


class TimeSum(layers.Layer):
    def call(self, x: Any) -> Any:
        return ops.reduce_sum(x, axes=(1,))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], *input_shape[2:])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: [Input((None, 2)), LSTM(3, go_backwards=True, name="back")], "'back' looks along the time axis"),
        (lambda: [Input((None, 2)), TimeSum(name="total")], "'total' looks along the time axis"),
        (lambda: [Input((2,)), Dense(3)], "cannot be streamed: axis 1 of its input is taken as time"),
        (lambda: [Input((4, 2)), LSTM(3, return_sequences=True), layers.Flatten(), Dense(3)], "cannot be streamed"),
        (lambda: [Input((4, 2), batch_size=1), LSTM(3, stateful=True)], "stateful"),
    ],
)
def test_models_that_cannot_stream_are_refused(make: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        Sequential(make()).stream()


def test_batch_sizes_are_checked() -> None:
    model = Sequential([Input((None, 2)), LSTM(3)])
    for _ in range(2):
        for wrong in (0, -1, 1.5, 1.0, True):
            with pytest.raises(ArgumentError, match="batch_size must be a whole number from 1"):
                model.stream(wrong)  # type: ignore[arg-type]
        model.stream()  # what is kept of one session is no answer for the next
    fixed = Sequential([Input((None, 2), batch_size=2), LSTM(3)])
    with pytest.raises(ArgumentError, match="fixed batch size 2"):
        fixed.stream()
    assert fixed.stream(2).step(np.zeros((2, 2))).shape == (2, 3)
