"""The command ``recurra``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command and leaves with its exit code.

    The codes: 0 done, 1 an extra is missing or something unexpected went wrong, 2 the input or the arguments cannot be
    used, 130 Ctrl-C.

    Args:
        arguments: What stands behind ``recurra`` on the command line. Default: that.
    """
    try:
        from .app import run
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] not in ("typer", "click"):
            raise
        print(
            "recurra: the command line needs the package 'typer', which is not installed. "
            "Install it with: pip install 'recurra[cli]'",
            file=sys.stderr,
        )
        sys.exit(1)
    sys.exit(run(arguments))
