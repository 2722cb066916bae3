"""Finding objects by name, and turning them into plain data and back.

Every room that users name things of (activations, initializers, layers, losses, ...) holds one `Registry`. What it
holds is a function or a `Configurable` class, whose configuration is read off its attributes.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Self, TypeVar

import numpy as np

from .errors import ArgumentError, UnknownNameError
from .typing import Config

__all__ = [
    "Configurable",
    "Registry",
    "check_arguments",
    "constructor_arguments",
    "custom_object_scope",
    "encode",
]

T = TypeVar("T")

_custom: ContextVar[Mapping[str, Any]] = ContextVar("custom_objects", default={})  # noqa: B039 - never changed


@contextlib.contextmanager
def custom_object_scope(objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Makes names known to every registry inside a ``with`` block.

    Args:
        objects: Class or function by the name a configuration calls it.

    Example:

    >>> import recurra.activations as activations
    >>> def twice(x):
    ...     return x + x
    >>> with custom_object_scope({"twice": twice}):
    ...     activations.get("twice") is twice
    True
    """
    token = _custom.set({**_custom.get(), **(objects or {})})
    try:
        yield
    finally:
        _custom.reset(token)


class Registry:
    """The objects of one kind by name.

    ``meanSquaredError``, ``MeanSquaredError`` and ``mean_squared_error`` are one name.

    Args:
        kind: What it holds, such as ``"loss"``; it appears in errors.

    Example:

    >>> shapes = Registry("shape")
    >>> @shapes.register("circle", "round")
    ... def circle():
    ...     return "o"
    >>> shapes.get("Round")()
    'o'
    >>> shapes.serialize(circle)
    'circle'
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._found: dict[str, Any] = {}
        self._names: dict[str, Any] = {}

    @property
    def names(self) -> list[str]:
        """The registered names, sorted."""
        return sorted(self._names)

    def register(self, *names: str) -> Callable[[T], T]:
        """Makes the decorated class or function known under ``names``. Default: its own name.

        Raises:
            ArgumentError: Another object has the name already.
        """

        def add(thing: T) -> T:
            for name in names or (_name_of(thing),):
                key = _fold(name)
                if self._found.get(key, thing) is not thing:
                    raise ArgumentError(f"There is another {self.kind} named {name!r} already.")
                self._found[key] = thing
                self._names[name] = thing
            return thing

        return add

    def find(self, name: str) -> Any:
        """The class or function of that name, not an instance.

        Raises:
            UnknownNameError: Nothing has that name.
        """
        custom = _custom.get()
        if name in custom:
            return custom[name]
        try:
            return self._found[_fold(name)]
        except KeyError:
            raise UnknownNameError(self.kind, name, {*self._names, *custom}) from None

    def get(self, identifier: Any) -> Any:
        """Turns whatever names an object into the object.

        Args:
            identifier: A name; a class (an instance with its defaults is made); a mapping with ``"class_name"`` and
                ``"config"``; None (stays None); anything else that is callable is the object itself.

        Raises:
            UnknownNameError: Nothing has that name.
            ArgumentError: The identifier is none of these, or the arguments in it do not fit.
        """
        if identifier is None:
            return None
        if isinstance(identifier, str):
            found = self.find(identifier)
            return self._make(found, {}) if isinstance(found, type) else found
        if isinstance(identifier, type):
            return self._make(identifier, {})
        if isinstance(identifier, Mapping):
            name, config = identifier.get("class_name"), identifier.get("config")
            if name == "function" and isinstance(config, str):
                return self.find(config)
            if not isinstance(name, str) or not (config is None or isinstance(config, Mapping)):
                raise ArgumentError(
                    f"For a {self.kind}, a mapping needs the keys 'class_name' (a string) and 'config' "
                    f"(a mapping), received {identifier!r}."
                )
            found = self.find(name)
            return self._make(found, config or {}) if isinstance(found, type) else found
        if callable(identifier) or isinstance(identifier, Configurable):
            return identifier
        raise ArgumentError(
            f"No {self.kind} can be made of {identifier!r}. Give a name ({', '.join(self.names)}), an object, or a "
            f"mapping with 'class_name' and 'config'."
        )

    def serialize(self, thing: Any) -> Any:
        """Turns an object into what `get` makes it of again: a name, a mapping, or None."""
        return encode(thing)

    def _make(self, found: type, config: Mapping[str, Any]) -> Any:
        if hasattr(found, "from_config"):
            return found.from_config(dict(config))
        check_arguments(found, config)
        return found(**config)


class Configurable:
    """A class whose configuration is its constructor's arguments, kept in attributes of the same names.

    So a subclass that stores each argument under its own name needs no `get_config`. One that does not overrides
    `get_config`, and `from_config` where needed.

    Example:

    >>> class Line(Configurable):
    ...     def __init__(self, slope, offset=0.0):
    ...         self.slope = slope
    ...         self.offset = offset
    >>> Line(2.0).get_config()
    {'slope': 2.0, 'offset': 0.0}
    >>> Line.from_config({"slope": 2.0, "offset": 0.0}).slope
    2.0
    """

    _not_in_config: tuple[str, ...] = ()

    def get_config(self) -> Config:
        """The constructor arguments that make an equal object, in a form JSON can hold.

        Raises:
            ArgumentError: An argument is not kept in an attribute of its name, or JSON cannot hold it.
        """
        config = {}
        for name in constructor_arguments(type(self)):
            if name in self._not_in_config:
                continue
            if not hasattr(self, name):
                raise ArgumentError(
                    f"The configuration of {type(self).__name__} cannot be read: its argument '{name}' is not kept. "
                    f"Write self.{name} = {name} in __init__, or define get_config."
                )
            config[name] = encode(getattr(self, name))
        return config

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes an object of what `get_config` returned.

        Raises:
            ArgumentError: The constructor does not take these arguments.
        """
        check_arguments(cls, config)
        return cls(**config)


