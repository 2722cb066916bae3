from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.data.batching import (
    FeedSpec,
    check_lengths,
    check_sizes,
    class_weights,
    collect,
    convert,
    data_shape,
    weights_feed,
)
from recurra.errors import ArgumentError, DataError, ShapeError, UnknownNameError

SERIES = FeedSpec("x", "x", ("batch", "time", 1))
ONE_STEP = FeedSpec("x", "x", ("batch", 1, 4))
WIDE = FeedSpec("x", "x", ("batch", "time", 4))
COLUMN = FeedSpec("target_0", "y", ("batch", 1))
LABELS = FeedSpec("target_0", "y", ("batch",), "int")


class Frame:
    """What pandas, polars and others have in common."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def to_numpy(self) -> Any:
        return self.values


def test_an_array_that_fits_is_not_copied() -> None:
    x = np.zeros((3, 5, 4), np.float32)
    assert convert(x, WIDE) is x


@pytest.mark.parametrize(
    "value",
    [
        np.arange(12).reshape(3, 4),
        np.arange(12, dtype=np.float64).reshape(3, 4),
        np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4)),
        np.arange(12).reshape(3, 4).tolist(),
        [np.arange(4), np.arange(4, 8), np.arange(8, 12)],
        tuple(map(tuple, np.arange(12).reshape(3, 4).tolist())),
        Frame(np.arange(12).reshape(3, 4)),
        np.arange(24).reshape(3, 8)[:, ::2] // 2 + np.arange(3)[:, None] * 0,
    ],
    ids=["int", "float64", "fortran", "lists", "list of arrays", "tuples", "frame", "strided"],
)
def test_everything_array_like_becomes_contiguous_float32(value: Any) -> None:
    result = convert(value, FeedSpec("x", "x", ("batch", 4)))
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    assert result.shape == (3, 4)
    assert result.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


def test_truth_values_count_as_numbers() -> None:
    assert convert([[True], [False]], COLUMN).tolist() == [[1.0], [0.0]]


def test_the_engine_says_which_float_type() -> None:
    assert convert([0.1], COLUMN, np.float64)[0, 0] == 0.1


@pytest.mark.parametrize(
    ("shape", "spec", "expected"),
    [
        ((3, 7), SERIES, (3, 7, 1)),
        ((3, 4), ONE_STEP, (3, 1, 4)),
        ((3, 1), FeedSpec("x", "x", ("batch", 1, 1)), (3, 1, 1)),
        ((3,), FeedSpec("x", "x", ("batch", 1, 1)), (3, 1, 1)),
        ((3, 7), FeedSpec("x", "x", ("batch", 7, 1)), (3, 7, 1)),
        ((3, 4), FeedSpec("x", "x", ("batch", 1, "features")), (3, 1, 4)),
        ((3,), COLUMN, (3, 1)),
        ((3, 5), FeedSpec("t", "y", ("batch", "time", 1)), (3, 5, 1)),
        ((3, 4, 1), FeedSpec("x", "x", ("batch", 4)), (3, 4)),
    ],
)
def test_a_missing_or_superfluous_dimension_is_mended(
    shape: tuple[int, ...], spec: FeedSpec, expected: tuple[int, ...]
) -> None:
    x = np.arange(np.prod(shape)).reshape(shape)
    result = convert(x, spec)
    assert result.shape == expected
    assert result.ravel().tolist() == x.ravel().tolist()


@pytest.mark.parametrize(
    ("shape", "spec"),
    [
        ((3, 7), WIDE),
        ((3, 5), ONE_STEP),
        ((3, 6), FeedSpec("x", "x", ("batch", 7, 1))),
        ((3, 5, 3), WIDE),
        ((3,), SERIES),
        ((3, 2), COLUMN),
        ((3, 4, 2), FeedSpec("x", "x", ("batch", 4))),
        ((), COLUMN),
    ],
)
def test_other_shapes_are_refused_with_both_shapes(shape: tuple[int, ...], spec: FeedSpec) -> None:
    with pytest.raises(ShapeError) as caught:
        convert(np.zeros(shape), spec)
    message = str(caught.value)
    assert f"received {shape}" in message
    assert f"expected ({', '.join(map(str, spec.shape))})" in message


def test_rows_of_different_lengths() -> None:
    with pytest.raises(ShapeError, match="x holds rows of different lengths"):
        convert([[1, 2], [3]], WIDE)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.array([["a", "b"]]), "text"),
        (np.array([[None, 1.0]], dtype=object), "Python objects"),
        (np.array([["2020-01-01"]], dtype="datetime64[D]"), "dates"),
        (np.array([[1j]]), "complex"),
        ("abc", "is text"),
        (None, "is None"),
        ({"a": 1}, "is a dict"),
        ((i for i in range(3)), "generator"),
    ],
)
def test_what_is_no_number_is_refused(value: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        convert(value, FeedSpec("x", "x", ("batch", "n")))


def test_empty_data() -> None:
    with pytest.raises(DataError, match=r"x is empty: it has shape \(0, 4\)"):
        convert(np.zeros((0, 4)), FeedSpec("x", "x", ("batch", 4)))
    with pytest.raises(DataError, match=r"x is empty: it has shape \(2, 0, 4\). Give at least one number along"):
        convert(np.zeros((2, 0, 4)), FeedSpec("x", "x", ("batch", 4)))


def test_nan_and_infinity_pass() -> None:
    result = convert([[np.nan], [np.inf]], COLUMN)
    assert np.isnan(result[0, 0])
    assert np.isinf(result[1, 0])


def test_numbers_too_large_for_float32_do_not_become_infinity() -> None:
    with pytest.raises(DataError, match=r"too large for float32, from 1 to 1e\+300"):
        convert([[1.0], [1e300]], COLUMN)


@pytest.mark.parametrize("labels", [[0, 2, 1], [0.0, 2.0, 1.0], [[0], [2], [1]], np.array([0, 2, 1], np.uint8)])
def test_labels_become_int32(labels: Any) -> None:
    result = convert(labels, LABELS)
    assert result.dtype == np.int32
    assert result.tolist() == [0, 2, 1]


@pytest.mark.parametrize("labels", [[0.5, 1.0], [np.nan, 1.0], [np.inf, 0.0]])
def test_labels_that_are_no_whole_numbers(labels: Any) -> None:
    with pytest.raises(DataError, match="must hold whole numbers"):
        convert(labels, LABELS)


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, float(2**40)])
def test_labels_beyond_32_bits(value: float) -> None:
    with pytest.raises(DataError, match="32 bits"):
        convert([value], LABELS)


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=20))
def test_every_32_bit_label_survives(labels: list[int]) -> None:
    assert convert(labels, LABELS).tolist() == labels


def test_one_input_alone_or_in_a_list() -> None:
    x = np.zeros((2, 3, 1))
    assert collect(x, ["a"], [3], "x")[0] is x
    assert collect([x], ["a"], [3], "x")[0] is x
    assert collect((x,), ["a"], [3], "x")[0] is x
    assert collect({"a": x}, ["a"], [3], "x")[0] is x
    assert collect([[[1.0]]], ["a"], [3], "x")[0] == [[[1.0]]]
    assert collect([5], ["a"], [1], "y")[0] == [5]


def test_several_inputs() -> None:
    a, b = np.zeros(2), np.ones(2)
    for given_data in ([a, b], (a, b), {"b": b, "a": a}):
        found = collect(given_data, ["a", "b"], [1, 1], "x")
        assert found[0] is a
        assert found[1] is b


def test_wrong_collections() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'price'"):
        collect({"prize": 1, "day": 2}, ["price", "day"], [1, 1], "x")
    with pytest.raises(DataError, match="x lacks 'b'"):
        collect({"a": 1}, ["a", "b"], [1, 1], "x")
    with pytest.raises(DataError, match=r"2 arrays.*Received: 3 of them"):
        collect([1, 2, 3], ["a", "b"], [1, 1], "x")
    with pytest.raises(DataError, match="Received: one ndarray"):
        collect(np.zeros(2), ["a", "b"], [1, 1], "x")


def test_lengths_must_agree() -> None:
    assert check_lengths({"x": np.zeros(3), "y": np.zeros((3, 2))}) == 3
    with pytest.raises(DataError, match="x has 3, y has 2"):
        check_lengths({"x": np.zeros(3), "y": np.zeros(2)})


def test_sizes_that_share_a_symbol_must_agree() -> None:
    specs = [FeedSpec("a", "x", ("batch", "time", 1)), FeedSpec("b", "y", ("batch", "time", 2))]
    check_sizes(specs, {"a": np.zeros((1, 5, 1)), "b": np.zeros((1, 5, 2))})
    with pytest.raises(ShapeError, match="'time': x has 5, y has 6"):
        check_sizes(specs, {"a": np.zeros((1, 5, 1)), "b": np.zeros((1, 6, 2))})


@pytest.mark.parametrize(
    ("value", "steps", "shape"),
    [([1, 2], None, (2,)), ([[1], [2]], None, (2,)), ([[1], [2]], 3, (2,)), ([[1, 2, 3]] * 2, 3, (2, 3))],
)
def test_sample_weights(value: Any, steps: int | None, shape: tuple[int, ...]) -> None:
    result = weights_feed(value, 2, steps, "sample_weight")
    assert result.shape == shape
    assert result.dtype == np.float32
    assert result.ravel().tolist() == np.ravel(value).tolist()


@pytest.mark.parametrize(("value", "steps"), [([1, 2, 3], None), ([[1, 2]] * 2, None), ([[1, 2]] * 2, 3), (1.0, None)])
def test_sample_weights_of_a_wrong_shape(value: Any, steps: int | None) -> None:
    with pytest.raises(ShapeError, match="sample_weight has a wrong shape"):
        weights_feed(value, 2, steps, "sample_weight")


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_sample_weights_must_be_finite_and_not_negative(bad: float) -> None:
    with pytest.raises(DataError, match="finite and not negative"):
        weights_feed([1.0, bad], 2, None, "sample_weight")


def test_class_weights_of_labels_one_hot_rows_and_sequences() -> None:
    table = {0: 2.0, 2: 0.5}
    assert class_weights(table, np.array([0, 1, 2]), None).tolist() == [2.0, 1.0, 0.5]
    assert class_weights(table, np.eye(3, dtype=np.float32), 3).tolist() == [2.0, 1.0, 0.5]
    assert class_weights(table, np.array([[0], [1]], np.float32), None).tolist() == [2.0, 1.0]
    assert class_weights(table, np.array([[0, 2], [1, 0]]), None).tolist() == [[2.0, 0.5], [1.0, 2.0]]
    assert class_weights(table, np.array([0, np.nan]), None).tolist() == [2.0, 1.0]


@pytest.mark.parametrize("bad", [[1.0, 2.0], {0: -1.0}, {0: np.nan}, {"a": 1.0}, {0.5: 1.0}, {0: "x"}, 3.0])
def test_class_weights_that_are_none(bad: Any) -> None:
    with pytest.raises(ArgumentError, match="class_weight"):
        class_weights(bad, np.array([0, 1]), None)


def test_the_shape_of_data() -> None:
    assert data_shape(Frame(np.zeros((4, 2)))) == (4, 2)
    assert data_shape([[1, 2, 3]]) == (1, 3)
