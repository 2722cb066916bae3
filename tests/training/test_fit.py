from __future__ import annotations

import math
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.training.models import LINE_X, LINE_Y, line, line_by_hand

import recurra.random
from recurra import engines, ops
from recurra.callbacks import Callback, EarlyStopping, History, LambdaCallback, TerminateOnNaN
from recurra.config import set_floatx
from recurra.errors import (
    ArgumentError,
    DataError,
    NonFiniteError,
    ShapeError,
    UnknownNameError,
)
from recurra.layers import LSTM, Concatenate, Dense, Dropout, Embedding, Input
from recurra.models import Model, Sequential
from recurra.optimizers import SGD


def weight(model: Any) -> float:
    return float(model.get_weights()[0][0, 0])


@pytest.mark.parametrize("engine", engines.available())
def test_batches_in_order_the_last_one_smaller(engine: str) -> None:
    model = line(SGD(0.01), engine=engine)
    history = model.fit(LINE_X, LINE_Y, batch_size=2, shuffle=False)
    expected, loss = line_by_hand(LINE_X, LINE_Y, [[0, 1], [2, 3], [4]], 0.01)
    assert weight(model) == pytest.approx(expected, rel=1e-6)
    # The loss is weighted by the size of the batch: the single last row does not count like two.
    assert history.history["loss"] == pytest.approx([loss], rel=1e-6)
    assert model.optimizer.iterations == 3


def test_the_default_batch_size_is_32() -> None:
    model = line()
    model.fit(np.zeros((65, 1)), np.zeros(65))
    assert model.optimizer.iterations == 3


def test_shuffles_come_from_the_seed() -> None:
    def run() -> tuple[float, list[float]]:
        recurra.random.set_seed(11)
        model = line(SGD(0.01))
        history = model.fit(LINE_X, LINE_Y, batch_size=2, epochs=3)
        return weight(model), history.history["loss"]

    first = run()
    assert run() == first
    recurra.random.set_seed(12)
    model = line(SGD(0.01))
    model.fit(LINE_X, LINE_Y, batch_size=2, epochs=3)
    assert weight(model) != first[0]


