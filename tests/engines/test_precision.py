"""Precision policies: products of tiles of bfloat16 numbers, to the bit, and what is said where they do not run.

The tests of products need an instruction set with tiles. Where this machine has none by default, they run in a process
of their own on the emulated one; see the last test.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recurra
from recurra import engines, layers, ops
from recurra.engines import get
from recurra.engines.native import instruction_set, instruction_sets, num_threads, set_num_threads
from recurra.errors import EngineError, UnknownNameError
from recurra.graph import GraphBuilder, Tensor, Variable
from recurra.layers import Dense, Input
from recurra.models import Sequential
from tests.harness.cases._case import on
from tests.harness.cases._recurrent import INPUTS
from tests.harness.cases.gru import gru_parameters
from tests.harness.cases.lstm import lstm_parameters
from tests.harness.cases.simple_rnn import simple_rnn_parameters
from tests.harness.parity import check_engine
from tests.harness.precision import bf16

from .test_native import network, recurrent

ROOT = Path(__file__).parents[2]
REDUCED = ("bf16x3", "bf16")
HERE = [name for name in REDUCED if get("native").precisions()[name] is None]
needs_tiles = pytest.mark.skipif(not HERE, reason="no tiles in this process; see the last test of this file")
Array = np.ndarray


# --- the products, to the bit ----------------------------------------------------------------------------------------


def tile_product(a: Array, b: Array, precision: str, start: Array | None = None) -> Array:
    """A B as the manual of TDPBF16PS says, 32 numbers of k at a time, all in float32.

    The product of two bfloat16 numbers is exact in float32, so multiplying and adding is a fused multiply-add.
    """
    high_a, high_b = bf16(a), bf16(b)
    pairs = [(high_a, high_b)]
    if precision == "bf16x3":
        low_a, low_b = bf16(a - high_a), bf16(b - high_b)
        pairs = [(high_a, high_b), (low_a, high_b), (high_a, low_b)]
    c = np.zeros((a.shape[0], b.shape[1]), np.float32) if start is None else start.copy()
    for k0 in range(0, a.shape[1], 32):
        for left, right in pairs:
            sums = [np.zeros_like(c), np.zeros_like(c)]
            for k in range(k0, min(k0 + 32, a.shape[1])):
                sums[k % 2] = sums[k % 2] + left[:, k, None] * right[k]
            c = c + (sums[0] + sums[1])
    assert c.dtype == np.float32
    return c


def numbers(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@needs_tiles
@pytest.mark.parametrize("precision", HERE)
@pytest.mark.parametrize(
    ("rows", "inputs", "units"),
    [(1, 1, 1), (1, 33, 2), (16, 32, 16), (17, 31, 15), (15, 64, 33), (33, 70, 48), (50, 130, 65), (200, 5, 3)],
)
def test_dense_and_its_gradients_are_these_bits(precision: str, rows: int, inputs: int, units: int) -> None:
    x, w, b = numbers(1, rows, inputs), numbers(2, inputs, units), numbers(3, units)
    dy = numbers(4, rows, units)
    variables = [Variable(name, value) for name, value in (("x", x), ("w", w), ("b", b))]
    builder = GraphBuilder()
    y = ops.dense(*(builder.tensor(variable) for variable in variables))
    builder.output("y", y)
    builder.output("loss", ops.reduce_sum(y * builder.tensor(dy)))
    arrays = {variable.name: variable.value for variable in variables}
    outputs, gradients = get("native").compile(builder.finish(), arrays, precision=precision).gradients({})
    assert (outputs["y"] == b + tile_product(x, w, precision)).all()
    assert (gradients["x"] == tile_product(dy, w.T, precision)).all()
    assert (gradients["w"] == tile_product(x.T, dy, precision)).all()
    # Sums that are no products stay those of float32.
    exact, by_float32 = get("native").compile(builder.finish(), arrays).gradients({})
    assert (gradients["b"] == by_float32["b"]).all()
    if inputs > 1:
        assert (outputs["y"] != exact["y"]).any()


@needs_tiles
@pytest.mark.parametrize("precision", HERE)
@pytest.mark.parametrize(("batch", "features", "units"), [(1, 1, 1), (5, 3, 20), (16, 32, 16), (35, 33, 40)])
def test_lstm_is_these_bits(precision: str, batch: int, features: int, units: int) -> None:
    """With linear activations the cell is a few additions and products, which numpy rounds the same way."""
    time = 3
    x, w, r = numbers(1, batch, time, features), numbers(2, features, 4 * units), numbers(3, units, 4 * units)
    w, r, b = w * np.float32(features**-0.5), r * np.float32(units**-0.5), numbers(4, 4 * units)
    builder = GraphBuilder()
    inputs = [builder.tensor(Variable(name, value)) for name, value in (("x", x), ("w", w), ("r", r), ("b", b))]
    sequence, _, _ = ops.lstm(*inputs, activation="linear", recurrent_activation="linear")
    builder.output("y", sequence)
    arrays = {"x": x, "w": w, "r": r, "b": b}
    y = get("native").compile(builder.finish(), arrays, precision=precision).predict({})["y"]
    h = c = np.zeros((batch, units), np.float32)
    for t in range(time):
        z = b + tile_product(h, r, precision, tile_product(x[:, t], w, precision))
        i, f, g, o = np.split(z, 4, axis=1)
        # A fused multiply-add: the product is exact in float64.
        c = (f.astype(np.float64) * c + (i * g)).astype(np.float32)
        h = o * c
        assert (y[:, t] == h).all()


@needs_tiles
@pytest.mark.parametrize("precision", HERE)
def test_what_is_not_finite_stays_so(precision: str) -> None:
    def product(x: Array, w: Array) -> Array:
        builder = GraphBuilder()
        builder.output("y", ops.dense(builder.tensor(Variable("x", x)), builder.tensor(Variable("w", w))))
        return get("native").compile(builder.finish(), {"x": x, "w": w}, precision=precision).predict({})["y"]

    x = np.ones((3, 3), np.float32)
    x[0, 0], x[1, 1] = np.nan, np.inf
    y = product(x, np.ones((3, 1), np.float32))
    assert np.isnan(y[0, 0])
    assert not np.isfinite(y[1, 0])  # infinity times the 0 that is left of a weight is NaN
    assert y[2, 0] == 3
    # Rounded, the largest float32 number is infinite.
    assert not np.isfinite(product(np.full((1, 1), 3.4e38, np.float32), np.ones((1, 1), np.float32))[0, 0])


# --- any size and option ----------------------------------------------------------------------------------------------

_SIZE = st.integers(1, 40)
# The same examples in every run: which operands are rounded another way than in the reference must not be chance.
_settings = settings(max_examples=20, deadline=None, derandomize=True)


@needs_tiles
@pytest.mark.parametrize("precision", HERE)
@pytest.mark.parametrize("op", ["lstm", "gru", "simple_rnn"])
@_settings
@given(data=st.data(), batch=_SIZE, time=st.integers(1, 6), features=_SIZE, units=_SIZE)
def test_recurrent_ops_of_any_size_and_options(
    op: str, precision: str, data: st.DataObject, batch: int, time: int, features: int, units: int
) -> None:
    inputs = ("x", "w", "r", "b", "h", "c", "mask", "rm") if op == "lstm" else INPUTS
    extra = sorted(data.draw(st.sets(st.sampled_from([name for name in inputs if name in ("b", "h", "c", "rm")]))))
    options: dict[str, Any] = {
        "go_backwards": data.draw(st.booleans(), "go_backwards"),
        "zero_output_for_mask": data.draw(st.booleans(), "zero_output_for_mask"),
    }
    make: Any = {"lstm": lstm_parameters, "gru": gru_parameters, "simple_rnn": simple_rnn_parameters}[op]
    if op == "gru":
        options["reset_after"] = data.draw(st.booleans(), "reset_after")
        parameters = make(batch, time, features, units, *extra, reset_after=options["reset_after"])
    else:
        parameters = make(batch, time, features, units, *extra)
    feeds = {}
    if data.draw(st.booleans(), "masked"):
        feeds["mask"] = np.random.default_rng(batch * time).integers(0, 2, (batch, time)).astype(float)
    check_engine(f"native:{precision}", on(getattr(ops, op), *inputs, **options), parameters, feeds, steps=1)


# --- the same bits ---------------------------------------------------------------------------------------------------


def trained_bits(precision: str) -> str:
    """A digest of all losses and weights after training several networks."""
    digest = hashlib.sha256()
    sizes = [(2, 1, 1, 16, 1), (7, 5, 3, 19, 4), (50, 6, 65, 130, 65)]
    networks = [network(*size, precision=precision) for size in sizes]
    networks += [recurrent("gru", precision=precision), recurrent("gru", reset_after=False, precision=precision)]
    networks += [recurrent("simple_rnn", precision=precision)]
    for program, feeds, arrays in networks:
        for step in range(1, 4):
            digest.update(program.train(feeds, step=step, learning_rate=1e-2)["loss"].tobytes())
        for array in arrays.values():
            digest.update(array.tobytes())
    return digest.hexdigest()


@needs_tiles
@pytest.mark.parametrize("precision", HERE)
def test_training_gives_the_same_bits_for_any_number_of_threads(precision: str) -> None:
    before = num_threads()
    try:
        bits = set()
        for threads in (1, 2, 3, 5):
            set_num_threads(threads)
            bits.add(trained_bits(precision))
        assert len(bits) == 1
    finally:
        set_num_threads(before)
    assert bits != {trained_bits("float32")}


@pytest.mark.skipif("amx" not in instruction_sets(), reason="this machine has no AMX")
@pytest.mark.parametrize("precision", REDUCED)
def test_the_hardware_gives_the_bits_of_the_software(precision: str) -> None:
    code = f"""
