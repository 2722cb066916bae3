"""What the native engine promises beyond agreeing with the numpy engine: equal bits, exact boundaries, safety."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import process_time, sleep

import numpy as np
import pytest

from recurra import ops
from recurra.engines import Program, UpdateRule, available, get, num_threads, set_num_threads
from recurra.engines.native import instruction_set, instruction_sets
from recurra.errors import ArgumentError, EngineError, NonFiniteError, ShapeError
from recurra.graph import GraphBuilder, Tensor, Variable

ADAM = UpdateRule(
    "adam",
    {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "epsilon_hat": 1.0, "amsgrad": 0.0, "weight_decay": 0.0},
    ("momentum", "velocity"),
    global_clipnorm=1.0,
)

Arrays = dict[str, np.ndarray]


def zero_slots(arrays: Arrays) -> dict[str, Arrays]:
    return {slot: {name: np.zeros_like(array) for name, array in arrays.items()} for slot in ADAM.slots}


def network(
    batch: int,
    time: int,
    features: int,
    units: int,
    outputs: int,
    dropout: float = 0.2,
    precision: str = "float32",
) -> tuple[Program, Arrays, Arrays]:
    """A training program for dropout, LSTM, dense, softmax; its data and its weights."""
    rng = np.random.default_rng(7)
    shapes = {
        "kernel": (features, 4 * units),
        "recurrent": (units, 4 * units),
        "bias": (4 * units,),
        "dense": (units, outputs),
        "dense_bias": (outputs,),
    }
    variables = {
        name: Variable(name, (rng.standard_normal(shape) * 0.2).astype(np.float32)) for name, shape in shapes.items()
    }
    builder = GraphBuilder(training=True)
    x = builder.input("x", ("batch", "time", features))
    target = builder.input("target", ("batch", "time", outputs))
    if dropout:
        x = ops.dropout(x, dropout, seed=2**63 + 5)
    sequence, _, _ = ops.lstm(x, variables["kernel"], variables["recurrent"], variables["bias"])
    y = ops.log_softmax(ops.dense(sequence, variables["dense"], variables["dense_bias"]))
    builder.output("loss", ops.reduce_mean(ops.square(y - target)))
    builder.output("y", y)
    arrays = {name: variable.value for name, variable in variables.items()}
    program = get("native").compile(builder.finish(), arrays, ADAM, zero_slots(arrays), precision)
    feeds = {
        "x": rng.standard_normal((batch, time, features)).astype(np.float32),
        "target": rng.standard_normal((batch, time, outputs)).astype(np.float32),
    }
    return program, feeds, arrays


def recurrent(op: str, reset_after: bool = True, precision: str = "float32") -> tuple[Program, Arrays, Arrays]:
    """A training program for a GRU or a simple RNN; its data and its weights."""
    batch, time, features, units = 33, 11, 5, 37
    gates = 3 if op == "gru" else 1
    rng = np.random.default_rng(8)
    bias = (2, gates * units) if op == "gru" and reset_after else (gates * units,)
    shapes = {"kernel": (features, gates * units), "recurrent": (units, gates * units), "bias": bias}
    variables = {
        name: Variable(name, (rng.standard_normal(shape) * 0.2).astype(np.float32)) for name, shape in shapes.items()
    }
    builder = GraphBuilder(training=True)
    x = builder.input("x", ("batch", "time", features))
    options = {"reset_after": reset_after} if op == "gru" else {}
    sequence, _ = getattr(ops, op)(x, *variables.values(), **options)
    builder.output("loss", ops.reduce_mean(ops.square(sequence - 0.1)))
    arrays = {name: variable.value for name, variable in variables.items()}
    program = get("native").compile(builder.finish(), arrays, ADAM, zero_slots(arrays), precision)
    return program, {"x": rng.standard_normal((batch, time, features)).astype(np.float32)}, arrays


SIZES = [(2, 1, 1, 16, 1), (7, 5, 3, 19, 4), (32, 30, 1, 32, 1), (64, 12, 8, 64, 3), (50, 6, 65, 130, 65)]


def trained_bits() -> str:
    """A digest of all losses and weights after training several networks."""
    digest = hashlib.sha256()
    networks = [network(*size) for size in SIZES]
    networks += [recurrent("gru"), recurrent("gru", reset_after=False), recurrent("simple_rnn")]
    for program, feeds, arrays in networks:
        for step in range(1, 5):
            digest.update(program.train(feeds, step=step, learning_rate=1e-2)["loss"].tobytes())
        for array in arrays.values():
            digest.update(array.tobytes())
    return digest.hexdigest()


def bits_in_a_process(isa: str, threads: int) -> str:
    environment = {**os.environ, "RECURRA_ISA": isa, "RECURRA_NUM_THREADS": str(threads)}
    code = f"import sys; sys.path[:0] = {sys.path!r}; import test_native; print(test_native.trained_bits())"
    folder = Path(__file__).parent
    run = subprocess.run([sys.executable, "-c", code], env=environment, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def sets_with_fma() -> list[str]:
    """Those of this machine; where the suite itself runs on the portable set, that one, which has its own bits."""
    own = instruction_set()
    return [own] if own == "portable" else [isa for isa in instruction_sets() if isa != "portable"]


def test_native_engine_is_built_where_the_suite_runs() -> None:
    assert "native" in available()


@pytest.mark.parametrize("isa", sets_with_fma())
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_training_gives_the_same_bits_for_any_threads_and_instruction_set(isa: str, threads: int) -> None:
    assert bits_in_a_process(isa, threads) == trained_bits()


def test_the_emulated_set_runs_where_avx2_does_and_is_never_the_default() -> None:
    sets = instruction_sets()
    assert ("emulated" in sets) == ("avx2" in sets)
    assert sets[0] != "emulated"
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; from recurra.engines import native; print(native.instruction_set())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "RECURRA_ISA"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert run.stdout.strip() == sets[0], run.stderr


def test_portable_set_runs_and_does_not_depend_on_threads() -> None:
    assert bits_in_a_process("portable", 1) == bits_in_a_process("portable", 2)


def test_unknown_instruction_set_is_an_error_that_lists_those_here() -> None:
    code = f"import sys; sys.path[:0] = {sys.path!r}; from recurra.engines.native import instruction_set as i; i()"
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "RECURRA_ISA": "mmx"}, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert "recurra.errors.EngineError: RECURRA_ISA names the instruction set 'mmx'" in run.stderr
    assert "portable" in run.stderr


def test_inference_gives_the_same_bits_for_any_split_of_the_batch() -> None:
    program, feeds, _ = network(50, 9, 5, 37, 3, dropout=0.0)
    whole = program.predict(feeds)["y"]
    for size in (1, 2, 7, 32):
        parts = [
            program.predict({name: array[i : i + size] for name, array in feeds.items()})["y"]
            for i in range(0, 50, size)
        ]
        assert (np.concatenate(parts) == whole).all()


def test_rows_are_gathered_inside() -> None:
    program, feeds, _ = network(20, 4, 3, 8, 2, dropout=0.0)
    rows = np.array([19, 0, 7, 7], np.int64)
    picked = program.predict({name: array[rows] for name, array in feeds.items()})["y"]
    assert (program.predict(feeds, rows)["y"] == picked).all()
    with pytest.raises(
        ArgumentError, match=r"row is out of range for the input 'x': expected 0 <= row < 20, received 20"
    ):
        program.predict(feeds, np.array([20], np.int64))
    with pytest.raises(ArgumentError, match="received -1"):
        program.predict(feeds, np.array([0, -1], np.int64))


def test_rows_may_overlap_as_sliding_windows_do() -> None:
    program, feeds, _ = network(4, 3, 2, 8, 2, dropout=0.0)
    series = np.random.default_rng(2).standard_normal((9, 2)).astype(np.float32)
    windows = np.lib.stride_tricks.as_strided(series, (7, 3, 2), (8, 8, 4), writeable=False)
    rows = np.array([6, 0, 3, 3], np.int64)
    expected = program.predict({**feeds, "x": windows[rows].copy()})["y"]
    targets = np.zeros((7, 3, 2), np.float32)
    targets[rows] = feeds["target"]
    assert (program.predict({"x": windows, "target": targets}, rows)["y"] == expected).all()
    four = {"x": windows[:4], "target": feeds["target"]}
    dense = {"x": windows[:4].copy(), "target": feeds["target"]}
    assert (program.predict(four)["y"] == program.predict(dense)["y"]).all()
    with pytest.raises(ArgumentError, match="each row of it contiguous"):
        program.predict({**feeds, "x": windows[:4, ::-1]})
    with pytest.raises(ArgumentError, match="each row of it contiguous"):
        program.predict({**feeds, "x": windows[3::-1]})


def test_feeds_are_checked_at_the_boundary() -> None:
    program, feeds, _ = network(4, 3, 2, 8, 2)
    with pytest.raises(ArgumentError, match="'target'"):
        program.predict({"x": feeds["x"]})
    with pytest.raises(ShapeError, match="'x' has a wrong shape"):
        program.predict({**feeds, "x": feeds["x"][:, :, :1].copy()})
    with pytest.raises(ShapeError, match="disagree about the size 'batch'"):
        program.predict({**feeds, "x": feeds["x"][:2].copy()})
    with pytest.raises(ArgumentError, match="must hold float32 numbers, each row of it contiguous; received float64"):
        program.predict({**feeds, "x": feeds["x"].astype(np.float64)})
    program.predict(feeds)
    with pytest.raises(ArgumentError, match="received float64"):
        program.predict({**feeds, "x": feeds["x"].astype(np.float64)})
    with pytest.raises(ArgumentError, match="contiguous"):
        program.predict({name: np.asfortranarray(np.concatenate([a, a])) for name, a in feeds.items()})


def test_weights_of_another_type_are_refused() -> None:
    builder = GraphBuilder()
    builder.output("y", ops.square(builder.tensor(Variable("w", np.zeros(3))) + builder.input("x", (3,))))
    with pytest.raises(EngineError, match="'w' is float64"):
        get("native").compile(builder.finish(), {"w": np.zeros(3)})


def test_non_finite_loss_changes_nothing_and_says_where_it_began() -> None:
    program, feeds, arrays = network(4, 3, 2, 8, 2)
    before = {name: array.copy() for name, array in arrays.items()}
    feeds["x"][1, 2, 0] = np.nan
    with pytest.raises(NonFiniteError, match="The input 'x' holds NaN or infinity"):
        program.train(feeds, step=1, learning_rate=1e-3)
    feeds["x"][1, 2, 0] = 0
    assert all((arrays[name] == before[name]).all() for name in arrays)
    arrays["dense"][0, 0] = np.inf
    with pytest.raises(NonFiniteError, match="The weight 'dense' holds NaN or infinity"):
        program.train(feeds, step=1, learning_rate=1e-3)
    arrays["dense"][...] = 3e38
    arrays["dense_bias"][...] = 3e38
    with pytest.raises(NonFiniteError, match="It began in op dense"):
        program.train(feeds, step=1, learning_rate=1e-3)
    arrays["dense"][...] = before["dense"]
    arrays["dense_bias"][...] = before["dense_bias"]
    assert np.isfinite(program.train(feeds, step=1, learning_rate=1e-3)["loss"])


def test_non_finite_gradient_of_a_finite_loss_changes_nothing() -> None:
    weight = Variable("w", np.zeros(1, np.float32))
    builder = GraphBuilder()
    x = builder.input("x", ("batch", 1))
    builder.output("loss", ops.reduce_sum(ops.sqrt(x * weight)))
    rule = UpdateRule("sgd", {"momentum": 0.0})
    program = get("native").compile(builder.finish(), {"w": weight.value}, rule, {})
    with pytest.raises(NonFiniteError, match="The gradient of 'w' is not finite"):
        program.train({"x": np.ones((2, 1), np.float32)}, step=1, learning_rate=0.1)
    assert weight.value[0] == 0


def unary(function: Callable[[Tensor], Tensor], x: np.ndarray) -> np.ndarray:
    builder = GraphBuilder()
    builder.output("y", function(builder.input("x", ("n",))))
    return get("native").compile(builder.finish(), {}).predict({"x": x})["y"]


def softplus(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.logaddexp(0, x))


@pytest.mark.parametrize(
    ("function", "exact", "low", "high", "units"),
    [
        (ops.exp, np.exp, -87.0, 88.7, 1.25),
        (ops.log, np.log, 1.2e-38, 3e38, 1.0),
        (ops.sigmoid, lambda x: 1 / (1 + np.exp(-x)), -87.0, 100.0, 2.5),
        (ops.tanh, np.tanh, -1e30, 1e30, 2.5),
        (ops.softplus, softplus, -87.0, 1e30, 3.0),
    ],
)
def test_functions_are_within_their_stated_error(
    function: Callable[[Tensor], Tensor],
    exact: Callable[[np.ndarray], np.ndarray],
    low: float,
    high: float,
    units: float,
) -> None:
    """In units in the last place, over float32 numbers of every exponent and densely where the curve bends."""
    every = np.arange(0, 2**32, 4093, dtype=np.uint64).astype(np.uint32).view(np.float32)
    x = np.concatenate([every, np.linspace(-100, 100, 400_001, dtype=np.float32)])
    x = x[np.isfinite(x) & (x >= low) & (x <= high) & (np.abs(x) > 1.2e-38)]
    wanted = exact(x.astype(np.float64))
    error = np.abs(unary(function, x) - wanted) / np.spacing(np.abs(wanted.astype(np.float32))).astype(np.float64)
    assert error.max() <= units


@pytest.mark.parametrize("function", [ops.exp, ops.log, ops.sigmoid, ops.tanh, ops.softplus, ops.relu, ops.silu])
def test_nan_in_gives_nan_out(function: Callable[[Tensor], Tensor]) -> None:
    x = np.full(19, np.nan, np.float32)
    assert np.isnan(unary(function, x)).all()


def test_edges_of_functions() -> None:
    x = np.array([-np.inf, -1e30, 0.0, 1e30, np.inf], np.float32)
    assert unary(ops.exp, x).tolist() == [0, 0, 1, np.inf, np.inf]
    assert unary(ops.sigmoid, x).tolist() == [0, 0, 0.5, 1, 1]
    assert unary(ops.tanh, x).tolist() == [-1, -1, 0, 1, 1]
    assert unary(ops.softplus, x)[[0, 1, 4]].tolist() == [0, 0, np.inf]
    logs = unary(ops.log, np.array([0.0, 1.0, np.inf, -1.0], np.float32))
    assert logs[:3].tolist() == [-np.inf, 0, np.inf]
    assert np.isnan(logs[3])


def test_number_of_threads_is_checked_and_kept() -> None:
    before = num_threads()
    try:
        set_num_threads(3)
        assert num_threads() == 3
        bits = trained_bits()
        set_num_threads(1)
        assert trained_bits() == bits
        for wrong in (0, -1, 5000, 1.5, True, "two"):
            with pytest.raises(ArgumentError, match="from 1 to 1024, received"):
                set_num_threads(wrong)  # type: ignore[arg-type]
    finally:
        set_num_threads(before)


def test_several_python_threads_train_at_once() -> None:
    """Each on its own network, and all of them predicting with one shared program."""
    expected = trained_bits()
    shared, feeds, _ = network(33, 7, 4, 20, 3, dropout=0.0)
    answer = shared.predict(feeds)["y"]
    results: list[str] = []
    wrong: list[int] = []

    def work(number: int) -> None:
        results.append(trained_bits())
        for _ in range(30):
            if not (shared.predict(feeds)["y"] == answer).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4
    assert wrong == []


def _send_bits(pipe: object) -> None:
    pipe.send(trained_bits())  # type: ignore[attr-defined]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_trains_on() -> None:
    expected = trained_bits()  # the parent's threads are running now
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_send_bits, args=(there,))
    child.start()
    assert here.poll(60), "the child hangs"
    assert here.recv() == expected
    child.join()
    assert child.exitcode == 0


def _predict_and_train(pipe: object, program: Program, feeds: dict[str, np.ndarray], y: np.ndarray) -> None:
    same = bool((program.predict(feeds)["y"] == y).all())
    pipe.send((same, trained_bits()))  # type: ignore[attr-defined]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_waits_for_what_other_threads_compute() -> None:
    """Otherwise the child would find a plan locked for ever, or weights of which half are updated."""
    expected = trained_bits()
    program, feeds, _ = network(33, 7, 4, 20, 3, dropout=0.0)
    y = program.predict(feeds)["y"]
    training, training_feeds, trained = network(48, 30, 4, 40, 3, dropout=0.0)
    graph = replace(training.graph, outputs={"loss": training.graph.outputs["loss"]})
    training = get("native").compile(graph, trained, ADAM, zero_slots(trained))
    ends = threading.Event()

    def work() -> None:
        step = 1
        while not ends.is_set():
            training.train(training_feeds, step=step, learning_rate=1e-3)
            program.predict(feeds)
            step += 1

    threads = [threading.Thread(target=work) for _ in range(2)]
    context = multiprocessing.get_context("fork")
    for thread in threads:
        thread.start()
    try:
        for _ in range(8):
            here, there = context.Pipe()
            child = context.Process(target=_predict_and_train, args=(there, program, feeds, y))
            child.start()
            assert here.poll(60), "the child hangs"
            assert here.recv() == (True, expected)
            child.join()
            assert child.exitcode == 0
    finally:
        ends.set()
        for thread in threads:
            thread.join()


def test_the_number_of_threads_changes_while_others_compute() -> None:
    expected = trained_bits()
    before = num_threads()
    results: list[str] = []
    threads = [threading.Thread(target=lambda: results.append(trained_bits())) for _ in range(3)]
    try:
        for thread in threads:
            thread.start()
        for i in range(200):
            set_num_threads(1 + i % 4)
            assert num_threads() == 1 + i % 4
        for thread in threads:
            thread.join()
    finally:
        set_num_threads(before)
    assert results == [expected] * 3


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="counts processors as Linux does")
@pytest.mark.parametrize(("variable", "wanted"), [("3", 3), ("", None), ("99999", 1024), ("9" * 30, 1024)])
def test_the_environment_sets_the_number_of_threads(variable: str, wanted: int | None) -> None:
    code = "import recurra; print(recurra.num_threads())"
    environment = {**os.environ, "RECURRA_NUM_THREADS": variable}
    printed = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    if wanted is None:
        assert 1 <= int(printed.stdout) <= len(os.sched_getaffinity(0))
    else:
        assert int(printed.stdout) == wanted


@pytest.mark.parametrize("variable", ["many", "0", "-3", "1.9", "2 ", " 3", "+3"])
def test_a_number_of_threads_that_is_none(variable: str) -> None:
    code = """
