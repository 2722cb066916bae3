"""Running a saved model in Node.js, to see that TensorFlow.js computes the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FormatError, RecurraError
from ...layers import Embedding
from ...models import Model
from ...typing import Array
from .writer import save_model

__all__ = ["NodeError", "compare", "find_tensorflowjs", "random_inputs", "run_in_node", "verify"]

SCRIPT = Path(__file__).parent / "web" / "predict.mjs"
_PACKAGE = Path("node_modules", "@tensorflow", "tfjs")


class NodeError(RecurraError, RuntimeError):
    """Node.js or TensorFlow.js is not there, or could not run a model."""


def find_tensorflowjs(*near: Path) -> Path:
    """The folder of the package ``@tensorflow/tfjs``.

    It is looked for in ``RECURRA_TFJS``, beside the given folders, in the working folder, in all folders above these,
    in ``NODE_PATH``, and where npm installs globally.

    Raises:
        NodeError: It is not found; says how to install it.
    """
    for folder in _candidates(near):
        if (folder / "package.json").is_file():
            return folder
    raise NodeError(
        "TensorFlow.js was not found. Install it with: npm install @tensorflow/tfjs, in the working folder or beside "
        "the model; or say where it is: RECURRA_TFJS=/path/to/node_modules/@tensorflow/tfjs."
    )


def _candidates(near: Sequence[Path]) -> Iterator[Path]:
    named = os.environ.get("RECURRA_TFJS")
    if named:
        yield Path(named)
        return
    for start in (*near, Path.cwd()):
        start = start.resolve()
        for folder in (start, *start.parents):
            yield folder / _PACKAGE
    for listed in os.environ.get("NODE_PATH", "").split(os.pathsep):
        if listed:
            yield Path(listed, *_PACKAGE.parts[1:])
    npm = shutil.which("npm")
    if npm is not None:
        done = subprocess.run([npm, "root", "--global"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            yield Path(done.stdout.strip(), *_PACKAGE.parts[1:])


def run_in_node(document: Path, inputs: Sequence[Array], timeout: float = 300.0) -> list[Array]:
    """What the model predicts in Node.js.

    Args:
        document: Its ``model.json``.
        inputs: One array for each input.
        timeout: Seconds after which it is stopped.

    Raises:
        NodeError: Node.js or TensorFlow.js is not there, or refuses the model; holds what it said.
    """
    node = shutil.which("node")
    if node is None:
        raise NodeError("Node.js was not found: there is no program 'node'. Install it from your system's packages.")
    package = find_tensorflowjs(document.parent)
    given = [
        {"shape": list(array.shape), "dtype": "int32" if array.dtype.kind in "iu" else "float32", "data": _flat(array)}
        for array in inputs
    ]
    environment = {**os.environ, "RECURRA_TFJS": str(package)}
    try:
        done = subprocess.run(
            [node, str(SCRIPT), "--raw", "--model", str(document)],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            env=environment,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NodeError(f"Node.js did not answer within {timeout:g} seconds.") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = next((line for line in lines if "Error" in line), lines[-1] if lines else "no message")
        raise NodeError(f"TensorFlow.js could not run '{document}': {reason.strip()[:500]}")
    # TensorFlow.js may greet before it answers.
    answer: dict[str, Any] = json.loads(done.stdout[done.stdout.index('{"outputs"') :])
    return [np.array(out["data"], dtype=np.float32).reshape(out["shape"]) for out in answer["outputs"]]


def _flat(array: Array) -> list[Any]:
    values: list[Any] = array.ravel().tolist()
    return values


def random_inputs(model: Model, seed: int = 0, batch: int = 3, time: int = 7) -> list[Array]:
    """Arrays that a model takes: normal numbers, or indices that its embeddings have.

    Args:
        model: A built model.
        seed: Where the numbers start from.
        batch, time: Sizes where the model leaves them open.
    """
    draw = np.random.default_rng(seed)
    result: list[Array] = []
    for tensor in model.inputs:
        shape = [size or (time if axis else batch) for axis, size in enumerate(tensor.shape)]
        rows = [
            node.layer.input_dim
            for node in model._order
            if isinstance(node.layer, Embedding) and any(parent is tensor for parent in node.parents)
        ]
        if rows or tensor.element == "int":
            inside = [layer.input_dim for layer in model.walk() if isinstance(layer, Embedding)]
            result.append(draw.integers(0, min(rows or inside or [2]), shape).astype(np.int32))
        else:
            result.append(draw.standard_normal(shape).astype(np.float32))
    return result


def verify(model: Model, document: Path | None = None, seed: int = 0) -> float:
    """The largest difference between what a model predicts here and in Node.js; see `compare`."""
    return compare(model, document, seed)[0]


def compare(model: Model, document: Path | None = None, seed: int = 0) -> tuple[float, float]:
    """Runs a model here and in Node.js on the same random input.

    Args:
        model: The model. States of stateful layers start at 0 on both sides.
        document: The ``model.json`` it was saved as or read from. Default None: it is saved to a temporary folder.
        seed: Where the input starts from.

    Returns:
        The largest difference between any two numbers predicted, and the largest number.

    Raises:
        NodeError: Node.js or TensorFlow.js is not there, or refuses the model.
        FormatError: The two do not even have the same outputs.
    """
    inputs = random_inputs(model, seed)
    if model.states:
        model.reset_states()
    here = model.predict_on_batch(inputs if len(inputs) > 1 else inputs[0])
    if model.states:
        model.reset_states()
    ours = list(here) if isinstance(here, list) else [here]
    if document is None:
        with tempfile.TemporaryDirectory() as folder:
            save_model(model, folder, include_optimizer=False)
            theirs = run_in_node(Path(folder, "model.json"), inputs)
    else:
        theirs = run_in_node(document, inputs)
    if [array.shape for array in ours] != [array.shape for array in theirs]:
        raise FormatError(
            f"recurra predicts arrays of shapes {[a.shape for a in ours]}, TensorFlow.js {[a.shape for a in theirs]}."
        )
    difference = max((float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True) if a.size), default=0.0)
    return difference, max((float(np.abs(a).max()) for a in ours if a.size), default=0.0)
