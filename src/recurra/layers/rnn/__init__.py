"""Recurrent layers."""

from __future__ import annotations

from .bidirectional import Bidirectional
from .gru import GRU
from .lstm import LSTM
from .recurrent import Recurrent
from .simple_rnn import SimpleRNN

__all__ = ["GRU", "LSTM", "Bidirectional", "Recurrent", "SimpleRNN"]