import numpy as np, recurra
model = recurra.Sequential([recurra.Input((2,)), recurra.layers.Dense(1)])
for ask in (recurra.num_threads, lambda: model.predict(np.zeros((1, 2)), verbose=0)):
    try:
        ask()
    except recurra.errors.EngineError as error:
        print(error)
recurra.set_num_threads(2)
print(recurra.num_threads(), model.predict(np.zeros((1, 2)), verbose=0).shape)
"""
    environment = {**os.environ, "RECURRA_NUM_THREADS": variable}
    run = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    lines = run.stdout.splitlines()
    words = f"The environment variable RECURRA_NUM_THREADS must be a whole number from 1, received '{variable}'."
    assert lines[0].startswith(words)
    assert lines[-1] == "2 (1, 1)"


def test_threads_sleep_when_there_is_nothing_to_do() -> None:
    """Or they would take the processors from numpy's matrix products, or from anyone else."""
    before = num_threads()
    try:
        set_num_threads(3)
        program, feeds, _ = network(64, 7, 4, 40, 3, dropout=0.0)
        for _ in range(20):
            program.predict(feeds)
        sleep(0.05)
        start = process_time()
        sleep(0.5)
        assert process_time() - start < 0.05
    finally:
        set_num_threads(before)


def test_without_more_threads_the_engine_goes_on_with_those_it_has() -> None:
    """A container may grant few."""
    code = """
import resource, numpy, recurra
model = recurra.Sequential([recurra.Input((30, 2)), recurra.layers.LSTM(64), recurra.layers.Dense(1)])
x = numpy.ones((64, 30, 2), numpy.float32)
first = model.predict(x, batch_size=64)
recurra.set_num_threads(1000)
size = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 2**27, -1))
assert (model.predict(x, batch_size=64) == first).all()
print("done")
"""
    if not Path("/proc/self/statm").exists():
        pytest.skip("limits memory as Linux does")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout == "done\n", ran.stderr


