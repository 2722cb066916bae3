"""`Embedding`: a row of a table for each index."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import initializers, ops, regularizers
from ..graph import Tensor
from .arguments import no_constraint, positive
from .layer import Layer, registry

__all__ = ["Embedding"]


@registry.register()
class Embedding(Layer):
    """Turns indices into vectors: y[..., :] = table[x[...], :].

    Args:
        input_dim: Number of rows of the table: the largest index plus 1.
        output_dim: Length of a vector.
        embeddings_initializer: For the table. Default ``"uniform"``: between -0.05 and 0.05.
        embeddings_regularizer: Penalty on the table. Default None.
        embeddings_constraint: None: there are no constraints yet.
        mask_zero: Whether index 0 marks steps that do not count; the mask travels on to later layers. Default False.
        weights: The table as an array, instead of an initializer. Default None.
        **kwargs: Arguments of `Layer`, such as ``name``.

    Call arguments:
        x: int tensor of shape (batch, ...), each 0 <= index < input_dim.

    Returns:
        Tensor of shape (batch, ..., output_dim).

    Example:

    >>> import numpy as np
    >>> layer = Embedding(3, 2, weights=[[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]])
    >>> layer(np.array([[2, 1]])).tolist()
    [[[3.0, 4.0], [1.0, 2.0]]]
    """

    input_element = "int"
    supports_masking = True
    _not_in_config = (*Layer._not_in_config, "weights")

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.input_dim = positive(self, "input_dim", input_dim)
        self.output_dim = positive(self, "output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        no_constraint(self, "embeddings_constraint", embeddings_constraint)
        self.embeddings_constraint = None
        self.mask_zero = bool(mask_zero)
        if weights is not None:
            self.build(None)
            self.set_weights(weights if np.ndim(weights) == 3 else [weights])

    def build(self, input_shape: Any = None) -> None:
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            name="embeddings",
        )

    def call(self, x: Tensor) -> Tensor:
        return ops.embedding(_indices(x), self.embeddings)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if not self.mask_zero:
            return None
        return 1.0 - ops.equal(_indices(inputs), np.zeros((1,), dtype=np.int32))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape, self.output_dim)


def _indices(x: Tensor) -> Tensor:
    return x if x.dtype == "int" else ops.cast(x, "int")
