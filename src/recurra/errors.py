"""Every exception recurra raises on purpose.

    RecurraError
    ├── ArgumentError (ValueError)          an argument has a wrong value or type
    │   ├── ShapeError                      ... a wrong shape
    │   └── UnknownNameError                ... a name that does not exist ("did you mean")
    ├── DataError (ValueError)              the user's data cannot be used as asked
    ├── FormatError (ValueError)            a file is not what it should be
    │   └── UnsupportedFeatureError         ... or a format cannot express a model
    ├── MissingDependencyError (ImportError)  an optional package is needed; names the pip command
    ├── EngineError (RuntimeError)          an engine cannot do what was asked
    │   └── UnsupportedOpError              ... it lacks an operation; names the engines that have it
    └── NonFiniteError (ArithmeticError)    training met NaN or infinity; says where it began

Messages follow one form: what is wrong, what was expected, what was received, how to mend it.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "ArgumentError",
    "DataError",
    "EngineError",
    "FormatError",
    "MissingDependencyError",
    "NonFiniteError",
    "RecurraError",
    "ShapeError",
    "UnknownNameError",
    "UnsupportedFeatureError",
    "UnsupportedOpError",
    "did_you_mean",
]


class RecurraError(Exception):
    """Base class of every error recurra raises on purpose."""


class ArgumentError(RecurraError, ValueError):
    """An argument has a wrong value or type."""


class ShapeError(ArgumentError):
    """An array or a symbolic tensor has a shape that does not fit."""


class UnknownNameError(ArgumentError):
    """A name (of a layer, loss, optimizer, column, ...) does not exist.

    Args:
        kind: What was looked up, such as ``"loss"``.
        name: The name received.
        known: The names that exist.

    Example:

    >>> raise UnknownNameError("loss", "mean_square_error", ["mean_squared_error", "mean_absolute_error"])
    Traceback (most recent call last):
    ...
    recurra.errors.UnknownNameError: Unknown loss 'mean_square_error'. Did you mean 'mean_squared_error'? \
Known: mean_absolute_error, mean_squared_error.
    """

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        known = sorted(known)
        super().__init__(
            f"Unknown {kind} {name!r}.{did_you_mean(str(name), known)} Known: {', '.join(known) or 'none'}."
        )


class DataError(RecurraError, ValueError):
    """The data given by the user cannot be used as asked."""


class FormatError(RecurraError, ValueError):
    """A file is damaged, of another program, or of a version this one cannot read."""


class UnsupportedFeatureError(FormatError):
    """A model has something that a file format, or recurra, cannot express. Says what, why, and the nearest option."""


class MissingDependencyError(RecurraError, ImportError):
    """An optional package is needed.

    Args:
        package: The package that could not be imported.
        purpose: What it is needed for, such as ``"Plots"``.
        extra: The extra of recurra that brings it, such as ``"plot"``.
    """

    def __init__(self, package: str, purpose: str, extra: str) -> None:
        super().__init__(
            f"{purpose} need the package {package!r}, which is not installed. "
            f"Install it with: pip install 'recurra[{extra}]'"
        )


class EngineError(RecurraError, RuntimeError):
    """An engine cannot do what was asked."""


class UnsupportedOpError(EngineError):
    """An engine lacks an operation, or an attribute value of it.

    Args:
        engine: The engine's name.
        what: What it lacks, such as ``"op 'conv1d'"``.
        available_in: The engines that have it.
    """

    def __init__(self, engine: str, what: str, available_in: Iterable[str]) -> None:
        super().__init__(
            f"The {engine} engine has no {what}. It exists in: {', '.join(sorted(available_in)) or 'no engine'}. "
            f"Choose one with model.compile(..., engine=...)."
        )


class NonFiniteError(RecurraError, ArithmeticError):
    """Training met NaN or infinity. The weights are those from before the failing step.

    Attributes:
        steps_made: Where one call was asked for several steps: how many went well before the failing one.
    """

    steps_made: int = 0


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns `` Did you mean 'x'?`` for the nearest known name, or an empty string.

    >>> did_you_mean("adma", ["adam", "sgd"])
    " Did you mean 'adam'?"
    >>> did_you_mean("zzz", ["adam", "sgd"])
    ''
    """
    import difflib  # only where a name is wrong: it is not light

    known = list(known)
    lowered = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.6)
    return f" Did you mean {lowered[near[0]]!r}?" if near else ""
