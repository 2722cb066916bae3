"""PyTorch: the usual loop around its recurrent layers and fused Adam."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import torch

from ..cases import Case
from ..protocol import Maker, Run, Unavailable, all_threads

__all__ = ["start"]


class Network(torch.nn.Module):
    def __init__(self, case: Case) -> None:
        super().__init__()
        cell = {"SimpleRNN": "RNN"}.get(case.cell, case.cell)
        self.recurrent = getattr(torch.nn, cell)(case.features, case.units, case.layers, batch_first=True)
        self.dense = torch.nn.Linear(case.units, case.outputs)
        self.classes = case.classes

    def forward(self, x: Any) -> Any:
        outputs, _ = self.recurrent(x)
        return self.dense(outputs if self.classes else outputs[:, -1])

    def step(self, x: Any, state: Any) -> tuple[Any, Any]:
        outputs, state = self.recurrent(x, state)
        y = self.dense(outputs[:, -1])
        return (torch.softmax(y, -1) if self.classes else y), state


def _need_bf16() -> None:
    """Tries a small layer: its library has no LSTM in bf16 for processors without AVX-512."""
    with torch.autocast("cpu", torch.bfloat16):
        try:
            torch.nn.LSTM(16, 16)(torch.zeros(2, 2, 16))
        except RuntimeError as error:
            raise Unavailable(f"PyTorch has no LSTM in bf16 for this processor ({str(error)[:60]}...)") from None


def start(settings: Mapping[str, Any]) -> dict[str, Maker]:
    torch.set_num_threads(all_threads(settings))
    bf16 = settings.get("precision") == "bf16"

    if bf16:
        _need_bf16()

    def autocast() -> Any:
        return torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext()

    def train(case: Case, batches: int, report: bool) -> Run:
        torch.manual_seed(0)
        network = Network(case)
        rule = torch.optim.Adam(network.parameters(), fused=True)
        x, y = (torch.from_numpy(array) for array in case.data(batches))
        if case.classes:
            y = y.long()
        parts = list(zip(x.split(case.batch), y.split(case.batch), strict=True))

        def run(steps: int) -> None:
            total = 0.0
            for step in range(steps):
                inputs, targets = parts[step % len(parts)]
                rule.zero_grad()
                with autocast():
                    outputs = network(inputs)
                    if case.classes:
                        loss = torch.nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())
                    else:
                        loss = torch.nn.functional.mse_loss(outputs, targets)
                loss.backward()
                rule.step()
                if report:
                    total += loss.item()

        run(3)
        return run

    def predict(case: Case, batches: int) -> Run:
        torch.manual_seed(0)
        network = Network(case).eval()
        x = torch.from_numpy(case.data(1)[0])

        def run(steps: int) -> None:
            with torch.inference_mode(), autocast():
                for _ in range(steps):
                    y = network(x)
                    if case.classes:
                        torch.softmax(y, -1)

        run(3)
        return run

    def stream(case: Case, batches: int) -> Run:
        torch.manual_seed(0)
        network = Network(case).eval()
        x = torch.from_numpy(case.data(1)[0][:1, :1].copy())

        def run(steps: int) -> None:
            state = None
            with torch.inference_mode():
                for _ in range(steps):
                    _, state = network.step(x, state)

        run(3)
        return run

    return {
        "train_step": lambda case, batches: train(case, batches, report=False),
        "fit": lambda case, batches: train(case, batches, report=True),
        "predict": predict,
        "stream": stream,
    }
