"""Optimizers: how training changes weights."""

from __future__ import annotations

from . import schedules
from .adam import Adam, AdamW
from .optimizer import Optimizer, get, registry, serialize
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "get", "registry", "schedules", "serialize"]
