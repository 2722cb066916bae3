"""The programs that are timed, each with the settings its users would choose for speed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from ..cases import MODES

__all__ = ["PEERS", "Peer"]


@dataclass(frozen=True)
class Peer:
    """One program with its settings.

    Attributes:
        name: What reports call it.
        module: Its worker: a module of this package, or a script for Node.js.
        settings: What the worker is told when it starts: ``threads`` (None: as many as there are processors),
            ``precision``, ``backend``.
        modes: What it takes part in.
        cases: The cases it takes part in. Default: all.
        packages: The Python packages without which it is left out, and whose versions the report gives.
        compared: Whether it counts where the report looks for the best peer.
        phases: Whether it says what the parts of a step take; see `Peer.by_phase`.
    """

    name: str
    module: str
    settings: dict[str, Any] = field(default_factory=dict)
    modes: tuple[str, ...] = MODES
    cases: tuple[str, ...] | None = None
    packages: tuple[str, ...] = ()
    compared: bool = True
    phases: bool = False

    def by_phase(self) -> Peer:
        """The same program in another process, with a clock in its engine. Only recurra has one."""
        return dataclasses.replace(self, name=f"{self.name}, by phase", phases=True)

    @property
    def own(self) -> bool:
        """Whether it is recurra."""
        return self.module == "own"

    @property
    def node(self) -> bool:
        """Whether it runs in Node.js."""
        return self.module.endswith(".mjs")


_FORWARD = ("predict", "stream")
_STEPS = ("train_step", "predict")

PEERS = {
    peer.name: peer
    for peer in (
        Peer("recurra", "own"),
        Peer("recurra 1 thread", "own", {"threads": 1}),
        Peer("recurra bf16x3", "own", {"precision": "bf16x3"}, _STEPS),
        Peer("recurra bf16", "own", {"precision": "bf16"}, _STEPS),
        Peer("torch", "pytorch", packages=("torch",)),
        Peer("torch 1 thread", "pytorch", {"threads": 1}, packages=("torch",)),
        Peer("torch bf16 autocast", "pytorch", {"precision": "bf16"}, _STEPS, packages=("torch",), compared=False),
        Peer("JAX", "jax_scan", modes=("train_step", "predict", "stream"), packages=("jax", "jaxlib")),
        # Where a call from Python is most of a step, JAX users can put a loop over batches into the compiled function.
        Peer(
            "JAX 64 steps a call",
            "jax_scan",
            {"steps_a_call": 64},
            ("train_step",),
            ("seed", "ts32"),
            ("jax", "jaxlib"),
            compared=False,
        ),
        Peer("Keras on JAX", "keras3", {"backend": "jax"}, packages=("keras", "jax")),
        Peer("Keras on torch", "keras3", {"backend": "torch"}, packages=("keras", "torch")),
        Peer("ONNX Runtime", "onnx_runtime", modes=_FORWARD, packages=("onnxruntime", "onnx")),
        Peer("ONNX Runtime 1 thread", "onnx_runtime", {"threads": 1}, _FORWARD, packages=("onnxruntime", "onnx")),
        Peer("TF.js wasm", "tfjs.mjs", {"backend": "wasm"}),
        Peer("TF.js cpu", "tfjs.mjs", {"backend": "cpu"}),
    )
}
