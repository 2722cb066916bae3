"""Files that are cut short, damaged, of another program, or made to do harm."""

from __future__ import annotations

import copy
import json
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.formats.models import X, Y, assemble, lstm_model, parts

import recurra
from recurra.errors import FormatError
from recurra.formats import limits, load_model, load_weights
from recurra.formats.limits import count_layers, parse_json
from recurra.layers import Activation, Dense, Input, Layer
from recurra.models import Model


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("good") / "m.safetensors"
    model = lstm_model()
    model.fit(X, Y)
    model.save(path)
    return path


def refused(path: Path, words: str | None = None) -> None:
    """Both ways of reading refuse the file with a FormatError that names it."""
    model = lstm_model()
    before = model.get_weights()
    for read in (lambda: load_model(path), lambda: load_weights(model, path)):
        with pytest.raises(FormatError, match=words) as caught:
            read()
        assert str(path) in str(caught.value)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_a_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "none", "No such file")
    refused(tmp_path, "directory")


def test_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    refused(path, "no ordinary file")  # and nobody waits for somebody to write into it


def test_a_file_cut_short_anywhere(good: Path, tmp_path: Path) -> None:
    data = good.read_bytes()
    path = tmp_path / "cut"
    (length,) = struct.unpack("<Q", data[:8])
    for size in (0, 1, 7, 8, 9, length // 2, length + 7, length + 8, length + 9, len(data) - 1):
        path.write_bytes(data[:size])
        refused(path, "empty|only its beginning|cut short")


def test_bytes_too_many(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(good.read_bytes() + b"\0")
    refused(path, "too long")


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04" + b"\0" * 60, b"\x89HDF\r\n\x1a\n" + b"\0" * 60, b"{}" * 40, b"\xff" * 80, bytes(80)]
)
def test_files_of_other_kinds(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(data)
    refused(path, "no safetensors file")


def test_a_safetensors_file_of_another_program(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "other.safetensors"
    save_file({"a": np.zeros(3, np.float32)}, path, {"format": "pt"})
    refused(path, "another program")
    save_file({"a": np.zeros(3, np.float32)}, path)
    refused(path, "another program")


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(format="x"), "unknown format"),
        (lambda c: c.pop("format"), "unknown format"),
        (lambda c: c.update(version=2), "version 2.*install"),
        (lambda c: c.update(version="1"), "names no version"),
        (lambda c: c.update(version=True), "names no version"),
        (lambda c: c.update(version=0), "names no version"),
        (lambda c: c.update(weights="abc"), "does not list its weights"),
        (lambda c: c.update(weights=[1]), "does not list its weights"),
        (lambda c: c["weights"].append(c["weights"][0]), "does not list its weights"),
        (lambda c: c["weights"].pop(), "holds unknown tensors: dense/bias"),
        (lambda c: c["weights"].append("more"), "lacks tensors: more"),
    ],
)
def test_wrong_notes(good: Path, tmp_path: Path, change: Change, words: str) -> None:
    header, content, tensors = parts(good)
    change(content)
    assemble(tmp_path / "m", header, content, tensors)
    refused(tmp_path / "m", words)