import sys; sys.path[:0] = {sys.path!r}
from tests.engines.test_precision import trained_bits
print(trained_bits({precision!r}))
"""
    bits = [python(code, isa) for isa in ("amx", "emulated")]
    assert bits[0] == bits[1] != ""


@needs_tiles
@pytest.mark.parametrize("precision", HERE)
def test_inference_gives_the_same_bits_for_any_split_of_the_batch(precision: str) -> None:
    program, feeds, _ = network(50, 5, 5, 37, 3, dropout=0.0, precision=precision)
    whole = program.predict(feeds)["y"]
    for size in (1, 7, 16, 32):
        parts = [
            program.predict({name: array[i : i + size] for name, array in feeds.items()})["y"]
            for i in range(0, 50, size)
        ]
        assert (np.concatenate(parts) == whole).all()


@needs_tiles
@pytest.mark.parametrize("precision", HERE)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_streaming_gives_the_bits_of_the_whole_sequence(precision: str, kind: str) -> None:
    layer = getattr(layers, kind)
    model = Sequential([Input((None, 3)), layer(37, return_sequences=True), layer(8, return_sequences=True), Dense(2)])
    before = model.stream(2)
    model.precision = precision
    x = numbers(5, 2, 9, 3)
    whole = model.predict(x, verbose=0)
    session = model.stream(2)
    for t in range(9):
        y = session.step(x[:, t])
        assert (y == whole[:, t]).all()
    # A session keeps the precision it began with.
    assert any((before.step(x[:, t]) != whole[:, t]).any() for t in range(9))


# --- how far from float64 --------------------------------------------------------------------------------------------


@needs_tiles
@pytest.mark.parametrize(("precision", "bound"), [("bf16x3", 2e-5), ("bf16", 8e-3)])
def test_gradients_are_within_their_stated_error(precision: str, bound: float) -> None:
    """Relative to the largest entry of each gradient: docs/explanation/numerics.md."""
    rng = np.random.default_rng(3)
    batch, time, features, units = 64, 20, 8, 64
    arrays = {
        "w": rng.uniform(-1, 1, (features, 4 * units)) * (6 / (features + 4 * units)) ** 0.5,
        "r": np.linalg.qr(rng.standard_normal((4 * units, units)))[0].T,
        "b": np.repeat([0.0, 1.0, 0.0, 0.0], units),
        "d": rng.uniform(-1, 1, (units, 1)) * (6 / (units + 1)) ** 0.5,
    }
    feeds = {"x": rng.standard_normal((batch, time, features)), "target": rng.standard_normal((batch, 1))}
    feeds = {name: array.astype(np.float32) for name, array in feeds.items()}
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
    builder = GraphBuilder(training=True)
    tensors: dict[str, Tensor] = {name: builder.tensor(Variable(name, value)) for name, value in arrays.items()}
    x, target = builder.input("x", ("batch", time, features)), builder.input("target", ("batch", 1))
    _, h, _ = ops.lstm(x, tensors["w"], tensors["r"], tensors["b"])
    builder.output("loss", ops.reduce_mean(ops.square(ops.dense(h, tensors["d"]) - target)))
    graph = builder.finish()
    wide = {name: array.astype(np.float64) for name, array in arrays.items()}
    wide_feeds = {name: array.astype(np.float64) for name, array in feeds.items()}
    _, truth = get("numpy").compile(graph, wide).gradients(wide_feeds)
    _, gradients = get("native").compile(graph, arrays, precision=precision).gradients(feeds)
    errors = {name: np.abs(gradients[name] - g).max() / np.abs(g).max() for name, g in truth.items()}
    assert max(errors.values()) <= bound
    assert max(errors.values()) > bound / 20  # the products were not those of float32


# --- models ----------------------------------------------------------------------------------------------------------


def small_model(**options: Any) -> Sequential:
    model = Sequential([Input((4, 2)), layers.LSTM(8), Dense(1)])
    model.compile("adam", "mse", **options)
    return model


@needs_tiles
@pytest.mark.parametrize("precision", HERE)
def test_truncated_training_has_the_precision_too(precision: str) -> None:
    x, y = numbers(6, 32, 4, 2), numbers(7, 32, 1)
    models = [small_model(precision=precision), small_model(precision=precision), small_model()]
    for model in models[1:]:
        model.set_weights(models[0].get_weights())
    for model, steps in zip(models, (4, None, 4), strict=True):
        model.fit(x, y, shuffle=False, truncated_bptt_steps=steps, verbose=0)
    truncated, whole, wide = (model.get_weights() for model in models)
    assert all((a == b).all() for a, b in zip(truncated, whole, strict=True))
    assert any((a != b).any() for a, b in zip(truncated, wide, strict=True))


@needs_tiles
@pytest.mark.parametrize("precision", HERE)
def test_a_model_trains_in_its_precision_and_is_saved_with_it(precision: str, tmp_path: Path) -> None:
    x, y = numbers(6, 32, 4, 2), numbers(7, 32, 1)
    model = small_model(precision=precision)
    first = model.fit(x, y, epochs=1, verbose=0).history["loss"][0]
    assert model.fit(x, y, epochs=20, verbose=0).history["loss"][-1] < first
    assert model.precision == precision
    assert f"Precision of products: {precision}. It runs float32, bf16x3, bf16." in model.explain()
    model.save(tmp_path / "model.safetensors")
    loaded = recurra.load_model(tmp_path / "model.safetensors")
    assert loaded.precision == precision
    assert (loaded.predict(x, verbose=0) == model.predict(x, verbose=0)).all()
    by_bf16 = loaded.predict(x, verbose=0)
    loaded.precision = "float32"
    by_float32 = loaded.predict(x, verbose=0)
    assert (by_bf16 != by_float32).any()
    np.testing.assert_allclose(by_bf16, by_float32, atol=2e-2)
    assert "precision" not in (loaded.get_compile_config() or {})


def test_names_are_checked() -> None:
    with pytest.raises(UnknownNameError, match="'bf17'. Did you mean 'bf16'"):
        small_model(precision="bf17")
    model = small_model()
    assert model.precision == "float32"
    with pytest.raises(UnknownNameError, match="float16"):
        model.precision = "float16"
    with pytest.raises(UnknownNameError, match="half"):
        model.compile_from_config({"optimizer": "adam", "loss": "mse", "precision": "half"})


@pytest.mark.parametrize("precision", REDUCED)
def test_the_numpy_engine_has_float32_alone(precision: str) -> None:
    with pytest.raises(
        EngineError, match=f"precision='{precision}' does not run on the numpy engine here: it needs the"
    ):
        small_model(engine="numpy", precision=precision)
    model = small_model(engine="numpy")
    with pytest.raises(EngineError, match="Use precision='float32'"):
        model.precision = precision
    assert model.precision == "float32"
    assert engines.show_precisions(get("numpy")).startswith("float32 (not bf16x3, bf16: ")


def python(code: str, isa: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "RECURRA_ISA": isa},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_without_tiles_the_error_says_what_is_missing(tmp_path: Path) -> None:
    """A model saved elsewhere can be loaded, looked at and set to float32."""
    path = tmp_path / "model.safetensors"
    model = small_model()
    model._some_programs().precision = "bf16"  # as if this machine had tiles
    model.save(path)
    code = f"""
