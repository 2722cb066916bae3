"""Values of options, both ways: activations, initializers, regularizers, numbers.

The hard sigmoid is clip(0.2 x + 0.5, 0, 1) in TensorFlow.js and Keras 2, and clip(x / 6 + 0.5, 0, 1) in Keras 3, all
under one name. recurra has a name for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import activations
from ...errors import FormatError, UnsupportedFeatureError
from ..limits import finite
from ..noting import warn
from .layers import Option

__all__ = ["read_value", "unwrap", "write_activation", "write_initializer", "write_regularizer"]

# recurra's name -> the name in TensorFlow.js's files.
_ACTIVATIONS = {
    "elu": "elu",
    "gelu": "gelu",
    "hard_sigmoid_tfjs": "hard_sigmoid",
    "linear": "linear",
    "log_softmax": "log_softmax",
    "mish": "mish",
    "relu": "relu",
    "relu6": "relu6",
    "selu": "selu",
    "sigmoid": "sigmoid",
    "silu": "swish",
    "softmax": "softmax",
    "softplus": "softplus",
    "softsign": "softsign",
    "tanh": "tanh",
}
_NEAREST = {
    "gelu_new": "'gelu', its exact form: TensorFlow.js 4.22 writes the name gelu_new but cannot read it",
    "hard_sigmoid": "'hard_sigmoid_tfjs', clip(0.2 x + 0.5, 0, 1), where Keras 3 has clip(x / 6 + 0.5, 0, 1)",
    "hard_silu": "'silu'",
    "leaky_relu": "'elu'",
    "exponential": "'softplus'",
}
# Keras draws from a truncated normal distribution and corrects its variance; TensorFlow.js leaves it.
_CORRECTION = 0.87962566103423978
_NORMAL = ("GlorotNormal", "HeNormal", "LecunNormal", "LeCunNormal")
_SCALED = {
    "Glorot": (1.0, "fan_avg"),
    "He": (2.0, "fan_in"),
    "Lecun": (1.0, "fan_in"),
}


def unwrap(value: Any) -> Any:
    """Replaces ``{"type": "ndarray", "value": n}``, as Keras writes numpy's numbers, by n, at any depth."""
    if isinstance(value, dict):
        if value.get("type") == "ndarray" and "value" in value:
            return unwrap(value["value"])
        return {key: unwrap(item) for key, item in value.items()}
    return [unwrap(item) for item in value] if isinstance(value, list) else value


def read_value(option: Option, value: Any, keras: bool, what: str) -> Any:
    """The value of an option as recurra's layer takes it.

    Args:
        option: What is known of the option.
        value: What the file says, or None where it says nothing or null.
        keras: Whether the file comes from Keras 3, whose defaults and names differ.
        what: The option, for messages.

    Raises:
        FormatError: The value is of a wrong kind.
        UnsupportedFeatureError: recurra does not have it.
    """
    if value is None:
        value = option.keras if keras and option.keras is not None else option.default
    return _READERS[option.kind](value, keras, what)


def _flag(value: Any, keras: bool, what: str) -> bool:
    if value not in (True, False):
        raise FormatError(f"{what} must be true or false, not {str(value)[:60]!r}.")
    return bool(value)


def _share(value: Any, keras: bool, what: str) -> float:
    number = _number(value, what)
    # TensorFlow.js limits a rate to [0, 1], and drops nothing at 1.
    return number if 0.0 < number < 1.0 else 0.0


def _number(value: Any, what: str) -> float:
    number = finite(value)
    if number is None:
        raise FormatError(f"{what} must be a number, not {str(value)[:60]!r}.")
    return number


