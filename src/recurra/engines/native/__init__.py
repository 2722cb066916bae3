"""The native engine: float32, written in C++ for recurrent networks. The default."""

from __future__ import annotations

from .program import (
    ENGINE,
    NativeEngine,
    NativeProgram,
    instruction_set,
    instruction_sets,
    num_threads,
    set_num_threads,
)

__all__ = [
    "ENGINE",
    "NativeEngine",
    "NativeProgram",
    "instruction_set",
    "instruction_sets",
    "num_threads",
    "set_num_threads",
]