import sys; sys.path[:0] = {sys.path!r}
import numpy as np, recurra
from recurra.errors import EngineError
from recurra.layers import LSTM, Dense, Input
model = recurra.Sequential([Input((4, 2)), LSTM(8), Dense(1)])
try:
    model.compile("adam", "mse", precision="bf16x3")
except EngineError as error:
    print(error)
loaded = recurra.load_model({str(path)!r})
print(loaded.precision)
x = np.zeros((1, 4, 2), np.float32)
uses = lambda: loaded.predict(x, verbose=0), lambda: loaded.stream(), lambda: loaded.train_on_batch(x, x[:, 0, :1])
for use in uses:
    try:
        use()
    except EngineError as error:
        print(error)
loaded.precision = "float32"
print(loaded.predict(x, verbose=0).shape, loaded.stream().step(x[:, 0]).shape)
print(loaded.explain().splitlines()[1])
"""
    lines = python(code, "portable").splitlines()
    missing = r"precision='bf16\w*' does not run on the native engine here: .+ \(the instruction set here is portable\)"
    for line in (lines[0], *lines[2:5]):
        assert re.fullmatch(missing + r"\. Use precision='float32'\.", line), line
    assert lines[1] == "bf16"
    assert lines[5] == "(1, 1) (1, 1)"
    assert lines[6].startswith("Precision of products: float32. It runs float32 (not bf16x3, bf16: ")


@pytest.mark.skipif(
    instruction_set() == "emulated" or "emulated" not in instruction_sets(),
    reason="these are the tests in that process, or the machine has no AVX2",
)
def test_all_of_this_on_the_emulated_set() -> None:
    """Everything with tiles, in software, so that any machine with AVX2 tests it."""
    files = ["tests/engines/test_precision.py", "tests/engines/test_parity.py"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", "bf16"],
        env={**os.environ, "RECURRA_ISA": "emulated"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert " passed" in run.stdout
    assert " failed" not in run.stdout
