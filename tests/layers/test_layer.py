"""`Layer`: a layer of one's own, weights, configuration, calling, penalties, masks."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.harness.layers import check_layer

from recurra import config, engines, ops
from recurra.errors import ArgumentError, ShapeError, UnknownNameError
from recurra.graph import GraphBuilder, Tensor
from recurra.layers import LSTM, Dense, Dropout, Flatten, Input, InputSpec, Layer, Masking, deserialize, serialize
from recurra.layers.tracing import get_mask
from recurra.models import Model, Sequential
from recurra.optimizers import Adam


class Attention(Layer):
    """Weights the steps of a sequence by a softmax of learned scores and sums them."""

    def __init__(self, width: int, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.scale = scale
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Any) -> None:
        self.hidden = self.add_weight((input_shape[-1], self.width), "glorot_uniform", name="hidden")
        self.score = self.add_weight((self.width, 1), "glorot_uniform", name="score")

    def call(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        batch, time, _ = x.shape
        scores = ops.reshape(ops.dense(ops.tanh(ops.dense(x, self.hidden)), self.score), (batch, time)) * self.scale
        if mask is not None:
            scores = ops.where(mask, scores, -1e9)
        shares = ops.reshape(ops.softmax(scores), (batch, time, 1))
        return ops.reduce_sum(x * shares, axes=(1,))


class Twice(Layer):
    """A layer made of a layer, which takes no further arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Dense(3, use_bias=False)

    def call(self, x: Tensor) -> Any:
        return self.inner(self.inner(x))


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


class TestOwnLayers:
    def test_pass_all_checks(self) -> None:
        check_layer(
            lambda: Attention(4, scale=2.0),
            numbers(3, 5, 2),
            weights=2,
            open_axes=(1,),
            custom_objects={"Attention": Attention},
        )
        check_layer(lambda: Twice(), numbers(2, 3), weights=1, custom_objects={"Twice": Twice})

    @pytest.mark.parametrize("engine", engines.available())
    def test_train_on_every_engine(self, engine: str) -> None:
        model = Sequential([Input((None, 2)), Attention(4), Dense(1)])
        model.compile(Adam(0.02), "mse", engine=engine)
        x = numbers(64, 6, 2)
        y = x.max(axis=1)[:, :1]
        before = model.evaluate(x, y)
        model.fit(x, y, epochs=30, verbose=0)
        assert model.evaluate(x, y) < 0.3 * before

    def test_receive_the_mask(self) -> None:
        model = Model(series := Input((None, 2)), Attention(4)(Masking()(series)))
        x = numbers(1, 4, 2)
        padded = np.concatenate([x, np.zeros((1, 3, 2), np.float32)], axis=1)
        np.testing.assert_allclose(model.predict(padded), model.predict(x), rtol=1e-5)

    def test_configuration_is_read_off_the_attributes(self) -> None:
        layer = Attention(4, scale=2.0, name="look", trainable=False)
        assert layer.get_config() == {
            "name": "look",
            "trainable": False,
            "dtype": "float32",
            "width": 4,
            "scale": 2.0,
        }

    def test_the_name_survives_even_if_the_constructor_takes_none(self) -> None:
        layer = Twice()
        layer.name = "mine"
        assert deserialize(serialize(layer), {"Twice": Twice}).name == "mine"

    def test_a_missing_attribute_is_named(self) -> None:
        class Forgetful(Layer):
            def __init__(self, size: int) -> None:
                super().__init__()

        with pytest.raises(ArgumentError, match=r"argument 'size' is not kept\. Write self\.size = size in __init__"):
            Forgetful(3).get_config()

    def test_must_have_a_call(self) -> None:
        class Empty(Layer):
            pass

        with pytest.raises(NotImplementedError, match=r"The layer Empty has no call\(self, x\)"):
            Empty()(np.zeros((1, 2)))

    def test_must_return_symbolic_tensors(self) -> None:
        class Wrong(Layer):
            def call(self, x: Tensor) -> Any:
                return np.zeros(3)

        with pytest.raises(ArgumentError, match=r"call of layer 'wrong' \(Wrong\) must return symbolic .*ndarray"):
            Wrong()(np.zeros((1, 2)))

    def test_know_whether_the_graph_is_for_training(self) -> None:
        class Doubles(Layer):
            def call(self, x: Tensor, training: bool = False) -> Tensor:
                return x * (2.0 if training else 1.0)

        layer = Doubles()
        assert layer(np.ones((1, 1))).item() == 1
        assert layer(np.ones((1, 1)), training=True).item() == 2
        model = Model(x := Input((1,)), layer(x))
        model.compile("sgd", "mse", metrics=["mae"])
        assert model.predict(np.ones((1, 1))).item() == 1
        assert model.train_on_batch(np.ones((1, 1)), np.zeros((1, 1))) == [4, 2]
        assert model.test_on_batch(np.ones((1, 1)), np.zeros((1, 1))) == [1, 1]

    def test_build_called_by_hand_is_not_repeated(self) -> None:
        layer = Attention(4)
        layer.build((None, None, 2))
        assert layer.built
        layer(numbers(1, 3, 2))
        assert len(layer.weights) == 2


