"""Values and refusals of the layers that are not recurrent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra import engines, layers
from recurra.errors import ArgumentError, EngineError, RecurraError, ShapeError
from recurra.layers import Input
from recurra.models import Model


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


class TestDense:
    def test_values(self) -> None:
        layer = layers.Dense(2, "relu")
        layer.build((None, 2))
        layer.set_weights([[[1.0, -1.0], [2.0, 1.0]], [0.5, -0.5]])
        assert layer(np.array([[1.0, 3.0]])).tolist() == [[7.5, 1.5]]
        assert layer(np.array([[3.0, 1.0]])).tolist() == [[5.5, 0.0]]

    def test_another_number_of_features_is_refused(self) -> None:
        layer = layers.Dense(2)
        layer.build((None, 3))
        with pytest.raises(ShapeError, match=r"'dense' .* expected the last dimension to be 3.* received \(4, 2\)"):
            layer(numbers(4, 2))
        with pytest.raises(ShapeError, match="at least 2 dimensions"):
            layer(numbers(3))

    def test_constraints_are_refused(self) -> None:
        with pytest.raises(ArgumentError, match="Dense: bias_constraint must be None, received 'non_neg'"):
            layers.Dense(2, bias_constraint="non_neg")


class TestEmbedding:
    def test_values(self) -> None:
        layer = layers.Embedding(3, 2)
        layer.build()
        layer.set_weights([[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]])
        assert layer(np.array([[2, 0]])).tolist() == [[[4, 5], [0, 1]]]
        assert layer(np.array([[2.0, 0.0]])).tolist() == [[[4, 5], [0, 1]]]

    def test_first_values(self) -> None:
        layer = layers.Embedding(1000, 4)
        layer.build()
        table = layer.get_weights()[0]
        assert 0.049 < table.max() <= 0.05 and -0.05 <= table.min() < -0.049

    def test_mask(self) -> None:
        ids = Input((None,), dtype="int32")
        layer = layers.Embedding(4, 2, mask_zero=True)
        total = layers.LSTM(1, return_sequences=True, zero_output_for_mask=True)
        model = Model(ids, total(layer(ids)))
        values = model.predict(np.array([[1, 0, 2, 0]]))[0, :, 0]
        assert (values[[1, 3]] == 0).all() and (values[[0, 2]] != 0).all()
        assert layers.Embedding(4, 2)(ids).mask_dims is None

    @pytest.mark.parametrize("engine", engines.available())
    @pytest.mark.parametrize("bad", [4, -1])
    def test_an_index_out_of_range_is_refused(self, engine: str, bad: int) -> None:
        model = Model(ids := Input((2,), dtype="int32"), layers.Embedding(4, 2)(ids))
        model.compile("sgd", "mse", engine=engine)
        with pytest.raises(RecurraError, match=str(bad)):
            model.predict(np.array([[1, bad]]))


class TestDropout:
    def test_share_and_scale(self) -> None:
        layer = layers.Dropout(0.25, seed=5)
        values = layer(np.ones((100, 100)), training=True)
        assert set(np.unique(values)) == {np.float32(0), np.float32(1 / 0.75)}
        assert abs((values == 0).mean() - 0.25) < 0.02

    def test_noise_shape(self) -> None:
        layer = layers.Dropout(0.5, noise_shape=(None, 1, None), seed=5)
        values = layer(np.ones((8, 6, 5)), training=True)
        assert (values == values[:, :1]).all()
        assert len(np.unique(values[:, 0])) == 2
        with pytest.raises(ArgumentError, match="must have as many dimensions as the input, 2"):
            layer(np.ones((8, 6)), training=True)

    def test_draws_anew_at_each_step(self) -> None:
        model = Model(x := Input((100,)), layers.Dropout(0.5, seed=5)(x))
        model.compile("sgd", "mse")
        ones, zeros = np.ones((1, 100)), np.zeros((1, 100))
        seen = {model.train_on_batch(ones, zeros) for _ in range(6)}
        assert len(seen) > 1
        assert model.test_on_batch(ones, zeros) == 1

    def test_refusals(self) -> None:
        for rate in (1.0, -0.1, float("nan"), "half"):
            with pytest.raises(ArgumentError, match=r"Dropout: rate must lie in \[0, 1\)"):
                layers.Dropout(rate)  # type: ignore[arg-type]


class TestMasking:
    def test_a_step_counts_unless_all_features_are_the_value(self) -> None:
        x = np.array([[[0.0, 1.0], [0.0, 0.0], [2.0, 0.0]]])
        model = Model(
            series := Input((3, 2)),
            layers.LSTM(1, return_sequences=True, zero_output_for_mask=True)(layers.Masking()(series)),
        )
        assert (model.predict(x)[0, :, 0] != 0).tolist() == [True, False, True]

    def test_masked_steps_become_zero(self) -> None:
        layer = layers.Masking(7.0)
        x = np.array([[[7.0, 7.0], [7.0, 1.0]]])
        assert layer(x).tolist() == [[[0, 0], [7, 1]]]

    def test_needs_a_sequence(self) -> None:
        with pytest.raises(ShapeError, match="at least 3 dimensions"):
            layers.Masking()(Input((3,)))


class TestReshaping:
    x = np.arange(12.0).reshape(1, 2, 6)

    def test_reshape(self) -> None:
        assert layers.Reshape((3, -1))(self.x).tolist() == self.x.reshape(1, 3, 4).tolist()
        with pytest.raises(ShapeError, match=r"Cannot reshape \(1, 2, 6\) to \(1, 5\)"):
            layers.Reshape((5,))(self.x)

    def test_flatten(self) -> None:
        assert layers.Flatten()(self.x).tolist() == self.x.reshape(1, 12).tolist()
        assert layers.Flatten()(np.ones(3)).tolist() == [[1], [1], [1]]

    def test_permute(self) -> None:
        x = np.arange(24.0).reshape(1, 2, 3, 4)
        assert layers.Permute((3, 1, 2))(x).tolist() == x.transpose(0, 3, 1, 2).tolist()
        with pytest.raises(ArgumentError, match=r"counted from 1, received \(0, 1\)"):
            layers.Permute((0, 1))

    def test_repeat_vector(self) -> None:
        assert layers.RepeatVector(2)(np.array([[1.0, 2.0]])).tolist() == [[[1, 2], [1, 2]]]
        with pytest.raises(ShapeError, match=r"2 dimensions \(batch, features\)"):
            layers.RepeatVector(2)(self.x)


class TestMerging:
    a, b = np.array([[1.0, 5.0]]), np.array([[3.0, 2.0]])

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("Add", [4, 7]),
            ("Subtract", [-2, 3]),
            ("Multiply", [3, 10]),
            ("Average", [2, 3.5]),
            ("Maximum", [3, 5]),
            ("Minimum", [1, 2]),
            ("Concatenate", [1, 5, 3, 2]),
        ],
    )
    def test_values(self, name: str, expected: list[float]) -> None:
        assert getattr(layers, name)()([self.a, self.b]).tolist() == [expected]

    def test_average_of_three(self) -> None:
        np.testing.assert_allclose(layers.Average()([self.a, self.b, self.b]), [[7 / 3, 3]], rtol=1e-6)

    def test_refusals(self) -> None:
        with pytest.raises(ArgumentError, match="Subtract needs exactly 2 inputs, received 3"):
            layers.Subtract()([self.a, self.a, self.a])
        with pytest.raises(ArgumentError, match="Add is called on a list of tensors, received Tensor"):
            layers.Add()(self.a)
        with pytest.raises(ShapeError, match=r"may differ along axis 2 only, received \(1, 2, 3\), \(1, 3, 3\)"):
            layers.Concatenate()([np.ones((1, 2, 3)), np.ones((1, 3, 3))])

    def test_sizes_that_may_differ_need_a_name(self) -> None:
        first, second = Input((None, 2), name="first"), Input((None, 2), name="second")
        with pytest.raises(ShapeError, match=r"'first_time' and 'second_time', has one size.*Input\(\('steps', 3\)\)"):
            layers.Add()([first, second])
        first, second = Input(("steps", 2), name="first"), Input(("steps", 2), name="second")
        model = Model([first, second], layers.Add()([first, second]))
        assert model.output_shape == (None, None, 2)
        x = numbers(2, 4, 2)
        assert (model.predict([x, x]) == x + x).all()

    def test_masks_meet(self) -> None:
        first, second = Input((3, 1)), Input((3, 1))
        mask = layers.Masking()
        rnn = layers.LSTM(1, return_sequences=True, zero_output_for_mask=True)
        x, y = np.array([[[1.0], [0.0], [1.0]]]), np.array([[[0.0], [1.0], [1.0]]])
        both = Model([first, second], rnn(layers.Add()([mask(first), mask(second)])))
        assert (both.predict([x, y])[0, :, 0] != 0).tolist() == [False, False, True]
        one = Model([first, second], rnn(layers.Add()([mask(first), second])))
        assert (one.predict([x, y])[0, :, 0] != 0).tolist() == [True, False, True]
        row = Model([first, second], rnn(layers.Concatenate(1)([mask(first), second])))
        assert (row.predict([x, y])[0, :, 0] != 0).tolist() == [True, False, True, True, True, True]


class TestInput:
    def test_symbols_of_unknown_sizes(self) -> None:
        assert Input((None, None, 2)).dims == ("batch", "time", "input_layer_2", 2)
        assert Input((None, 2)).dims == ("batch", "time_1", 2)
        assert Input((None,), name="words").dims == ("batch", "words_time")
        assert Input(("steps", 4), batch_size=3).dims == (3, "steps", 4)

    def test_shapes(self) -> None:
        assert Input((None, 3)).shape == (None, None, 3)
        assert Input((4,), batch_size=2).shape == (2, 4)
        assert Input(batch_shape=(2, None)).shape == (2, None)
        assert Input(()).shape == (None,)

    def test_types(self) -> None:
        assert [Input((1,), dtype=d).dtype for d in (None, "int64", "float64", "int32")] == [
            "float32",
            "int32",
            "float64",
            "int32",
        ]
        with pytest.raises(ArgumentError, match="must be one of float32, float64, int32, received 'complex64'"):
            Input((1,), dtype="complex64")

    def test_refusals(self) -> None:
        with pytest.raises(ArgumentError, match="needs either shape"):
            Input()
        with pytest.raises(ArgumentError, match="needs either shape"):
            Input((1,), batch_shape=(None, 1))
        with pytest.raises(ShapeError, match="must be a tuple such as"):
            Input(3)  # type: ignore[arg-type]
        with pytest.raises(ShapeError, match=r"positive integers or None, received \(None, 0\)"):
            Input((0,))

    def test_holds_no_data(self) -> None:
        x = Input((1,))
        uses: list[Callable[[], Any]] = [lambda: x + 1, lambda: 2 * x, lambda: -x, lambda: x[0], lambda: x @ x]
        for use in uses:
            with pytest.raises(ArgumentError, match=r"not part of a model\. Use the layers Add"):
                use()
        with pytest.raises(ArgumentError, match="has no truth value"):
            bool(x)
        with pytest.raises(ArgumentError, match="cannot be iterated over"):
            list(x)
        assert repr(x) == "<KerasTensor shape=(None, 1), dtype=float32, from layer 'input_layer'>"


def test_float64_models_run_on_the_numpy_engine_only() -> None:
    model = Model(x := Input((1,)), layers.Dense(1, dtype="float64")(x))
    for engine in engines.available():
        model.compile("sgd", "mse", engine=engine)
        if engine == "numpy":
            assert model.predict(np.ones((1, 1))).dtype == np.float64
        else:
            with pytest.raises(EngineError):
                model.predict(np.ones((1, 1)))
