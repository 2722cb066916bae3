from __future__ import annotations

import dataclasses

import pytest
from benchmarks.cases import CASES, MODES, curve_cases
from benchmarks.protocol import Repeated

import recurra
from recurra.layers import LSTM, Dense


def test_operations_of_the_seed() -> None:
    """By hand: 64 gate rows of 1 + 16 inputs, then 16 weights of the output, for two sequences of one step."""
    forward = 2 * 2 * (64 * (1 + 16) + 16)
    assert CASES["seed"].flops("predict") == forward
    assert CASES["seed"].flops("stream") == forward / 2
    assert CASES["seed"].flops("train_step") == 3 * forward - 2 * 2 * 64
    assert CASES["seed"].recurrent_flops("predict") == (2 * 2 * 64 * 17, 0)
    assert CASES["seed"].recurrent_flops("fit") == (2 * 2 * 64 * 17, 2 * 2 * 64 * (2 * 17 - 1))


def test_operations_of_a_deep_model_count_every_step_and_layer() -> None:
    case = CASES["char128"]
    cells = 4 * 128 * (65 + 128) + 4 * 128 * (128 + 128)
    assert case.flops("predict") == 2 * 50 * 50 * (cells + 128 * 65)
    assert dataclasses.replace(case, cell="GRU").flops("predict") == 2 * 50 * 50 * (0.75 * cells + 128 * 65)


@pytest.mark.parametrize("name", CASES)
def test_bytes_of_the_weights(name: str) -> None:
    case = CASES[name]
    layers = [LSTM(case.units, return_sequences=True) for _ in range(case.layers)]
    model = recurra.Sequential([recurra.Input((case.time, case.features)), *layers, Dense(case.outputs)])
    assert case.weight_bytes == 4 * model.count_params()


def test_data_have_the_shapes_of_the_case() -> None:
    x, y = CASES["char128"].data(batches=2)
    assert x.shape == (100, 50, 65)
    assert (x.sum(axis=-1) == 1).all()
    assert y.shape == (100, 50)
    assert y.max() < 65
    assert [array.shape for array in CASES["ts64"].data(batches=1)] == [(64, 100, 8), (64, 1)]


def test_data_are_repeated_for_long_epochs() -> None:
    case = CASES["ts32"]
    data = Repeated(case, batches=2, limit=5 * 4 * 32 * (30 + 1))
    (x, y), epochs, steps = data.epochs(3)
    assert (len(x), len(y), epochs, steps) == (3 * 32, 3 * 32, 1, 3)
    assert (x[64:] == x[:32]).all()
    assert (y[64:] == y[:32]).all()
    (x, _), epochs, steps = data.epochs(12)
    assert (len(x), epochs, steps) == (5 * 32, 3, 15)


def test_a_case_survives_the_way_to_a_worker() -> None:
    case = CASES["char128"]
    assert type(case).from_dict(case.to_dict()) == case


def test_impossible_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="needs sizes from 1"):
        dataclasses.replace(CASES["seed"], units=0)
    with pytest.raises(ValueError, match="one of LSTM, GRU, SimpleRNN"):
        dataclasses.replace(CASES["seed"], cell="RNN")


def test_curves_change_one_size_at_a_time() -> None:
    for size, cases in curve_cases().items():
        values = [getattr(case, size) for case in cases]
        assert values == sorted(set(values))
        assert len({dataclasses.replace(case, name="", **{size: 1}) for case in cases}) == 1
    assert MODES == ("train_step", "fit", "predict", "stream")
