from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

class Unsupported(NotImplementedError): ...

class Plan:
    def __init__(
        self,
        values: list[Any],
        nodes: list[Any],
        inputs: list[tuple[str, int]],
        outputs: list[tuple[str, int]],
        parameters: list[tuple[str, int]],
        trainable: list[bool],
        states: list[tuple[str, int]],
        updates: list[tuple[int, int]],
        parameter_arrays: Sequence[np.ndarray],
        state_arrays: Sequence[np.ndarray],
        constants: Mapping[int, np.ndarray],
        rule: Any,
        slots: Sequence[Sequence[np.ndarray | None]],
        backward: bool,
        resident: bool,
        precision: str,
        recompute: bool,
    ) -> None: ...
    def predict(
        self, feeds: list[np.ndarray], rows: np.ndarray | None, step: int, keep_states: bool
    ) -> list[np.ndarray]: ...
    def train(
        self, feeds: list[np.ndarray], rows: np.ndarray | None, step: int, learning_rate: float
    ) -> list[np.ndarray]: ...
    def train_steps(
        self,
        feeds: list[np.ndarray],
        rows: np.ndarray,
        batch: int,
        first_step: int,
        learning_rates: np.ndarray,
        seconds: float,
    ) -> tuple[int, np.ndarray, str | None]: ...
    def gradients(
        self, feeds: list[np.ndarray], rows: np.ndarray | None, step: int
    ) -> tuple[list[np.ndarray], list[np.ndarray | None]]: ...
    def measure(self, on: bool) -> None: ...
    def seconds(self) -> list[tuple[str, int, float]]: ...
    @property
    def arena_bytes(self) -> int: ...

class Session:
    def __init__(
        self,
        plan: Plan,
        states: Sequence[np.ndarray],
        convert: Callable[[Any], np.ndarray],
        shape: Sequence[int],
        outputs: Sequence[Sequence[int]],
    ) -> None: ...
    def step(self, x: Any, out: Any = None) -> Any: ...

def ops() -> list[str]: ...
def instruction_set() -> str: ...
def instruction_sets() -> list[str]: ...
def tiles_missing() -> str: ...
def num_threads() -> int: ...
def set_num_threads(count: int) -> None: ...
