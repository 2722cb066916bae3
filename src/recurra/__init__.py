"""recurra builds, trains, streams and ships LSTM networks.

Layers and training speak the vocabulary of Keras and, in `recurra.tfjs`, of TensorFlow.js. A small C++ core runs them.

Example:

>>> import numpy as np
>>> import recurra
>>> recurra.set_seed(0)
>>> model = recurra.Sequential([recurra.Input((1, 1)), recurra.layers.LSTM(16), recurra.layers.Dense(1)])
>>> model.compile(optimizer="adam", loss="mean_squared_error")
>>> history = model.fit(np.array([[1.0], [2.0]]), np.array([[1.0], [2.0]]), epochs=10, verbose=0)
>>> model.predict(np.array([[3.0]]), verbose=0).shape
(1, 1)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import (
        activations,
        callbacks,
        config,
        data,
        datasets,
        engines,
        errors,
        forecast,
        formats,
        graph,
        initializers,
        layers,
        losses,
        metrics,
        models,
        ops,
        optimizers,
        plots,
        random,
        regularizers,
        streaming,
        tfjs,
        training,
    )
    from .engines import num_threads, set_num_threads
    from .errors import RecurraError
    from .formats import load_model
    from .layers import Input
    from .models import Model, Sequential
    from .random import set_seed

__all__ = [
    "Input",
    "Model",
    "RecurraError",
    "Sequential",
    "activations",
    "callbacks",
    "config",
    "data",
    "datasets",
    "engines",
    "errors",
    "forecast",
    "formats",
    "graph",
    "initializers",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "models",
    "num_threads",
    "ops",
    "optimizers",
    "plots",
    "random",
    "regularizers",
    "set_num_threads",
    "set_seed",
    "streaming",
    "tfjs",
    "training",
]

__version__ = "0.1.0"

# Everything is imported when it is first used, so that `import recurra` costs nothing and what a program does not need,
# such as forecasting, is never loaded. Each name stands with the module it lives in; the other names are modules.
_HOMES = {
    "Input": "layers",
    "Model": "models",
    "RecurraError": "errors",
    "Sequential": "models",
    "load_model": "formats",
    "num_threads": "engines",
    "set_num_threads": "engines",
    "set_seed": "random",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        from .errors import did_you_mean

        raise AttributeError(f"module 'recurra' has no attribute {name!r}.{did_you_mean(name, __all__)}")
    if name in _HOMES:
        value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value
    return importlib.import_module(f".{name}", __name__)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
