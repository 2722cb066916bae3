"""Layers: what a model is made of. `Layer` is the base to write your own."""

from __future__ import annotations

from .activation import Activation
from .dense import Dense
from .dropout import Dropout
from .embedding import Embedding
from .input_layer import Input, InputLayer
from .input_spec import InputSpec
from .layer import Layer, deserialize, registry, serialize
from .masking import Masking
from .merging import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract
from .node import KerasTensor
from .reshaping import Flatten, Permute, RepeatVector, Reshape
from .rnn import GRU, LSTM, Bidirectional, SimpleRNN

__all__ = [
    "GRU",
    "LSTM",
    "Activation",
    "Add",
    "Average",
    "Bidirectional",
    "Concatenate",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "Input",
    "InputLayer",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Masking",
    "Maximum",
    "Minimum",
    "Multiply",
    "Permute",
    "RepeatVector",
    "Reshape",
    "SimpleRNN",
    "Subtract",
    "deserialize",
    "registry",
    "serialize",
]
