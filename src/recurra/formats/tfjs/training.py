"""What training goes on from: loss, metrics, optimizer and its state, both ways.

TensorFlow.js reads its file only if it knows every name in it, so nothing else is written. Its Adam and its momentum
are not those of Keras (see `recurra.tfjs.train`); what it cannot go on with exactly is left out, with the reasons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...config import snake_case
from ...errors import FormatError, UnsupportedFeatureError
from ...typing import Array, Config
from ..limits import finite
from ..spec import OptimizerState

__all__ = ["read_state", "read_training", "write_state", "write_training"]

# Name in the files -> (class in recurra, slots there in order, and what recurra calls them).
_SLOTS = {
    "Adam": (("m", "momentum"), ("v", "velocity")),
    "Momentum": (("momentum", "momentum"),),
    "RMSProp": (("rms", "velocity"), ("momentum", "momentum"), ("mg", "average")),
    "SGD": (),
}
_LOSSES = {
    "BinaryCrossentropy": "binary_crossentropy",
    "CategoricalCrossentropy": "categorical_crossentropy",
    "CategoricalHinge": "categorical_hinge",
    "CosineSimilarity": "cosine_proximity",
    "Hinge": "hinge",
    "KLDivergence": "kullback_leibler_divergence",
    "LogCosh": "logcosh",
    "MeanAbsoluteError": "mean_absolute_error",
    "MeanAbsolutePercentageError": "mean_absolute_percentage_error",
    "MeanSquaredError": "mean_squared_error",
    "MeanSquaredLogarithmicError": "mean_squared_logarithmic_error",
    "Poisson": "poisson",
    "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
    "SquaredHinge": "squared_hinge",
}
_METRICS = {
    "BinaryAccuracy": "binary_accuracy",
    "CategoricalAccuracy": "categorical_accuracy",
    "CategoricalCrossentropy": "categorical_crossentropy",
    "CosineSimilarity": "cosine",
    "MeanAbsoluteError": "mae",
    "MeanAbsolutePercentageError": "mape",
    "MeanSquaredError": "mse",
    "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
}
_READ_NAMES = {"cosine": "cosine_similarity", "cosine_proximity": "cosine_similarity", "logcosh": "log_cosh"}


def read_training(config: Any, outputs: int, document: object) -> tuple[Config, list[str]]:
    """What `Model.compile_from_config` takes.

    Args:
        config: What ``trainingConfig`` holds.
        outputs: The number of outputs of the model.
        document: The file, for messages.

    Returns:
        The configuration, and the names of the slots of the optimizer's state in the order of the file.

    Raises:
        FormatError: It is described wrongly.
        UnsupportedFeatureError: recurra has no such loss or optimizer.
    """
    what = f"The trainingConfig in '{document}'"
    optimizer = config.get("optimizer_config") if isinstance(config, Mapping) else None
    name = optimizer.get("class_name") if isinstance(optimizer, Mapping) else None
    values = optimizer.get("config") if isinstance(optimizer, Mapping) else None
    if not isinstance(name, str) or not isinstance(values, Mapping):
        raise FormatError(f"{what} names no optimizer: {str(optimizer)[:100]}.")
    loss = _map_names(config.get("loss"), f"The loss in {what}")
    if loss is None:
        raise UnsupportedFeatureError(f"{what} has no loss.")
    metrics = config.get("metrics")
    if metrics is not None:
        metrics = _map_names(metrics, f"The metrics in {what}")
        if isinstance(metrics, list) and outputs > 1:
            metrics = [metrics] * outputs
    made, slots = _read_optimizer(name, {snake_case(str(key)): item for key, item in values.items()}, what)
    return {"optimizer": made, "loss": loss, "metrics": metrics}, slots


def _map_names(value: Any, what: str) -> Any:
    if isinstance(value, str):
        return _READ_NAMES.get(value, value)
    if isinstance(value, list):
        return [_map_names(item, what) for item in value]
    if isinstance(value, dict) and value:
        return {key: _map_names(item, what) for key, item in value.items()}
    if value is None:
        return None
    # A loss of the user's own is written as {}.
    raise UnsupportedFeatureError(f"{what} is no name but {str(value)[:60]!r}; functions of one's own are not saved.")


def _read_optimizer(name: str, values: Mapping[str, Any], what: str) -> tuple[Config, list[str]]:
    folded = name.replace("_", "").lower()
    kind = {"adam": "Adam", "momentum": "Momentum", "rmsprop": "RMSProp", "sgd": "SGD"}.get(folded)
    if kind is None:
        raise UnsupportedFeatureError(
            f"{what} names the optimizer {name[:60]!r}; recurra has {', '.join(_SLOTS)} of TensorFlow.js."
        )

    def number(key: str, default: float, other: str = "") -> float:
        value = values.get(key, values.get(other))
        value = default if value is None else value
        found = finite(value)
        if found is None:
            raise FormatError(f"{what}: {key} of {name} must be a number, not {str(value)[:60]!r}.")
        return found

    slots = [ours for _, ours in _SLOTS[kind]]
    rate = {"learning_rate": number("learning_rate", 0.001)}
    if kind == "Adam":
        config = {
            **rate,
            "beta_1": number("beta1", 0.9, "beta_1"),
            "beta_2": number("beta2", 0.999, "beta_2"),
            "epsilon": number("epsilon", 1e-7),
            "epsilon_hat": False,
        }
        return {"class_name": "Adam", "config": config}, slots
    if kind == "RMSProp":
        centered = bool(values.get("centered"))
        config = {
            **rate,
            "rho": number("decay", 0.9, "rho"),
            "momentum": number("momentum", 0.0),
            "epsilon": number("epsilon", 1e-7),
            "centered": centered,
        }
        return {"class_name": "RMSprop", "config": config}, slots if centered else slots[:2]
    if kind == "Momentum":
        nesterov = bool(values.get("use_nesterov", values.get("nesterov")))
        config = {**rate, "momentum": number("momentum", 0.9), "nesterov": nesterov, "scaled": False}
        return {"class_name": "SGD", "config": config}, slots
    return {"class_name": "SGD", "config": rate}, slots


def read_state(weights: Sequence[tuple[str, Array]], slots: Sequence[str], document: object) -> OptimizerState | None:
    """The optimizer's state: its number of steps, then all weights of the first slot, of the second, and so on.

    Raises:
        FormatError: The number of arrays cannot be divided so.
    """
    if not weights:
        return None
    (name, steps), rest = weights[0], weights[1:]
    if steps.size != 1 or not np.isfinite(steps).all() or not 0 <= steps.item() < 2**53:
        raise FormatError(f"The first weight of the optimizer in '{document}', '{name}', is no number of steps.")
    arrays = [array for _, array in rest]
    state = OptimizerState(int(steps.item()))
    if not arrays:
        return state
    if not slots or len(arrays) % len(slots):
        raise FormatError(
            f"'{document}' holds {len(arrays)} arrays of the optimizer, which are not {' and '.join(slots) or 'none'} "
            f"of each trainable weight."
        )
    count = len(arrays) // len(slots)
    state.slots = {slot: arrays[index * count : (index + 1) * count] for index, slot in enumerate(slots)}
    return state


def write_training(compiled: Config, masked_outputs: Sequence[str]) -> tuple[dict[str, Any], list[str], list[str]]:
    """What ``trainingConfig`` holds for what `compile` was given.

    Args:
        compiled: What `Model.get_compile_config` returned.
        masked_outputs: The outputs beside which a mask travels.

    Returns:
        The entry; the reasons why TensorFlow.js could not go on exactly with it, or none; and metrics left out.
    """
    reasons: list[str] = []
    if masked_outputs:
        reasons.append(
            f"TensorFlow.js counts masked steps in the loss, and the output '{masked_outputs[0]}' is masked; end the "
            f"mask with a recurrent layer without return_sequences"
        )
    if compiled.get("loss_weights") is not None:
        reasons.append("TensorFlow.js has no loss_weights; leave them out")
    if compiled.get("weighted_metrics"):
        reasons.append("TensorFlow.js has no weighted_metrics; leave them out")
    loss = _each(compiled.get("loss"), lambda item: _write_loss(item, reasons))
    if loss is None:
        reasons.append("the model was compiled without a loss")
    dropped: list[str] = []
    metrics = _write_metrics(compiled.get("metrics"), dropped)
    return {"loss": loss, "metrics": metrics, "optimizer_config": _write_optimizer(compiled, reasons)}, reasons, dropped


def _each(value: Any, convert: Any) -> Any:
    if isinstance(value, list):
        return [_each(item, convert) for item in value]
    if isinstance(value, Mapping) and "class_name" not in value:
        return {key: _each(item, convert) for key, item in value.items()}
    return None if value is None else convert(value)


def _write_loss(value: Any, reasons: list[str]) -> str | None:
    from ... import losses

    try:
        loss = losses.get(value)
    except ValueError:
        loss = None
    name = _LOSSES.get(type(loss).__name__)
    plain = name is not None and loss is not None and loss.get_config() == _without_name(type(loss)(), loss)
    if not plain:
        reasons.append(
            f"TensorFlow.js has no loss {_shown(value)}; it has {', '.join(sorted(_LOSSES.values()))}, without options"
        )
    return name


def _without_name(fresh: Any, loss: Any) -> dict[str, Any]:
    config: dict[str, Any] = fresh.get_config()
    return {**config, "name": loss.get_config().get("name")} if "name" in config else config


def _shown(value: Any) -> str:
    return repr(value.get("class_name")) + " with these options" if isinstance(value, Mapping) else repr(value)


def _write_metrics(value: Any, dropped: list[str]) -> Any:
    if isinstance(value, Mapping) and "class_name" not in value:
        # One name for each output is all the file can hold.
        found = {key: _write_metrics(item, dropped) for key, item in value.items()}
        dropped += [str(names[1]) for names in found.values() if names and len(names) > 1]
        return {key: names[0] for key, names in found.items() if names}
    if isinstance(value, list) and value and all(isinstance(item, list) and item == value[0] for item in value):
        value = value[0]  # one list in the file means every output
    names = []
    for item in [] if value is None else value if isinstance(value, list) else [value]:
        if isinstance(item, list):
            dropped += [str(inner) for inner in item]
            continue
        name = _metric_name(item)
        if name is None:
            dropped.append(_shown(item))
        else:
            names.append(name)
    return names


def _metric_name(value: Any) -> str | None:
    from ... import metrics

    if isinstance(value, str) and value in ("acc", "accuracy", "ce", "crossentropy"):
        return value
    try:
        return _METRICS.get(type(metrics.get(value)).__name__)
    except ValueError:
        return None


def _write_optimizer(compiled: Config, reasons: list[str]) -> dict[str, Any]:
    optimizer = compiled["optimizer"]
    name, config = optimizer["class_name"], optimizer["config"]
    rate = config.get("learning_rate")
    if not isinstance(rate, (int, float)):
        reasons.append("TensorFlow.js has no learning rate schedules; compile with a number")
    for key in ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm"):
        if config.get(key):
            reasons.append(f"TensorFlow.js's optimizers have no {key}; compile without it")
    if name == "Adam":
        if config["epsilon_hat"]:
            reasons.append(
                "its Adam adds epsilon after the correction of the second moment, Keras's before; compile with "
                "Adam(epsilon_hat=False), which is recurra.tfjs.train.adam()"
            )
        if config["amsgrad"]:
            reasons.append("its Adam has no amsgrad; compile without it")
        values = {"beta1": config["beta_1"], "beta2": config["beta_2"], "epsilon": config["epsilon"]}
        return {"class_name": "Adam", "config": {"learningRate": rate, **values}}
    if name == "RMSprop":
        values = {key: config[key] for key in ("momentum", "epsilon", "centered")}
        return {"class_name": "RMSProp", "config": {"learningRate": rate, "decay": config["rho"], **values}}
    if name == "SGD" and config["momentum"]:
        values = {"momentum": config["momentum"], "useNesterov": config["nesterov"]}
        return {"class_name": "Momentum", "config": {"learningRate": rate, **values}}
    if name != "SGD":
        reasons.append(f"TensorFlow.js has no optimizer {name}; compile with SGD, RMSprop or recurra.tfjs.train.adam()")
    return {"class_name": "SGD", "config": {"learningRate": rate}}


def write_state(
    state: OptimizerState, compiled: Config, kind: str, trainable: Sequence[tuple[str, Array]]
) -> list[tuple[str, Array]]:
    """The optimizer's state as TensorFlow.js's optimizer ``kind`` reads it.

    Args:
        state: The state.
        compiled: What `Model.get_compile_config` returned.
        kind: The optimizer's name in the file.
        trainable: The trainable weights with their names in the file.
    """
    result = [("iter", np.array(min(state.iterations, 2**31 - 1), dtype=np.int32))]
    config = compiled["optimizer"]["config"]
    if kind == "SGD" or not state.slots:
        return result
    for theirs, ours in _SLOTS[kind]:
        if theirs == "mg" and not config["centered"]:
            continue
        arrays = state.slots.get(ours) or [np.zeros_like(array) for _, array in trainable]
        if kind == "Momentum" and config["scaled"]:
            # Keras keeps steps, -learning_rate times what TensorFlow.js keeps.
            arrays = [array / -config["learning_rate"] if config["learning_rate"] else array for array in arrays]
        result += [(f"{name}/{theirs}", array) for (name, _), array in zip(trainable, arrays, strict=True)]
    return result
