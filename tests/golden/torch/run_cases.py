"""Computes with PyTorch what the cases of this folder expect.

    python run_cases.py < cases.json        prints a JSON list: one result for each case

Needs: pip install torch==2.13.0
PyTorch keeps weights transposed and has two biases: but for the GRU the second stays zero and is not trained. The gates
of its LSTM stand in the same order (i, f, g, o), those of its GRU with the first two exchanged (r, z, n).
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch

LOSSES = {
    "binary_crossentropy": torch.nn.functional.binary_cross_entropy,
    "mean_absolute_error": torch.nn.functional.l1_loss,
    "mean_squared_error": torch.nn.functional.mse_loss,
}
ACTIVATIONS = {"linear": lambda x: x, "sigmoid": torch.sigmoid}
CELLS = {"GRU": torch.nn.GRU, "LSTM": torch.nn.LSTM, "SimpleRNN": torch.nn.RNN}


def exchanged(weight: torch.Tensor) -> torch.Tensor:
    """z, r, h as r, z, h and back."""
    z, r, h = weight.chunk(3)
    return torch.cat([r, z, h])


class Network(torch.nn.Module):
    """The layers of a case, in sequence."""

    def __init__(self, specs: list[dict[str, Any]]) -> None:
        super().__init__()
        self.specs = specs
        self.parts = torch.nn.ModuleList()
        for spec in specs:
            weights = [torch.tensor(w, dtype=torch.float32) for w in spec["weights"]]
            if spec["class_name"] == "Embedding":
                part: Any = torch.nn.Embedding(*weights[0].shape)
                part.weight.data = weights[0]
            elif spec["class_name"] in CELLS:
                part = CELLS[spec["class_name"]](weights[0].shape[0], spec["config"]["units"], batch_first=True)
                if spec["class_name"] == "GRU":
                    parts = [exchanged(w) for w in (weights[0].T, weights[1].T, *weights[2])]
                else:
                    parts = [weights[0].T, weights[1].T, weights[2], torch.zeros_like(weights[2])]
                    part.bias_hh_l0.requires_grad = False
                for parameter, value in zip(part.parameters(), parts, strict=True):
                    parameter.data = value.contiguous()
            else:
                part = torch.nn.Linear(*weights[0].shape)
                part.weight.data = weights[0].T.contiguous()
                part.bias.data = weights[1]
            self.parts.append(part)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for spec, part in zip(self.specs, self.parts, strict=True):
            if spec["class_name"] in CELLS:
                x, _ = part(x)
                x = x if spec["config"]["return_sequences"] else x[:, -1]
            elif spec["class_name"] == "Dense":
                x = ACTIVATIONS[spec["config"]["activation"]](part(x))
            else:
                x = part(x)
        return x

    def arrays(self, gradients: bool = False) -> list[Any]:
        found = []
        for part in self.parts:
            trained = [p for p in part.parameters() if p.requires_grad]
            values = [p.grad if gradients else p.data for p in trained]
            if isinstance(part, torch.nn.GRU):
                values = [exchanged(value) for value in values]
            if not isinstance(part, torch.nn.Embedding):
                values = [value.T if value.dim() == 2 else value for value in values]
            if isinstance(part, torch.nn.GRU):
                values[2:] = [torch.stack(values[2:])]
            found += [value.tolist() for value in values]
        return found


def inputs(case: dict[str, Any], key: str) -> torch.Tensor:
    words = case["layers"][0]["class_name"] == "Embedding"
    return torch.tensor(case[key], dtype=torch.int64 if words else torch.float32)


def forward(case: dict[str, Any]) -> Any:
    with torch.no_grad():
        return [Network(case["layers"])(inputs(case, "input")).tolist()]


def train(case: dict[str, Any]) -> Any:
    network = Network(case["layers"])
    x, y = inputs(case, "x"), torch.tensor(case["y"], dtype=torch.float32)
    config, name = case["optimizer"]["config"], case["optimizer"]["class_name"]
    parameters = [p for p in network.parameters() if p.requires_grad]
    if name == "Adam":
        rule: Any = torch.optim.Adam(
            parameters, config["learning_rate"], (config["beta_1"], config["beta_2"]), config["epsilon"]
        )
    else:
        rule = torch.optim.SGD(
            parameters, config["learning_rate"], config.get("momentum", 0.0), nesterov=config.get("nesterov", False)
        )
    loss_of = LOSSES[case["loss"]]
    result: dict[str, Any] = {"predict_before": network(x).tolist()}
    loss_of(network(x), y).backward()
    result["gradients"] = network.arrays(gradients=True)
    result["loss"] = []
    for _ in range(case["epochs"]):
        total = 0.0
        for start in range(0, len(x), case["batch_size"]):
            part = slice(start, start + case["batch_size"])
            rule.zero_grad()
            loss = loss_of(network(x[part]), y[part])
            loss.backward()
            rule.step()
            total += loss.item() * len(x[part])
        result["loss"].append(total / len(x))
    with torch.no_grad():
        result["predict_after"] = network(x).tolist()
    result["weights"] = network.arrays()
    return result


KINDS = {"forward": forward, "train": train}

if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps([KINDS[case["kind"]](case) for case in json.load(sys.stdin)]))
