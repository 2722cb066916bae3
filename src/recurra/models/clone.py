"""Copies of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ArgumentError
from ..layers.layer import deserialize, serialize
from .model import Model

__all__ = ["clone_model", "model_from_config"]


def clone_model(model: Model) -> Model:
    """Makes a model of the same layers with new weights. Names stay the same; it is not compiled.

    >>> from recurra.layers import Dense, Input
    >>> from recurra.models import Sequential, clone_model
    >>> model = Sequential([Input((3,)), Dense(2)])
    >>> copy = clone_model(model)
    >>> copy.set_weights(model.get_weights())
    """
    # The classes are at hand, so layers of one's own need not be registered.
    classes = {type(layer).__name__: type(layer) for layer in model.walk()}
    return model_from_config(serialize(model), classes)


def model_from_config(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Model:
    """Makes a model of ``{"class_name", "config"}``, as `recurra.layers.serialize` returns it. Its weights are new.

    Args:
        config: The class and its configuration.
        custom_objects: Classes and functions of your own, by name.
    """
    model = deserialize(config, custom_objects)
    if not isinstance(model, Model):
        raise ArgumentError(f"The configuration is that of a {type(model).__name__}, not of a model.")
    return model
