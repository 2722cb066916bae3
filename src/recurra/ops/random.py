"""Random operations. Their numbers are a function of (seed, step, element), so every engine draws the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError
from ..graph import Dim, Tensor, TensorSpec, show_shape
from ._declare import Attributes, Specs, emit, need, rule
from .elementwise import fits

__all__ = ["dropout"]


@rule("dropout")
def _dropout(specs: Specs, attributes: Attributes) -> list[TensorSpec]:
    x = need(specs[0], "dropout", "x")
    if not 0.0 <= attributes["rate"] < 1.0:
        raise ArgumentError(f"ops.dropout: rate must lie in [0, 1), received {attributes['rate']}.")
    noise = attributes["noise_shape"]
    if noise is not None and not (len(noise) == len(x.shape) and fits(noise, x.shape)):
        raise ArgumentError(
            f"ops.dropout: noise_shape must have the dimensions of x, {show_shape(x.shape)}, each as it is or 1; "
            f"received {show_shape(noise)}."
        )
    return [x]


def dropout(x: Any, rate: float, seed: int, noise_shape: Sequence[Dim] | None = None) -> Tensor:
    """y = x m / (1 - rate), with m = 0 with probability ``rate``, otherwise 1. Srivastava et al. 2014, JMLR 15.

    Element e of the noise (counted in C order) is kept where u >= rate, u being the 24 high bits, as a fraction
    of 2^24, of word e mod 4 of Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3")
    with key = the low and high 32 bits of ``seed`` and counter = (low and high 32 bits of e div 4, low and high
    32 bits of the training step). So the mask depends on nothing else: not on threads, engine or batch split.

    Args:
        x: Tensor of any shape.
        rate: Share of elements dropped, 0 <= rate < 1.
        seed: 64-bit number, one of its own for each use.
        noise_shape: Shape of m where it broadcasts over ``x``, such as (batch, 1, features). Default: x's shape.
    """
    shape = None if noise_shape is None else tuple(noise_shape)
    return emit("dropout", x, rate=float(rate), seed=int(seed), noise_shape=shape)[0]