def layer(content: dict[str, Any], index: int) -> dict[str, Any]:
    config: dict[str, Any] = content["model"]["config"]["layers"][index]["config"]
    return config


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.pop("model"), "describes no model"),
        (lambda c: c.update(model=[]), "describes no model"),
        (lambda c: c["model"].update(class_name="Dense"), "cannot be made"),
        (lambda c: c["model"].update(class_name="os.system"), "Unknown layer"),
        (lambda c: c["model"].update(class_name=7), "cannot be made"),
        (lambda c: c["model"].update(config={}), "cannot be made"),
        (lambda c: c["model"]["config"].update(layers=5), "cannot be made"),
        (lambda c: c["model"]["config"].update(layers=[]), "cannot be made|differ"),
        (lambda c: c["model"]["config"]["layers"].pop(), "differ in dense"),
        (lambda c: layer(c, 1).update(units=5), "needs float32 of shape"),
        (lambda c: layer(c, 1).update(units=-1), "cannot be made"),
        (lambda c: layer(c, 1).update(units="many"), "cannot be made"),
        (lambda c: layer(c, 1).update(units=10**15), "cannot be made|needs float32"),
        (lambda c: layer(c, 1).update(units=10**9), "cannot be made|needs float32"),
        (lambda c: layer(c, 1).update(units=float(10**308)), "cannot be made|needs float32"),
        (lambda c: layer(c, 1).update(activation="__import__"), "cannot be made"),
        (lambda c: layer(c, 1).update(surprise=1), "cannot be made"),
        (lambda c: layer(c, 1).update(name="other"), "lacks the weight 'other/kernel'"),
        (lambda c: layer(c, 1).update(dtype="float64"), "needs float64"),
        (lambda c: layer(c, 1).update(dtype="object"), "cannot be made|needs object"),
        (lambda c: layer(c, 0).update(batch_shape=[None, 6, 3]), "needs float32 of shape"),
        (lambda c: layer(c, 0).update(batch_shape=[None, None, None]), "cannot be made"),
        (lambda c: [layer(c, 0).update(batch_shape=[10**12, 6, 2]), layer(c, 1).update(stateful=True)], "state"),
        (lambda c: [layer(c, 0).update(batch_shape=[2**22 + 1, 6, 2]), layer(c, 1).update(stateful=True)], "state"),
        (lambda c: c["compile"].update(optimizer={"class_name": "Adam", "config": {"beta": 1}}), "cannot be compiled"),
        (lambda c: c["compile"].update(optimizer="magic"), "cannot be compiled"),
        (lambda c: c["compile"].update(surprise=1), "cannot be compiled"),
        (lambda c: c.update(compile=[1]), "cannot be compiled"),
        (lambda c: c["compile"].update(loss="magic"), "cannot be compiled"),
        (lambda c: c["compile"].update(metrics=[["mae"] * 2]), "cannot be compiled"),
        (lambda c: c["optimizer"].update(iterations=-1), "how many steps"),
        (lambda c: c["optimizer"].update(iterations=1.5), "how many steps"),
        (lambda c: c["optimizer"].update(iterations=2**70), "how many steps"),
        (lambda c: c.update(optimizer=None), "does not say what it is"),
        (lambda c: c.update(optimizer=[]), "how many steps"),
        (lambda c: c["compile"].update(optimizer={"class_name": "SGD", "config": {}}), "do not fit"),
    ],
)
def test_wrong_configurations(good: Path, tmp_path: Path, change: Change, words: str) -> None:
    header, content, tensors = parts(good)
    change(content)
    path = tmp_path / "m"
    assemble(path, header, content, tensors)
    with pytest.raises(FormatError, match=words) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


def test_a_configuration_that_asks_for_much_memory_gets_none(good: Path, tmp_path: Path) -> None:
    header, content, tensors = parts(good)
    layer(content, 1).update(units=200_000)
    assemble(tmp_path / "m", header, content, tensors)
    load_model(good)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            load_model(tmp_path / "m")
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: e.update(shape=[4, 9]), "damaged"),
        (lambda e: e.update(shape=[-1, 1]), "damaged"),
        (lambda e: e.update(shape=[2**40, 2**40]), "damaged"),
        (lambda e: e.update(dtype="I64"), "described wrongly"),
        (lambda e: e.update(dtype="F16"), "described wrongly"),
        (lambda e: e.update(dtype=["F32"]), "described wrongly"),
        (lambda e: e.update(dtype={}), "described wrongly"),
        (lambda e: e.update(data_offsets=[0]), "described wrongly"),
        (lambda e: e.update(data_offsets=[0, 2**70]), "cut short"),
        (lambda e: e.update(data_offsets=[-4, 12]), "described wrongly"),
        (lambda e: e.update(data_offsets=[True, 12]), "described wrongly"),
        (lambda e: e.update(data_offsets=[4, 20]), "damaged"),
        (lambda e: e.clear(), "described wrongly"),
    ],
)
def test_wrong_descriptions_of_a_tensor(good: Path, tmp_path: Path, change: Change, words: str) -> None:
    header, content, tensors = parts(good)
    first = next(name for name, entry in header.items() if entry.get("data_offsets", [1])[0] == 0)
    change(header[first])
    assemble(tmp_path / "m", header, content, tensors)
    refused(tmp_path / "m", words)


def test_tensors_of_wrong_shape_missing_and_unknown(good: Path, tmp_path: Path) -> None:
    header, content, tensors = parts(good)
    turned = copy.deepcopy(header)
    turned["weights/dense/kernel"]["shape"] = [1, 4]
    assemble(tmp_path / "m", turned, content, tensors)
    refused(tmp_path / "m", "dense/kernel")
    renamed = {name.replace("weights/dense/bias", "weights/dense/bios"): entry for name, entry in header.items()}
    assemble(tmp_path / "m", renamed, content, tensors)
    refused(tmp_path / "m", "lacks tensors: dense/bias")
    renamed = {name.replace("weights/dense/bias", "dense/bias"): entry for name, entry in header.items()}
    assemble(tmp_path / "m", renamed, content, tensors)
    refused(tmp_path / "m", "lacks tensors")


@pytest.mark.parametrize(
    "text", ["[]", "5", "nul", '{"a": NaN}', '{"format": 1, "format": 2}', "[" * 5000 + "]" * 5000, "\ud800", "{" * 70]
)
def test_notes_that_are_no_json(good: Path, tmp_path: Path, text: str) -> None:
    header, _, tensors = parts(good)
    assemble(tmp_path / "m", header, text, tensors)
    refused(tmp_path / "m")


