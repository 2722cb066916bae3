"""`Dropout`: random zeros while training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops, random
from ..errors import ArgumentError
from ..graph import Tensor
from .arguments import share
from .layer import Layer, registry

__all__ = ["Dropout"]


@registry.register()
class Dropout(Layer):
    """While training, sets a share ``rate`` of the elements to 0 and multiplies the others by 1 / (1 - rate).

    Srivastava et al. 2014, JMLR 15. Outside of training the input passes unchanged.

    Args:
        rate: Share of elements dropped, 0 <= rate < 1.
        noise_shape: Shape of the noise where it is shared along dimensions: (batch, 1, features) drops whole features
            of a sequence. None in it stands for the input's size. Default None: every element for itself.
        seed: Makes the noise repeat. Default None: drawn from the global generator when the layer is made, and kept
            in the configuration, so that a saved model goes on with the same noise.
        **kwargs: Arguments of `Layer`, such as ``name``.

    Call arguments:
        x: Tensor of any shape. The result has the same.
        training: Whether to drop. Default: as the graph says.

    Raises:
        ArgumentError: The rate does not lie in [0, 1).

    Example:

    >>> import numpy as np
    >>> layer = Dropout(0.5, seed=1)
    >>> layer(np.ones((1, 4))).tolist()
    [[1.0, 1.0, 1.0, 1.0]]
    >>> set(layer(np.ones((1, 100)), training=True)[0].tolist()) == {0.0, 2.0}
    True
    """

    supports_masking = True

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate = share(self, "rate", rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = random.next_seed() if seed is None and self.rate > 0 else seed

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0 or self.seed is None:
            return x
        noise_shape = None
        if self.noise_shape is not None:
            if len(self.noise_shape) != x.ndim:
                raise ArgumentError(
                    f"Dropout: noise_shape {self.noise_shape} must have as many dimensions as the input, {x.ndim}."
                )
            noise_shape = tuple(
                size if wanted is None else wanted for wanted, size in zip(self.noise_shape, x.shape, strict=True)
            )
        return ops.dropout(x, self.rate, self.noise_seed(x, self.seed), noise_shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tuple(input_shape)
