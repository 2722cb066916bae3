"""Makes the inputs that fuzzing begins with: ``PYTHONPATH=src:. python -m tests.fuzz.seeds``."""

from __future__ import annotations

import base64
import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tests.formats.tfjs.folders import SAMPLES

import recurra
from recurra import layers, optimizers
from recurra.tfjs import train

from .loaders import CORPUS, pack


def _chain() -> recurra.Model:
    parts = [layers.Embedding(5, 2, mask_zero=True), layers.GRU(2, reset_after=False, return_sequences=True)]
    start = recurra.Input((3,), dtype="int32")
    return recurra.Sequential([start, *parts, layers.SimpleRNN(2, activation="relu"), layers.Dense(1)])


def _shapes() -> recurra.Model:
    more = [layers.Permute((2, 1)), layers.Reshape((4, 2)), layers.Dropout(0.5), layers.Activation("softplus")]
    return recurra.Sequential([recurra.Input((2, 4)), *more, layers.Flatten(), layers.RepeatVector(2), layers.LSTM(1)])


def _two_ways() -> recurra.Model:
    inner = layers.LSTM(2, return_sequences=True, kernel_regularizer="l2", kernel_initializer="he_uniform")
    both = layers.Bidirectional(inner, merge_mode="sum", zero_output_for_mask=False)
    return recurra.Sequential([recurra.Input((3, 1)), layers.Masking(), both, layers.LSTM(1)])


def _web() -> recurra.Model:
    a, b = recurra.Input((3, 2), name="a"), recurra.Input((None, 2), name="b")
    _, h, c = layers.LSTM(2, return_state=True)(a)
    inside = recurra.Sequential([recurra.Input((3, 2)), layers.LSTM(2)], name="inside")
    joined = layers.Concatenate()([layers.LSTM(2)(b, initial_state=[h, c]), inside(a)])
    shared = layers.Dense(2, activation="softmax")
    return recurra.Model([a, b], [shared(layers.Dense(4)(joined)), layers.Add()([shared(joined), shared(joined)])])


def _stateful() -> recurra.Model:
    return recurra.Sequential([recurra.Input(batch_shape=(2, 3, 1)), layers.LSTM(2, stateful=True)])


_MODELS: dict[str, tuple[Callable[[], recurra.Model], Callable[[], Any]]] = {
    "chain": (_chain, train.adam),
    "shapes": (_shapes, lambda: train.momentum(0.1, 0.9)),
    "stateful": (_stateful, lambda: optimizers.RMSprop(centered=True)),
    "two_ways": (_two_ways, lambda: optimizers.SGD(0.1)),
    "web": (_web, train.adam),
}


def _models() -> Iterator[tuple[str, recurra.Model]]:
    for name, (make, optimizer) in _MODELS.items():
        recurra.set_seed(1)
        model = make()
        losses = ["mse"] * len(model.outputs)
        model.compile(optimizer(), losses if len(losses) > 1 else "mse", engine="numpy")
        shapes = [[size or (3 if axis else 2) for axis, size in enumerate(tensor.shape)] for tensor in model.inputs]
        x = [np.ones(shape) for shape in shapes]
        y = model.predict_on_batch(x if len(x) > 1 else x[0])
        model.train_on_batch(x if len(x) > 1 else x[0], y)
        yield name, model


def _bundle(folder: Path, split: bool) -> bytes:
    document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    (group,) = document["weightsManifest"]
    data = b"".join((folder / name).read_bytes() for name in group["paths"])
    group["paths"] = ["a.bin", "b.bin"]
    at = len(data) // 3 if split else len(data)
    return pack(json.dumps(document), data[:at], data[at:])


def main() -> None:
    """Writes corpus/recurra and corpus/tfjs."""
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that some training states are left out for TensorFlow.js
        place = Path(name)
        for number, (name, model) in enumerate(_models()):
            model.save(CORPUS / "recurra" / name)
            kind = (None, "float16", "uint8", "uint16", None)[number]
            model.save(place / name, format="tfjs", quantization=kind)
            (CORPUS / "tfjs" / name).write_bytes(_bundle(place / name, number % 2 == 0))
        for name, sample in SAMPLES.items():
            document = sample["model_json"]
            document["weightsManifest"][0]["paths"] = ["a.bin", "b.bin"]
            data = base64.b64decode(sample["weights_bin_base64"])
            (CORPUS / "tfjs" / f"theirs_{name}").write_bytes(pack(json.dumps(document), data))
    (CORPUS / "recurra" / "weights").write_bytes(b"")
    recurra.Sequential([recurra.Input((1,)), layers.Dense(1)]).save_weights(CORPUS / "recurra" / "weights")


if __name__ == "__main__":
    main()
