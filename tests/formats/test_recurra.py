"""Saving and loading: what was saved comes back, bit for bit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.formats.models import X, Y, lstm_model

import recurra.random
from recurra import engines, ops
from recurra.config import set_floatx
from recurra.errors import ArgumentError, FormatError
from recurra.formats import load_model, load_weights, save_model, save_weights
from recurra.layers import LSTM, Concatenate, Dense, Embedding, Input, Layer
from recurra.models import Model, Sequential
from recurra.optimizers import SGD, Adam, RMSprop


def same(a: Any, b: Any) -> bool:
    return all((x == y).all() and x.dtype == y.dtype for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("engine", engines.available())
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: SGD(0.05, momentum=0.9, nesterov=True),
        lambda: RMSprop(0.01, momentum=0.5, centered=True),
        lambda: Adam(0.01, amsgrad=True, clipnorm=0.5),
    ],
    ids=["sgd", "rmsprop", "adam"],
)
def test_training_goes_on_bit_for_bit(tmp_path: Path, engine: str, optimizer: Any) -> None:
    recurra.random.set_seed(3)
    model = lstm_model(optimizer(), engine=engine)
    start = model.get_weights()
    model.fit(X, Y, epochs=2, batch_size=5, shuffle=False)
    path = tmp_path / "half.safetensors"
    model.save(path)
    model.fit(X, Y, epochs=2, batch_size=5, shuffle=False)

    resumed = load_model(path)
    resumed.compile(resumed.optimizer, loss=resumed.loss, engine=engine)
    assert not same(start, resumed.get_weights())
    resumed.fit(X, Y, epochs=2, batch_size=5, shuffle=False)
    assert same(model.get_weights(), resumed.get_weights())
    assert model.optimizer.iterations == resumed.optimizer.iterations == 20
    for slot, arrays in model.optimizer.slots.items():
        for name, array in arrays.items():
            assert (array == resumed.optimizer.slots[slot][name]).all()


def test_predictions_configuration_and_compilation_come_back(tmp_path: Path) -> None:
    model = lstm_model(engine=None)
    model.fit(X, Y)
    model.optimizer.learning_rate = 0.125
    model.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert (loaded.predict(X) == model.predict(X)).all()
    assert type(loaded) is Sequential
    assert loaded.get_config() == model.get_config()
    assert loaded.get_compile_config() == model.get_compile_config()
    assert loaded.optimizer.learning_rate == 0.125
    assert loaded.evaluate(X, Y) == model.evaluate(X, Y)
    assert loaded.metrics_names == ["loss", "mae"]


def test_reading_a_model_draws_no_random_numbers(tmp_path: Path) -> None:
    lstm_model().save(tmp_path / "m")
    recurra.random.set_seed(1)
    expected = recurra.random.next_seed()
    recurra.random.set_seed(1)
    load_model(tmp_path / "m")
    assert recurra.random.next_seed() == expected


def test_the_same_model_makes_the_same_bytes(tmp_path: Path) -> None:
    model = lstm_model()
    model.fit(X, Y)
    for name in ("a", "b"):
        model.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_other_programs_can_read_the_tensors(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    model = lstm_model(compiled=False)
    save_model(model, tmp_path / "m.safetensors")
    tensors = load_file(tmp_path / "m.safetensors")
    assert sorted(tensors) == sorted(f"weights/{variable.name}" for variable in model.weights)
    assert (tensors["weights/dense/kernel"] == model.get_weights()[3]).all()


def test_a_model_that_is_not_compiled_stays_so(tmp_path: Path) -> None:
    save_model(lstm_model(compiled=False), tmp_path / "m")
    assert not load_model(tmp_path / "m").compiled
    lstm_model().save(tmp_path / "m")
    assert load_model(tmp_path / "m").compiled
    assert not load_model(tmp_path / "m", compile=False).compiled


def test_a_web_of_layers_with_several_inputs_and_outputs(tmp_path: Path) -> None:
    words, numbers = Input((None,), dtype="int32", name="words"), Input((3,), name="numbers")
    text = LSTM(2)(Embedding(7, 3, mask_zero=True)(words))
    joined = Concatenate()([text, numbers])
    model = Model([words, numbers], {"class": Dense(2, activation="softmax")(joined), "size": Dense(1)(joined)})
    model.compile("adam", loss={"class": "sparse_categorical_crossentropy", "size": "mae"}, loss_weights={"size": 0.5})
    x = {"words": np.array([[1, 2, 0], [3, 0, 0]]), "numbers": np.ones((2, 3))}
    y = {"class": [0, 1], "size": [1.0, 2.0]}
    model.fit(x, y)
    model.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert all((a == b).all() for a, b in zip(loaded.predict(x), model.predict(x), strict=True))
    assert loaded.evaluate(x, y) == model.evaluate(x, y)


def test_a_sequential_built_by_its_data(tmp_path: Path) -> None:
    model = Sequential([LSTM(3), Dense(1)])
    model.predict(X)
    model.save(tmp_path / "m")
    assert (load_model(tmp_path / "m").predict(X) == model.predict(X)).all()


def test_float64_weights(tmp_path: Path) -> None:
    set_floatx("float64")
    try:
        model = Sequential([Input((2,)), Dense(1)])
    finally:
        set_floatx("float32")
    model.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert loaded.get_weights()[0].dtype == np.float64
    assert same(loaded.get_weights(), model.get_weights())


def test_frozen_layers_stay_frozen(tmp_path: Path) -> None:
    model = lstm_model()
    model.layers[0].trainable = False
    model.fit(X, Y)
    model.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert [variable.name for variable in loaded.trainable_weights] == ["dense/kernel", "dense/bias"]
    model.fit(X, Y, shuffle=False)
    loaded.fit(X, Y, shuffle=False)
    assert np.allclose(loaded.get_weights()[3], model.get_weights()[3], atol=1e-6)


class Doubled(Layer):
    def call(self, x: Any) -> Any:
        return ops.multiply(x, 2.0)


def cubic(y_true: Any, y_pred: Any) -> Any:
    return ops.reduce_mean(ops.absolute(y_pred - y_true), axes=(-1,))


def test_layers_and_losses_of_ones_own(tmp_path: Path) -> None:
    model = Sequential([Input((2,)), Doubled(), Dense(1)])
    model.compile("sgd", loss=cubic)
    model.save(tmp_path / "m")
    with pytest.raises(FormatError, match=r"Unknown layer 'Doubled'.*custom_objects"):
        load_model(tmp_path / "m")
    with pytest.raises(FormatError, match=r"Unknown loss 'cubic'.*custom_objects.*compile=False"):
        load_model(tmp_path / "m", custom_objects={"Doubled": Doubled})
    x, y = np.ones((3, 2)), np.ones(3)
    loaded = load_model(tmp_path / "m", custom_objects={"Doubled": Doubled, "cubic": cubic})
    assert loaded.evaluate(x, y) == model.evaluate(x, y)
    # They are known while the file is read, not ever after.
    with pytest.raises(FormatError, match="Unknown layer 'Doubled'"):
        load_model(tmp_path / "m")


def test_what_cannot_be_saved_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_text("earlier")
    model = lstm_model()
    model.compile("adam", loss=lambda y_true, y_pred: ops.reduce_mean(y_pred - y_true, axes=(-1,)))
    with pytest.raises(ArgumentError, match=r"cannot be saved\. The argument loss of compile"):
        model.save(path)
    with pytest.raises(ArgumentError, match=r"no weights yet.*cannot be saved"):
        Sequential([Dense(1)]).save(path)
    assert path.read_text() == "earlier"
    assert [file.name for file in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("name", ["gone/m", "."])
def test_where_nothing_can_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArgumentError, match="Cannot write"):
        lstm_model().save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_weights_alone(tmp_path: Path) -> None:
    model = lstm_model()
    model.fit(X, Y)
    model.save_weights(tmp_path / "w")
    other = lstm_model()
    other.load_weights(tmp_path / "w")
    assert same(model.get_weights(), other.get_weights())
    # The optimizer goes on as well, where it is the same.
    assert other.optimizer.iterations == model.optimizer.iterations == 1
    assert other.optimizer.slots["momentum"]["dense/kernel"].any()
    with pytest.raises(FormatError, match="weights only"):
        load_model(tmp_path / "w")


def test_weights_of_a_whole_model_and_for_layers_of_other_names(tmp_path: Path) -> None:
    model = lstm_model()
    model.fit(X, Y)
    save_model(model, tmp_path / "m")
    other = Sequential([Input((6, 2)), LSTM(4, name="memory"), Dense(1, name="head")])
    other.compile("adam", "mse")
    load_weights(other, tmp_path / "m")
    assert same(model.get_weights(), other.get_weights())
    assert other.optimizer.iterations == 0


def test_weights_that_do_not_fit_change_nothing(tmp_path: Path) -> None:
    save_weights(lstm_model(), tmp_path / "w")
    for layers in ([LSTM(4)], [LSTM(3), Dense(1)], [LSTM(4), Dense(2)]):
        other = Sequential([Input((6, 2)), *layers])
        before = other.get_weights()
        with pytest.raises(FormatError, match=r"not the same layers|has shape"):
            other.load_weights(tmp_path / "w")
        assert same(before, other.get_weights())


def test_another_optimizer_starts_anew(tmp_path: Path) -> None:
    model = lstm_model()
    model.fit(X, Y)
    model.save_weights(tmp_path / "w")
    other = lstm_model(SGD(0.1, momentum=0.5))
    other.load_weights(tmp_path / "w")
    assert other.optimizer.iterations == 0
    assert not other.optimizer.slots["momentum"]["dense/kernel"].any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_in_weights(tmp_path: Path, value: float) -> None:
    model = lstm_model()
    weights = model.get_weights()
    weights[3][0] = value
    model.set_weights(weights)
    model.save(tmp_path / "m")
    with pytest.raises(FormatError, match="NaN or infinite: dense/kernel"):
        load_model(tmp_path / "m")
    assert not np.isfinite(load_model(tmp_path / "m", allow_nonfinite=True).get_weights()[3][0])
    other = lstm_model()
    before = other.get_weights()
    with pytest.raises(FormatError, match="NaN or infinite"):
        other.load_weights(tmp_path / "m")
    assert same(other.get_weights(), before)


def test_nan_in_the_state_of_training(tmp_path: Path) -> None:
    model = lstm_model()
    model.fit(X, Y)
    model.optimizer.slots["momentum"]["dense/bias"][:] = np.nan
    model.save(tmp_path / "m")
    with pytest.raises(FormatError, match=r"optimizer in .* is NaN or infinite.*compile=False"):
        load_model(tmp_path / "m")
    assert not load_model(tmp_path / "m", compile=False).compiled
    assert np.isnan(load_model(tmp_path / "m", allow_nonfinite=True).optimizer.slots["momentum"]["dense/bias"]).all()
    other = lstm_model()
    other.load_weights(tmp_path / "m")
    assert other.optimizer.iterations == 0
    assert same(other.get_weights(), model.get_weights())


def test_notes_of_the_user_are_kept(tmp_path: Path) -> None:
    model = lstm_model()
    model.user_metadata = {"unit": "MW", "scale": [1, 2.5]}
    model.save(tmp_path / "m")
    assert load_model(tmp_path / "m").user_metadata == {"unit": "MW", "scale": [1, 2.5]}


def test_overwriting_keeps_the_mode_and_follows_links(tmp_path: Path) -> None:
    target = tmp_path / "real"
    model = lstm_model()
    model.save(target)
    target.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(target)
    model.fit(X, Y)
    model.save(link)
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert same(load_model(target).get_weights(), model.get_weights())


def test_the_version_is_in_the_file(tmp_path: Path) -> None:
    lstm_model().save(tmp_path / "m")
    text = (tmp_path / "m").read_bytes()[:4000].decode("latin-1")
    assert re.search(r'recurra model\\",\s*\\"version\\":\s*1', text)


def test_no_model() -> None:
    with pytest.raises(ArgumentError, match="received int"):
        save_model(5, "x")  # type: ignore[arg-type]
