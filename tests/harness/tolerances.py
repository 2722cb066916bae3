"""The one table of tolerances. Tests take theirs from here and nowhere else.

Two arrays agree if ``|actual - expected| <= rtol |expected| + atol max(1, max |expected|)`` everywhere. The absolute
part grows with the array, because sums in which large terms cancel are as wrong as their largest term.

Kinds:
    forward: outputs of a run.
    gradient: gradients of a run.
    training: parameters, slots and outputs after a few training steps.
    parity: against numbers computed by another program (Keras, TensorFlow.js, PyTorch).

The reference of an engine's float32 is the numpy engine in float64; the reference of float64 gradients is finite
differences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Tolerance", "check_close", "tolerance"]


@dataclass(frozen=True)
class Tolerance:
    """How far two arrays may differ."""

    rtol: float
    atol: float


_FLOAT32 = {
    # float32 has a unit of 1.2e-7. The worst case measured (a product over 70 elements) is off by 3 units.
    "forward": Tolerance(1e-6, 1e-6),
    # Twice that: a gradient is made of rounded outputs and rounded gradients. The worst measured is off by 5 units.
    "gradient": Tolerance(2e-6, 2e-6),
    "training": Tolerance(2e-6, 2e-6),
    "parity": Tolerance(1e-5, 1e-5),
}

# With other precisions the reference rounds the operands of products too. An operand that was computed, such as a
# state, may be rounded up here and down there: it is then off by a unit in the last place of its rounding.
_BF16X3 = {kind: Tolerance(2**-16, 2**-16) for kind in _FLOAT32}
_BF16 = {kind: Tolerance(2**-8, 2**-8) for kind in _FLOAT32}

TOLERANCES: dict[tuple[str, str, str], Tolerance] = {
    # Four points at a step of 1e-4 leave 1e-16 of higher derivatives and 1e-12 of rounding; measured, 3e-11.
    ("numpy", "float64", "gradient"): Tolerance(1e-8, 1e-9),
    # The same numbers computed in another order, or by a formula written down independently.
    ("numpy", "float64", "forward"): Tolerance(1e-12, 1e-13),
    ("numpy", "float64", "training"): Tolerance(1e-12, 1e-13),
    ("numpy", "float64", "parity"): Tolerance(1e-5, 1e-6),
    **{(engine, "float32", kind): value for engine in ("numpy", "native") for kind, value in _FLOAT32.items()},
    **{("native:bf16x3", "float32", kind): value for kind, value in _BF16X3.items()},
    **{("native:bf16", "float32", kind): value for kind, value in _BF16.items()},
}


def tolerance(engine: str, dtype: str, kind: str) -> Tolerance:
    """The tolerance of an engine, or of one with a precision, in a float type for a kind of comparison."""
    return TOLERANCES[engine, dtype, kind]


def check_close(actual: np.ndarray, expected: np.ndarray, allowed: Tolerance, what: str) -> None:
    """Raises AssertionError, with the worst element, if two arrays do not agree."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, expected {expected.shape}"
    if not expected.size:
        return
    a, e = actual.astype(np.float64), expected.astype(np.float64)
    same = (a == e) | (np.isnan(a) & np.isnan(e))
    finite = np.isfinite(a) & np.isfinite(e)
    assert (same | finite).all(), f"{what}: not finite in other places\nactual {actual}\nexpected {expected}"
    a, e = np.where(same, 0, a), np.where(same, 0, e)
    limit = allowed.rtol * np.abs(e) + allowed.atol * max(1.0, float(np.abs(e).max()))
    excess = np.abs(a - e) / limit
    worst = np.unravel_index(int(excess.argmax()), excess.shape)
    assert excess[worst] <= 1, (
        f"{what}: off by {excess[worst]:.2f} times what is allowed ({allowed}) at {tuple(map(int, worst))}: "
        f"{actual[worst]!r}, expected {expected[worst]!r}"
    )
