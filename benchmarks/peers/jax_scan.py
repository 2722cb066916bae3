"""JAX: a compiled step around ``lax.scan``, and Adam in a few lines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from ..cases import Case
from ..protocol import Maker, Run, Unavailable

__all__ = ["start"]


def start(settings: Mapping[str, Any]) -> dict[str, Maker]:
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax
    from jax import lax
    from jax import numpy as jnp

    steps_a_call = int(settings.get("steps_a_call", 1))

    def parameters(case: Case) -> Any:
        draw = np.random.default_rng(0)
        gates = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}[case.cell] * case.units

        def uniform(*shape: int) -> Any:
            return jnp.asarray(draw.uniform(-0.1, 0.1, shape).astype(np.float32))

        layers = []
        for level in range(case.layers):
            inputs = case.units if level else case.features
            layer = {"w": uniform(inputs, gates), "r": uniform(case.units, gates), "b": uniform(gates)}
            layers.append(layer | ({"br": uniform(gates)} if case.cell == "GRU" else {}))
        return {"layers": layers, "w": uniform(case.units, case.outputs), "b": uniform(case.outputs)}

    def cell_step(cell: str, layer: Any, state: Any, z: Any) -> tuple[Any, Any]:
        """One time step: ``z`` holds what the inputs add to the gates."""
        h = state[0]
        if cell == "LSTM":
            i, f, g, o = jnp.split(z + h @ layer["r"], 4, axis=-1)
            c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h
        if cell == "GRU":
            z1, r1, n1 = jnp.split(z, 3, axis=-1)
            z2, r2, n2 = jnp.split(h @ layer["r"] + layer["br"], 3, axis=-1)
            update = jax.nn.sigmoid(z1 + z2)
            h = update * h + (1 - update) * jnp.tanh(n1 + jax.nn.sigmoid(r1 + r2) * n2)
            return (h,), h
        h = jnp.tanh(z + h @ layer["r"])
        return (h,), h

    def states(case: Case, batch: int) -> Any:
        one = jnp.zeros((batch, case.units), jnp.float32)
        return [(one, one) if case.cell == "LSTM" else (one,) for _ in range(case.layers)]

    def forward(case: Case, p: Any, x: Any) -> Any:
        sequence = jnp.swapaxes(x, 0, 1)
        for layer, state in zip(p["layers"], states(case, x.shape[0]), strict=True):
            z = sequence @ layer["w"] + layer["b"]
            _, sequence = lax.scan(partial(cell_step, case.cell, layer), state, z)
        if case.classes:
            return jnp.swapaxes(sequence, 0, 1) @ p["w"] + p["b"]
        return sequence[-1] @ p["w"] + p["b"]

    def loss_of(case: Case, p: Any, x: Any, y: Any) -> Any:
        outputs = forward(case, p, x)
        if case.classes:
            return -jnp.take_along_axis(jax.nn.log_softmax(outputs), y[..., None], -1).mean()
        return ((outputs - y) ** 2).mean()

    def train_step(case: Case, carry: Any, x: Any, y: Any) -> tuple[Any, Any]:
        p, m, v, count = carry
        loss, grads = jax.value_and_grad(partial(loss_of, case))(p, x, y)
        count = count + 1
        m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, grads)
        v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, v, grads)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        p = jax.tree.map(lambda a, b, c: a - rate * b / (jnp.sqrt(c) + 1e-7), p, m, v)
        return (p, m, v, count), loss

    def train(case: Case, batches: int) -> Run:
        p = parameters(case)
        zeros = jax.tree.map(jnp.zeros_like, p)
        carry = (p, zeros, jax.tree.map(jnp.zeros_like, p), jnp.float32(0))
        x, y = (array.reshape(batches, case.batch, *array.shape[1:]) for array in case.data(batches))
        if steps_a_call == 1:
            parts = [(jax.device_put(x[i]), jax.device_put(y[i])) for i in range(batches)]
            step = jax.jit(partial(train_step, case), donate_argnums=0)

            def run(steps: int) -> int:
                nonlocal carry
                for number in range(steps):
                    carry, _ = step(carry, *parts[number % batches])
                jax.block_until_ready(carry)
                return steps

        else:
            xs, ys = jnp.asarray(x), jnp.asarray(y)

            def body(carry: Any, number: Any) -> Any:
                return train_step(case, carry, xs[number % batches], ys[number % batches])

            many = jax.jit(lambda carry: lax.scan(body, carry, jnp.arange(steps_a_call)), donate_argnums=0)

            def run(steps: int) -> int:
                nonlocal carry
                calls = -(-steps // steps_a_call)
                for _ in range(calls):
                    carry, _ = many(carry)
                jax.block_until_ready(carry)
                return calls * steps_a_call

        run(2)
        return run

    def outputs_of(case: Case, outputs: Any) -> Any:
        return jax.nn.softmax(outputs) if case.classes else outputs

    def predict(case: Case, batches: int) -> Run:
        p = parameters(case)
        x = jax.device_put(case.data(1)[0])
        call = jax.jit(lambda p, x: outputs_of(case, forward(case, p, x)))

        def run(steps: int) -> None:
            for _ in range(steps):
                call(p, x).block_until_ready()

        run(2)
        return run

    def stream(case: Case, batches: int) -> Run:
        p = parameters(case)
        x = case.data(1)[0][:1, 0].copy()

        def step(p: Any, state: Any, x: Any) -> Any:
            new = []
            for layer, one in zip(p["layers"], state, strict=True):
                one, x = cell_step(case.cell, layer, one, x @ layer["w"] + layer["b"])
                new.append(one)
            return new, outputs_of(case, x @ p["w"] + p["b"])

        call = jax.jit(step)

        def run(steps: int) -> None:
            state = states(case, 1)
            for _ in range(steps):
                state, y = call(p, state, x)
                y.block_until_ready()

        run(2)
        return run

    if settings.get("threads"):
        raise Unavailable("JAX has no setting for the number of threads on a CPU")
    return {"train_step": train, "predict": predict, "stream": stream}