def test_each_epoch_sees_each_sample_once_in_another_order() -> None:
    recurra.random.set_seed(0)
    seen: list[list[int]] = []

    class Spy(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            seen.append([])

    model = line()
    program = None

    def train(feeds: Any, rows: Any, **options: Any) -> Any:
        seen[-1].extend(rows.tolist())
        return {"loss": np.float32(0)}

    model.fit(LINE_X, LINE_Y)
    assert model._programs is not None
    program = model._programs.refresh().get("train", (None,)).program
    object.__setattr__(program, "train", train)
    model.fit(LINE_X, LINE_Y, batch_size=2, epochs=4, callbacks=[Spy()])
    assert [sorted(epoch) for epoch in seen] == [[0, 1, 2, 3, 4]] * 4
    assert len({tuple(epoch) for epoch in seen}) > 1


def test_validation_split_takes_the_end_before_shuffling() -> None:
    recurra.random.set_seed(3)
    model = line(SGD(0.0))
    history = model.fit(LINE_X, LINE_Y, validation_split=0.4, batch_size=2)
    errors = (LINE_X - LINE_Y)[:, 0] ** 2
    assert history.history["loss"] == pytest.approx([errors[:3].mean()])
    assert history.history["val_loss"] == pytest.approx([errors[3:].mean()])


def test_validation_data_with_weights_and_its_own_batch_size() -> None:
    model = line(SGD(0.0))
    factors = [1.0, 0.0, 2.0, 1.0, 1.0]
    sizes: list[int] = []
    history = model.fit(
        LINE_X[:2],
        LINE_Y[:2],
        validation_data=(LINE_X, LINE_Y, factors),
        validation_batch_size=2,
        callbacks=LambdaCallback(on_test_batch_end=lambda batch, logs: sizes.append(batch)),
    )
    errors = (LINE_X - LINE_Y)[:, 0] ** 2
    assert history.history["val_loss"] == pytest.approx([float(np.mean(errors * factors))])
    assert sizes == [0, 1, 2]


def test_validation_goes_before_the_split() -> None:
    history = line(SGD(0.0)).fit(LINE_X, LINE_Y, validation_split=0.5, validation_data=(LINE_X[:1], LINE_Y[:1]))
    errors = (LINE_X - LINE_Y)[:, 0] ** 2
    assert history.history["loss"] == pytest.approx([errors.mean()])
    assert history.history["val_loss"] == pytest.approx([errors[0]])


@pytest.mark.parametrize(("frequency", "count"), [(1, 5), (2, 2), (5, 1), (6, 0), ([1, 4], 2)])
def test_validation_frequency(frequency: Any, count: int) -> None:
    history = line().fit(LINE_X, LINE_Y, epochs=5, validation_split=0.2, validation_freq=frequency)
    assert len(history.history.get("val_loss", [])) == count


def test_validation_steps() -> None:
    history = line(SGD(0.0)).fit(
        LINE_X, LINE_Y, validation_data=(LINE_X, LINE_Y), validation_steps=1, validation_batch_size=2
    )
    assert history.history["val_loss"] == pytest.approx([float(((LINE_X - LINE_Y)[:2] ** 2).mean())])


def test_initial_epoch_goes_on_counting() -> None:
    history = line().fit(LINE_X, LINE_Y, epochs=5, initial_epoch=3)
    assert history.epoch == [3, 4]


def test_steps_per_epoch_go_on_where_the_last_epoch_ended() -> None:
    model = line(SGD(0.01))
    history = model.fit(LINE_X, LINE_Y, batch_size=2, shuffle=False, epochs=2, steps_per_epoch=2)
    first, loss_1 = line_by_hand(LINE_X, LINE_Y, [[0, 1], [2, 3]], 0.01)
    expected, loss_2 = line_by_hand(LINE_X, LINE_Y, [[4], [0, 1]], 0.01, first)
    assert weight(model) == pytest.approx(expected, rel=1e-5)
    assert history.history["loss"] == pytest.approx([loss_1, loss_2], rel=1e-5)


def test_more_steps_than_one_pass_holds() -> None:
    model = line()
    model.fit(LINE_X, LINE_Y, batch_size=2, steps_per_epoch=7)
    assert model.optimizer.iterations == 7


def test_sample_weights_by_hand() -> None:
    factors = [1.0, 0.5, 0.0, 2.0, 1.0]
    model = line(SGD(0.01))
    history = model.fit(LINE_X, LINE_Y, batch_size=2, shuffle=False, sample_weight=factors)
    expected, loss = line_by_hand(LINE_X, LINE_Y, [[0, 1], [2, 3], [4]], 0.01, weights=factors)
    assert weight(model) == pytest.approx(expected, rel=1e-6)
    assert history.history["loss"] == pytest.approx([loss], rel=1e-6)


def two_classes(loss: str, **options: Any) -> Sequential:
    model = Sequential([Input((1,)), Dense(2, use_bias=False, activation="softmax")])
    model.set_weights([np.array([[0.2, -0.4]])])
    model.compile(optimizer=SGD(0.0), loss=loss, engine="numpy", **options)
    return model


def crossentropy(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    scores = x * np.array([[0.2, -0.4]])
    return np.asarray(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(x)), labels])


def test_class_weights_by_hand_for_labels_and_one_hot_rows() -> None:
    labels = np.array([0, 1, 1, 0, 1])
    table = {0: 1.0, 1: 3.0}
    values = crossentropy(LINE_X, labels) * np.where(labels == 1, 3.0, 1.0)
    sparse = two_classes("sparse_categorical_crossentropy").fit(LINE_X, labels, class_weight=table)
    dense = two_classes("categorical_crossentropy").fit(LINE_X, np.eye(2)[labels], class_weight=table)
    assert sparse.history["loss"] == pytest.approx([values.mean()], rel=1e-5)
    assert dense.history["loss"] == pytest.approx([values.mean()], rel=1e-5)


def test_class_and_sample_weights_multiply() -> None:
    labels = np.array([0, 1, 1, 0, 1])
    factors = np.array([1.0, 2.0, 0.0, 1.0, 0.5])
    values = crossentropy(LINE_X, labels) * np.where(labels == 1, 3.0, 1.0) * factors
    history = two_classes("sparse_categorical_crossentropy").fit(
        LINE_X, labels, class_weight={1: 3.0}, sample_weight=factors
    )
    assert history.history["loss"] == pytest.approx([values.mean()], rel=1e-5)


def test_class_weights_do_not_weigh_validation() -> None:
    labels = np.array([0, 1, 1, 0, 1])
    history = two_classes("sparse_categorical_crossentropy").fit(
        LINE_X, labels, class_weight={1: 3.0}, validation_data=(LINE_X, labels)
    )
    assert history.history["val_loss"] == pytest.approx([crossentropy(LINE_X, labels).mean()], rel=1e-5)


