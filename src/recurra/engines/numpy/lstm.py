"""The LSTM over a whole sequence (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000).

Letters: B batch, T time, F features, U units; a the activation, s the recurrent activation, * element by element;
`rm` the recurrent mask; t counts in the order of reading.

Forward, for each step::

    z          = x_t W + (h_{t-1} * rm) R + b
    i, f, g, o = s(z_i), s(z_f), a(z_g), s(z_o)
    c_t        = f * c_{t-1} + i * g
    h_t        = o * a(c_t)

Backward, from the last step to the first. dh and dc are what flows back through the states; to dh is added the
gradient of the step's output::

    do = dh * a(c_t)              dc   += dh * o * a'(c_t)
    df = dc * c_{t-1}             di    = dc * g             dg = dc * i
    dz = (di * s'(z_i), df * s'(z_f), dg * a'(z_g), do * s'(z_o))
    dh_{t-1} = (dz R') * rm       dc_{t-1} = dc * f          d rm += (dz R') * h_{t-1}

and over all steps at once::

    dW = sum x_t' dz    dR = sum (h_{t-1} * rm)' dz    db = sum dz    dx_t = dz W'

A step that the mask leaves out passes dh and dc on unchanged and has dz = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._declare import Array, Call, backward, forward
from ._recurrent import in_reading_order, read_mask, where_counted
from .elementwise import GATES

__all__: list[str] = []


@dataclass(slots=True)
class _Tape:
    """What the forward pass keeps, in the order of reading."""

    x: Array  # (B, T, F)
    counts: Array | None  # (B, T) truth values
    gates: Array  # (B, T, 4, U), activated: i, f, g, o
    active_c: Array  # (B, T, U), a(c_t)
    h: Array  # (B, T + 1, U), h[:, t] is the state before step t
    c: Array  # (B, T + 1, U)


@forward("lstm")
def _lstm(
    call: Call,
    x: Array,
    kernel: Array,
    recurrent: Array,
    bias: Array | None,
    initial_h: Array | None,
    initial_c: Array | None,
    mask: Array | None,
    recurrent_mask: Array | None,
) -> tuple[Array, Array, Array]:
    activate, _ = GATES[call.attributes["activation"]]
    recurrent_activate, _ = GATES[call.attributes["recurrent_activation"]]
    x, counts = in_reading_order(call, x), read_mask(call, mask)
    batch, time, _features = x.shape
    units = len(recurrent)

    h, c = (np.zeros((batch, time + 1, units), call.dtype) for _ in range(2))
    gates = np.empty((batch, time, 4, units), call.dtype)
    active_c = np.empty((batch, time, units), call.dtype)
    h[:, 0] = 0 if initial_h is None else initial_h
    c[:, 0] = 0 if initial_c is None else initial_c

    projected = x @ kernel if bias is None else x @ kernel + bias
    for t in range(time):
        source = h[:, t] if recurrent_mask is None else h[:, t] * recurrent_mask
        z = (projected[:, t] + source @ recurrent).reshape(batch, 4, units)
        i, f, o = recurrent_activate(z[:, 0]), recurrent_activate(z[:, 1]), recurrent_activate(z[:, 3])
        g = activate(z[:, 2])
        gates[:, t] = np.stack([i, f, g, o], axis=1)
        c[:, t + 1] = f * c[:, t] + i * g
        active_c[:, t] = activate(c[:, t + 1])
        h[:, t + 1] = o * active_c[:, t]
        c[:, t + 1] = where_counted(counts, t, c[:, t + 1], c[:, t])
        h[:, t + 1] = where_counted(counts, t, h[:, t + 1], h[:, t])

    call.saved = _Tape(x, counts, gates, active_c, h, c)
    sequence = h[:, 1:]
    if counts is not None and call.attributes["zero_output_for_mask"]:
        sequence = np.where(counts[:, :, None], sequence, 0)
    return sequence, h[:, -1], c[:, -1]


@backward("lstm")
def _lstm_back(
    call: Call,
    gradients: tuple[Array, Array, Array],
    x: Array,
    kernel: Array,
    recurrent: Array,
    bias: Array | None,
    initial_h: Array | None,
    initial_c: Array | None,
    mask: Array | None,
    recurrent_mask: Array | None,
) -> tuple[Any, ...]:
    _, slope = GATES[call.attributes["activation"]]
    _, recurrent_slope = GATES[call.attributes["recurrent_activation"]]
    zero_output = call.attributes["zero_output_for_mask"]
    tape: _Tape = call.saved
    batch, time, units = tape.active_c.shape
    gsequence, dh, dc = gradients
    dz_all = np.empty((batch, time, 4 * units), call.dtype)
    drm = np.zeros((batch, units), call.dtype)

    for t in reversed(range(time)):
        i, f, g, o = (tape.gates[:, t, k] for k in range(4))
        active_c, h_before, c_before = tape.active_c[:, t], tape.h[:, t], tape.c[:, t]
        dh = dh + (where_counted(tape.counts, t, gsequence[:, t], 0) if zero_output else gsequence[:, t])

        dct = dc + dh * o * slope(active_c)
        dz = np.stack(
            [
                dct * g * recurrent_slope(i),
                dct * c_before * recurrent_slope(f),
                dct * i * slope(g),
                dh * active_c * recurrent_slope(o),
            ],
            axis=1,
        ).reshape(batch, 4 * units)
        dz = dz_all[:, t] = where_counted(tape.counts, t, dz, 0)
        dsource = dz @ recurrent.T
        drm += dsource * h_before
        dh_before = dsource if recurrent_mask is None else dsource * recurrent_mask
        dc_before = dct * f
        dh = where_counted(tape.counts, t, dh_before, dh)
        dc = where_counted(tape.counts, t, dc_before, dc)

    needs = dict(zip(("x", "kernel", "recurrent", "bias", "h", "c", "mask", "rm"), call.needs, strict=True))
    rows = dz_all.reshape(batch * time, 4 * units)
    sources = tape.h[:, :-1] if recurrent_mask is None else tape.h[:, :-1] * recurrent_mask[:, None]
    return (
        in_reading_order(call, (rows @ kernel.T).reshape(x.shape)) if needs["x"] else None,
        tape.x.reshape(batch * time, -1).T @ rows if needs["kernel"] else None,
        sources.reshape(batch * time, units).T @ rows if needs["recurrent"] else None,
        rows.sum(axis=0) if needs["bias"] else None,
        dh if needs["h"] else None,
        dc if needs["c"] else None,
        None,
        drm if needs["rm"] else None,
    )
