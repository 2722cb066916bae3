"""Layer factories: defaults of TensorFlow.js, both ways of giving options, names, errors."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import initializers, layers
from recurra import tfjs as tf
from recurra.errors import ArgumentError, ShapeError, UnknownNameError


def test_lstm_has_the_defaults_of_tensorflow_js() -> None:
    layer = tf.layers.lstm(units=3)
    assert isinstance(layer, layers.LSTM)
    config = layer.get_config()
    assert config["activation"] == "tanh"
    assert config["recurrent_activation"] == "hard_sigmoid_tfjs"
    assert config["unit_forget_bias"] is False
    assert isinstance(layer.kernel_initializer, initializers.GlorotNormal)
    assert isinstance(layer.recurrent_initializer, initializers.Orthogonal)
    layer.apply(tf.zeros([1, 2, 4]))
    assert not np.any(layer.getWeights()[2].dataSync()), "TensorFlow.js starts all biases at 0"


def test_gru_has_the_defaults_of_tensorflow_js() -> None:
    layer = tf.layers.gru(units=3, implementation=2)
    assert isinstance(layer, layers.GRU)
    config = layer.get_config()
    assert config["activation"] == "tanh"
    assert config["recurrent_activation"] == "hard_sigmoid_tfjs"
    assert config["reset_after"] is False
    assert isinstance(layer.kernel_initializer, initializers.GlorotNormal)
    layer.apply(tf.zeros([1, 2, 4]))
    assert [weight.shape for weight in layer.getWeights()] == [[4, 9], [3, 9], [9]]
    assert tf.layers.gru(units=3, resetAfter=False).get_config()["reset_after"] is False


def test_gru_refuses_what_tensorflow_js_refuses() -> None:
    with pytest.raises(ArgumentError, match="resetAfter must be False, received True.*recurra.layers.GRU has it"):
        tf.layers.gru(units=3, resetAfter=True)


def test_simple_rnn_has_the_defaults_of_tensorflow_js() -> None:
    layer = tf.layers.simpleRNN(units=3, activation=None)
    assert isinstance(layer, layers.SimpleRNN)
    assert layer.get_config()["activation"] == "tanh"
    assert isinstance(layer.kernel_initializer, initializers.GlorotNormal)
    assert layer.name.startswith("simple_rnn_SimpleRNN")
    assert layer.apply(tf.zeros([1, 2, 4])).shape == [1, 3]
    with pytest.raises(UnknownNameError, match="recurrentActivation"):
        tf.layers.simpleRNN(units=3, recurrentActivation="sigmoid")


def test_bidirectional_has_the_defaults_of_tensorflow_js() -> None:
    layer = tf.layers.bidirectional(layer=tf.layers.gru(units=3, returnSequences=True, name="cells"))
    assert isinstance(layer, layers.Bidirectional)
    assert layer.merge_mode == "concat"
    assert [layer.forward_layer.name, layer.backward_layer.name] == ["forward_cells", "backward_cells"]
    assert not layer.forward_layer.zero_output_for_mask
    assert layer.apply(tf.zeros([1, 2, 4])).shape == [1, 2, 6]
    pair = tf.layers.bidirectional({"layer": tf.layers.lstm(units=3), "mergeMode": None}).apply(tf.zeros([1, 2, 4]))
    assert [part.shape for part in pair] == [[1, 3], [1, 3]]
    copy = layers.deserialize(layers.serialize(layer))
    assert type(copy) is layers.Bidirectional
    assert copy.get_config() == layer.get_config()


def test_bidirectional_refuses_what_tensorflow_js_refuses() -> None:
    with pytest.raises(ArgumentError, match="needs the option 'layer'"):
        tf.layers.bidirectional(mergeMode="sum")
    with pytest.raises(ArgumentError, match="knows no weights here"):
        tf.layers.bidirectional(layer=tf.layers.lstm(units=1), weights=[np.zeros(1)])


def test_dense_starts_from_glorot_normal() -> None:
    assert isinstance(tf.layers.dense(units=1).kernel_initializer, initializers.GlorotNormal)


def test_options_come_as_keywords_or_as_a_mapping_or_both() -> None:
    one = tf.layers.lstm(units=2, returnSequences=True, name="a")
    two = tf.layers.lstm({"units": 2, "returnSequences": True}, name="a")
    three = tf.lstmLayer({"units": 9, "returnSequences": True, "name": "a"}, units=2)
    assert one.get_config() == two.get_config() == three.get_config()
    assert tf.denseLayer is tf.layers.denseLayer is tf.layers.dense


def test_none_means_the_default_as_undefined_does() -> None:
    assert tf.layers.lstm(units=2, recurrentActivation=None).get_config()["recurrent_activation"] == "hard_sigmoid_tfjs"


@pytest.mark.parametrize(
    ("factory", "options", "given", "suggestion"),
    [
        (tf.layers.lstm, {"units": 2, "returnSequence": True}, "returnSequence", "returnSequences"),
        (tf.layers.lstm, {"unit": 2}, "unit", "units"),
        (tf.layers.dense, {"units": 2, "useBais": True}, "useBais", "useBias"),
        (tf.layers.dense, {"units": 2, "use_bias": True}, "use_bias", "useBias"),
        (tf.layers.embedding, {"inputDim": 2, "outputDims": 2}, "outputDims", "outputDim"),
    ],
)
def test_unknown_options_are_refused_with_a_suggestion(
    factory: object, options: dict[str, object], given: str, suggestion: str
) -> None:
    with pytest.raises(UnknownNameError, match=f"'{given}'. Did you mean '{suggestion}'"):
        factory(options)  # type: ignore[operator]


def test_what_cannot_be_left_out_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"lstm needs the option 'units', such as lstm\(units=16\)"):
        tf.layers.lstm()
    with pytest.raises(ArgumentError, match="takes its options by name"):
        tf.layers.lstm(16)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="inputShape must be a list such as"):
        tf.layers.lstm(units=1, inputShape=3)
    with pytest.raises(ArgumentError, match="inputLayer needs the option 'inputShape'"):
        tf.layers.inputLayer()


def test_unknown_members_are_attribute_errors_with_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="'lsmt'. Did you mean 'lstm'"):
        _ = tf.layers.lsmt
    with pytest.raises(AttributeError, match="'adma'. Did you mean 'adam'"):
        _ = tf.train.adma
    with pytest.raises(AttributeError, match="'sequental'. Did you mean 'sequential'"):
        _ = tf.sequental
    assert not hasattr(tf.losses, "gru")


def test_layers_are_numbered_by_class_as_in_tensorflow_js() -> None:
    first, second = tf.layers.lstm(units=1), tf.layers.lstm(units=1)
    assert first.name.startswith("lstm_LSTM")
    assert int(second.name.removeprefix("lstm_LSTM")) == int(first.name.removeprefix("lstm_LSTM")) + 1


def test_weights_can_be_given_and_set() -> None:
    layer = tf.layers.dense(units=1, weights=[tf.tensor2d([[2], [3]]), tf.tensor1d([1])])
    assert layer.apply(tf.tensor2d([[1, 10]])).arraySync() == [[33]]
    layer.setWeights([np.zeros((2, 1)), tf.tensor1d([4])])
    assert layer.apply(tf.tensor2d([[1, 10]])).arraySync() == [[4]]
    assert layer.countParams() == 3
    with pytest.raises(ShapeError):
        layer.setWeights([tf.tensor1d([4])])


def test_apply_takes_an_initial_state() -> None:
    weights = [np.zeros((1, 4)), np.zeros((1, 4)), np.array([0.0, 10, 0, 10])]
    layer = tf.layers.lstm(units=1, weights=weights)
    # With the gates at i = 1/2 of nothing, f = o = 1, the cell keeps its state and shows its tanh.
    state = layer.apply(tf.zeros([1, 3, 1]), {"initialState": [tf.zeros([1, 1]), tf.ones([1, 1])]})
    assert state.arraySync() == [[pytest.approx(np.tanh(1.0))]]


def test_every_activation_name_of_tensorflow_js_is_known() -> None:
    names = "elu selu relu relu6 linear sigmoid hardSigmoid softplus softsign tanh softmax logSoftmax gelu mish swish"
    x = tf.tensor2d([[-1.5, 0.3, 2.0]])
    for name in names.split():
        assert tf.layers.activation(activation=name).apply(x).shape == [1, 3]


def test_every_initializer_name_of_tensorflow_js_is_known() -> None:
    names = (
        "zeros ones randomUniform randomNormal truncatedNormal identity varianceScaling glorotUniform glorotNormal "
        "heUniform heNormal leCunUniform leCunNormal orthogonal"
    )
    for name in names.split():
        tf.layers.dense(units=2, kernelInitializer=name).apply(tf.zeros([1, 2]))


def test_layers_are_saved_as_what_they_are() -> None:
    for factory, saved in (
        (tf.layers.lstm, layers.LSTM),
        (tf.layers.gru, layers.GRU),
        (tf.layers.simpleRNN, layers.SimpleRNN),
    ):
        layer = factory(units=2, name="cells")
        copy = layers.deserialize(layers.serialize(layer))
        assert type(copy) is saved
        assert copy.get_config() == layer.get_config()


def test_embedding_knows_its_length_and_masks() -> None:
    model = tf.sequential({"layers": [tf.layers.embedding(inputDim=4, outputDim=2, inputLength=3, maskZero=True)]})
    assert model.outputs[0].shape == (None, 3, 2)
    assert tf.layers.masking(maskValue=-1).apply(tf.tensor3d([[[-1, -1], [1, -1]]])).arraySync() == [[[0, 0], [1, -1]]]
