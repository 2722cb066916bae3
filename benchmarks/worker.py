"""One framework and one model in a process of its own.

    python worker.py recurra ts32

It reads numbers of steps from standard input, one a line, trains for so many, and answers with the seconds it took.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

from cases import CASES, Case

Trainer = Callable[[int], None]


def recurra_fit(case: Case) -> Trainer:
    """``fit``, as a user calls it."""
    import recurra
    from recurra.layers import LSTM, Dense

    recurra.set_seed(0)
    stack: list[Any] = [recurra.Input((case.time, case.features))]
    stack += [
        LSTM(case.units, return_sequences=case.classes or level + 1 < case.layers) for level in range(case.layers)
    ]
    stack.append(Dense(case.outputs, activation="softmax" if case.classes else None))
    model = recurra.Sequential(stack)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy" if case.classes else "mse")
    x, y = case.data(batches=8)

    def train(steps: int) -> None:
        model.fit(x, y, batch_size=case.batch, epochs=1, steps_per_epoch=steps, shuffle=False, verbose=0)

    return train


def torch_loop(case: Case) -> Trainer:
    """The usual loop around ``torch.nn.LSTM`` and Adam, the data being tensors already."""
    import torch

    torch.manual_seed(0)

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = torch.nn.LSTM(case.features, case.units, case.layers, batch_first=True)
            self.dense = torch.nn.Linear(case.units, case.outputs)

        def forward(self, x: Any) -> Any:
            outputs, _ = self.lstm(x)
            return self.dense(outputs if case.classes else outputs[:, -1])

    network = Network()
    rule = torch.optim.Adam(network.parameters())
    x, y = (torch.from_numpy(array) for array in case.data(batches=8))
    parts = [(x[i : i + case.batch], y[i : i + case.batch]) for i in range(0, len(x), case.batch)]

    def train(steps: int) -> None:
        for step in range(steps):
            inputs, targets = parts[step % len(parts)]
            rule.zero_grad()
            outputs = network(inputs)
            if case.classes:
                loss = torch.nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten().long())
            else:
                loss = torch.nn.functional.mse_loss(outputs, targets)
            loss.backward()
            rule.step()

    return train


FRAMEWORKS = {"recurra": recurra_fit, "torch": torch_loop}


def main() -> None:
    train = FRAMEWORKS[sys.argv[1]](CASES[sys.argv[2]])
    train(3)
    print("ready", flush=True)
    for line in sys.stdin:
        start = perf_counter()
        train(int(line))
        print(perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
