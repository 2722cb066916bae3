"""What recurrent layers share: masks, states carried between batches, and noise that stays the same over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import initializers, ops, random, regularizers
from ...errors import ArgumentError, ShapeError
from ...graph import Tensor, Variable, show_shape
from ..arguments import no_constraint, positive, share
from ..input_spec import InputSpec
from ..layer import Layer
from ..tracing import filled

__all__ = ["Recurrent"]

_MEANING = "(batch, time, features)"
_ADVICE = (
    "A recurrent layer before this one needs return_sequences=True; a single series of numbers needs a last "
    "dimension of 1: x[..., None]."
)


class Recurrent(Layer):
    """Base of recurrent layers whose whole sequence is one op.

    A subclass names its states in ``state_names``, makes its weights in `build` by `build_weights` and computes in
    `sequence`.
    """

    supports_masking = True
    state_names: tuple[str, ...] = ("h",)

    def __init__(
        self,
        units: int,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        return_sequences: bool,
        return_state: bool,
        go_backwards: bool,
        stateful: bool,
        unroll: bool,
        zero_output_for_mask: bool,
        *,
        use_bias: bool,
        kernel_initializer: Any,
        recurrent_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        recurrent_regularizer: Any,
        bias_regularizer: Any,
        kernel_constraint: Any,
        recurrent_constraint: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = positive(self, "units", units)
        self.dropout = share(self, "dropout", dropout)
        self.recurrent_dropout = share(self, "recurrent_dropout", recurrent_dropout)
        drops = self.dropout > 0 or self.recurrent_dropout > 0
        self.seed = random.next_seed() if seed is None and drops else seed
        self.return_sequences = bool(return_sequences)
        self.return_state = bool(return_state)
        self.go_backwards = bool(go_backwards)
        self.stateful = bool(stateful)
        self.unroll = bool(unroll)
        self.zero_output_for_mask = bool(zero_output_for_mask)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        no_constraint(self, "kernel_constraint", kernel_constraint)
        no_constraint(self, "recurrent_constraint", recurrent_constraint)
        no_constraint(self, "bias_constraint", bias_constraint)
        self.kernel_constraint = self.recurrent_constraint = self.bias_constraint = None
        self.bias: Variable | None = None
        self.input_spec = InputSpec(ndim=3, meaning=_MEANING, advice=_ADVICE)

    def sequence(
        self, x: Tensor, states: Sequence[Any], mask: Tensor | None, recurrent_mask: Tensor | None
    ) -> tuple[Tensor, ...]:
        """Computes the outputs of all steps and the last states.

        Args:
            x: Tensor of shape (batch, time, features).
            states: The states before the first step, each of shape (batch, units), or None for zeros.
            mask: Of shape (batch, time), or None.
            recurrent_mask: Factors for h in the recurrent product, of shape (batch, units), or None.
        """
        raise NotImplementedError

    def build_weights(self, input_shape: Any, gates: int, bias_shape: tuple[int, ...], first_bias: Any = None) -> None:
        """Is `build`: makes the weights, and the states of a stateful layer.

        Args:
            input_shape: Shape of the input.
            gates: How many gates stand side by side in the kernels.
            bias_shape: Shape of the bias, if the layer has one.
            first_bias: Makes its first value. Default: the layer's bias initializer.
        """
        width = gates * self.units
        self.kernel = self.add_weight(
            (input_shape[-1], width), self.kernel_initializer, regularizer=self.kernel_regularizer, name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            (self.units, width),
            self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            name="recurrent_kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                bias_shape, first_bias or self.bias_initializer, regularizer=self.bias_regularizer, name="bias"
            )
        self._build_states(input_shape)

    def _build_states(self, input_shape: Any) -> None:
        """Makes the states of a stateful layer and remembers the number of features."""
        self.input_spec = InputSpec(ndim=3, axes={-1: input_shape[-1]}, meaning=_MEANING, advice=_ADVICE)
        if not self.stateful:
            return
        batch = input_shape[0]
        if batch is None:
            raise ShapeError(
                f"The layer '{self.name}' is stateful, so the batch size must be fixed: it carries one state for each "
                f"sample of a batch. Give it with Input(shape, batch_size=...); received the shape "
                f"{show_shape(input_shape)}."
            )
        for state in self.state_names:
            self.add_weight((batch, self.units), "zeros", name=state, role="state")

    def call(
        self, sequences: Tensor, initial_state: Any = None, mask: Tensor | None = None, training: bool = False
    ) -> Any:
        states = self._first_states(initial_state)
        x, recurrent_mask = sequences, None
        batch, _, features = x.shape
        if training and self.seed is not None:
            # One mask for all steps (Gal and Ghahramani 2016, arXiv:1512.05287), as in Keras.
            if self.dropout > 0:
                x = ops.dropout(x, self.dropout, self.noise_seed(x, self.seed), (batch, 1, features))
            if self.recurrent_dropout > 0:
                ones = filled(x, (batch, self.units), 1.0)
                recurrent_mask = ops.dropout(ones, self.recurrent_dropout, self.noise_seed(x, self.seed))
        outputs, *last = self.sequence(x, states, mask, recurrent_mask)
        if self.stateful:
            for variable, state in zip(self._own_states, last, strict=True):
                x.builder.update(variable, state)
        # The last h, not the last output: that one is 0 where the last step is masked under zero_output_for_mask.
        output = outputs if self.return_sequences else last[0]
        return [output, *last] if self.return_state else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None or not self.return_sequences:
            return None
        # The outputs are in the order of reading, so their mask is too. (Keras leaves it unturned.)
        return ops.reverse(mask, 1) if self.go_backwards else mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, time, _ = input_shape
        output = (batch, time, self.units) if self.return_sequences else (batch, self.units)
        return [output, *[(batch, self.units)] * len(self.state_names)] if self.return_state else output

    def reset_states(self, states: Any = None) -> None:
        """Sets the states that a stateful layer carries.

        Args:
            states: One array of shape (batch, units) for each state (for an LSTM h, then c), or None for zeros.

        Raises:
            ArgumentError: The layer is not stateful, is not built, or the number of states is wrong.
        """
        if not self.stateful or not self._own_states:
            reason = "is not built yet: call it first" if self.stateful else "was made without stateful=True"
            raise ArgumentError(f"The layer '{self.name}' has no states to set: it {reason}.")
        if states is None:
            super().reset_states()
            return
        given = list(states) if isinstance(states, (list, tuple)) else [states]
        self._count_states(given)
        for variable, state in zip(self._own_states, given, strict=True):
            variable.assign(state)

    def _first_states(self, initial_state: Any) -> Sequence[Any]:
        if initial_state is None:
            return self._own_states if self.stateful else [None] * len(self.state_names)
        given = list(initial_state) if isinstance(initial_state, (list, tuple)) else [initial_state]
        self._count_states(given)
        return given

    def _count_states(self, given: Sequence[Any]) -> None:
        if len(given) != len(self.state_names):
            raise ArgumentError(
                f"The layer '{self.name}' has {len(self.state_names)} state(s) ({', '.join(self.state_names)}), "
                f"received {len(given)}."
            )
