"""Folders for TensorFlow.js that are cut short, damaged, or made to do harm: a named error, and nothing else."""

from __future__ import annotations

import copy
import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import recurra
from recurra import layers
from recurra.errors import ArgumentError, FormatError, RecurraError, UnsupportedFeatureError
from recurra.formats import limits, load_model
from recurra.tfjs import train

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    recurra.set_seed(1)
    model = recurra.Sequential([recurra.Input((4, 2)), layers.LSTM(3, name="lstm"), layers.Dense(1, name="out")])
    model.compile(train.adam(), "mse")
    x = np.zeros((4, 4, 2))
    model.fit(x, x[:, 0, :1], verbose=0)
    model.save(folder, format="tfjs", include_optimizer=True)
    return folder


def copied(good: Path, target: Path) -> tuple[Path, dict[str, Any]]:
    target.mkdir(exist_ok=True)
    for file in good.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    document: dict[str, Any] = json.loads((target / "model.json").read_text(encoding="utf-8"))
    return target, document


def refused(folder: Path, words: str | None = None, kind: type[Exception] = FormatError) -> None:
    """The folder is refused with an error that names a file in it, and stays as it was."""
    before = {file.name: file.lstat().st_mtime_ns for file in folder.iterdir()}
    with pytest.raises(kind, match=words) as caught:
        load_model(folder)
    assert isinstance(caught.value, RecurraError)
    assert str(folder) in str(caught.value)
    assert {file.name: file.lstat().st_mtime_ns for file in folder.iterdir()} == before


def changed(good: Path, tmp_path: Path, change: Change) -> Path:
    folder, document = copied(good, tmp_path)
    change(document)
    (folder / "model.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def weights(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document["weightsManifest"][0]["weights"]
    return found


def data_of(folder: Path) -> Path:
    (file,) = folder.glob("*.bin")
    return file


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="without a 'model.json'"):
        load_model(tmp_path)
    with pytest.raises(FormatError, match="No such file"):
        load_model(tmp_path / "model.json")
    (tmp_path / "model.json").mkdir()
    refused(tmp_path, "No such file")


