"""Training that keeps less and makes it again: the same bits, memory that grows with the square root of the steps."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recurra
from recurra import Input, Model, Sequential, ops
from recurra.engines import Program, get
from recurra.errors import ArgumentError
from recurra.graph import GraphBuilder, Variable
from recurra.layers import GRU, LSTM, Dense, Dropout, Masking, SimpleRNN

native = pytest.importorskip("recurra.engines.native")


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = native.num_threads()
    yield
    native.set_num_threads(before)


def program(
    batch: int,
    time: int,
    features: int,
    units: int,
    recompute: bool,
    masked: bool = False,
    dropout: bool = False,
    started: bool = True,
    op: str = "lstm",
    **options: Any,
) -> tuple[Program, dict[str, np.ndarray]]:
    """A recurrent op of which every input has a gradient and every output counts, and its feeds."""
    rng = np.random.default_rng(time)
    builder = GraphBuilder(training=True)
    width = {"lstm": 4, "gru": 3, "simple_rnn": 1}[op] * units
    shapes: dict[str, tuple[int, ...]] = {
        "added": (batch, time, features),
        "kernel": (features, width),
        "recurrent_kernel": (units, width),
        "bias": (2, width) if options.get("reset_after") else (width,),
    }
    if started:
        shapes["initial_h"] = (batch, units)
    if started and op == "lstm":
        shapes["initial_c"] = (batch, units)
    variables = {name: Variable(name, rng.normal(0, 0.4, shape).astype(np.float32)) for name, shape in shapes.items()}
    inputs: dict[str, Any] = dict(variables)
    feeds = {"x": rng.normal(0, 1, shapes["added"]).astype(np.float32)}
    inputs["x"] = builder.input("x", shapes["added"]) + inputs.pop("added")
    if masked:
        inputs["mask"] = builder.input("mask", (batch, time))
        feeds["mask"] = (rng.random((batch, time)) < 0.7).astype(np.float32)
    if dropout:
        mask = 2 * (rng.random((batch, units)) < 0.5).astype(np.float32)
        inputs["recurrent_mask"] = variables["recurrent_mask"] = Variable("recurrent_mask", mask)
    outputs = getattr(ops, op)(**inputs, **options)
    # A bend behind each output, so that its gradient depends on its value.
    loss, *others = [ops.reduce_sum(ops.square(output)) for output in outputs]
    for other in others:
        loss = loss + other
    builder.output("loss", loss)
    builder.output("sequence", outputs[0])
    arrays = {name: variable.value for name, variable in variables.items()}
    return get("native").compile(builder.finish(), arrays, recompute=recompute), feeds


def bits(made: tuple[dict[str, np.ndarray], dict[str, np.ndarray]]) -> dict[str, bytes]:
    outputs, gradients = made
    return {name: array.tobytes() for name, array in (outputs | gradients).items()}


# Of 3 rows 86 steps make a segment, of 46 rows 12 or more: the last one has 14 of 100 steps, 5 of 17.
SIZES = [(3, 1), (3, 2), (3, 3), (3, 17), (3, 100), (3, 260), (46, 17), (46, 40), (46, 150)]
OPTIONS = [
    {},
    {"masked": True},
    {"masked": True, "zero_output_for_mask": True, "go_backwards": True},
    {"dropout": True, "masked": True},
    {"started": False, "dropout": True, "go_backwards": True},
    {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
    {"op": "gru", "reset_after": True, "masked": True, "dropout": True},
    {"op": "gru", "reset_after": False, "masked": True, "dropout": True},
    {"op": "gru", "reset_after": False, "started": False, "go_backwards": True},
    {"op": "simple_rnn", "masked": True, "dropout": True, "go_backwards": True},
]


def shown(options: dict[str, Any]) -> str:
    return "-".join(options[name] if name == "op" else name for name in options) or "plain"


@pytest.mark.parametrize("options", OPTIONS, ids=shown)
@pytest.mark.parametrize(("batch", "time"), SIZES)
def test_the_bits_are_those_of_training_that_keeps_all(batch: int, time: int, options: dict[str, Any]) -> None:
    # 20 units are divided by rows over threads, 140 by units.
    for units, count in itertools.product((20, 140), (1, 2, 3)):
        native.set_num_threads(count)
        kept, feeds = program(batch, time, 3, units, False, **options)
        again, _ = program(batch, time, 3, units, True, **options)
        expected = bits(kept.gradients(feeds))
        assert bits(again.gradients(feeds)) == expected
        assert bits(again.gradients(feeds)) == expected
        native.set_num_threads(1)
        assert bits(again.gradients(feeds)) == expected


def arena_bytes(time: int, recompute: bool, layers: int = 1) -> int:
    stack = [LSTM(24, return_sequences=True) for _ in range(layers - 1)]
    model = Sequential([Input((time, 1)), *stack, LSTM(24), Dense(1)])
    model.compile("sgd", "mse", engine="native", recompute=recompute)
    rng = np.random.default_rng(0)
    model.train_on_batch(rng.normal(size=(32, time, 1)).astype(np.float32), np.ones((32, 1), np.float32))
    compiled: Any = model._compiled_programs("fit").get("train", (None,)).program
    (plan,) = compiled._plans.values()
    return int(plan.arena_bytes)


def test_memory_grows_with_the_square_root_of_the_steps() -> None:
    short, long = arena_bytes(400, True), arena_bytes(6400, True)
    assert 3 < long / short < 4.5
    assert arena_bytes(6400, False) / arena_bytes(400, False) > 15
    assert arena_bytes(6400, False) / long > 20


def test_layers_that_hand_sequences_on_keep_those_and_share_the_rest() -> None:
    sequence = 32 * 2500 * 24 * 4  # bytes: of one layer the output, and its gradient
    one, three = arena_bytes(2500, True), arena_bytes(2500, True, layers=3)
    assert 4 * sequence < three < one + 5 * sequence
    assert three < arena_bytes(2500, False, layers=3) / 3


def fitted(recompute: bool, **options: Any) -> list[np.ndarray]:
    recurra.set_seed(5)
    model = Sequential(
        [
            Input((90, 2)),
            Masking(0.0),
            LSTM(10, return_sequences=True, dropout=0.2, recurrent_dropout=0.3),
            Dropout(0.1),
            LSTM(6, return_sequences=True),
            GRU(5, return_sequences=True, recurrent_dropout=0.2),
            GRU(4, return_sequences=True, reset_after=False),
            SimpleRNN(3, return_sequences=True),
            Dense(1),
        ]
    )
    model.compile("adam", "mse", engine="native", recompute=recompute)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 90, 2)).astype(np.float32)
    x[:7, 60:] = 0
    model.fit(x, x[:, :, :1], batch_size=8, epochs=2, verbose=0, **options)
    return [*model.get_weights(), model.predict(x)]


@pytest.mark.parametrize("options", [{}, {"truncated_bptt_steps": 70}], ids=["whole", "in pieces"])
def test_a_model_learns_the_same(options: dict[str, Any]) -> None:
    for kept, again in zip(fitted(False, **options), fitted(True, **options), strict=True):
        assert np.array_equal(kept, again)


def test_pieces_of_truncated_back_propagation_make_less_memory() -> None:
    sizes = []
    for recompute in (False, True):
        model = Sequential([Input((None, 1)), LSTM(16, return_sequences=True), Dense(1)])
        model.compile("sgd", "mse", engine="native", recompute=recompute)
        x = np.ones((16, 1500, 1), np.float32)
        model.train_on_batch(x, x, truncated_bptt_steps=1000)
        pieces = model._compiled_programs("fit").pieces((None,))
        programs: list[Any] = [program for sized in pieces._sized.values() for program in sized.programs.values()]
        sizes.append(sum(plan.arena_bytes for program in programs for plan in program._plans.values()))
    assert sizes[1] < sizes[0] / 2


def model_of(**options: Any) -> Model:
    model = Sequential([Input((5, 1)), LSTM(2), Dense(1)])
    model.compile("adam", "mse", **options)
    return model


def test_it_is_saved_where_it_is_not_the_default(tmp_path: Path) -> None:
    plain = model_of(engine="native")
    assert "recompute" not in (plain.get_compile_config() or {})
    model = model_of(engine="native", recompute=True)
    model.save(tmp_path / "model.safetensors")
    loaded = recurra.load_model(tmp_path / "model.safetensors")
    assert loaded.recompute
    loaded.recompute = False
    assert "recompute" not in (loaded.get_compile_config() or {})
    assert not plain.recompute


def test_explain_says_so() -> None:
    assert "Training keeps" not in model_of(engine="native").explain()
    text = model_of(engine="native", recompute=True).explain()
    assert "Training keeps the states at every n-th step of recurrent layers" in text
    assert "Training keeps everything: recompute=True" in model_of(engine="numpy", recompute=True).explain()


def test_the_numpy_engine_trains_as_ever() -> None:
    x, weights = np.ones((4, 5, 1), np.float32), []
    for recompute in (False, True):
        recurra.set_seed(0)
        model = model_of(engine="numpy", recompute=recompute)
        model.fit(x, x[:, 0], verbose=0)
        weights.append(model.get_weights())
    for kept, again in zip(*weights, strict=True):
        assert np.array_equal(kept, again)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ArgumentError, match="recompute must be True or False, received 'yes'"):
        model_of(recompute="yes")
    config = model_of(recompute=True).get_compile_config() or {}
    with pytest.raises(ArgumentError, match="recompute=True needs precision='float32', but the precision is 'bf16'"):
        model_of().compile_from_config({**config, "precision": "bf16"})
    model = model_of()
    with pytest.raises(ArgumentError, match="recompute must be"):
        model.recompute = 1  # type: ignore[assignment]


def test_pieces_are_compiled_with_the_precision_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, asked = get("numpy"), []
    compile = type(engine).compile

    def noting(self: Any, *args: Any, precision: str = "float32", **options: Any) -> Any:
        asked.append(precision)
        return compile(self, *args, **options)

    monkeypatch.setattr(type(engine), "compile", noting)
    monkeypatch.setattr(type(engine), "need_precision", lambda self, precision: None)
    model = Sequential([Input((None, 1)), LSTM(2), Dense(1)])
    model.compile("sgd", "mse", engine=engine, precision="bf16x3")
    x = np.ones((2, 6, 1), np.float32)
    model.train_on_batch(x, x[:, 0], truncated_bptt_steps=3)
    assert asked and set(asked) == {"bf16x3"}
