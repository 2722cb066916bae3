"""A forecaster on disk: a folder with ``forecaster.json`` and one model file for each of its networks.

The description names the SHA-256 of each model file, so that a folder whose files do not belong together is noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.frequency import Frequency
from ..data.scaling import Scaler
from ..errors import ArgumentError, FormatError, RecurraError
from ..formats import load_model
from ..formats.atomic import replacing
from .inputs import Anchor, Inputs
from .intervals import Intervals

if TYPE_CHECKING:
    from .forecaster import Fitted, Forecaster

__all__ = ["DESCRIPTION", "load_forecaster", "model_file", "save_forecaster"]

DESCRIPTION = "forecaster.json"
_KIND = "recurra forecaster"
_VERSION = 1
_MOST = 16 * 2**20
_ARGUMENTS = (
    "horizon",
    "window",
    "units",
    "epochs",
    "members",
    "transform",
    "levels",
    "held_out",
    "step",
    "batch_size",
    "learning_rate",
    "patience",
    "seed",
)


def model_file(member: int) -> str:
    """The name of the model file of a network, counted from 0."""
    return "model.safetensors" if member == 0 else f"model_{member + 1}.safetensors"


def save_forecaster(forecaster: Forecaster, fitted: Fitted, folder: Path) -> None:
    """See `Forecaster.save`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArgumentError(f"Cannot make the folder '{folder}': {error.strerror or error}.") from None
    models: dict[str, str] = {}
    for member, network in enumerate(fitted.networks):
        network.save(folder / model_file(member))
        models[model_file(member)] = _digest(folder / model_file(member))
    season = forecaster.season
    content = {
        "kind": _KIND,
        "version": _VERSION,
        "arguments": {
            **{name: getattr(forecaster, name) for name in _ARGUMENTS},
            "season": season if season is None else np.atleast_1d(np.asarray(season, dtype=float)).tolist(),
        },
        "series": {"name": fitted.name, "time_name": fitted.time_name, "frequency": asdict(fitted.frequency)},
        "scaler": fitted.scaler.to_json(),
        "inputs": {
            "anchor": fitted.inputs.anchor.to_json(),
            "horizon": fitted.inputs.horizon,
            "window": fitted.inputs.window,
            "unit": fitted.inputs.unit,
        },
        "intervals": fitted.intervals.to_json(),
        "floor": fitted.floor,
        "models": models,
    }
    with replacing(folder / DESCRIPTION) as file:
        file.write(json.dumps(content, indent=1).encode() + b"\n")


def load_forecaster(folder: Path) -> Forecaster:
    """See `Forecaster.load`."""
    from .forecaster import Fitted, Forecaster

    file = folder / DESCRIPTION
    content: dict[str, Any] = _read(folder, file)
    try:
        series, parts = content["series"], content["inputs"]
        inputs = Inputs(
            Anchor.from_json(parts["anchor"]), int(parts["horizon"]), int(parts["window"]), float(parts["unit"])
        )
        scaler = Scaler(**content["scaler"])
        frequency = Frequency(**series["frequency"])
        intervals = Intervals.from_json(content["intervals"], inputs.horizon)
        forecaster = Forecaster(**content["arguments"])
        floor = None if content["floor"] is None else float(content["floor"])
        name: Any = series["name"]
        time_name: Any = series["time_name"]
        models: Any = content["models"]
        count: Any = frequency.count
        sound = (
            isinstance(name, str)
            and isinstance(time_name, (str, type(None)))
            and isinstance(models, dict)
            and len(models) == forecaster.members
            and inputs.horizon == forecaster.horizon
            and 1 <= inputs.window <= 100_000
            and inputs.unit > 0
            and scaler.scale > 0
            and frequency.kind in ("business_days", "microseconds", "months", "steps")
            and isinstance(count, int)
            and count > 0
        )
    except FormatError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FormatError(f"'{file}' is damaged: {type(error).__name__} ({error}).") from None
    if not sound:
        raise FormatError(f"'{file}' is damaged: its entries contradict each other.")
    networks = [_network(folder, model_file(member), models, inputs) for member in range(forecaster.members)]
    forecaster._fitted = Fitted(networks, scaler, inputs, intervals, floor, name, frequency, time_name)
    return forecaster


def _read(folder: Path, file: Path) -> dict[str, Any]:
    if not folder.exists():
        raise FormatError(f"There is no folder '{folder}'. Expected one that a forecast was written to.")
    if not folder.is_dir():
        raise FormatError(f"'{folder}' is a file. Expected the folder that a forecast was written to.")
    if not file.is_file():
        raise FormatError(
            f"'{folder}' holds no forecaster: there is no {DESCRIPTION} in it. "
            f"Expected the output folder of an earlier forecast, or what Forecaster.save wrote."
        )
    try:
        if file.stat().st_size > _MOST:
            raise FormatError(f"'{file}' has more than {_MOST:,} bytes: it is no description of a forecaster.")
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise FormatError(f"'{file}' cannot be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError):
        raise FormatError(f"'{file}' is not valid JSON: it is cut short, damaged, or of another program.") from None
    if not isinstance(content, dict) or content.get("kind") != _KIND:
        raise FormatError(f"'{file}' is of another program: it does not describe a recurra forecaster.")
    if content.get("version") != _VERSION:
        raise FormatError(
            f"'{file}' is of version {content.get('version')!r}, but this recurra reads version {_VERSION}. "
            f"Install a newer recurra."
        )
    return content


def _network(folder: Path, name: str, models: Mapping[str, Any], inputs: Inputs) -> Any:
    path = folder / name
    if name not in models or not path.is_file():
        raise FormatError(f"'{path}' is missing. The folder is not complete; copy all of its files.")
    if _digest(path) != models[name]:
        raise FormatError(
            f"'{path}' is not the model that {DESCRIPTION} describes: it is cut short, damaged, or of another forecast."
        )
    try:
        network = load_model(path)
    except FormatError:
        raise
    except RecurraError as error:
        raise FormatError(f"'{path}' cannot be used: {error}") from None
    expected = (None, inputs.window + inputs.horizon, inputs.features)
    if tuple(network.inputs[0].shape) != expected:
        raise FormatError(f"'{path}' takes inputs of shape {network.inputs[0].shape}, expected {expected}.")
    return network


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise FormatError(f"'{path}' cannot be read: {os.strerror(error.errno or 0)}.") from None
    return digest.hexdigest()
