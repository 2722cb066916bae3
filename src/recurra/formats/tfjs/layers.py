"""Which options a layer has in TensorFlow.js, and what they are there when left out.

TensorFlow.js writes what was not given as null, and its defaults are not those of Keras: a hard sigmoid for the
gates, no forget bias, normally distributed kernels. So null is read as what TensorFlow.js would do. Models of Keras 3
that were converted come with every option, and with the defaults of Keras 3 where one is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["LAYERS", "MERGING", "RECURRENT", "STATES", "LayerRule", "Option"]


@dataclass(frozen=True)
class Option:
    """One option of a layer.

    Attributes:
        kind: ``"value"``, ``"flag"``, ``"share"`` (a rate), ``"size"``, ``"sizes"``, ``"activation"``,
            ``"initializer"``, ``"regularizer"`` or ``"constraint"``.
        default: What TensorFlow.js takes where it is missing or null. None: it must be given, unless the kind
            allows null.
        keras: What Keras 3 takes, where that differs.
        only: The only value TensorFlow.js has for it, where recurra has more; and why, for messages.
    """

    kind: str
    default: Any = None
    keras: Any = None
    only: tuple[Any, str] | None = None


@dataclass(frozen=True)
class LayerRule:
    """The options of one layer.

    Attributes:
        options: Those that have a meaning.
        ignored: Those that change no number, and what they must be, or ``...`` for anything.
    """

    options: dict[str, Option] = field(default_factory=dict)
    ignored: dict[str, Any] = field(default_factory=dict)


_ANY = ...
_COMMON = {
    "name": _ANY,
    "trainable": _ANY,
    "dtype": _ANY,
    "batch_input_shape": _ANY,
    "batch_shape": _ANY,
    "input_dtype": _ANY,
    "build_config": _ANY,
    "sparse": False,
    "ragged": False,
    "optional": False,
    "lora_rank": None,
    "quantization_config": None,
}
_INITIALIZER = Option("initializer", "glorot_normal", "glorot_uniform")
_REGULARIZER = Option("regularizer")
_CONSTRAINT = Option("constraint")
_ACTIVITY = {"activity_regularizer": _REGULARIZER}

_KERNEL = {
    "kernel_initializer": _INITIALIZER,
    "kernel_regularizer": _REGULARIZER,
    "kernel_constraint": _CONSTRAINT,
}
_BIAS = {
    "use_bias": Option("flag", True),
    "bias_initializer": Option("initializer", "zeros"),
    "bias_regularizer": _REGULARIZER,
    "bias_constraint": _CONSTRAINT,
}
_NO_RESET_AFTER = (
    False,
    "its GRU applies the reset gate before the recurrent product. Train a GRU(reset_after=False), or an LSTM; the "
    "weights of one kind cannot be turned into the other",
)


def _recurrent(**more: Option) -> LayerRule:
    options = {
        "units": Option("size"),
        "activation": Option("activation", "tanh"),
        **_KERNEL,
        **_BIAS,
        "recurrent_initializer": Option("initializer", "orthogonal"),
        "recurrent_regularizer": _REGULARIZER,
        "recurrent_constraint": _CONSTRAINT,
        "dropout": Option("share", 0.0),
        "recurrent_dropout": Option("share", 0.0),
        "return_sequences": Option("flag", False),
        "return_state": Option("flag", False),
        "go_backwards": Option("flag", False),
        "stateful": Option("flag", False),
        "zero_output_for_mask": Option("flag", False),
        **_ACTIVITY,
        **more,
    }
    ignored = {**_COMMON, "implementation": _ANY, "unroll": _ANY, "use_cudnn": _ANY, "seed": _ANY}
    return LayerRule(options, {**ignored, "time_major": False, "input_dim": _ANY, "cell": _ANY})


_GATE = Option("activation", "hard_sigmoid", "sigmoid")
_PLAIN = LayerRule({}, {**_COMMON, "data_format": "channels_last"})

RECURRENT = {
    "GRU": _recurrent(recurrent_activation=_GATE, reset_after=Option("flag", False, True, only=_NO_RESET_AFTER)),
    "LSTM": _recurrent(recurrent_activation=_GATE, unit_forget_bias=Option("flag", False, True)),
    "SimpleRNN": _recurrent(),
}
"""Layers that read a sequence."""

STATES = {*RECURRENT, "Bidirectional"}
"""Layers whose further inputs are their first states."""

MERGING = {
    "Add": _PLAIN,
    "Average": _PLAIN,
    "Concatenate": LayerRule({"axis": Option("value", -1)}, _COMMON),
    "Maximum": _PLAIN,
    "Minimum": _PLAIN,
    "Multiply": _PLAIN,
}
"""Layers that take a list."""

LAYERS = {
    **RECURRENT,
    **MERGING,
    "Activation": LayerRule({"activation": Option("activation", "linear")}, _COMMON),
    "Dense": LayerRule(
        {"units": Option("size"), "activation": Option("activation", "linear"), **_KERNEL, **_BIAS, **_ACTIVITY},
        {**_COMMON, "input_dim": _ANY},
    ),
    "Dropout": LayerRule({"rate": Option("share", 0.0), "noise_shape": Option("value")}, {**_COMMON, "seed": _ANY}),
    "Embedding": LayerRule(
        {
            "input_dim": Option("size"),
            "output_dim": Option("size"),
            "embeddings_initializer": Option("initializer", "random_uniform"),
            "embeddings_regularizer": _REGULARIZER,
            "embeddings_constraint": _CONSTRAINT,
            "mask_zero": Option("flag", False),
            **_ACTIVITY,
        },
        {**_COMMON, "input_length": _ANY},
    ),
    "Flatten": _PLAIN,
    "Masking": LayerRule({"mask_value": Option("value", 0.0)}, _COMMON),
    "Permute": LayerRule({"dims": Option("sizes")}, _COMMON),
    "RepeatVector": LayerRule({"n": Option("size")}, _COMMON),
    "Reshape": LayerRule({"target_shape": Option("sizes")}, _COMMON),
}
"""Every layer that both programs have."""