def test_metrics_and_weighted_metrics() -> None:
    factors = np.array([1.0, 0.0, 2.0, 1.0, 0.5])
    model = line(SGD(0.0), metrics=["mae", "rmse"], weighted_metrics=["mse"])
    logs = model.fit(LINE_X, LINE_Y, batch_size=2, sample_weight=factors).history
    errors = np.abs(LINE_X - LINE_Y)[:, 0]
    assert list(logs) == ["loss", "mae", "rmse", "mse"]
    assert logs["mae"] == pytest.approx([errors.mean()], rel=1e-6)
    assert logs["rmse"] == pytest.approx([math.sqrt(float((errors**2).mean()))], rel=1e-6)
    assert logs["mse"] == pytest.approx([(errors**2 * factors).sum() / factors.sum()], rel=1e-6)
    assert logs["loss"] == pytest.approx([(errors**2 * factors).mean()], rel=1e-6)


def test_accuracy_finds_its_kind() -> None:
    labels = np.array([0, 1, 1, 0, 1])
    expected = (labels == 0).mean()
    for loss, y in (("sparse_categorical_crossentropy", labels), ("categorical_crossentropy", np.eye(2)[labels])):
        model = two_classes(loss, metrics=["accuracy"])
        assert model.evaluate(LINE_X, y)[1] == pytest.approx(expected)
    binary = Sequential([Input((1,)), Dense(1, activation="sigmoid")])
    binary.set_weights([np.array([[1.0]]), np.array([-2.5])])
    binary.compile(loss="binary_crossentropy", metrics=["acc"], engine="numpy")
    assert binary.evaluate(LINE_X, labels, return_dict=True)["acc"] == pytest.approx(0.6)


@pytest.mark.parametrize("name", ["mean_squared_error", "meanSquaredError", "MeanSquaredError", "mse"])
def test_names_in_the_spelling_of_keras_and_tensorflow_js(name: str) -> None:
    assert line(loss=name).evaluate(LINE_X, LINE_Y) == pytest.approx(float(((LINE_X - LINE_Y) ** 2).mean()))


def test_a_loss_of_ones_own() -> None:
    def fourth(y_true: Any, y_pred: Any) -> Any:
        return ops.reduce_mean(ops.square(ops.square(y_pred - y_true)), axes=(-1,))

    assert line(loss=fourth).evaluate(LINE_X, LINE_Y) == pytest.approx(float(((LINE_X - LINE_Y) ** 4).mean()))


def test_class_weights_do_not_weigh_what_is_split_off() -> None:
    labels = np.array([0, 1, 1, 0, 1])
    factors = np.array([1.0, 1.0, 1.0, 2.0, 1.0])
    values = crossentropy(LINE_X, labels)
    history = two_classes("sparse_categorical_crossentropy").fit(
        LINE_X, labels, class_weight={1: 3.0}, sample_weight=factors, validation_split=0.4
    )
    assert history.history["loss"] == pytest.approx([(values[:3] * [1, 3, 3]).mean()], rel=1e-5)
    assert history.history["val_loss"] == pytest.approx([(values[3:] * factors[3:]).mean()], rel=1e-5)


def test_regularizers_add_to_the_loss() -> None:
    model = Sequential([Input((1,)), Dense(1, use_bias=False, kernel_regularizer="l2")])
    model.set_weights([np.array([[3.0]])])
    model.compile(optimizer=SGD(0.1), loss="mse", engine="numpy")
    assert model.evaluate(LINE_X, 3 * LINE_X) == pytest.approx(0.01 * 9.0, rel=1e-5)
    model.fit(LINE_X, 3 * LINE_X)
    assert weight(model) == pytest.approx(3.0 - 0.1 * 2 * 0.01 * 3.0, rel=1e-5)


def masked_model(**options: Any) -> Sequential:
    model = Sequential([Embedding(3, 1, mask_zero=True), LSTM(1, return_sequences=True), Dense(1)])
    model.build((None, 3))
    model.compile(optimizer=SGD(0.0), loss="mse", engine="numpy", **options)
    return model


def test_masked_steps_do_not_count() -> None:
    recurra.random.set_seed(1)
    model = masked_model(metrics=["mae"])
    x = np.array([[1, 2, 0], [1, 0, 0]])
    y = np.array([[1.0, 2.0, 99.0], [3.0, 99.0, 99.0]])
    errors = (model.predict(x)[:, :, 0] - y)[np.array([[1, 1, 0], [1, 0, 0]]) == 1]
    loss, mae = model.evaluate(x, y)
    assert loss == pytest.approx(float((errors**2).mean()), rel=1e-5)
    assert mae == pytest.approx(float(np.abs(errors).mean()), rel=1e-5)


