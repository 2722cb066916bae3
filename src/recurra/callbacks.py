"""What looks into a training run and steers it. (They live in `recurra.training.callbacks`.)

Example:

>>> from recurra.callbacks import EarlyStopping
>>> stop = EarlyStopping(patience=3, restore_best_weights=True)
"""

from __future__ import annotations

from .training.callbacks import (
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