def encode(value: Any) -> Any:
    """Turns a value into plain data: numbers, strings, None, lists and mappings.

    Objects with a configuration become ``{"class_name", "config"}``, functions their name.

    Raises:
        ArgumentError: The value has no such form.

    >>> encode((1, None, "a"))
    [1, None, 'a']
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if hasattr(value, "get_config") and not isinstance(value, type):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    name = getattr(value, "__name__", "")
    if callable(value) and name.isidentifier():
        return name
    raise ArgumentError(
        f"Cannot write {value!r} into a configuration. Give a function defined with def, a registered name, or an "
        f"object with get_config."
    )


def check_arguments(cls: type, config: Mapping[str, Any]) -> None:
    """Raises ArgumentError where ``cls(**config)`` lacks an argument or has one too many."""
    signature = inspect.signature(cls)
    try:
        signature.bind(**config)
    except TypeError as error:
        raise ArgumentError(
            f"{cls.__name__} cannot be made with the arguments {dict(config)}: {error}. Expected: "
            f"{cls.__name__}{signature}."
        ) from None


def constructor_arguments(cls: type) -> tuple[str, ...]:
    """The names of the constructor's arguments, those that ``**kwargs`` hands to base classes included, bases first.

    >>> from recurra.layers import Flatten
    >>> constructor_arguments(Flatten)[:2]
    ('name', 'trainable')
    """
    return _arguments_in(cls.__mro__)


@functools.cache
def _arguments_in(bases: tuple[type, ...]) -> tuple[str, ...]:
    names: list[str] = []
    for klass in bases:
        if "__init__" not in vars(klass) or klass is object:
            continue
        parameters = list(inspect.signature(vars(klass)["__init__"]).parameters.values())[1:]
        own = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        names = [name for name in own if name not in names] + names
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return tuple(names)


def _fold(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


def _name_of(thing: object) -> str:
    name = getattr(thing, "__name__", None)
    if not isinstance(name, str):
        raise ArgumentError(f"{thing!r} has no name of its own. Give one: register('name').")
    return name