def test_a_changing_batch_size_does_not_pile_up_plans() -> None:
    program, _, _ = network(2, 2, 2, 8, 2, dropout=0.0)
    for batch in range(1, 60):
        x = np.ones((batch, 2, 2), np.float32)
        assert program.predict({"x": x, "target": np.ones((batch, 2, 2), np.float32)})["y"].shape == (batch, 2, 2)
    assert len(program._plans) <= 16  # type: ignore[attr-defined]


def test_many_steps_in_one_call_equal_single_steps() -> None:
    rows = np.random.default_rng(0).permutation(40).astype(np.int64)
    program, feeds, arrays = network(40, 4, 3, 20, 2)
    rates = [1e-2, 2e-2, 1e-3, 5e-3]
    graph = replace(program.graph, outputs={"loss": program.graph.outputs["loss"]})

    def compiled() -> Program:
        copies = {name: array.copy() for name, array in arrays.items()}
        return get("native").compile(graph, copies, ADAM, zero_slots(copies))

    single, several = compiled(), compiled()
    losses = [
        single.train(feeds, rows[i * 10 : i * 10 + 10], step=i + 1, learning_rate=rate)["loss"]
        for i, rate in enumerate(rates)
    ]
    made = several.train_steps(feeds, rows, 10, step=1, learning_rates=rates)
    assert made["loss"].tolist() == [float(loss) for loss in losses]
    both = [program.predict(feeds)["loss"] for program in (single, several)]
    assert both[0] == both[1]
    by_default = Program.train_steps(several, feeds, rows, 10, step=5, learning_rates=rates)
    assert by_default["loss"].shape == (4,)
    assert len(several.train_steps(feeds, rows, 10, step=9, learning_rates=rates, seconds=0)["loss"]) == 1


