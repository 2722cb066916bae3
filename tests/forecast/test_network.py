from __future__ import annotations

import numpy as np
import pytest

from recurra import load_model, set_seed
from recurra.forecast.inputs import Anchor, Inputs
from recurra.forecast.network import LastSteps, WindowLinear, build_network, least_squares

INPUTS = Inputs(Anchor("last"), horizon=3, window=5)


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_the_network_starts_at_its_linear_part(engine: str) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(4, 8, 3)).astype(np.float32)
    network = build_network(INPUTS, 6, 1e-3, engine)
    assert network.predict(x, verbose=0).tolist() == np.zeros((4, 3, 1)).tolist()
    kernel, bias = random.normal(size=(5, 3)), random.normal(size=3)
    network.get_layer("linear").set_weights([kernel, bias])
    np.testing.assert_allclose(
        network.predict(x, verbose=0)[:, :, 0], x[:, :5, 0] @ kernel + bias, rtol=1e-5, atol=1e-5
    )


def test_every_weight_learns() -> None:
    set_seed(1)
    random = np.random.default_rng(0)
    x, y = random.normal(size=(64, 8, 3)), random.normal(size=(64, 3, 1))
    network = build_network(INPUTS, 6, 1e-2)
    before = [weight.copy() for weight in network.get_weights()]
    network.fit(x, y, epochs=2, batch_size=16, verbose=0)
    assert all((old != new).any() for old, new in zip(before, network.get_weights(), strict=True))


def test_the_network_can_be_saved(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "model.safetensors"
    x = np.random.default_rng(0).normal(size=(4, 8, 3))
    network = build_network(INPUTS, 6, 1e-2)
    network.fit(x, np.ones((4, 3, 1)), verbose=0)
    network.save(path)
    np.testing.assert_array_equal(load_model(path).predict(x, verbose=0), network.predict(x, verbose=0))


def test_least_squares_finds_a_line() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(4000, 8, 3)).astype(np.float32)
    kernel, bias = random.normal(size=(5, 3)), random.normal(size=3)
    found, shift = least_squares(x, (x[:, :5, 0] @ kernel + bias)[:, :, None].astype(np.float32), 5)
    np.testing.assert_allclose(found, kernel, rtol=0.01, atol=0.01)  # shrunk by 5 parts in 4000
    np.testing.assert_allclose(shift, bias, atol=0.01)


def test_least_squares_of_nothing_is_nothing() -> None:
    kernel, bias = least_squares(np.zeros((3, 8, 3), np.float32), np.ones((3, 3, 1), np.float32), 5)
    assert kernel.tolist() == np.zeros((5, 3)).tolist()
    assert bias.tolist() == [1, 1, 1]


def test_layers() -> None:
    x = np.arange(12.0).reshape(1, 4, 3)
    assert LastSteps(2)(x).tolist() == x[:, 2:].tolist()
    assert LastSteps(2).compute_output_shape((None, 4, 3)) == (None, 2, 3)
    layer = WindowLinear(2, 1)
    assert layer.compute_output_shape((None, 4, 3)) == (None, 1, 1)
    layer.set_weights([[[1.0], [10.0]], [0.5]])
    assert layer(x).tolist() == [[[0 + 30 + 0.5]]]
