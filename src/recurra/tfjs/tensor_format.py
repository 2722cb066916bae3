"""How TensorFlow.js prints a tensor, character by character, quirks included."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import numpy as np

__all__ = ["format_number", "format_tensor"]

_DIGITS = Decimal("1e-7")
_MOST = 20
_EDGE = 3


def format_number(value: float, dtype: str = "float32") -> str:
    """Writes one element as JavaScript does after rounding it to seven decimals.

    >>> format_number(2.5), format_number(3.0), format_number(1 / 3), format_number(1e-7), format_number(-0.0)
    ('2.5', '3', '0.3333333', '1e-7', '0')
    """
    if dtype == "bool":
        return "true" if value else "false"
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if abs(value) >= 1e21:
        return _plain(value)
    rounded = Decimal(float(value)).quantize(_DIGITS, rounding=ROUND_HALF_UP)
    # JavaScript prints the double nearest to the rounded decimal, in as few digits as tell it apart.
    return _javascript(Decimal(repr(float(rounded))))


def format_tensor(values: np.ndarray, dtype: str = "float32", verbose: bool = False) -> str:
    """Writes a tensor as ``tensor.print()`` of TensorFlow.js shows it.

    Args:
        values: The elements.
        dtype: ``"float32"``, ``"int32"`` or ``"bool"``.
        verbose: Whether type, rank and shape come first. Default False.

    Example:

    >>> print(format_tensor(np.array([[1.0, 20.0], [3.5, 4.0]])))
    Tensor
        [[1  , 20],
         [3.5, 4 ]]
    >>> print(format_tensor(np.array([[3.0]])))
    Tensor
         [[3],]
    """
    lines = ["Tensor"]
    if verbose:
        shape = ",".join(str(size) for size in values.shape)
        lines += [f"  dtype: {dtype}", f"  rank: {values.ndim}", f"  shape: [{shape}]", "  values:"]
    if values.ndim == 0:
        # A scalar is not rounded.
        plain = str(values[()]).lower() if dtype == "bool" else _plain(float(values[()]))
        return "\n".join([*lines, "    " + plain])
    cells = np.array([format_number(value, dtype) for value in values.ravel()], dtype=object).reshape(values.shape)
    if values.ndim > 1:
        rows = cells.reshape(-1, values.shape[-1]) if values.size else cells.reshape(0, values.shape[-1])
        widths = [max((len(cell) for cell in column), default=0) for column in rows.T]
    else:
        widths = [0] * values.size
    lines.append("\n".join("    " + line for line in _lines(cells, widths)))
    return "\n".join(lines)


def _plain(value: float) -> str:
    return _javascript(Decimal(repr(float(value)))) if np.isfinite(value) else format_number(value)


def _lines(cells: np.ndarray, widths: list[int], last: bool = True) -> list[str]:
    size = cells.shape[0]
    if cells.ndim == 1:
        padded = [str(cell).ljust(width) for cell, width in zip(cells, widths, strict=True)]
        if size > _MOST:
            padded = [*padded[:_EDGE], "...", *padded[-_EDGE:]]
        return ["[" + ", ".join(padded) + "]"]
    lines: list[str] = []
    shown = range(size) if size <= _MOST else [*range(_EDGE), *range(size - _EDGE, size)]
    for index in shown:
        if size > _MOST and index == size - _EDGE:
            lines.append("...")
        lines += _lines(cells[index], widths, index == size - 1)
    # A comma ends every row but the last; where there is one line only it is the first and the last at once, and
    # TensorFlow.js gives it both the comma and a leading space.
    separator = "," if cells.ndim == 2 else ""
    lines[:1] = ["[" + lines[0] + separator if lines else "["]
    for index in range(1, len(lines) - 1):
        lines[index] = " " + lines[index] + separator
    lines[-1] = " " + lines[-1] + "]" + ("" if last else "," + "\n" * (cells.ndim - 1))
    return lines


def _javascript(number: Decimal) -> str:
    """A number as JavaScript's ``String(number)`` writes it: plain from 1e-6 up to below 1e21."""
    sign, digits, exponent = number.normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(str(digit) for digit in digits)
    if not any(digits):
        return "0"
    point = len(text) + exponent
    prefix = "-" if sign else ""
    if 0 < point <= 21:
        whole = text[:point].ljust(point, "0")
        return prefix + whole + ("." + text[point:] if len(text) > point else "")
    if -6 < point <= 0:
        return prefix + "0." + "0" * -point + text
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    power = point - 1
    return f"{prefix}{mantissa}e{'+' if power > 0 else '-'}{abs(power)}"