def _size(value: Any, keras: bool, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 2**40 or int(value) != value:
        raise FormatError(f"{what} must be a positive whole number, not {str(value)[:60]!r}.")
    return int(value)


def _sizes(value: Any, keras: bool, what: str) -> list[int]:
    if not isinstance(value, list) or not all(size is None or type(size) is int for size in value):
        raise FormatError(f"{what} must be a list of whole numbers, not {str(value)[:60]!r}.")
    return [-1 if size is None or size < 0 else size for size in value]


def _plain(value: Any, keras: bool, what: str) -> Any:
    items = value if isinstance(value, list) else [value]
    if not all(item is None or (isinstance(item, (int, float)) and not isinstance(item, bool)) for item in items):
        raise FormatError(f"{what} must be a number or a list of numbers, not {str(value)[:60]!r}.")
    return value


def _activation(value: Any, keras: bool, what: str) -> str:
    if isinstance(value, Mapping):
        # Keras 3 wraps the names of functions.
        value = value.get("config") if value.get("class_name") == "function" else value.get("class_name")
    if not isinstance(value, str):
        raise FormatError(f"{what} must be the name of an activation, not {str(value)[:60]!r}.")
    folded = value.replace("_", "").lower()
    if folded == "hardsigmoid":
        return "hard_sigmoid" if keras else "hard_sigmoid_tfjs"
    try:
        found: str = activations.serialize(activations.get(value))
    except ValueError as error:
        raise UnsupportedFeatureError(f"{what} is not known to recurra. {error}") from None
    return found


def _initializer(value: Any, keras: bool, what: str) -> Any:
    name, config = _named(value, what)
    known = {key: item for key, item in config.items() if item is not None and key not in ("seed", "dtype")}
    if keras:
        return {"class_name": name, "config": known}
    if name == "VarianceScaling" and known.get("distribution", "normal") == "normal":
        known |= {"distribution": "truncated_normal", "correction": False}
    elif name in _NORMAL or _camel(name) in _NORMAL:
        known["correction"] = False
    return {"class_name": name, "config": known}


def _regularizer(value: Any, keras: bool, what: str) -> Any:
    if value is None:
        return None
    name, config = _named(value, what)
    return {"class_name": name, "config": {key: 0.0 if item is None else item for key, item in config.items()}}


def _constraint(value: Any, keras: bool, what: str) -> None:
    if value is not None:
        warn(
            f"{what} is left out: recurra has no constraints on weights. What the model predicts does not change; "
            f"training it further does not keep the constraint.",
        )


_READERS = {
    "activation": _activation,
    "constraint": _constraint,
    "flag": _flag,
    "initializer": _initializer,
    "regularizer": _regularizer,
    "share": _share,
    "size": _size,
    "sizes": _sizes,
    "value": _plain,
}


def _named(value: Any, what: str) -> tuple[str, dict[str, Any]]:
    if isinstance(value, str):
        return value, {}
    name = value.get("class_name") if isinstance(value, Mapping) else None
    config = value.get("config") if isinstance(value, Mapping) else None
    if not isinstance(name, str) or not (config is None or isinstance(config, dict)):
        raise FormatError(f"{what} must be a name or a mapping with 'class_name', not {str(value)[:60]!r}.")
    return name, config or {}


def write_activation(name: str, what: str) -> str:
    """The name TensorFlow.js has for an activation.

    Raises:
        UnsupportedFeatureError: It has none; names the nearest one it has.

    >>> write_activation("hard_sigmoid_tfjs", "activation of 'lstm'")
    'hard_sigmoid'
    """
    found = _ACTIVATIONS.get(name)
    if found is None:
        nearest = _NEAREST.get(name, f"one of {', '.join(sorted(_ACTIVATIONS))}")
        raise UnsupportedFeatureError(f"{what}: TensorFlow.js has no activation {name!r}. The nearest is {nearest}.")
    return found


def write_initializer(config: Any, what: str) -> dict[str, Any]:
    """An initializer for TensorFlow.js. It matters to new models of the same layers only."""
    name, values = _named(config, what)
    for prefix, (scale, mode) in _SCALED.items():
        if name in (f"{prefix}Uniform", f"{prefix}Normal"):
            kind = "uniform" if name.endswith("Uniform") else "truncated_normal"
            values = {"correction": True, **values, "scale": scale, "mode": mode, "distribution": kind}
            name = "VarianceScaling"
    values = {key: value for key, value in values.items() if key != "seed"}
    if name == "VarianceScaling" and values.get("distribution") in ("uniform", "normal", "truncated_normal"):
        corrected = values.pop("correction", True)
        if values["distribution"] != "uniform":
            values["distribution"] = "normal"
            values["scale"] = values["scale"] / _CORRECTION**2 if corrected else values["scale"]
        return {"class_name": name, "config": {**values, "seed": None}}
    if name in ("RandomUniform", "RandomNormal", "TruncatedNormal", "Orthogonal"):
        return {"class_name": name, "config": {**values, "seed": None}}
    if name in ("Constant", "Identity", "Ones", "Zeros"):
        return {"class_name": name, "config": values}
    warn(
        f"{what}: TensorFlow.js has no {name}; Zeros is written in its place. The weights of this model do not change.",
    )
    return {"class_name": "Zeros", "config": {}}


def write_regularizer(config: Any) -> dict[str, Any] | None:
    """A regularizer for TensorFlow.js, or None where it has none like it."""
    if config is None:
        return None
    name, values = _named(config, "A regularizer")
    if name not in ("L1", "L2", "L1L2"):
        return None
    return {"class_name": "L1L2", "config": {"l1": values.get("l1", 0.0), "l2": values.get("l2", 0.0)}}


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