def test_masks_and_sample_weights_together_as_keras_combines_them() -> None:
    recurra.random.set_seed(1)
    model = masked_model(weighted_metrics=["mae"])
    x = np.array([[1, 2, 0], [1, 0, 0]])
    y = np.array([[1.0, 2.0, 99.0], [3.0, 99.0, 99.0]])
    mask = np.array([[1, 1, 0], [1, 0, 0]])
    errors = model.predict(x)[:, :, 0] - y
    for factors in (np.array([2.0, 0.5]), np.array([[2.0, 1.0, 5.0], [0.5, 7.0, 7.0]])):
        full = np.broadcast_to(factors if factors.ndim == 2 else factors[:, None], (2, 3))
        loss, mae = model.evaluate(x, y, sample_weight=factors)
        # Keras 3 scales the mask by total / valid and then takes the mean of everything.
        assert loss == pytest.approx(float((errors**2 * full * mask).sum() / mask.sum()), rel=1e-5)
        assert mae == pytest.approx(float((np.abs(errors) * full * mask).sum() / (full * mask).sum()), rel=1e-5)


def test_a_batch_of_masked_steps_only_has_no_loss() -> None:
    assert masked_model().evaluate(np.zeros((2, 3), int), np.ones((2, 3))) == 0.0


def test_weights_per_time_step_without_a_mask() -> None:
    model = Sequential([Input((3, 1)), Dense(1, use_bias=False)])
    model.set_weights([np.array([[2.0]])])
    model.compile(loss="mse", engine="numpy", optimizer="sgd")
    x = np.arange(6, dtype=float).reshape(2, 3)
    factors = np.array([[1.0, 0.0, 2.0], [0.5, 0.0, 0.0]])
    assert model.evaluate(x, np.zeros((2, 3)), sample_weight=factors) == pytest.approx(
        float(((2 * x) ** 2 * factors).mean())
    )
    with pytest.raises(ShapeError, match=r"expected \(2\).*or \(2, 3\)"):
        model.evaluate(x, np.zeros((2, 3)), sample_weight=np.ones((2, 2)))


def two_outputs(**options: Any) -> Model:
    a, b = Input((1,), name="a"), Input((1,), name="b")
    p = Dense(1, use_bias=False, name="p")(a)
    q = Dense(1, use_bias=False, name="q")(Concatenate()([a, b]))
    model = Model([a, b], [p, q])
    model.set_weights([np.array([[1.0]]), np.array([[1.0], [1.0]])])
    model.compile(optimizer=SGD(0.0), engine="numpy", **options)
    return model


def test_several_outputs_are_named_weighted_and_summed() -> None:
    model = two_outputs(loss=["mse", "mae"], loss_weights=[1.0, 10.0], metrics=[["mae"], []])
    logs = model.evaluate([LINE_X, LINE_X], [LINE_Y, LINE_Y], return_dict=True)
    p, q = LINE_X - LINE_Y, 2 * LINE_X - LINE_Y
    assert logs == pytest.approx(
        {
            "loss": (p**2).mean() + 10 * np.abs(q).mean(),
            "p_loss": (p**2).mean(),
            "q_loss": np.abs(q).mean(),
            "p_mae": np.abs(p).mean(),
        },
        rel=1e-6,
    )
    assert list(logs) == model.metrics_names


def test_several_outputs_by_name() -> None:
    model = two_outputs(loss={"q": "mse"}, metrics={"p": "mae"})
    logs = model.evaluate({"a": LINE_X, "b": LINE_X}, {"p": LINE_Y, "q": LINE_Y}, return_dict=True)
    assert logs["loss"] == pytest.approx(float(((2 * LINE_X - LINE_Y) ** 2).mean()), rel=1e-6)
    assert logs["p_mae"] == pytest.approx(float(np.abs(LINE_X - LINE_Y).mean()), rel=1e-6)
    # An output without loss and metrics needs no targets.
    model = two_outputs(loss={"q": "mse"})
    assert model.evaluate([LINE_X, LINE_X], {"q": LINE_Y}, return_dict=True)["loss"] == pytest.approx(logs["loss"])


def test_one_loss_and_one_set_of_weights_serve_every_output() -> None:
    model = two_outputs(loss="mse")
    factors = np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    logs = model.evaluate([LINE_X, LINE_X], [LINE_Y, LINE_Y], sample_weight=factors, return_dict=True)
    assert logs["p_loss"] == pytest.approx(1.0 / 5)
    assert logs["q_loss"] == pytest.approx(0.0)
    logs = model.evaluate([LINE_X, LINE_X], [LINE_Y, LINE_Y], sample_weight={"p": factors}, return_dict=True)
    assert logs["p_loss"] == pytest.approx(1.0 / 5)
    assert logs["q_loss"] == pytest.approx(float(((2 * LINE_X - LINE_Y) ** 2).mean()), rel=1e-6)