class TestWeights:
    def test_names_begin_with_the_layer(self) -> None:
        layer = Dense(2, name="out")
        layer.build((None, 3))
        assert [v.name for v in layer.weights] == ["out/kernel", "out/bias"]

    def test_without_a_name_are_numbered(self) -> None:
        layer = Layer(name="x")
        assert [layer.add_weight((1,)).name for _ in range(3)] == ["x/weight", "x/weight_1", "x/weight_2"]
        with pytest.raises(ArgumentError, match="has a weight named 'weight' already"):
            layer.add_weight((1,), name="weight")

    def test_take_the_float_type_of_the_process_or_of_the_layer(self) -> None:
        assert Layer().add_weight((1,)).value.dtype == np.float32
        assert Layer(dtype="float64").add_weight((1,)).value.dtype == np.float64
        config.set_floatx("float64")
        assert Layer().add_weight((1,)).value.dtype == np.float64

    def test_need_known_sizes(self) -> None:
        with pytest.raises(ShapeError, match=r"'kernel' of layer 'dense' needs known sizes, received \(None, 2\)"):
            Dense(2)(Input((3, None)))

    def test_get_and_set(self) -> None:
        layer = Dense(2)
        layer.build((None, 3))
        values = [np.arange(6.0).reshape(3, 2), np.array([7.0, 8.0])]
        layer.set_weights(values)
        kept = layer.get_weights()
        assert [w.tolist() for w in kept] == [w.tolist() for w in values]
        kept[0][:] = 0
        assert layer.get_weights()[0].tolist() == values[0].tolist()
        assert layer.count_params() == 8

    def test_set_is_all_or_nothing(self) -> None:
        layer = Dense(2)
        with pytest.raises(ShapeError, match=r"has 0 weights \(none\), received 2. It is not built yet"):
            layer.set_weights([1, 2])
        layer.build((None, 3))
        before = layer.get_weights()
        with pytest.raises(ShapeError, match=r"'dense/bias' has the shape \(2,\), received an array of shape \(3,\)"):
            layer.set_weights([np.ones((3, 2)), np.ones(3)])
        with pytest.raises(ShapeError, match=r"has 2 weights \(dense/kernel, dense/bias\), received 1"):
            layer.set_weights([np.ones((3, 2))])
        assert all((a == b).all() for a, b in zip(layer.get_weights(), before, strict=True))

    def test_trainable(self) -> None:
        layer = Layer()
        free, fixed = layer.add_weight((1,)), layer.add_weight((1,), trainable=False)
        assert layer.trainable_weights == [free] and layer.non_trainable_weights == [fixed]
        layer.trainable = False
        assert layer.trainable_weights == []
        layer.trainable = True
        assert layer.trainable_weights == [free]

    def test_trainable_reaches_layers_inside(self) -> None:
        layer = Twice()
        layer(numbers(1, 3))
        layer.trainable = False
        assert not layer.inner.trainable and layer.trainable_weights == []

    @pytest.mark.parametrize("engine", engines.available())
    def test_frozen_weights_stay(self, engine: str) -> None:
        model = Sequential([Input((3,)), Dense(3, trainable=False), Dense(1)])
        frozen, free = model.layers
        model.compile("sgd", "mse", engine=engine)
        before = model.get_weights()
        model.train_on_batch(numbers(4, 3), numbers(4, 1))
        assert (frozen.get_weights()[0] == before[0]).all()
        assert (free.get_weights()[0] != before[2]).any()

    def test_of_layers_in_lists_and_mappings_are_found(self) -> None:
        class Tower(Layer):
            def __init__(self) -> None:
                super().__init__()
                self.steps = [Dense(2), Dense(2)]
                self.heads = {"a": Dense(1), "same": self.steps[0]}

            def call(self, x: Tensor) -> Any:
                for step in self.steps:
                    x = step(x)
                return self.heads["a"](x)

        layer = Tower()
        layer(numbers(1, 2))
        names = ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias", "dense_2/kernel", "dense_2/bias"]
        assert [v.name for v in layer.weights] == names


