"""Options as TensorFlow.js takes them, ``f({units: 3, useBias: false})``, as a mapping, as keywords, or both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..config import snake_case
from ..errors import ArgumentError, UnknownNameError

__all__ = ["UnknownMemberError", "merge", "missing", "snake"]


class UnknownMemberError(UnknownNameError, AttributeError):
    """Something like ``tf.layers.lsmt`` does not exist. An AttributeError too, as Python expects of attributes."""


def merge(
    what: str, known: Iterable[str], args: Mapping[str, Any] | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Joins a mapping and keywords, and checks the names.

    Args:
        what: Whose options they are, such as ``"lstm"``; it appears in errors.
        known: The names that exist.
        args: The mapping, or None.
        options: The keywords. They win over the mapping.

    Raises:
        UnknownNameError: A name does not exist.
        ArgumentError: ``args`` is no mapping.

    Example:

    >>> merge("dense", ["units", "useBias"], {"units": 3}, {"useBias": False})
    {'units': 3, 'useBias': False}
    """
    if args is not None and not isinstance(args, Mapping):
        raise ArgumentError(
            f"{what} takes its options by name: {what}(units=16) or {what}({{'units': 16}}), received "
            f"{type(args).__name__}: {args!r}."
        )
    known = list(known)
    result = {**(args or {}), **options}
    for name in result:
        if name not in known:
            raise UnknownNameError(f"option of {what}:", name, known)
    return result


def missing(what: str, name: str, example: str) -> ArgumentError:
    """The error that an option is not there."""
    return ArgumentError(f"{what} needs the option '{name}', such as {what}({name}={example}).")


def snake(options: Mapping[str, Any]) -> dict[str, Any]:
    """Spells the names in Keras's way, without those whose value is None: undefined means the default.

    >>> snake({"useBias": False, "kernelInitializer": None})
    {'use_bias': False}
    """
    return {snake_case(name): value for name, value in options.items() if value is not None}