def test_json_cut_short_anywhere(good: Path, tmp_path: Path) -> None:
    folder, _ = copied(good, tmp_path)
    text = (folder / "model.json").read_bytes()
    for size in [*range(0, len(text) - 1, 97), len(text) - 1]:
        (folder / "model.json").write_bytes(text[:size])
        refused(folder, "is not JSON")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "no 'modelTopology'"),
        (b'{"modelTopology": {}, "modelTopology": {}}', "twice"),
        (b'{"modelTopology": NaN}', "NaN is not a number"),
        (b'{"modelTopology": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper"),
        (b'{"modelTopology": {}, "format": "graph-model"}', "single operations"),
        (b'{"modelTopology": {"node": []}}', "graph model"),
        (b'{"modelTopology": 1' + b"0" * 5000 + b"}", "."),
    ],
)
def test_json_that_is_no_model(text: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_bytes(text)
    refused(tmp_path, words)


def test_json_that_is_too_large(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recurra.formats.tfjs import reader

    folder, _ = copied(good, tmp_path)
    monkeypatch.setattr(reader, "MAX_HEADER_BYTES", 100)
    refused(folder, "larger than 100 bytes")


def test_too_many_layers_and_weights(good: Path, tmp_path: Path) -> None:
    many = [{"class_name": "Flatten", "config": {}}] * (limits.MAX_LAYERS + 1)
    refused(changed(good, tmp_path / "a", lambda d: d["modelTopology"]["config"].update(layers=many)), "more than")
    more = [{"name": "w", "shape": [], "dtype": "float32"}] * (limits.MAX_TENSORS + 1)
    refused(changed(good, tmp_path / "b", lambda d: d["weightsManifest"][0].update(weights=more)), "or more than")


def test_weights_cut_short_or_too_long(good: Path, tmp_path: Path) -> None:
    folder, _ = copied(good, tmp_path)
    file = data_of(folder)
    data = file.read_bytes()
    for size in (0, 1, len(data) // 2, len(data) - 1):
        file.write_bytes(data[:size])
        refused(folder, "cut short")
    file.write_bytes(data + b"\0")
    refused(folder, "too many")
    file.unlink()
    refused(folder, "No such file")


@pytest.mark.parametrize(
    "path",
    ["../w.bin", "a/../../w.bin", "/etc/hostname", "C:\\w.bin", "C:/w.bin", "..\\w.bin", "./w.bin", "a//b", "", ".",
     "..", "file:///etc/hostname", "http://example.org/w.bin", "w\0.bin", "a" * 2000, 5, None, ["w.bin"], "w.bin/"],
)  # fmt: skip
def test_paths_that_lead_away(good: Path, tmp_path: Path, path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = changed(good, tmp_path, lambda d: d["weightsManifest"][0].update(paths=[path]))
    opened: list[str] = []
    real = Path.open

    def noted(self: Path, *args: Any, **options: Any) -> Any:
        opened.append(str(self))
        return real(self, *args, **options)

    monkeypatch.setattr(Path, "open", noted)
    refused(folder, "Names must be relative")
    assert [name for name in opened if not name.endswith("model.json")] == []


def test_files_that_are_none(good: Path, tmp_path: Path) -> None:
    folder, document = copied(good, tmp_path)
    os.mkfifo(folder / "pipe")
    document["weightsManifest"][0]["paths"] = ["pipe"]
    (folder / "model.json").write_text(json.dumps(document), encoding="utf-8")
    refused(folder, "no ordinary file")  # and does not wait for somebody to write into it


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("weightsManifest"), "no list 'weightsManifest'"),
        (lambda d: d.update(weightsManifest=[5]), "no list of 'paths'"),
        (lambda d: d["weightsManifest"][0].update(weights={}), "no list of 'weights'"),
        (lambda d: d["weightsManifest"][0]["paths"].append(d["weightsManifest"][0]["paths"][0]), "a file twice"),
        (lambda d: d["weightsManifest"].append({**d["weightsManifest"][0], "weights": []}), "a file twice"),
        (lambda d: weights(d).append(weights(d)[0]), "twice"),
        (lambda d: weights(d).pop(), "too many"),
        (lambda d: weights(d)[0].pop("name"), "has no name"),
        (lambda d: weights(d)[0].update(name=""), "has no name"),
        (lambda d: weights(d)[0].update(shape=[2, 13]), "cut short"),
        (lambda d: weights(d)[0].update(shape=[2**39, 2**39]), "cut short"),
        (lambda d: weights(d)[0].update(shape=[-2, -12]), "no valid shape"),
        (lambda d: weights(d)[0].update(shape=[2.0, 12]), "no valid shape"),
        (lambda d: weights(d)[0].update(shape=[True, 24]), "no valid shape"),
        (lambda d: weights(d)[0].update(shape=[10**400]), "no valid shape"),
        (lambda d: weights(d)[0].update(shape=None), "no valid shape"),
        (lambda d: weights(d)[0].update(shape=[1] * 40), "no valid shape"),
        (lambda d: weights(d)[0].update(dtype="float64"), "unknown dtype"),
        (lambda d: weights(d)[0].update(dtype=["float32"]), "unknown dtype"),
        (lambda d: weights(d)[0].update(quantization={"dtype": "uint8"}), "without a finite number"),
        (lambda d: weights(d)[0].update(quantization={"dtype": "uint8", "scale": 10**400, "min": 0}), "finite number"),
        (lambda d: weights(d)[0].update(quantization={"dtype": "uint8", "scale": 1, "min": 0}), "too many"),
        (lambda d: weights(d)[0].update(dtype="bool", quantization={"dtype": "float16"}), "never stored"),
        (lambda d: weights(d)[0].update(shape=[12, 2]), "not those of its layers"),
        (lambda d: weights(d)[0].update(name="elsewhere/kernel"), "not those of its layers"),
        (lambda d: weights(d)[0].update(group="optimizer"), "not those of its layers|no number of steps|more weights"),
        (lambda d: d.update(userDefinedMetadata=[1]), "no mapping"),
        (lambda d: d.update(trainingConfig=[1]), "names no optimizer"),
        (lambda d: d["trainingConfig"]["optimizer_config"]["config"].update(beta1=10**400), "must be a number"),
        (lambda d: layer_config(d).update(dropout=10**400), "must be a number"),
        (lambda d: weights(d)[-1].update(group=None), "holds 9 arrays of the optimizer"),
    ],
)  # fmt: skip
def test_lying_descriptions(change: Change, words: str, good: Path, tmp_path: Path) -> None:
    refused(changed(good, tmp_path, change), words)


def test_strings_and_complex_numbers(good: Path, tmp_path: Path) -> None:
    for number, dtype in enumerate(("string", "complex64")):
        folder = changed(good, tmp_path / str(number), lambda d, dtype=dtype: weights(d)[0].update(dtype=dtype))  # type: ignore[misc]
        refused(folder, "weights of numbers only", UnsupportedFeatureError)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none(value: float, good: Path, tmp_path: Path) -> None:
    folder, _ = copied(good, tmp_path)
    data = bytearray(data_of(folder).read_bytes())
    data[8:12] = np.float32(value).tobytes()
    data_of(folder).write_bytes(bytes(data))
    refused(folder, "NaN or infinite: lstm/kernel")
    assert not np.isfinite(load_model(folder, allow_nonfinite=True).get_weights()[0]).all()


def test_numbers_that_are_none_in_the_state_of_training(good: Path, tmp_path: Path) -> None:
    folder, _ = copied(good, tmp_path)
    data = bytearray(data_of(folder).read_bytes())
    data[-4:] = np.float32(np.nan).tobytes()
    data_of(folder).write_bytes(bytes(data))
    refused(folder, "optimizer.*NaN")
    assert np.isfinite(load_model(folder, compile=False).get_weights()[0]).all()
    assert load_model(folder, allow_nonfinite=True).optimizer.iterations == 1


def layer_config(document: dict[str, Any], index: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = document["modelTopology"]["config"]["layers"][index]["config"]
    return found


@pytest.mark.parametrize(
    "change",
    [
        lambda d: layer_config(d).update(units=2**39),
        lambda d: layer_config(d).update(units=30_000),
        lambda d: layer_config(d, 1).update(units=2**30),
        lambda d: layer_config(d).update(batch_input_shape=[None, 4, 2**30]),
        lambda d: layer_config(d).update(stateful=True, batch_input_shape=[2**30, 4, 2]),
        lambda d: layer_config(d).update(stateful=True, batch_input_shape=[2**23, 4, 2]),
        lambda d: layer_config(d).update(batch_input_shape=[None, 2**30, 2]),
        lambda d: d["modelTopology"]["config"]["layers"].append(
            {"class_name": "Embedding", "config": {"name": "e", "input_dim": 2**38, "output_dim": 64}}
        ),
        lambda d: weights(d)[0].update(shape=[2**33, 2**5]),
    ],
)
def test_no_memory_is_taken_on_a_files_word(change: Change, good: Path, tmp_path: Path) -> None:
    folder = changed(good, tmp_path, change)
    tracemalloc.start()
    try:
        try:
            load_model(folder)
        except FormatError:
            pass
        else:  # Only the number of steps may be large: nothing is stored for each.
            assert json.loads((folder / "model.json").read_text())["modelTopology"]["config"]["layers"][0]["config"][
                "batch_input_shape"
            ] == [None, 2**30, 2]
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_nothing_is_executed(good: Path, tmp_path: Path) -> None:
    """Names in a file find what is registered, never what Python could import."""
    for number, name in enumerate(("os.system", "builtins.eval", "Lambda", "__import__", "Layer", "Model.__init__")):
        folder = changed(
            good,
            tmp_path / str(number),
            lambda d, name=name: d["modelTopology"]["config"]["layers"][0].update(class_name=name),  # type: ignore[misc]
        )
        refused(folder, "recurra does not have", UnsupportedFeatureError)
    for number, name in enumerate(("eval", "os.system", "get", "__class__", "serialize")):
        folder = changed(
            good,
            tmp_path / f"a{number}",
            lambda d, name=name: layer_config(d).update(activation=name),  # type: ignore[misc]
        )
        refused(folder, "not known to recurra", UnsupportedFeatureError)


@pytest.mark.parametrize("name", [[], [[]], {}, 7, None, "Dense"])
def test_a_class_that_is_no_name_of_one(good: Path, tmp_path: Path, name: Any) -> None:
    """Of a layer, of the layer in a Bidirectional, and of the model."""
    of_layers = changed(
        good, tmp_path / "a", lambda d: d["modelTopology"]["config"]["layers"][0].update(class_name=name)
    )
    refused(of_layers)
    inner = {
        "class_name": "Bidirectional",
        "config": {"merge_mode": "sum", "layer": {"class_name": name, "config": {}}},
    }
    refused(
        changed(good, tmp_path / "b", lambda d: d["modelTopology"]["config"].update(layers=[inner])), "is none of GRU"
    )
    refused(changed(good, tmp_path / "c", lambda d: d["modelTopology"].update(class_name=name)))


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    model = recurra.Sequential([recurra.Input((4, 2)), layers.GRU(3)])
    with pytest.raises(UnsupportedFeatureError, match="reset"):
        model.save(tmp_path / "new", format="tfjs")
    assert not (tmp_path / "new").exists()
    good = recurra.Sequential([recurra.Input((4, 2)), layers.LSTM(3)])
    good.user_metadata = {"a": object()}
    with pytest.raises(ArgumentError, match="JSON"):
        good.save(tmp_path / "new", format="tfjs")
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("x")
    good.user_metadata = None
    with pytest.raises(ArgumentError, match="file, not a folder"):
        good.save(tmp_path / "file", format="tfjs")
    assert (tmp_path / "file").read_text() == "x"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        return found + [p for key, item in value.items() for p in places(item, (*path, key))]
    if isinstance(value, list):
        return found + [p for index, item in enumerate(value) for p in places(item, (*path, index))]
    return found


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_anything_anywhere_is_refused_or_a_model(good: Path, tmp_path: Path, data: st.DataObject) -> None:
    """One value of model.json becomes something else: a FormatError, or a model that predicts."""
    folder, document = copied(good, tmp_path)
    place = data.draw(st.sampled_from(places(document)))
    inside = document
    for key in place[:-1]:
        inside = inside[key]
    if data.draw(st.booleans()):
        inside[place[-1]] = data.draw(JSON)
    else:
        inside[place[-1]] = copy.deepcopy(_at(document, data.draw(st.sampled_from(places(document)))))
    (folder / "model.json").write_text(json.dumps(document), encoding="utf-8")
    try:
        model = load_model(folder)
    except FormatError:
        return
    assert model.count_params() == 76


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value
