"""Names, mappings, classes and objects as identifiers; configurations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.errors import ArgumentError, UnknownNameError
from recurra.registry import Configurable, Registry, constructor_arguments, custom_object_scope, encode

shapes = Registry("shape")


@shapes.register("Rectangle", "box")
class Rectangle(Configurable):
    def __init__(self, width: float = 1.0, height: float = 2.0) -> None:
        self.width = width
        self.height = height


@shapes.register()
class Plain:
    """A class without a configuration."""

    def __init__(self, size: int = 3) -> None:
        self.size = size


@shapes.register()
def unit_circle() -> str:
    return "o"


class Square(Rectangle):
    def __init__(self, side: float = 1.0, **kwargs: Any) -> None:
        super().__init__(side, side)
        self.side = side


@pytest.mark.parametrize("name", ["unit_circle", "unitCircle", "UnitCircle", "UNIT_CIRCLE", "unit-circle"])
def test_every_spelling_is_one_name(name: str) -> None:
    assert shapes.get(name) is unit_circle


def test_what_an_identifier_can_be() -> None:
    assert shapes.get(None) is None
    assert shapes.get("box").height == 2
    assert shapes.get(Rectangle).height == 2
    assert shapes.get({"class_name": "rectangle", "config": {"height": 5}}).height == 5
    assert shapes.get({"class_name": "Rectangle"}).height == 2
    assert shapes.get({"class_name": "Plain", "config": {"size": 7}}).size == 7
    assert shapes.get({"class_name": "unit_circle", "config": {}}) is unit_circle
    # Keras writes a function so.
    assert shapes.get({"class_name": "function", "config": "unit_circle"}) is unit_circle
    box = Rectangle()
    assert shapes.get(box) is box
    assert shapes.get(len) is len


def test_refusals() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown shape 'rectangel'\. Did you mean 'Rectangle'\? Known: P"):
        shapes.get("rectangel")
    with pytest.raises(ArgumentError, match="No shape can be made of 3"):
        shapes.get(3)
    with pytest.raises(ArgumentError, match="needs the keys 'class_name'"):
        shapes.get({"config": {}})
    with pytest.raises(ArgumentError, match="needs the keys 'class_name'"):
        shapes.get({"class_name": "Rectangle", "config": 3})
    with pytest.raises(ArgumentError, match=r"Rectangle cannot be made with .*'depth'.*Expected: Rectangle\(width"):
        shapes.get({"class_name": "Rectangle", "config": {"depth": 3}})
    with pytest.raises(ArgumentError, match="Plain cannot be made with"):
        shapes.get({"class_name": "Plain", "config": {"depth": 3}})


def test_a_name_is_given_once() -> None:
    with pytest.raises(ArgumentError, match="There is another shape named 'BOX' already"):
        shapes.register("BOX")(unit_circle)
    assert shapes.register("Rectangle")(Rectangle) is Rectangle


def test_names_of_ones_own() -> None:
    with custom_object_scope({"Square": Square}):
        with custom_object_scope({"unit_circle": len}):
            assert shapes.get("unit_circle") is len
            assert shapes.get("Square").side == 1
        assert shapes.get("unit_circle") is unit_circle
    with pytest.raises(UnknownNameError):
        shapes.get("Square")


def test_round_trip() -> None:
    written = shapes.serialize(Rectangle(3.0))
    assert written == {"class_name": "Rectangle", "config": {"width": 3.0, "height": 2.0}}
    assert shapes.get(written).width == 3
    assert shapes.serialize(unit_circle) == "unit_circle"
    assert shapes.serialize(None) is None


def test_constructor_arguments_include_those_handed_on() -> None:
    assert constructor_arguments(Rectangle) == ("width", "height")
    assert constructor_arguments(Square) == ("width", "height", "side")


def test_encode() -> None:
    values = {"a": np.float32(0.5), "b": (1, None), "c": np.arange(3), "d": Rectangle(), "e": unit_circle, "f": True}
    assert encode(values) == {
        "a": 0.5,
        "b": [1, None],
        "c": [0, 1, 2],
        "d": {"class_name": "Rectangle", "config": {"width": 1.0, "height": 2.0}},
        "e": "unit_circle",
        "f": True,
    }
    for value in (lambda: 0, object()):
        with pytest.raises(ArgumentError, match=r"Cannot write .* into a configuration"):
            encode(value)
