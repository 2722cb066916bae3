"""The spellings of topologies."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.formats.tfjs.folders import dense, layer, lstm, sequential, write

import recurra
from recurra import layers
from recurra.errors import FormatError, UnsupportedFeatureError
from recurra.formats.tfjs.topology import read_topology

KERNEL, RECURRENT, BIAS = np.full((1, 8), 0.1), np.full((2, 8), 0.2), np.zeros(8)
WEIGHTS = [("lstm/kernel", KERNEL), ("lstm/recurrent_kernel", RECURRENT), ("lstm/bias", BIAS)]
X = np.array([[[1.0], [-2.0], [0.5]]])


def config_of(topology: Any) -> dict[str, Any]:
    """The configuration of the last layer."""
    found = read_topology(topology, "file")["config"]["layers"][-1]
    result: dict[str, Any] = found["config"]
    return result


def test_defaults_are_those_of_tensorflowjs(tmp_path: Path) -> None:
    model = recurra.load_model(write(tmp_path, sequential(lstm()), WEIGHTS))
    made: Any = model.layers[0]
    assert made.recurrent_activation.__name__ == "hard_sigmoid_tfjs"
    assert made.activation.__name__ == "tanh"
    assert made.unit_forget_bias is False
    assert made.use_bias is True
    assert made.kernel_initializer.get_config() == {"seed": None, "correction": False}
    assert type(made.kernel_initializer).__name__ == "GlorotNormal"


@pytest.mark.parametrize(
    "null", ["recurrent_activation", "use_bias", "unit_forget_bias", "return_sequences", "dropout"]
)
def test_null_is_what_tensorflowjs_does_without_it(null: str) -> None:
    assert config_of(sequential(lstm(**{null: None}))) == config_of(sequential(lstm()))


def test_no_activation_is_linear_except_in_simple_rnn() -> None:
    assert config_of(sequential(lstm(activation=None)))["activation"] == "linear"
    assert config_of(sequential(layer("SimpleRNN", units=2, activation=None)))["activation"] == "tanh"


def test_keras_3_means_its_own_hard_sigmoid_and_defaults() -> None:
    topology = sequential(lstm(recurrent_activation="hard_sigmoid"), keras_version="3.8.0")
    assert config_of(topology)["recurrent_activation"] == "hard_sigmoid"
    topology["keras_version"] = "2.15.0"
    assert config_of(topology)["recurrent_activation"] == "hard_sigmoid_tfjs"
    assert config_of(sequential(lstm(), keras_version="3.1.1"))["recurrent_activation"] == "sigmoid"
    assert config_of(sequential(layer("GRU", units=2), keras_version="3.1.1"))["reset_after"] is True
    assert config_of(sequential(layer("GRU", units=2)))["reset_after"] is False


def variants() -> dict[str, Any]:
    plain = sequential(lstm())
    unwrapped = {"class_name": "Sequential", "config": plain["config"]["layers"]}
    start = layer("InputLayer", batch_input_shape=[None, 3, 1], dtype="float32", sparse=False)
    without_shape = lstm()
    del without_shape["config"]["batch_input_shape"]
    return {
        "native": {**plain, "keras_version": "tfjs-layers 4.22.0", "backend": "tensor_flow.js"},
        "a list of layers": unwrapped,
        "converted": {
            "model_config": plain,
            "keras_version": "2.15.0",
            "backend": "tensorflow",
            "training_config": None,
        },
        "converted list": {"model_config": unwrapped, "keras_version": "2.1.6"},
        "with an input": sequential(start, without_shape),
        "build_input_shape": {
            "class_name": "Sequential",
            "config": {"name": "s", "layers": [without_shape], "build_input_shape": [None, 3, 1]},
        },
        "numbers of numpy": sequential(lstm(dropout={"type": "ndarray", "value": 0.0})),
        "keras 2 extras": sequential(lstm(time_major=False, ragged=False, implementation=2, go_backwards=False)),
        "web": web_of(plain["config"]["layers"][0]),
        "functional": {**web_of(plain["config"]["layers"][0]), "class_name": "Functional"},
        "without brackets": flat(web_of(plain["config"]["layers"][0])),
    }


def web_of(entry: Any) -> dict[str, Any]:
    start = layer("InputLayer", batch_input_shape=[None, 3, 1], dtype="float32")
    inbound = [[["inputlayer", 0, 0, {}]]]
    layers_ = [
        {**start, "name": "inputlayer", "inbound_nodes": []},
        {**entry, "name": "lstm", "inbound_nodes": inbound},
    ]
    config = {"name": "m", "layers": layers_, "input_layers": [["inputlayer", 0, 0]], "output_layers": [["lstm", 0, 0]]}
    return {"class_name": "Model", "config": config}


def flat(web: dict[str, Any]) -> dict[str, Any]:
    web["config"]["input_layers"] = web["config"]["input_layers"][0]
    web["config"]["output_layers"] = web["config"]["output_layers"][0]
    web["config"]["layers"][1]["inbound_nodes"] = [["inputlayer", 0, 0, {}]]
    return web


@pytest.mark.parametrize("name", sorted(variants()))
def test_all_spellings_are_one_model(name: str, tmp_path: Path) -> None:
    expected = recurra.load_model(write(tmp_path / "plain", sequential(lstm()), WEIGHTS)).predict_on_batch(X)
    model = recurra.load_model(write(tmp_path / "variant", variants()[name], WEIGHTS))
    assert (model.predict_on_batch(X) == expected).all()


def test_a_model_of_keras_3_as_its_converter_writes_it(tmp_path: Path) -> None:
    """Marked tensors, batch_shape, dtype policies, and weights under names that TensorFlow.js itself cannot find."""

    def mark(name: str) -> Any:
        history = {"shape": [None, 3, 1], "dtype": "float32", "keras_history": [name, 0, 0]}
        return {"class_name": "__keras_tensor__", "config": history}

    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}
    first = layer("InputLayer", batch_shape=[None, 3, 1], dtype="float32", sparse=False)
    second = layer("LSTM", units=2, dtype=policy, activation="tanh", recurrent_activation="sigmoid", seed=None)
    node = {"args": [mark("inputlayer")], "kwargs": {"mask": None, "training": False}}
    config = {
        "name": "functional",
        "trainable": True,
        "layers": [
            {"module": "keras.layers", **first, "name": "inputlayer", "inbound_nodes": []},
            {"module": "keras.layers", **second, "name": "lstm", "inbound_nodes": [node]},
        ],
        "input_layers": [["inputlayer", 0, 0]],
        "output_layers": [["lstm", 0, 0]],
    }
    topology = {"keras_version": "3.8.0", "model_config": {"class_name": "Functional", "config": config}}
    names = [f"functional/lstm/lstm_cell/{name.split('/')[1]}" for name, _ in WEIGHTS]
    weights = [(name, array) for name, (_, array) in zip(names, WEIGHTS, strict=True)]
    model = recurra.load_model(write(tmp_path, topology, weights))
    own = recurra.Sequential([recurra.Input((3, 1)), layers.LSTM(2)])
    own.set_weights([array for _, array in WEIGHTS])
    assert (model.predict_on_batch(X) == own.predict_on_batch(X)).all()


def test_first_states_are_further_inputs(tmp_path: Path) -> None:
    for wired in ("listed", "named"):
        web = web_of(lstm())
        entries = web["config"]["layers"]
        for name in ("h", "c"):
            start = layer("InputLayer", batch_input_shape=[None, 2], name=name)
            entries.insert(1, {**start, "name": name, "inbound_nodes": []})
            web["config"]["input_layers"].append([name, 0, 0])
        states = [["h", 0, 0], ["c", 0, 0]]
        node = [["inputlayer", 0, 0, {}], *[[*state, {}] for state in states]]
        entries[-1]["inbound_nodes"] = [
            node if wired == "listed" else [["inputlayer", 0, 0, {"initial_state": states}]]
        ]
        model = recurra.load_model(write(tmp_path / wired, web, WEIGHTS))
        h, c = np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]])
        given = model.predict_on_batch({"inputlayer": X, "h": h, "c": c})
        expected = layers.LSTM(2, recurrent_activation="hard_sigmoid_tfjs")
        expected(X)
        expected.set_weights([array for _, array in WEIGHTS])
        np.testing.assert_allclose(given, expected(X, initial_state=[h, c]), rtol=1e-6)


def test_rates_as_tensorflowjs_limits_them() -> None:
    assert [config_of(sequential(lstm(dropout=rate)))["dropout"] for rate in (-1, 0, 0.25, 1, 2)] == [0, 0, 0.25, 0, 0]


def test_constraints_are_left_out_with_a_warning() -> None:
    constraint = {"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}}
    with pytest.warns(UserWarning, match="kernel_constraint.*no constraints"):
        config_of(sequential(dense(kernel_constraint=constraint, batch_input_shape=[None, 2])))


def test_initializers_keep_their_meaning() -> None:
    scaled = {"class_name": "VarianceScaling", "config": {"scale": 1, "mode": "fan_avg", "distribution": "normal"}}
    found = config_of(sequential(dense(kernel_initializer=scaled)))["kernel_initializer"]["config"]
    # In TensorFlow.js 'normal' is truncated, and its variance is not corrected as in Keras.
    assert found == {"scale": 1, "mode": "fan_avg", "distribution": "truncated_normal", "correction": False}
    three = config_of(sequential(dense(kernel_initializer=scaled), keras_version="3.0.0"))
    assert "correction" not in three["kernel_initializer"]["config"]


@pytest.mark.parametrize(
    ("topology", "words"),
    [
        (None, "no 'modelTopology'"),
        ([], "no 'modelTopology'"),
        ({"node": []}, "graph model"),
        ({"config": {}}, "no 'class_name'"),
        ({"class_name": "Dense", "config": {}}, "no model but a 'Dense'"),
        ({"class_name": "Sequential", "config": {}}, "no list of layers"),
        ({"class_name": "Sequential", "config": []}, "no list of layers"),
        ({"class_name": "Sequential", "config": [5]}, "no 'class_name'"),
        ({"class_name": "Model", "config": {"layers": 3}}, "no list of layers"),
        (sequential(layer("Conv9D")), "a layer 'Conv9D', which recurra does not have"),
        (sequential(layer("RNN", cells=[])), "a layer 'RNN'"),
        (sequential(lstm(units=0)), "positive whole number"),
        (sequential(lstm(units=1.5)), "positive whole number"),
        (sequential(lstm(units=None)), "positive whole number"),
        (sequential(lstm(units="16")), "positive whole number"),
        (sequential(lstm(use_bias="yes")), "true or false"),
        (sequential(lstm(dropout="a lot")), "must be a number"),
        (sequential(lstm(activation="cube")), "not known to recurra"),
        (sequential(lstm(activation=3)), "the name of an activation"),
        (sequential(lstm(kernel_initializer=3)), "must be a name or a mapping"),
        (sequential(lstm(kernel_regularizer={"class_name": 3})), "must be a name or a mapping"),
        (sequential(lstm(cells=[1])), "option 'cells'"),
        (sequential(lstm(time_major=True)), "option 'time_major'"),
        (sequential(lstm(peepholes=True)), "option 'peepholes'"),
        (sequential(lstm(batch_input_shape=[None, -3, 1])), "no valid shape"),
        (sequential(lstm(batch_input_shape=[None, 1e400, 1])), "no valid shape"),
        (sequential(lstm(batch_input_shape=[None] * 99)), "no valid shape"),
        (sequential(lstm(dtype="float64")), "The dtype of"),
        (sequential(lstm(name=["x"])), "no name"),
        (sequential(layer("Bidirectional", layer=dense())), "is none of"),
        (sequential(layer("Bidirectional", layer=lstm(), merge_mode="max")), "merge_mode"),
        (sequential(layer("InputLayer", batch_input_shape=[None, 2], sparse=True), dense()), "dense arrays"),
    ],
)  # fmt: skip
def test_what_is_no_model(topology: Any, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        read_topology(topology, "file")


def test_unsupported_layers_name_the_way_out() -> None:
    with pytest.raises(UnsupportedFeatureError, match="custom_objects=.'Mine': it"):
        read_topology(sequential(layer("Mine")), "file")
    assert (
        read_topology(sequential(layer("Mine", size=3)), "file", {"Mine"})["config"]["layers"][0]["class_name"]
        == "Mine"
    )


def broken(change: Any) -> dict[str, Any]:
    web = copy.deepcopy(web_of(lstm()))
    change(web["config"])
    return web


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(input_layers=None), "inputs and outputs"),
        (lambda c: c.update(output_layers=[]), "inputs and outputs"),
        (lambda c: c.update(output_layers=[["lstm", 0]]), "reads no tensor"),
        (lambda c: c.update(output_layers=[["lstm", 0, -1]]), "reads no tensor"),
        (lambda c: c["layers"][1].update(inbound_nodes=5), "described wrongly"),
        (lambda c: c["layers"][1].update(inbound_nodes=[[]]), "described wrongly"),
        (lambda c: c["layers"][1].update(inbound_nodes=[{"args": []}]), "described wrongly"),
        (lambda c: c["layers"][1].update(inbound_nodes=[[["inputlayer", 0, 0, 3]]]), "no mapping"),
        (lambda c: c["layers"][1].update(inbound_nodes=[[["inputlayer", 0, 0, {"mask": [1]}]]]), "arguments mask"),
        (lambda c: c["layers"][1].update(inbound_nodes=[[["_CONSTANT_VALUE", -1, 3.0, {}]]]), "reads no tensor"),
    ],
)  # fmt: skip
def test_wiring_that_leads_nowhere(change: Any, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        read_topology(broken(change), "file")


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(output_layers=[["nobody", 0, 0]]),
        lambda c: c.update(output_layers=[["lstm", 0, 7]]),
        lambda c: c.update(output_layers=[["lstm", 10**30, 0]]),
        lambda c: c["layers"][1].update(inbound_nodes=[[["lstm", 0, 0, {}]]]),
        lambda c: c["layers"].append(c["layers"][1]),
    ],
)
def test_wiring_that_does_not_end(change: Any, tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        recurra.load_model(write(tmp_path, broken(change), WEIGHTS))