def test_a_header_nested_deeply(good: Path, tmp_path: Path) -> None:
    _, _, tensors = parts(good)
    assemble(tmp_path / "m", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", None, tensors)
    refused(tmp_path / "m", "nested deeper")


def test_a_header_larger_than_any_model_needs(tmp_path: Path) -> None:
    path = tmp_path / "m"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", limits.MAX_HEADER_BYTES + 1) + b"{")
        file.truncate(limits.MAX_HEADER_BYTES + 100)
    refused(path, "no safetensors")


def test_too_many_layers(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, content, _ = parts(good)
    found = count_layers(content["model"])
    assert found >= 5
    monkeypatch.setattr("recurra.formats.recurra.MAX_LAYERS", found)
    load_model(good)
    monkeypatch.setattr("recurra.formats.recurra.MAX_LAYERS", found - 1)
    with pytest.raises(FormatError, match="at most"):
        load_model(good)


def nested(depth: int, calls: int) -> Model:
    """A model that calls a model ``calls`` times, which calls one, and so on: calls ** depth layers in few bytes."""
    inner: Layer = Activation("tanh", name="tanh")
    for level in range(depth):
        start = x = Input((2,), name=f"input{level}")
        for _ in range(calls):
            x = inner(x)
        inner = Model(start, x, name=f"model{level}")
    assert isinstance(inner, Model)
    return inner


@pytest.mark.parametrize("format", ["recurra", "tfjs"])
def test_a_few_bytes_that_ask_for_endless_work(format: str, tmp_path: Path) -> None:
    path = tmp_path / ("m" if format == "recurra" else "m/")
    nested(4, 3).save(path, format=format)
    assert len(load_model(path).layers) == 2

    def called_more_often(config: dict[str, Any]) -> None:
        for entry in config["config"]["layers"]:
            if entry["class_name"] == "Model":
                called_more_often(entry)
                entry["inbound_nodes"] *= 40

    if format == "recurra":
        header, content, tensors = parts(path)
        called_more_often(content["model"])
        assemble(path, header, content, tensors)
    else:
        document = json.loads((path / "model.json").read_text())
        called_more_often(document["modelTopology"])
        (path / "model.json").write_text(json.dumps(document))
    with pytest.raises(FormatError, match="layers"):
        load_model(path)


def test_a_layer_called_on_nothing(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "m"
    nested(1, 2).save(path)
    for args in ([], [[]], [[[1.0, 2.0]]], "x"):
        header, content, tensors = parts(path)
        content["model"]["config"]["layers"][1]["inbound_nodes"][0]["args"] = args
        assemble(path, header, content, tensors)
        with pytest.raises(FormatError, match="called on nothing"):
            load_model(path)


def test_calls_written_down_in_any_order(tmp_path: Path) -> None:
    recurra.set_seed(3)
    start = x = Input((2,))
    for number in range(30):
        x = Dense(2, name=f"dense{number}")(x)
    model = Model(start, x)
    path = tmp_path / "m"
    model.save(path)
    header, content, tensors = parts(path)
    content["model"]["config"]["layers"].reverse()
    assemble(path, header, content, tensors)
    again = load_model(path)
    assert (again.predict(np.ones((1, 2)), verbose=0) == model.predict(np.ones((1, 2)), verbose=0)).all()


def test_too_many_tensors(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header, _, _ = parts(good)
    monkeypatch.setattr("recurra.formats.container.MAX_TENSORS", len(header) - 1)
    load_model(good)
    monkeypatch.setattr("recurra.formats.container.MAX_TENSORS", len(header) - 2)
    with pytest.raises(FormatError, match="tensors; at most"):
        load_model(good)


def test_json_depth_counts_brackets_outside_strings_only() -> None:
    nested = "[" * limits.MAX_JSON_DEPTH + "]" * limits.MAX_JSON_DEPTH
    parse_json(nested, "It")
    with pytest.raises(FormatError, match="nested deeper than 64"):
        parse_json("[" + nested + "]", "It")
    assert parse_json(json.dumps({"a": "[{" * 500 + '\\"'}), "It") == {"a": "[{" * 500 + '\\"'}
    with pytest.raises(FormatError, match="UTF-8"):
        parse_json(b'"\xff"', "It")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_byte_is_refused_or_harmless(good: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Whatever is written over one place: either a FormatError, or a model that is a model. Never anything else."""
    original = good.read_bytes()
    at = data.draw(st.integers(0, len(original) - 1))
    patch = data.draw(st.binary(min_size=1, max_size=8))
    path = tmp_path / "fuzz"
    path.write_bytes(original[:at] + patch + original[at + len(patch) :])
    try:
        model = load_model(path)
    except FormatError:
        return
    assert model.count_params() == 117
