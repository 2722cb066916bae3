"""Models with the methods of TensorFlow.js."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tests.golden.cases import Case, load

import recurra
from recurra import tfjs as tf
from recurra.errors import ArgumentError, UnknownNameError

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def small(**options: object) -> tf.Sequential:
    model = tf.sequential()
    model.add(tf.layers.dense(units=1, inputShape=[2], kernelInitializer="ones"))
    model.compile({"loss": "meanSquaredError", "optimizer": "sgd", **options})
    return model


X, Y = tf.tensor2d([[1, 0], [0, 1], [1, 1], [2, 1]]), tf.tensor2d([[1], [2], [3], [4]])


@pytest.mark.parametrize("engine", ["native", "numpy"])
@pytest.mark.parametrize("case", load("tfjs", "article"), ids=lambda case: case["id"])
def test_the_article_prints_what_tensorflow_js_prints(case: Case, engine: str) -> None:
    model = tf.sequential()
    model.add(tf.layers.lstm(units=16, inputShape=[1, 1]))
    model.add(tf.layers.dense(units=1))
    model.setWeights(case["weights"])
    model.compile(loss="meanSquaredError", optimizer="adam", engine=engine)
    expected = case["expected"]
    question = tf.tensor(case["question"])
    assert model.predict(question).toString() == expected["printed_before"]
    history = model.fit(tf.tensor(case["x"]), tf.tensor(case["y"]), epochs=case["epochs"], shuffle=False, verbose=0)
    assert history.history["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    after = model.predict(question).toString()
    assert NUMBER.sub("#", after) == NUMBER.sub("#", expected["printed_after"])
    # TensorFlow.js rounds 1 - 0.999^t to float32, which is off by up to 5e-5 of itself in the first steps of Adam.
    numbers = [float(NUMBER.search(text)[0]) for text in (after, expected["printed_after"])]  # type: ignore[index]
    assert numbers[0] == pytest.approx(numbers[1], abs=5e-6)


def test_fit_takes_options_of_tensorflow_js_and_reports_under_its_names() -> None:
    model = small(metrics=["mae", "meanAbsoluteError", "accuracy"])
    seen: list[tuple[object, ...]] = []
    history = model.fit(
        X,
        Y,
        {
            "batchSize": 2,
            "epochs": 3,
            "validationData": [X, Y],
            "callbacks": {
                "onTrainBegin": lambda logs: seen.append(("begin",)),
                "onEpochEnd": lambda epoch, logs: seen.append(("epoch", epoch, sorted(logs))),
                "onBatchEnd": lambda batch, logs: seen.append(("batch", batch)),
            },
        },
    )
    names = ["acc", "loss", "mae", "meanAbsoluteError"]
    assert sorted(history.history) == sorted([*names, *("val_" + name for name in names)])
    assert history.history["mae"] == history.history["meanAbsoluteError"]
    assert seen[0] == ("begin",)
    assert [event for event in seen if event[0] == "batch"] == [("batch", 0), ("batch", 1)] * 3
    assert ("epoch", 2, sorted(history.history)) in seen


def test_fit_validates_on_a_split_and_stops_early() -> None:
    model = small()
    stop = tf.callbacks.earlyStopping({"monitor": "val_loss", "minDelta": 1e9, "patience": 1})
    history = model.fit(X, Y, epochs=20, validationSplit=0.5, callbacks=[stop])
    assert len(history.history["val_loss"]) == 2
    model.stopTraining = True
    assert model.recurra.stop_training is True


def test_results_come_as_tensors() -> None:
    model = small()
    kernel, bias = model.getWeights()
    assert (kernel.shape, bias.shape) == ([2, 1], [1])
    assert model.predict(X).arraySync() == model.predictOnBatch(X).arraySync() == [[1], [1], [2], [3]]
    assert model.evaluate(X, Y).arraySync() == pytest.approx(0.75)
    assert model.trainOnBatch(X, Y) == pytest.approx(0.75)
    # The gradient of the mean of (p - t)^2: -(0 + 0) - ... worked out by hand from the errors 0, -1, -1, -1.
    assert model.getWeights()[0].arraySync() == [[pytest.approx(1.015)], [pytest.approx(1.015)]]
    assert model.getWeights()[1].arraySync() == [pytest.approx(0.015)]
    model.setWeights([kernel, bias])
    assert model.predict(X, {"batchSize": 3}).arraySync() == [[1], [1], [2], [3]]


def test_metrics_make_lists_of_scalars() -> None:
    loss, error = small(metrics=["mae"]).evaluate(X, Y, batchSize=3)
    assert (loss.arraySync(), error.arraySync()) == (pytest.approx(0.75), pytest.approx(0.75))


def test_models_can_be_webs_of_layers() -> None:
    start = tf.input(shape=[3, 1])
    shared, h, c = tf.layers.lstm(units=2, returnState=True).apply(start)
    model = tf.model(inputs=start, outputs=[shared, h, c])
    assert [output.shape for output in model.predict(tf.zeros([4, 3, 1]))] == [[4, 2]] * 3
    assert model.getLayer(model.layers[1].name) is model.layers[1] is model.getLayer(1)
    nested = tf.sequential(layers=[tf.layers.dense(units=2, inputShape=[2])])
    outer = tf.sequential()
    outer.add(nested)
    assert outer.countParams() == 6
    assert nested.apply(tf.ones([1, 2])).shape == [1, 2]


def test_the_loss_counts_masked_steps() -> None:
    layers = [
        tf.layers.masking(inputShape=[2, 1]),
        tf.layers.lstm(units=1, returnSequences=True, weights=[np.zeros((1, 4)), np.zeros((1, 4)), np.zeros(4)]),
    ]
    model = tf.sequential(layers=layers)
    model.compile(loss="meanSquaredError", optimizer="sgd")
    x, y = tf.tensor3d([[[1], [0]]]), tf.tensor3d([[[0], [4]]])
    assert model.evaluate(x, y).arraySync() == 8
    keras = recurra.Sequential(model.layers)
    keras.compile(loss="mse")
    assert keras.evaluate(np.asarray(x), np.asarray(y), verbose=0) == pytest.approx(0.0)


def test_states_carry_on_until_reset() -> None:
    model = tf.sequential(layers=[tf.layers.lstm(units=1, stateful=True, batchInputShape=[1, 1, 1])])
    x = tf.ones([1, 1, 1])
    first, second = model.predict(x).arraySync(), model.predict(x).arraySync()
    assert first != second
    model.resetStates()
    assert model.predict(x).arraySync() == first


def test_summary_shows_the_layers() -> None:
    lines: list[str] = []
    small().summary(printFn=lines.append)
    assert "dense_Dense" in "\n".join(lines)


def test_a_saved_model_is_read_as_a_model_of_keras(tmp_path: Path) -> None:
    model = small()
    model.save(tmp_path / "model.safetensors")
    loaded = recurra.load_model(tmp_path / "model.safetensors")
    assert type(loaded) is recurra.Sequential
    assert loaded.predict(np.asarray(X), verbose=0).tolist() == model.predict(X).arraySync()


def test_adding_and_removing_layers() -> None:
    model = tf.sequential(layers=[tf.layers.inputLayer(inputShape=[2]), tf.layers.dense(units=3)])
    model.add(tf.layers.dense(units=4))
    model.pop()
    assert model.outputs[0].shape == (None, 3)
    assert model.inputs[0].shape == (None, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.fit(X, Y, epoch=3), "'epoch'. Did you mean 'epochs'"),
        (lambda m: m.fit(X, Y, {"batch_size": 3}), "'batch_size'. Did you mean 'batchSize'"),
        (lambda m: m.fit(X, Y, callbacks={"onEpochFinish": print}), "'onEpochFinish'. Did you mean 'onEpochBegin'"),
        (lambda m: m.compile(loss="meanSquareError", optimizer="sgd"), "'meanSquareError'. Did you mean"),
        (lambda m: m.compile(loss="meanSquaredError", optimizer="adamm"), "'adamm'. Did you mean 'adam'"),
        (lambda m: m.predict(X, {"batchsize": 2}), "'batchsize'. Did you mean 'batchSize'"),
    ],
)
def test_unknown_names_are_refused(call: object, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        call(small())  # type: ignore[operator]


def test_compile_needs_an_optimizer_and_a_loss() -> None:
    with pytest.raises(ArgumentError, match="compile needs the option 'loss'"):
        small().compile(optimizer="sgd")
    with pytest.raises(ArgumentError, match="compile needs the option 'optimizer'"):
        small().compile(loss="meanSquaredError")
    with pytest.raises(ArgumentError, match="model needs the option 'outputs'"):
        tf.model(inputs=tf.input(shape=[1]))
    with pytest.raises(ArgumentError, match="input needs the option 'shape'"):
        tf.input()
    with pytest.raises(ArgumentError, match="callbacks must be mappings such as"):
        small().fit(X, Y, callbacks=[print])
    with pytest.raises(ArgumentError, match="A metric is given by name"):
        small(metrics=[tf.losses.meanSquaredError])
