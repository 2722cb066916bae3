from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from recurra.errors import FormatError
from recurra.formats.matching import match_weights
from recurra.graph import Variable


def variables(layer: str, *shapes: tuple[int, ...], names: str = "kernel recurrent_kernel bias") -> list[Variable]:
    return [Variable(f"{layer}/{name}", np.zeros(shape)) for name, shape in zip(names.split(), shapes, strict=False)]


def match(layers: list[list[Variable]], *names: str, shapes: list[tuple[int, ...]]) -> dict[str, str]:
    weights = [(name, np.zeros(shape)) for name, shape in zip(names, shapes, strict=True)]
    return {name: v.name for (v, _), (name, _) in zip(match_weights(layers, weights, Path("f")), weights, strict=True)}


A, B = (2, 3), (3,)


def test_structure_decides_where_names_mean_nothing() -> None:
    layers = [variables("one", A, names="kernel"), variables("two", (5, 5), names="kernel")]
    assert match(layers, "x/0", "y/0", shapes=[(5, 5), A]) == {"x/0": "two/kernel", "y/0": "one/kernel"}


def test_names_decide_between_equal_structures() -> None:
    layers = [variables("one", A, B), variables("two", A, B)]
    found = match(layers, "m/two/c/kernel", "m/two/c/bias", "m/one/c/kernel", "m/one/c/bias", shapes=[A, B, A, B])
    assert found["m/two/c/kernel"] == "two/kernel"
    assert found["m/one/c/bias"] == "one/recurrent_kernel"


def test_order_decides_where_names_do_not() -> None:
    layers = [variables("one", A), variables("two", A)]
    assert match(layers, "dense/0", "dense_1/0", shapes=[A, A]) == {"dense/0": "one/kernel", "dense_1/0": "two/kernel"}


def test_a_layers_own_name_counts_more_than_one_inside_another() -> None:
    layers = [variables("a", A), variables("b", A)]
    assert match(layers, "b/a/kernel", "b/kernel", shapes=[A, A]) == {"b/a/kernel": "a/kernel", "b/kernel": "b/kernel"}


def test_weights_of_one_shape_by_name_then_by_order() -> None:
    square = variables("l", (4, 4), (4, 4))
    found = match([square], "l/recurrent_kernel", "l/kernel", shapes=[(4, 4), (4, 4)])
    assert found == {"l/recurrent_kernel": "l/recurrent_kernel", "l/kernel": "l/kernel"}
    found = match([square], "l/1", "l/0", shapes=[(4, 4), (4, 4)])
    assert found == {"l/1": "l/kernel", "l/0": "l/recurrent_kernel"}


def test_two_names_for_one_weight_do_not_leave_another_without() -> None:
    square = variables("l", (4, 4), (4, 4))
    found = match([square], "l/kernel", "l/kernel:0", shapes=[(4, 4), (4, 4)])
    assert sorted(found.values()) == ["l/kernel", "l/recurrent_kernel"]


def test_many_layers_of_one_structure_take_little_time() -> None:
    layers = [variables(f"l{number}", A) for number in range(20_000)]
    names = [f"m/l{number}/kernel" for number in reversed(range(20_000))]
    begin = time.perf_counter()
    found = match(layers, *names, shapes=[A] * 20_000)
    assert time.perf_counter() - begin < 10  # it would be minutes if every name were compared with every layer
    assert all(own.partition("/")[0] == name.split("/")[1] for name, own in found.items())


@pytest.mark.parametrize(
    ("names", "shapes"),
    [((), []), (("a/x",), [A]), (("a/x", "a/y", "b/z"), [A, B, B]), (("a/x", "b/y"), [A, B]), (("a/x", "a/y"), [A, A])],
)
def test_what_does_not_fit_is_named_on_both_sides(names: tuple[str, ...], shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(FormatError, match=r"The weights in 'f' are not those of its layers.*need.*the file has"):
        match([variables("a", A, B)], *names, shapes=shapes)
