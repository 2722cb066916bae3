"""Weights stored in fewer bits: float16, or whole numbers with a scale and a minimum.

A value is q * scale + min. TensorFlow.js stores so on request; it computes in float32 in any case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import ArgumentError, FormatError
from ...typing import Array
from ..limits import finite

__all__ = ["QUANTIZED", "dequantize", "quantize", "stored_dtype"]

QUANTIZED: dict[str, np.dtype[Any]] = {"float16": np.dtype("<f2"), "uint8": np.dtype("u1"), "uint16": np.dtype("<u2")}
"""What can be stored in place of float32."""


def stored_dtype(quantization: Any, what: str) -> np.dtype[Any]:
    """The type of the numbers in the file.

    Args:
        quantization: The entry ``quantization`` of a weight.
        what: The weight, for messages.

    Raises:
        FormatError: It is not an entry that `dequantize` can use.
    """
    name = quantization.get("dtype") if isinstance(quantization, Mapping) else None
    found = QUANTIZED.get(name) if isinstance(name, str) else None
    if found is None:
        raise FormatError(
            f"{what} is stored in an unknown way: {str(quantization)[:100]}. Known: {', '.join(sorted(QUANTIZED))}."
        )
    if found.kind == "u":
        for key in ("scale", "min"):
            value = quantization.get(key)
            if finite(value) is None:
                raise FormatError(f"{what} is stored as {name} without a finite number '{key}', but {str(value)[:40]}.")
    return found


def dequantize(stored: Array, quantization: Mapping[str, Any], dtype: str) -> Array:
    """The values that stored numbers stand for.

    Args:
        stored: As `stored_dtype` says.
        quantization: The entry of the weight.
        dtype: ``"float32"``, or ``"int32"``: rounded.

    >>> dequantize(np.array([0, 250], dtype=np.uint8), {"dtype": "uint8", "scale": 0.1, "min": -1}, "float32").tolist()
    [-1.0, 24.0]
    """
    if stored.dtype.kind == "f":
        values = stored.astype(np.float32)
    else:
        # In float64, as JavaScript multiplies and adds.
        values = (stored * float(quantization["scale"]) + float(quantization["min"])).astype(np.float32)
    return np.rint(values).astype(np.int32) if dtype == "int32" else values


def quantize(values: Array, dtype: str) -> tuple[Array, dict[str, Any]]:
    """Stores float32 values in fewer bits; 0 stays exactly 0 where it lies between the smallest and the largest.

    Args:
        values: Finite float32 values.
        dtype: A key of `QUANTIZED`.

    Returns:
        The stored numbers, and the entry ``quantization`` for the weight.

    Raises:
        ArgumentError: The type is unknown.

    >>> quantize(np.float32([-1, 0, 1]), "uint8")[0].tolist()
    [0, 128, 255]
    """
    if dtype not in QUANTIZED:
        raise ArgumentError(f"Weights can be stored as {', '.join(sorted(QUANTIZED))}, received {dtype!r}.")
    stored = QUANTIZED[dtype]
    if stored.kind == "f":
        limit = float(np.finfo(np.float16).max)
        if values.size and float(np.abs(values).max()) > limit:
            raise ArgumentError(f"Weights beyond {limit:g} cannot be stored as float16. Use uint16, or float32.")
        return values.astype(stored), {"dtype": dtype, "original_dtype": "float32"}
    low = float(values.min()) if values.size else 0.0
    high = float(values.max()) if values.size else 0.0
    if low == high:
        return np.zeros(values.shape, stored), {"dtype": dtype, "min": low, "scale": 1.0, "original_dtype": "float32"}
    top = float(np.iinfo(stored).max)
    scale = (high - low) / top
    if low <= 0.0 <= high:
        low = -round(-low / scale) * scale
    numbers = np.clip(np.rint((values.astype(np.float64) - low) / scale), 0, top)
    return numbers.astype(stored), {"dtype": dtype, "min": low, "scale": scale, "original_dtype": "float32"}
