from __future__ import annotations

import numpy as np
import pytest

from recurra.errors import ArgumentError
from recurra.formats.gates import CONVENTIONS, RECURRA, reorder
from recurra.layers import GRU, LSTM, SimpleRNN


@pytest.mark.parametrize("name", sorted(CONVENTIONS))
def test_every_format_has_the_same_gates(name: str) -> None:
    for kind, convention in CONVENTIONS[RECURRA].items():
        assert sorted(CONVENTIONS[name][kind].gates) == sorted(convention.gates)
        assert (CONVENTIONS[name][kind].reset_after is not None) == (kind == "GRU")


@pytest.mark.parametrize("layer", [LSTM(3), GRU(3), SimpleRNN(3)])
def test_the_table_counts_the_blocks_of_the_layers(layer: LSTM | GRU | SimpleRNN) -> None:
    layer.build((None, None, 2))
    assert layer.kernel.shape == (2, 3 * len(CONVENTIONS[RECURRA][type(layer).__name__].gates))


def test_the_table_says_which_block_is_which() -> None:
    """The bias of one gate at a time is made so large that the gate is open (or shut), and only its effect is seen."""
    gates = CONVENTIONS[RECURRA]["LSTM"].gates
    x = np.zeros((1, 2, 1), dtype=np.float32)

    def run(**bias: float) -> float:
        layer = LSTM(1)
        layer.build((None, None, 1))
        values = np.array([bias.get(gate, 0.0) for gate in gates])
        layer.set_weights([np.zeros((1, 4)), np.zeros((1, 4)), values])
        return float(layer(x).item())

    both = 1.0
    assert run() == 0.0
    # Without the output gate nothing leaves; without the input gate nothing enters.
    assert run(g=both, i=50.0, o=50.0, f=-50.0) == pytest.approx(np.tanh(np.tanh(1.0)), rel=1e-5)
    assert run(g=both, i=50.0, o=50.0, f=50.0) == pytest.approx(np.tanh(2 * np.tanh(1.0)), rel=1e-5)
    assert abs(run(g=both, i=-50.0, o=50.0, f=50.0)) < 1e-6
    assert abs(run(g=both, i=50.0, o=-50.0, f=50.0)) < 1e-6


def test_reorder() -> None:
    kernel = np.arange(24).reshape(2, 12)
    turned = reorder(kernel, "ifgo", "iofg")
    assert (turned[:, 3:6] == kernel[:, 9:12]).all()
    assert (reorder(turned, "iofg", "ifgo") == kernel).all()
    assert (reorder(kernel.T, "ifgo", "iofg", axis=0) == turned.T).all()
    assert reorder(kernel, "ifgo", "ifgo") is kernel
    with pytest.raises(ArgumentError, match="not two orders"):
        reorder(kernel, "ifgo", "zrh")
    with pytest.raises(ArgumentError, match="size 12 cannot hold 5"):
        reorder(kernel, "abcde", "edcba")
