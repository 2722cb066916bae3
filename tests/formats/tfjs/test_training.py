"""Loss, metrics and optimizer, both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.formats.tfjs.folders import dense, lstm, sequential, write
from tests.formats.tfjs.test_weights import WEIGHTS

import recurra
from recurra import layers, losses, metrics, optimizers, regularizers
from recurra.errors import FormatError, UnsupportedFeatureError
from recurra.formats.tfjs import save_model
from recurra.formats.tfjs.reader import read_document
from recurra.formats.tfjs.training import read_state, read_training, write_training
from recurra.tfjs import train

X = np.random.default_rng(0).normal(size=(8, 3, 2)).astype(np.float32)
Y = X[:, -1, :1]


def training(name: str = "Adam", loss: Any = "mean_squared_error", metrics: Any = None, **config: Any) -> Any:
    return {"loss": loss, "metrics": metrics, "optimizer_config": {"class_name": name, "config": config}}


def model(optimizer: Any, loss: Any = "mse", **options: Any) -> Any:
    recurra.set_seed(3)
    made = recurra.Sequential([recurra.Input((3, 2)), layers.LSTM(3), layers.Dense(1, **options)])
    made.compile(optimizer, loss, metrics=["mae"])
    return made


OPTIMIZERS: dict[str, Any] = {
    "adam": lambda: train.adam(0.02, 0.8, 0.99, 1e-5),
    "sgd": lambda: train.sgd(0.1),
    "momentum": lambda: train.momentum(0.05, 0.7),
    "nesterov": lambda: train.momentum(0.05, 0.7, True),
    "keras momentum": lambda: optimizers.SGD(0.05, momentum=0.7),
    "keras nesterov": lambda: optimizers.SGD(0.05, momentum=0.7, nesterov=True),
    "rmsprop": lambda: train.rmsprop(0.01),
    "rmsprop momentum": lambda: train.rmsprop(0.01, 0.8, 0.5, 1e-4),
    "rmsprop centered": lambda: train.rmsprop(0.01, 0.8, 0.5, 1e-2, True),
}


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_training_goes_on_from_the_files(name: str, tmp_path: Path) -> None:
    whole = model(OPTIMIZERS[name]())
    expected = whole.fit(X, Y, epochs=5, batch_size=4, shuffle=False, verbose=0).history["loss"]
    first = model(OPTIMIZERS[name]())
    first.fit(X, Y, epochs=2, batch_size=4, shuffle=False, verbose=0)
    save_model(first, tmp_path, include_optimizer=True)
    second = recurra.load_model(tmp_path)
    assert second.optimizer.iterations == 4
    history = second.fit(X, Y, epochs=3, batch_size=4, shuffle=False, verbose=0).history
    assert history["loss"] == pytest.approx(expected[2:], rel=1e-5)
    assert set(history) == {"loss", "mae"}


def test_a_frozen_layer_has_no_state(tmp_path: Path) -> None:
    made = model(train.adam())
    made.layers[0].trainable = False
    made.compile(train.adam(), "mse")
    made.fit(X, Y, epochs=1, verbose=0)
    save_model(made, tmp_path, include_optimizer=True)
    again = recurra.load_model(tmp_path)
    assert [v.name for v in again.trainable_weights] == [v.name for v in made.trainable_weights]
    for slot in ("momentum", "velocity"):
        for name, array in made.optimizer.slots[slot].items():
            assert (again.optimizer.slots[slot][name] == array).all()


@pytest.mark.parametrize("spelled", [{"beta1": 0.5, "beta2": 0.6}, {"beta_1": 0.5, "beta_2": 0.6}])
def test_both_spellings_of_options(spelled: Any) -> None:
    config, slots = read_training(training(**spelled, learningRate=0.3), 1, "file")
    assert (config["optimizer"]["config"]["beta_1"], config["optimizer"]["config"]["beta_2"]) == (0.5, 0.6)
    assert config["optimizer"]["config"]["learning_rate"] == 0.3
    assert slots == ["momentum", "velocity"]


def test_what_recurra_lacks_leaves_the_model_uncompiled(tmp_path: Path) -> None:
    topology = sequential(lstm(), dense())
    for number, config in enumerate((training("Adadelta"), training(loss={}), training(loss=None))):
        folder = write(tmp_path / str(number), topology, WEIGHTS, trainingConfig=config)
        with pytest.warns(UserWarning, match="read without being compiled"):
            made = recurra.load_model(folder)
        assert not made.compiled
        assert not recurra.load_model(folder, compile=False).compiled


@pytest.mark.parametrize(
    "config",
    [[], {}, {"optimizer_config": 3}, training(name=None), training(learningRate="fast"), training(learningRate=True),  # type: ignore[arg-type]
     training(beta1=float("inf"))],
)  # fmt: skip
def test_what_is_no_training_config(config: Any) -> None:
    with pytest.raises(FormatError):
        read_training(config, 1, "file")


def test_values_out_of_range_and_unknown_names(tmp_path: Path) -> None:
    for number, config in enumerate((training(beta1=2.0), training(loss="mean_cubed_error"), training(metrics=["m"]))):
        folder = write(tmp_path / str(number), sequential(lstm(), dense()), WEIGHTS, trainingConfig=config)
        with pytest.raises(FormatError, match="cannot be compiled as it was"):
            recurra.load_model(folder)
        assert recurra.load_model(folder, compile=False).count_params() == 35


def state(*arrays: Any) -> list[tuple[str, np.ndarray]]:
    return [(str(index), np.asarray(array)) for index, array in enumerate(arrays)]


@pytest.mark.parametrize(
    "weights",
    [state([1, 2]), state(-1), state(np.nan), state(1e30), state(1, [1.0]), state(1, [1.0], [2.0], [3.0])],
)  # fmt: skip
def test_what_is_no_state(weights: Any) -> None:
    with pytest.raises(FormatError):
        read_state(weights, ["momentum", "velocity"], "file")


def test_a_state_of_other_shapes(tmp_path: Path) -> None:
    made = model(train.adam())
    made.fit(X, Y, epochs=1, verbose=0)
    save_model(made, tmp_path, include_optimizer=True)
    other = recurra.Sequential([recurra.Input((3, 2)), layers.LSTM(3), layers.Dense(1)])
    other.compile(train.adam(), "mse")
    document = read_document(tmp_path / "model.json")
    document["modelTopology"]["config"]["layers"][0]["config"]["trainable"] = False
    import json

    (tmp_path / "model.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(FormatError, match="state 'momentum'.*does not fit the 2 trainable"):
        recurra.load_model(tmp_path)


@pytest.mark.parametrize(
    ("optimizer", "loss", "words"),
    [
        (optimizers.Adam(), "mse", r"recurra.tfjs.train.adam\(\)"),
        (optimizers.Adam(epsilon_hat=False, amsgrad=True), "mse", "amsgrad"),
        (optimizers.AdamW(), "mse", "weight_decay"),
        (optimizers.SGD(clipnorm=1.0), "mse", "no clipnorm"),
        (optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)), "mse", "schedules"),
        (optimizers.SGD(), "huber", "no loss"),
        (optimizers.SGD(), losses.BinaryCrossentropy(from_logits=True), "with these options"),
        (optimizers.SGD(), losses.BinaryCrossentropy(label_smoothing=0.1), "with these options"),
    ],
)
def test_what_cannot_go_on_exactly_is_left_out_with_the_reason(
    optimizer: Any, loss: Any, words: str, tmp_path: Path
) -> None:
    made = model(optimizer, loss)
    with pytest.raises(UnsupportedFeatureError, match=words):
        save_model(made, tmp_path, include_optimizer=True)
    assert list(tmp_path.iterdir()) == []
    with pytest.warns(UserWarning, match=words):
        save_model(made, tmp_path)
    save_model(made, tmp_path / "silent", include_optimizer=False)
    assert not recurra.load_model(tmp_path).compiled


@pytest.mark.parametrize("penalty", [regularizers.L1(0.1), regularizers.L2(0.1), regularizers.L1L2(0.1, 0.2)])
def test_penalties_on_dense_layers_are_kept(penalty: Any, tmp_path: Path) -> None:
    made = model(train.sgd(), kernel_regularizer=penalty)
    save_model(made, tmp_path, include_optimizer=True)
    again = recurra.load_model(tmp_path)
    assert again.evaluate(X, Y, verbose=0) == pytest.approx(made.evaluate(X, Y, verbose=0), rel=1e-6)
    assert made.evaluate(X, Y, verbose=0)[0] > model(train.sgd()).evaluate(X, Y, verbose=0)[0] + 0.01


def test_penalties_that_tensorflowjs_does_not_count(tmp_path: Path) -> None:
    made = recurra.Sequential([recurra.Input((3, 2)), layers.LSTM(1, kernel_regularizer="l2")])
    made.compile(train.sgd(), "mse")
    with pytest.warns(UserWarning, match="does not count the kernel_regularizer of the LSTM"):
        save_model(made, tmp_path)


def test_metrics_and_losses_by_the_names_of_tensorflowjs() -> None:
    compiled = {
        "optimizer": optimizers.serialize(train.sgd()),
        "loss": {"a": "mae", "b": {"class_name": "CosineSimilarity", "config": {}}},
        "metrics": [["acc", "mse", "rmse"], ["acc", "mse", "rmse"]],
    }
    config, reasons, dropped = write_training(compiled, [])
    assert reasons == []
    assert config["loss"] == {"a": "mean_absolute_error", "b": "cosine_proximity"}
    assert config["metrics"] == ["acc", "mse"]
    assert dropped == ["'rmse'"]
    _, reasons, _ = write_training({**compiled, "loss_weights": [1, 2]}, ["out"])
    assert [reason.split(",")[0] for reason in reasons] == [
        "TensorFlow.js counts masked steps in the loss",
        "TensorFlow.js has no loss_weights; leave them out",
    ]


def test_every_loss_and_metric_written_can_be_read() -> None:
    from recurra.formats.tfjs.training import _LOSSES, _METRICS

    for name, written in _LOSSES.items():
        config, _ = read_training(training(loss=written), 1, "file")
        assert type(losses.get(config["loss"])).__name__ == name
    for name, written in _METRICS.items():
        config, _ = read_training(training(metrics=[written]), 1, "file")
        assert type(metrics.get(config["metrics"][0])).__name__ == name
