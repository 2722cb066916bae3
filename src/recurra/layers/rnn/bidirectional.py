"""`Bidirectional`: a recurrent layer and its mirror image side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import ops
from ...errors import ArgumentError
from ...graph import Tensor
from ...random import derive_seed
from ..layer import Layer, registry
from .recurrent import Recurrent

__all__ = ["Bidirectional"]

_MODES = ("concat", "sum", "mul", "ave", None)


@registry.register()
class Bidirectional(Layer):
    """Reads a sequence in both directions (Schuster and Paliwal 1997, doi:10.1109/78.650093).

    Args:
        layer: An `LSTM`, `GRU` or `SimpleRNN`, which is copied, or its configuration. The copy is named
            ``forward_`` and its name.
        merge_mode: What becomes of the two outputs: ``"concat"`` (default) side by side, ``"sum"``, ``"mul"`` their
            product, ``"ave"`` their mean, or None: both are returned.
        weights: First values: those of the forward layer, then those of the backward layer. Default None.
        backward_layer: The layer for the other direction, taken as it is. Default: a copy of ``layer`` that reads the
            other way, named ``backward_`` and its name, with weights of its own.
        zero_output_for_mask: Whether outputs at masked steps are 0 rather than the output before. Default None: as in
            Keras they are with ``return_sequences``, whatever ``layer`` says. TensorFlow.js: False.
        **kwargs: Arguments of `Layer`, such as ``name``.

    Call arguments:
        sequences: Tensor of shape (batch, time, features).
        initial_state: The states of the forward layer, then those of the backward layer. Default None: zeros, or the
            states carried.
        mask: Of shape (batch, time): 1 where a step counts. Default: the mask that travels beside ``sequences``.
        training: Whether dropout acts. Default: as the graph says.

    Returns:
        Tensor of shape (batch, 2 * units), or (batch, time, 2 * units) where the layers return sequences; units
        instead of 2 * units unless ``merge_mode`` is ``"concat"``, and a list of two for None. Where they return
        states, a list of it, the states of the forward layer, and those of the backward layer. The outputs of a
        sequence come in the order of the forward layer's.

    Raises:
        ArgumentError: The layer is no recurrent one, the two layers do not match, or ``merge_mode`` is unknown.

    Example:

    >>> import numpy as np
    >>> from recurra.layers import LSTM
    >>> x = np.zeros((2, 5, 3))
    >>> Bidirectional(LSTM(4))(x).shape
    (2, 8)
    >>> Bidirectional(LSTM(4, return_sequences=True), merge_mode="sum")(x).shape
    (2, 5, 4)
    """

    supports_masking = True
    _not_in_config = (*Layer._not_in_config, "weights")

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Sequence[Any] | None = None,
        backward_layer: Any = None,
        zero_output_for_mask: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        layer, backward = _recurrent("layer", layer), backward_layer
        name = layer.name.removeprefix("forward_")
        self.forward_layer = _copy(layer, name=f"forward_{name}")
        if backward is None:
            changes: dict[str, Any] = {"name": f"backward_{name}", "go_backwards": not layer.go_backwards}
            if layer.seed is not None:
                # Otherwise both directions would drop the same features. Far from the uses that a layer itself makes.
                changes["seed"] = derive_seed(layer.seed, 2**32)
            backward = _copy(layer, **changes)
        self.backward_layer = _recurrent("backward_layer", backward)
        if merge_mode not in _MODES:
            raise ArgumentError(
                f"Bidirectional: merge_mode must be 'concat', 'sum', 'mul', 'ave' or None, received {merge_mode!r}."
            )
        _check_pair(self.forward_layer, self.backward_layer, same_units=merge_mode not in ("concat", None))
        self.merge_mode = merge_mode
        self.stateful = layer.stateful
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        self.zero_output_for_mask = zero_output_for_mask
        zeros = self.return_sequences if zero_output_for_mask is None else bool(zero_output_for_mask)
        for one in (self.forward_layer, self.backward_layer):
            one.zero_output_for_mask = zeros
            if not self.trainable:
                one.trainable = False
        self.input_spec = self.forward_layer.input_spec
        self._first_weights = weights

    @property
    def layer(self) -> Recurrent:
        """The forward layer."""
        return self.forward_layer

    def build(self, input_shape: Any) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(input_shape)
        self.input_spec = self.forward_layer.input_spec
        if self._first_weights is not None:
            self.set_weights(self._first_weights)

    def call(
        self, sequences: Tensor, initial_state: Any = None, mask: Tensor | None = None, training: bool = False
    ) -> Any:
        first, second = self._halves(initial_state)
        y, *states = _parts(self.forward_layer(sequences, initial_state=first, mask=mask, training=training))
        back, *back_states = _parts(self.backward_layer(sequences, initial_state=second, mask=mask, training=training))
        if self.return_sequences:
            back = ops.reverse(back, 1)
        outputs = [y, back] if self.merge_mode is None else [self._merge(y, back)]
        outputs += [*states, *back_states]
        return outputs if len(outputs) > 1 else outputs[0]

    def _merge(self, y: Tensor, back: Tensor) -> Tensor:
        if self.merge_mode == "concat":
            return ops.concatenate([y, back], axis=-1)
        if self.merge_mode == "mul":
            return y * back
        return y + back if self.merge_mode == "sum" else (y + back) * 0.5

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        mask = self.forward_layer.compute_mask(inputs, mask)
        return [mask, mask] if self.merge_mode is None else mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        y, *states = _parts(self.forward_layer.compute_output_shape(input_shape))
        back, *back_states = _parts(self.backward_layer.compute_output_shape(input_shape))
        if self.merge_mode == "concat":
            y = (*y[:-1], y[-1] + back[-1])
        outputs = [y, back] if self.merge_mode is None else [y]
        outputs += [*states, *back_states]
        return outputs if len(outputs) > 1 else outputs[0]

    def reset_states(self, states: Any = None) -> None:
        """Sets the states that stateful layers carry.

        Args:
            states: Those of the forward layer, then those of the backward layer; or None for zeros.

        Raises:
            ArgumentError: The layers are not stateful, are not built, or the number of states is wrong.
        """
        first, second = self._halves(states)
        self.forward_layer.reset_states(first)
        self.backward_layer.reset_states(second)

    def _halves(self, states: Any) -> tuple[Any, Any]:
        if states is None:
            return None, None
        given = list(states) if isinstance(states, (list, tuple)) else [states]
        names = self.forward_layer.state_names
        if len(given) != 2 * len(names):
            raise ArgumentError(
                f"The layer '{self.name}' has {2 * len(names)} states ({', '.join(names)} of the forward layer, then "
                f"of the backward layer), received {len(given)}."
            )
        return given[: len(names)], given[len(names) :]


def _recurrent(argument: str, layer: Any) -> Recurrent:
    layer = registry.get(layer)
    if not isinstance(layer, Recurrent):
        raise ArgumentError(
            f"Bidirectional: {argument} must be a recurrent layer such as LSTM(16), received {layer!r}."
        )
    return layer


def _copy(layer: Recurrent, **changes: Any) -> Recurrent:
    """A new layer of the same configuration but for ``changes``; it shares no weights."""
    return type(layer).from_config({**layer.get_config(), **changes})


def _check_pair(forward: Recurrent, backward: Recurrent, same_units: bool) -> None:
    if forward.go_backwards == backward.go_backwards:
        raise ArgumentError(
            f"Bidirectional: the layers must read in different directions, but both have go_backwards="
            f"{forward.go_backwards}. Set go_backwards={not forward.go_backwards} in backward_layer."
        )
    for name in ("stateful", "return_sequences", "return_state", "state_names", *(["units"] if same_units else [])):
        one, other = getattr(forward, name), getattr(backward, name)
        if one != other:
            raise ArgumentError(
                f"Bidirectional: both layers must have the same {name}; the forward layer has {one}, the backward "
                f"layer {other}."
            )


def _parts(outputs: Any) -> list[Any]:
    return outputs if isinstance(outputs, list) else [outputs]