class TestPenalties:
    def test_regularizers_of_trainable_weights(self) -> None:
        layer = Dense(1, kernel_regularizer="l2", bias_regularizer="l1", kernel_initializer="ones")
        model = Model(x := Input((3,)), layer(x))
        layer.set_weights([np.full((3, 1), 2.0), np.array([5.0])])
        model.compile("sgd", "mse")
        zero = np.zeros((2, 3)), np.full((2, 1), 5.0)
        assert model.evaluate(*zero) == pytest.approx(0.01 * 12 + 0.01 * 5)
        layer.trainable = False
        assert model.evaluate(*zero) == 0

    def test_pull_weights_to_zero(self) -> None:
        layer = Dense(1, use_bias=False, kernel_regularizer={"class_name": "L2", "config": {"l2": 0.5}})
        model = Model(x := Input((1,)), layer(x))
        layer.set_weights([np.array([[2.0]])])
        model.compile({"class_name": "SGD", "config": {"learning_rate": 0.1}}, "mse")
        model.train_on_batch(np.zeros((1, 1)), np.zeros((1, 1)))
        assert layer.get_weights()[0].item() == pytest.approx(2 - 0.1 * 0.5 * 2 * 2)

    def test_activity_is_divided_by_the_batch(self) -> None:
        layer = Dense(1, activity_regularizer={"class_name": "L1", "config": {"l1": 0.1}}, kernel_initializer="ones")
        model = Model(x := Input((1,)), layer(x))
        model.compile("sgd", "mse")
        data = np.array([[1.0], [-2.0], [3.0]])
        assert model.evaluate(data, data) == pytest.approx(0.1 * 6 / 3)
        assert layer.get_config()["activity_regularizer"] == {"class_name": "L1", "config": {"l1": 0.1}}

    def test_of_ones_own(self) -> None:
        class Sparse(Layer):
            def call(self, x: Tensor) -> Tensor:
                self.add_loss(ops.reduce_mean(ops.absolute(x)) * 10.0)
                return x

        model = Model(x := Input((2,)), Sparse()(x))
        model.compile("sgd", "mse")
        data = np.array([[1.0, -3.0]])
        assert model.evaluate(data, data) == pytest.approx(20)

    def test_must_be_scalars(self) -> None:
        class Wrong(Layer):
            def call(self, x: Tensor) -> Tensor:
                self.add_loss(x)
                return x

        with pytest.raises(ShapeError, match=r"needs a scalar, received the shape \(batch, 2\)"):
            Wrong()(Input((2,)))


