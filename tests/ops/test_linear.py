"""dense and embedding: their equations written out as loops, shapes and errors."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import ops
from recurra.errors import ArgumentError, ShapeError
from recurra.graph import GraphBuilder
from tests.harness.graphs import evaluate, seeded


@pytest.mark.parametrize("leading", [(), (1,), (4,), (2, 3), (2, 1, 3)])
@pytest.mark.parametrize("biased", [True, False])
def test_dense_is_a_sum_of_products(leading: tuple[int, ...], biased: bool) -> None:
    random = seeded("dense")
    x, w, b = random.normal(size=(*leading, 5)), random.normal(size=(5, 3)), random.normal(size=3)
    y = evaluate(ops.dense, x, w, b) if biased else evaluate(ops.dense, x, w)
    assert y.shape == (*leading, 3)
    for place in np.ndindex(leading):
        for unit in range(3):
            expected = sum(x[place][k] * w[k, unit] for k in range(5)) + (b[unit] if biased else 0)
            assert y[place][unit] == pytest.approx(expected, rel=1e-13, abs=1e-14)


def test_embedding_looks_rows_up() -> None:
    table = np.arange(12.0).reshape(4, 3)
    indices = np.array([[3, 0], [1, 3]])
    y = evaluate(ops.embedding, indices, table)
    assert y.tolist() == [[[9, 10, 11], [0, 1, 2]], [[3, 4, 5], [9, 10, 11]]]


def test_symbols_travel_through_shapes() -> None:
    builder = GraphBuilder()
    x, i = builder.input("x", ("batch", "time", 3)), builder.input("i", ("batch", "time"), "int")
    assert ops.dense(x, np.ones((3, 7))).shape == ("batch", "time", 7)
    assert ops.embedding(i, np.ones((5, 2))).shape == ("batch", "time", 2)


def test_errors_name_the_trouble() -> None:
    builder = GraphBuilder()
    x, i = builder.input("x", (2, 3)), builder.input("i", (2,), "int")
    with pytest.raises(ShapeError, match=r"must be 4.*\(4, 2\).*received x of shape \(2, 3\)"):
        ops.dense(x, np.ones((4, 2)))
    with pytest.raises(ShapeError, match="'kernel' must have 2 dimensions"):
        ops.dense(x, np.ones(3))
    with pytest.raises(ShapeError, match=r"'bias' must have shape \(2,\).*received \(3,\)"):
        ops.dense(x, np.ones((3, 2)), np.ones(3))
    with pytest.raises(ShapeError, match=r"received x of shape \(\)"):
        ops.dense(builder.input("s", ()), np.ones((1, 2)))
    with pytest.raises(ArgumentError, match="'indices' must hold int values, received float"):
        ops.embedding(x, np.ones((5, 2)))
    with pytest.raises(ShapeError, match="'table' must have 2 dimensions"):
        ops.embedding(i, np.ones(5))
