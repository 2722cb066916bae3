"""Tensors, and how they print."""

from __future__ import annotations

import numpy as np
import pytest
from tests.golden.cases import Case, load

from recurra import tfjs as tf
from recurra.errors import ArgumentError, ShapeError


@pytest.mark.parametrize("case", load("tfjs", "print"), ids=lambda case: case["id"])
def test_a_tensor_prints_as_in_tensorflow_js(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    values = [float(value) for value in case["values"]]
    tensor = tf.tensor(values, case["shape"], case["dtype"])
    assert tensor.toString(case["verbose"]) == case["expected"]
    tensor.print(case["verbose"])
    assert capsys.readouterr().out == case["expected"] + "\n"


def test_types_follow_the_values_unless_given() -> None:
    assert tf.tensor([1, 2]).dtype == "float32"
    assert tf.tensor([True, False]).dtype == "bool"
    assert tf.tensor([1, 2], dtype="int32").dataSync().dtype == np.int32
    assert tf.tensor(np.array([1.5], dtype=np.float64)).dataSync().dtype == np.float32


def test_data_comes_out_flat_and_nested_and_as_a_copy() -> None:
    tensor = tf.tensor2d([1, 2, 3, 4], [2, 2])
    assert tensor.dataSync().tolist() == tensor.data().tolist() == [1, 2, 3, 4]
    assert tensor.arraySync() == tensor.array() == [[1, 2], [3, 4]]
    tensor.dataSync()[0] = 9
    np.asarray(tensor)[0, 0] = 9
    assert tensor.arraySync() == [[1, 2], [3, 4]]
    assert (tensor.rank, tensor.size, len(tensor)) == (2, 4, 2)
    assert tensor.reshape([4, -1]).shape == [4, 1]
    assert tf.scalar(2.5).arraySync() == 2.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: tf.tensor2d([1, 2]),
            r"needs values of 2 dimensions, received the shape \[2\]. Give the shape as well",
        ),
        (lambda: tf.tensor2d([1, 2, 3], [2, 2]), r"3 values do not fill the shape \[2, 2\]"),
        (lambda: tf.tensor2d([1, 2, 3], [-1, 2]), r"3 values do not fill"),
        (lambda: tf.tensor2d([1, 2], [2]), r"tensor2d needs a shape of 2 sizes, received \[2\]"),
        (lambda: tf.tensor([[1, 2], [3, 4]], [4, 1]), r"have the shape \(2, 2\), but the shape given is \[4, 1\]"),
        (lambda: tf.tensor([[1], [2, 3]]), "must all have the same length"),
        (lambda: tf.scalar([1, 2]), "scalar needs values of 0 dimensions"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(make: object, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        make()  # type: ignore[operator]


def test_other_things_than_numbers_are_refused() -> None:
    with pytest.raises(ArgumentError, match="holds numbers or booleans, received list"):
        tf.tensor(["a"])
    with pytest.raises(ArgumentError, match="must be one of float32, int32, bool, received 'float64'"):
        tf.tensor([1], dtype="float64")