def test_predictions_of_several_outputs() -> None:
    outputs = two_outputs(loss="mse").predict([LINE_X, LINE_X], batch_size=2)
    assert [output.tolist() for output in outputs] == [LINE_X.tolist(), (2 * LINE_X).tolist()]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": ["mse"]}, "loss of compile must hold one entry for each output"),
        ({"loss": "mse", "metrics": ["mae"]}, "metrics of compile must hold one entry"),
        ({"loss": "mse", "loss_weights": 2.0}, "loss_weights of compile"),
    ],
)
def test_lists_of_a_wrong_length(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        two_outputs(**options)


def test_unknown_names_are_found_by_compile() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'MeanSquaredError'"):
        line(loss="mean_square_error")
    with pytest.raises(UnknownNameError, match="metric"):
        line(metrics=["nonsense"])
    with pytest.raises(UnknownNameError, match="Did you mean 'Adam'"):
        line("adma")
    with pytest.raises(UnknownNameError, match="engine"):
        line(engine="nampy")
    with pytest.raises(UnknownNameError, match=r"output.*Did you mean 'p'"):
        two_outputs(loss={"P": "mse"})


def test_the_same_metric_twice() -> None:
    with pytest.raises(ArgumentError, match="Two numbers would be called 'mae'"):
        line(metrics=["mae"], weighted_metrics=["mae"])


def test_predict_joins_batches_and_does_not_need_compile() -> None:
    model = Sequential([Input((1,)), Dense(1, use_bias=False)])
    model.set_weights([np.array([[3.0]])])
    assert model.predict(LINE_X, batch_size=2).tolist() == (3 * LINE_X).tolist()
    assert model.predict(LINE_X, batch_size=2, steps=2).shape == (4, 1)
    assert model.predict_on_batch(LINE_X).tolist() == (3 * LINE_X).tolist()


@pytest.mark.parametrize("engine", engines.available())
def test_predictions_do_not_depend_on_the_batch_size(engine: str) -> None:
    recurra.random.set_seed(2)
    model = Sequential([Input((7, 2)), LSTM(5), Dense(3)])
    model.compile(engine=engine)
    x = np.random.default_rng(0).normal(size=(23, 7, 2))
    whole = model.predict(x, batch_size=23)
    for size in (1, 4, 22):
        assert (model.predict(x, batch_size=size) == whole).all()


def test_batch_methods() -> None:
    model = line(SGD(0.01), metrics=["mae"])
    errors = LINE_X - LINE_Y
    before = [float((errors**2).mean()), float(np.abs(errors).mean())]
    assert model.test_on_batch(LINE_X, LINE_Y) == pytest.approx(before)
    assert model.train_on_batch(LINE_X, LINE_Y) == pytest.approx(before)
    expected, _ = line_by_hand(LINE_X, LINE_Y, [[0, 1, 2, 3, 4]], 0.01)
    assert weight(model) == pytest.approx(expected, rel=1e-6)
    assert model.optimizer.iterations == 1
    # Each call reports its own batch, not a mean over calls.
    after = model.train_on_batch(LINE_X, LINE_Y, return_dict=True)
    assert after["loss"] == pytest.approx(float(((expected * LINE_X - LINE_Y) ** 2).mean()), rel=1e-5)
    assert line().train_on_batch(LINE_X, LINE_Y, sample_weight=[1, 0, 0, 0, 0]) == pytest.approx(1 / 5)


def test_evaluate_returns_a_number_a_list_or_a_dict() -> None:
    expected = float(((LINE_X - LINE_Y) ** 2).mean())
    assert line().evaluate(LINE_X, LINE_Y, batch_size=2) == pytest.approx(expected)
    values = line(metrics=["mae"]).evaluate(LINE_X, LINE_Y)
    assert isinstance(values, list)
    assert len(values) == 2
    assert line().evaluate(LINE_X, LINE_Y, return_dict=True) == {"loss": pytest.approx(expected)}
    assert line().evaluate(LINE_X, LINE_Y, batch_size=2, steps=1) == pytest.approx(0.5 * (1 + 4))


def test_a_sequential_without_input_is_built_by_the_data() -> None:
    model = Sequential([LSTM(3), Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    model.fit(np.zeros((4, 6, 2)), np.zeros(4))
    assert model.input_shape == (None, 6, 2) or model.input_shape == (None, None, 2)
    model = Sequential([Dense(1)])
    assert model.predict([1.0, 2.0, 3.0]).shape == (3, 1)


def test_a_loss_that_does_not_exist_is_found_when_the_model_is_built() -> None:
    model = Sequential([Dense(1)])
    model.compile(loss="nonsense")
    with pytest.raises(UnknownNameError, match="nonsense"):
        model.fit(LINE_X, LINE_Y)


def test_layers_frozen_after_compile_stay_as_they_are() -> None:
    model = Sequential([Input((1,)), Dense(1, name="a"), Dense(1, name="b")])
    model.compile(optimizer=SGD(0.1), loss="mse", engine="numpy")
    model.fit(LINE_X, LINE_Y)
    model.layers[0].trainable = False
    before = [array.copy() for array in model.get_weights()]
    model.fit(LINE_X, LINE_Y)
    after = model.get_weights()
    assert (after[0] == before[0]).all()
    assert (after[2] != before[2]).all()


def test_float64_models_run_on_the_numpy_engine() -> None:
    set_floatx("float64")
    try:
        model = Sequential([Input((1,)), Dense(1, use_bias=False)])
    finally:
        set_floatx("float32")
    model.compile(optimizer=SGD(0.01), loss="mse")
    model.set_weights([np.array([[1.0]])])
    model.fit(LINE_X, LINE_Y, shuffle=False, batch_size=2)
    expected, _ = line_by_hand(LINE_X, LINE_Y, [[0, 1], [2, 3], [4]], 0.01)
    assert abs(weight(model) - expected) < 1e-14
    assert "numpy engine" in model.explain()


@pytest.mark.parametrize("engine", engines.available())
def test_dropout_repeats_with_the_seed_and_the_step(engine: str) -> None:
    def run(epochs: int) -> list[float]:
        recurra.random.set_seed(5)
        model = Sequential([Input((4,)), Dense(8), Dropout(0.5), Dense(1)])
        model.compile(optimizer="adam", loss="mse", engine=engine)
        x = np.random.default_rng(0).normal(size=(16, 4))
        return model.fit(x, x[:, :1], epochs=epochs, batch_size=4).history["loss"]

    assert run(3) == run(3)
    assert run(2) == run(3)[:2]


def test_dropout_differs_from_step_to_step() -> None:
    model = Sequential([Input((64,)), Dropout(0.5)])
    model.compile(optimizer=SGD(0.0), loss="mse", engine="numpy")
    x = np.random.default_rng(0).normal(size=(8, 64))
    losses = [model.train_on_batch(x, np.zeros((8, 64))) for _ in range(3)]
    assert len(set(losses)) == 3
    assert model.evaluate(x, x) == 0.0


def stateful(batch: int = 2) -> Sequential:
    model = Sequential([Input(batch_shape=(batch, 3, 1)), LSTM(2, stateful=True), Dense(1)])
    model.compile(optimizer=SGD(0.1), loss="mse", engine="numpy")
    return model


def test_stateful_models_carry_their_states() -> None:
    recurra.random.set_seed(4)
    model = stateful()
    x = np.random.default_rng(1).normal(size=(4, 3, 1))
    joined = model.predict(x)
    model.reset_states()
    first, second = model.predict(x[:2]), model.predict(x[2:])
    assert (joined == np.concatenate([first, second])).all()
    model.reset_states()
    assert (model.predict(x[2:]) != second).any()


def test_validation_leaves_the_states_of_training() -> None:
    x, y = np.random.default_rng(1).normal(size=(4, 3, 1)), np.zeros(4)
    results = []
    for held in (None, (5 + x, y)):
        recurra.random.set_seed(4)
        model = stateful()
        model.fit(x, y, epochs=3, shuffle=False, validation_data=held)
        results.append(model.get_weights())
    assert all((a == b).all() for a, b in zip(*results, strict=True))


def test_a_fixed_batch_size_is_the_default_and_is_kept() -> None:
    model = stateful()
    x = np.zeros((6, 3, 1))
    model.fit(x, np.zeros(6))
    assert model.optimizer.iterations == 3
    with pytest.raises(ArgumentError, match="fixed batch size 2, but fit received batch_size=3"):
        model.fit(x, np.zeros(6), batch_size=3)
    with pytest.raises(DataError, match="predict needs a multiple of 2 samples, received 5"):
        model.predict(x[:5])
    with pytest.raises(DataError, match="validation needs a multiple of 2"):
        model.fit(x, np.zeros(6), validation_data=(x[:1], np.zeros(1)))
    for samples in (1, 4):
        with pytest.raises(ArgumentError, match=f"train_on_batch needs 2 samples, received {samples}"):
            model.train_on_batch(x[:samples], np.zeros(samples))
        with pytest.raises(ArgumentError, match="test_on_batch needs 2"):
            model.test_on_batch(x[:samples], np.zeros(samples))
        with pytest.raises(ArgumentError, match="predict_on_batch needs 2"):
            model.predict_on_batch(x[:samples])


@pytest.mark.parametrize("engine", engines.available())
def test_non_finite_training_names_the_place_and_keeps_the_weights(engine: str) -> None:
    model = line(SGD(0.01), engine=engine)
    x = LINE_X.copy()
    x[3] = np.nan
    ends: list[Any] = []
    with pytest.raises(NonFiniteError, match=r"Epoch 1 of 3, batch 2: .*input") as caught:
        model.fit(x, LINE_Y, batch_size=2, shuffle=False, epochs=3, callbacks=LambdaCallback(on_train_end=ends.append))
    expected, _ = line_by_hand(LINE_X, LINE_Y, [[0, 1]], 0.01)
    assert weight(model) == pytest.approx(expected, rel=1e-6)
    assert isinstance(caught.value.__cause__, NonFiniteError)
    assert len(ends) == 1
    assert model.optimizer.iterations == 1


def test_non_finite_training_keeps_the_best_weights() -> None:
    model = line(SGD(0.01))
    stop = EarlyStopping("loss", patience=9, restore_best_weights=True)

    def spoil(epoch: int, logs: Any) -> None:
        if epoch == 2:
            model.set_weights([np.array([[np.inf]])])

    with pytest.raises(NonFiniteError, match="Epoch 3 of 5, batch 1"):
        model.fit(LINE_X, LINE_Y, epochs=5, callbacks=[stop, LambdaCallback(on_epoch_begin=spoil)])
    assert math.isfinite(weight(model))


def test_terminate_on_nan_ends_normally(capsys: pytest.CaptureFixture[str]) -> None:
    model = line()
    history = model.fit(LINE_X, LINE_Y * np.nan, epochs=3, callbacks=TerminateOnNaN())
    assert history.epoch == []
    assert model.stop_training
    assert weight(model) == 1.0
    assert "Epoch 1 of 3, batch 1" in capsys.readouterr().out


def test_a_callback_stops_within_an_epoch() -> None:
    model = line()

    class Stop(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 1

    history = model.fit(LINE_X, LINE_Y, batch_size=1, epochs=3, callbacks=Stop())
    assert model.optimizer.iterations == 2
    assert history.epoch == [0]
    # The next run begins afresh.
    model.fit(LINE_X, LINE_Y, batch_size=1)
    assert model.optimizer.iterations == 7


def test_an_error_in_a_callback_still_ends_the_run() -> None:
    ends: list[Any] = []

    def fail(epoch: int, logs: Any) -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        line().fit(
            LINE_X, LINE_Y, callbacks=[LambdaCallback(on_epoch_end=fail), LambdaCallback(on_train_end=ends.append)]
        )
    assert len(ends) == 1


def test_the_order_of_callback_methods() -> None:
    seen: list[str] = []

    class Spy(Callback):
        def __getattribute__(self, name: str) -> Any:
            if name.startswith("on_") and name not in ("on_batch_begin", "on_batch_end"):
                seen.append(name)
            return super().__getattribute__(name)

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            seen.append(f"begin {batch}")

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            assert logs is not None
            seen.append(f"end {batch} {sorted(logs)}")

    spy = Spy()
    model = line()
    seen.clear()
    model.fit(LINE_X[:2], LINE_Y[:2], batch_size=1, validation_split=0.5, callbacks=spy)
    lifecycle = [name for name in seen if not name.endswith(("batch_begin", "batch_end"))]
    assert lifecycle == [
        "on_train_begin",
        "on_epoch_begin",
        "begin 0",
        "end 0 ['loss']",
        "on_test_begin",
        "on_test_end",
        "on_epoch_end",
        "on_train_end",
    ]


def test_batch_logs_are_running_means() -> None:
    seen: list[float] = []
    model = line(SGD(0.0))
    model.fit(
        LINE_X,
        LINE_Y,
        batch_size=2,
        shuffle=False,
        callbacks=LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"])),
    )
    errors = ((LINE_X - LINE_Y) ** 2)[:, 0]
    assert seen == pytest.approx([errors[:2].mean(), errors[:4].mean(), errors.mean()])


def test_history_is_returned_and_kept() -> None:
    model = line()
    history = model.fit(LINE_X, LINE_Y, epochs=2)
    assert isinstance(history, History)
    assert model.history is history
    assert not history.interrupted
    assert len(history.history["loss"]) == 2


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"x": LINE_X, "y": LINE_Y[:3]}, DataError, "x has 5, y has 3"),
        ({"x": LINE_X}, DataError, "y is missing"),
        ({"x": LINE_X, "y": [["a"]] * 5}, DataError, "y must hold numbers"),
        ({"x": np.zeros((5, 2)), "y": LINE_Y}, ShapeError, r"x has a wrong shape: expected \(batch, 1\)"),
        ({"x": LINE_X, "y": np.zeros((5, 2))}, ShapeError, "y has a wrong shape"),
        ({"x": LINE_X, "y": LINE_Y, "batch_size": 0}, ArgumentError, "batch_size must be a whole number from 1"),
        ({"x": LINE_X, "y": LINE_Y, "batch_size": 2.5}, ArgumentError, "batch_size"),
        ({"x": LINE_X, "y": LINE_Y, "epochs": 0}, ArgumentError, "epochs"),
        ({"x": LINE_X, "y": LINE_Y, "initial_epoch": -1}, ArgumentError, "initial_epoch"),
        ({"x": LINE_X, "y": LINE_Y, "validation_split": 1.0}, ArgumentError, "validation_split must lie between"),
        ({"x": LINE_X, "y": LINE_Y, "validation_split": 0.99}, ArgumentError, "nothing to train on"),
        ({"x": LINE_X, "y": LINE_Y, "validation_split": -0.5}, ArgumentError, "validation_split must lie between"),
        ({"x": LINE_X, "y": LINE_Y, "validation_data": LINE_X}, ArgumentError, r"validation_data must be \(x, y\)"),
        ({"x": LINE_X, "y": LINE_Y, "validation_data": (LINE_X, LINE_Y[:1])}, DataError, "validation x has 5"),
        ({"x": LINE_X, "y": LINE_Y, "validation_data": (np.zeros((5, 3)), LINE_Y)}, ShapeError, "validation x"),
        ({"x": LINE_X, "y": LINE_Y, "validation_freq": 0}, ArgumentError, "validation_freq"),
        ({"x": LINE_X, "y": LINE_Y, "steps_per_epoch": 0}, ArgumentError, "steps_per_epoch"),
        ({"x": LINE_X, "y": LINE_Y, "verbose": 3}, ArgumentError, "verbose"),
        ({"x": LINE_X, "y": LINE_Y, "sample_weight": [1, 2]}, ShapeError, "sample_weight"),
        ({"x": LINE_X, "y": LINE_Y, "class_weight": [1, 2]}, ArgumentError, "class_weight"),
        ({"x": LINE_X, "y": LINE_Y, "callbacks": [print]}, ArgumentError, "callbacks"),
        ({"x": np.zeros((0, 1)), "y": np.zeros(0)}, DataError, "x is empty"),
    ],
)
def test_wrong_arguments_of_fit_change_nothing(options: dict[str, Any], error: type[Exception], words: str) -> None:
    model = line()
    with pytest.raises(error, match=words):
        model.fit(**options)
    assert weight(model) == 1.0
    assert model.optimizer.iterations == 0


