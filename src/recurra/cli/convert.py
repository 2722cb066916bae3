"""``recurra convert``."""

from __future__ import annotations

from pathlib import Path

from ..errors import ArgumentError, FormatError
from ..formats import load_model, save_model
from ..formats.files import format_of

__all__ = ["run_convert", "verify_model"]

TOLERANCE = 1e-5
"""How far predictions may differ, for numbers up to 1; for larger ones in proportion."""


def run_convert(
    source: Path, target: Path, to: str | None, optimizer: bool | None, quantization: str | None, verify: bool
) -> None:
    """Reads a model and writes it in another format.

    Args:
        source: A file or folder that `recurra.load_model` reads.
        target: Where to write.
        to: The format, or None: recurra for a name with ``.safetensors``, otherwise a folder for TensorFlow.js.
        optimizer: Whether the optimizer's state goes with it; None as far as possible.
        quantization: See `recurra.formats.tfjs.save_model`.
        verify: Whether the result is run in Node.js and compared.
    """
    model = load_model(source, compile=optimizer is not False)
    wanted = to or ("recurra" if target.suffix == ".safetensors" else "tfjs")
    options: dict[str, object] = {}
    if wanted == "tfjs":
        options = {"include_optimizer": optimizer, "quantization": quantization}
    elif quantization is not None:
        raise ArgumentError("Only files of TensorFlow.js can be quantized. Leave out --quantization.")
    save_model(model, target, wanted, **options)
    print(f"{source} ({format_of(source)}) -> {target} ({wanted}): {model.count_params():,} weights")
    if verify:
        verify_model(target)


def verify_model(path: Path) -> None:
    """Runs a model here and, as TensorFlow.js has it, in Node.js, and prints the largest difference."""
    from ..formats.tfjs.node import compare

    model = load_model(path, compile=False)
    document = None
    if format_of(path) == "tfjs":
        document = path / "model.json" if path.is_dir() else path
    difference, largest = compare(model, document)
    if not difference <= TOLERANCE * max(1.0, largest):
        raise FormatError(
            f"TensorFlow.js in Node.js predicts other numbers than recurra for '{path}': the largest difference is "
            f"{difference:.1e}, for numbers up to {largest:.1e}. Rounding explains {TOLERANCE * max(1.0, largest):.0e}."
        )
    print(f"verified: TensorFlow.js in Node.js predicts the same; the largest difference is {difference:.1e}")