def test_many_steps_stop_before_the_failing_one_and_say_how_many_went_well() -> None:
    program, feeds, arrays = network(40, 4, 3, 20, 2)
    graph = replace(program.graph, outputs={"loss": program.graph.outputs["loss"]})
    several = get("native").compile(graph, arrays, ADAM, zero_slots(arrays))
    feeds["x"][25, 0, 0] = np.nan
    with pytest.raises(NonFiniteError, match="The input 'x' holds NaN") as caught:
        several.train_steps(feeds, np.arange(40, dtype=np.int64), 10, step=1, learning_rates=[1e-3] * 4)
    assert caught.value.steps_made == 2
    assert all(np.isfinite(array).all() for array in arrays.values())
    with pytest.raises(ArgumentError, match="received 39 rows for 4 steps of 10"):
        several.train_steps(feeds, np.arange(39, dtype=np.int64), 10, step=1, learning_rates=[1e-3] * 4)
    with pytest.raises(ArgumentError, match="the output 'y' is an array"):
        program.train_steps(feeds, np.arange(40, dtype=np.int64), 10, step=1, learning_rates=[1e-3] * 4)


def test_the_first_step_of_adam_has_the_length_of_the_learning_rate() -> None:
    """1 - beta_2 must be the 1 - beta_2 of the bias correction, or every step is too long by their difference."""
    weight = Variable("w", np.zeros(4, np.float32))
    builder = GraphBuilder()
    builder.output("loss", ops.reduce_sum(builder.tensor(weight) * builder.input("x", (4,))))
    arrays = {"w": weight.value}
    program = get("native").compile(builder.finish(), arrays, replace(ADAM, global_clipnorm=None), zero_slots(arrays))
    # Large gradients, beside which epsilon is nothing.
    program.train({"x": np.array([1000, -2000, 3000, 500], np.float32)}, step=1, learning_rate=1.0)
    np.testing.assert_allclose(weight.value, [-1, 1, -1, -1], rtol=3e-7)
