"""A callback made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import UnknownNameError
from .base import Callback

__all__ = ["LambdaCallback"]

_HOOKS = tuple(sorted(name for name in vars(Callback) if name.startswith("on_")))


class LambdaCallback(Callback):
    """Calls the given functions instead of methods.

    Args:
        on_epoch_begin, on_epoch_end: Called with ``(epoch, logs)``.
        on_train_begin, on_train_end: Called with ``(logs)``.
        on_train_batch_begin, on_train_batch_end: Called with ``(batch, logs)``.
        **others: Functions for other methods of `Callback`, by its name.

    Raises:
        UnknownNameError: A name in ``others`` is no method of `Callback`.

    Example:

    >>> shout = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **others: Callable[..., Any],
    ) -> None:
        named = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **others,
        }
        for name, function in named.items():
            if name not in _HOOKS:
                raise UnknownNameError("callback method", name, _HOOKS)
            if function is not None:
                setattr(self, name, function)
