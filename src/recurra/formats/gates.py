"""Gate orders and bias conventions of recurrent weights: the one table for all formats.

A kernel of n gates holds n blocks of ``units`` columns side by side. Which gate comes first, whether arrays are
transposed, and how many biases there are differs from format to format; the meaning of a gate does not. Names of gates:
``i`` input, ``f`` forget, ``g`` cell candidate, ``o`` output of the LSTM; ``z`` update, ``r`` reset, ``h`` candidate of
the GRU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError
from ..typing import Array

__all__ = ["CONVENTIONS", "RECURRA", "Convention", "reorder"]


@dataclass(frozen=True)
class Convention:
    """How a format lays out the weights of one kind of recurrent layer.

    Attributes:
        gates: The gates in the order of their blocks.
        transposed: Whether kernels are (gates * units, inputs) rather than (inputs, gates * units).
        biases: 1, or 2 where input and recurrent products have a bias each.
        reset_after: For a GRU, whether the reset gate multiplies the recurrent product (True) or its input (False), or
            ``"both"`` where the format holds either. None for other layers.
    """

    gates: str
    transposed: bool = False
    biases: int = 1
    reset_after: bool | str | None = None


RECURRA = "recurra"

CONVENTIONS: dict[str, dict[str, Convention]] = {
    RECURRA: {
        "LSTM": Convention("ifgo"),
        "GRU": Convention("zrh", reset_after="both"),
        "SimpleRNN": Convention("h"),
    },
    # Keras 2 and 3. A GRU with reset_after has a bias of shape (2, 3 * units): one row for each product.
    "keras": {
        "LSTM": Convention("ifgo"),
        "GRU": Convention("zrh", reset_after="both"),
        "SimpleRNN": Convention("h"),
    },
    "tfjs": {
        "LSTM": Convention("ifgo"),
        "GRU": Convention("zrh", reset_after=False),
        "SimpleRNN": Convention("h"),
    },
    "pytorch": {
        "LSTM": Convention("ifgo", transposed=True, biases=2),
        "GRU": Convention("rzh", transposed=True, biases=2, reset_after=True),
        "SimpleRNN": Convention("h", transposed=True, biases=2),
    },
    "onnx": {
        "LSTM": Convention("iofg", transposed=True, biases=2),
        "GRU": Convention("zrh", transposed=True, biases=2, reset_after="both"),
        "SimpleRNN": Convention("h", transposed=True, biases=2),
    },
}


def reorder(array: Array, source: str, target: str, axis: int = -1) -> Array:
    """Puts the blocks of gates of a weight into another order.

    Args:
        array: The weight; along ``axis`` its size is a multiple of the number of gates.
        source: Its order of gates, such as ``"ifgo"``.
        target: The order wanted, the same letters.
        axis: Where the blocks lie. Default -1: side by side.

    Returns:
        The array itself where the orders agree, otherwise a new one.

    Raises:
        ArgumentError: The orders have different gates, or the size does not fit.

    >>> reorder(np.array([0, 0, 1, 1, 2, 2, 3, 3]), "ifgo", "iofg").tolist()
    [0, 0, 3, 3, 1, 1, 2, 2]
    """
    if sorted(source) != sorted(target) or len(set(source)) != len(source):
        raise ArgumentError(f"The orders of gates {source!r} and {target!r} are not two orders of the same gates.")
    if array.shape[axis] % len(source):
        raise ArgumentError(f"An axis of size {array.shape[axis]} cannot hold {len(source)} gates of one size.")
    if source == target:
        return array
    blocks = dict(zip(source, np.split(array, len(source), axis=axis), strict=True))
    return np.concatenate([blocks[gate] for gate in target], axis=axis)