def test_what_needs_compile_says_so() -> None:
    model = Sequential([Input((1,)), Dense(1)])
    for call in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
        with pytest.raises(ArgumentError, match=r"Call model\.compile"):
            call(LINE_X, LINE_Y)
    model.compile("sgd")
    with pytest.raises(ArgumentError, match="No output has a loss"):
        model.fit(LINE_X, LINE_Y)


def test_class_weights_need_one_output() -> None:
    with pytest.raises(ArgumentError, match="one output"):
        two_outputs(loss="mse").fit([LINE_X, LINE_X], [LINE_Y, LINE_Y], class_weight={0: 1.0})


def test_training_in_another_thread() -> None:
    model = line()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            model.fit(LINE_X, LINE_Y, epochs=2)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not errors
    assert model.history is not None
    assert len(model.history.epoch) == 2


def test_data_are_neither_changed_nor_copied() -> None:
    x, y = LINE_X.copy(), LINE_Y.copy()
    model = line()
    model.fit(x, y, epochs=2, batch_size=2)
    assert (x == LINE_X).all()
    assert (y == LINE_Y).all()
    assert model._programs is not None
    assert model._programs.samples(x, y).feeds["target_0"] is y


def test_explain_names_engine_layers_and_weights() -> None:
    model = Sequential([Input((5, 2)), LSTM(3, name="first"), Dense(1, name="last")])
    model.compile(engine="numpy")
    text = model.explain()
    for part in ("numpy engine", "first", "lstm", "recurrent_kernel", "last", "dense", "(batch, 1)", "76 numbers"):
        assert part in text
    with pytest.raises(ArgumentError, match="built"):
        Sequential([Dense(1)]).explain()


def test_checkpoints_of_a_real_run(tmp_path: Path) -> None:
    from recurra.callbacks import ModelCheckpoint
    from recurra.formats import load_model

    model = line(SGD(0.01))
    best = ModelCheckpoint(tmp_path / "best.safetensors", monitor="loss", save_best_only=True)
    weights = ModelCheckpoint(tmp_path / "w-{epoch}.safetensors", save_weights_only=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(LINE_X, LINE_Y, epochs=3, callbacks=[best, weights])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best.safetensors",
        "w-1.safetensors",
        "w-2.safetensors",
        "w-3.safetensors",
    ]
    assert weight(load_model(tmp_path / "best.safetensors")) == weight(model)
    fresh = line()
    fresh.load_weights(tmp_path / "w-3.safetensors")
    assert weight(fresh) == weight(model)