class TestMasks:
    def test_a_layer_that_drops_one_says_so(self) -> None:
        masked = Masking()(Input((3, 2)))
        with pytest.warns(UserWarning, match=r"Layer 'flatten' \(Flatten\) receives masked steps but cannot hand on"):
            Flatten()(masked)

    def test_inputs_keep_theirs_when_a_layer_hands_them_through(self) -> None:
        builder = GraphBuilder()
        x, mask = builder.input("x", ("batch", "time", 2)), builder.input("mask", ("batch", "time"))
        y = Dropout(0.5)(x, mask=mask)
        assert get_mask(x) is None
        assert get_mask(y) is mask

    def test_layers_inside_a_layer_hand_them_on(self) -> None:
        class Inner(Layer):
            def __init__(self) -> None:
                super().__init__()
                self.rnn = LSTM(3, return_sequences=True)

            def call(self, x: Tensor) -> Any:
                return self.rnn(x)

        x = Masking()(Input((None, 2)))
        assert Inner()(x).mask_dims == x.mask_dims


class TestNames:
    def test_are_counted_for_each_class(self) -> None:
        assert [Dense(1).name, Dense(1).name, LSTM(1).name, Dense(1).name] == ["dense", "dense_1", "lstm", "dense_2"]
        config.clear_session()
        assert Dense(1).name == "dense"

    def test_of_unknown_arguments_are_corrected(self) -> None:
        with pytest.raises(UnknownNameError, match=r"Unknown argument of Dense 'activaton'\. Did you mean 'act"):
            Dense(2, activaton="relu")


class TestCalling:
    def test_on_arrays_gives_arrays(self) -> None:
        layer = Dense(2, kernel_initializer="ones")
        assert layer(np.array([[1, 2]])).tolist() == [[3, 3]]
        assert layer([[1.0, 2.0]]).tolist() == [[3, 3]]

    def test_on_something_else_is_refused(self) -> None:
        with pytest.raises(ArgumentError, match="needs numbers, received an array of type <U1"):
            Dense(2)(np.array([["a"]]))

    def test_errors_say_in_which_layer(self) -> None:
        class Broken(Layer):
            def call(self, x: Tensor) -> Tensor:
                return ops.add(x, np.ones(7))

        with pytest.raises(ShapeError) as caught:
            Broken()(Input((3,)))
        assert caught.value.__notes__ == ["This happened in the call of layer 'broken' (Broken)."]

    def test_input_and_output_of_the_first_call(self) -> None:
        x = Input((3,))
        layer = Dense(2)
        with pytest.raises(ArgumentError, match="'dense' has not been called in a model yet"):
            _ = layer.output
        y = layer(x)
        assert layer.input is x and layer.output is y

    def test_a_layer_called_twice_drops_other_elements(self) -> None:
        layer = Dropout(0.5, seed=3)
        builder = GraphBuilder(training=True)
        x = builder.input("x", (1, 64))
        builder.output("a", layer(x))
        builder.output("b", layer(x))
        program = engines.get("numpy").compile(builder.finish(), {})
        result = program.predict({"x": np.ones((1, 64), np.float32)}, step=1)
        assert (result["a"] != result["b"]).any()
        again = program.predict({"x": np.ones((1, 64), np.float32)}, step=1)
        assert (result["a"] == again["a"]).all()


def test_configurations_of_unknown_classes_and_arguments() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown layer 'Dens'\. Did you mean 'Dense'"):
        deserialize({"class_name": "Dens", "config": {}})
    with pytest.raises(UnknownNameError, match=r"Unknown argument of Dense 'unit'\. Did you mean 'units'"):
        deserialize({"class_name": "Dense", "config": {"units": 3, "unit": 2}})
    with pytest.raises(ArgumentError, match=r"Dense cannot be made with the arguments \{\}: missing .* 'units'"):
        deserialize({"class_name": "Dense", "config": {}})


def test_configurations_are_json() -> None:
    layer = Dense(np.int64(3), kernel_regularizer="l2")  # type: ignore[arg-type]
    assert json.loads(json.dumps(layer.get_config())) == layer.get_config()


def test_a_call_without_an_input_says_so() -> None:
    with pytest.raises(ArgumentError, match="without an input"):
        Dense(2)()
