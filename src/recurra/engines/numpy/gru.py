"""Gated recurrent units over a whole sequence (Cho et al. 2014, arXiv:1406.1078).

Letters: B batch, T time, F features, U units; a the activation, s the recurrent activation, * element by element;
`rm` the recurrent mask; t counts in the order of reading. W, R and b have the columns z, r, h.

Forward, for each step::

    q    = h_{t-1} * rm
    z, r = s(x_t W_zr + b_zr + q R_zr (+ c_zr))
    p    = (r * q) R_h              or, with reset_after,    p = r * m    with    m = q R_h + c_h
    g    = a(x_t W_h + b_h + p)
    h_t  = z * h_{t-1} + (1 - z) * g

where c is the second bias, which exists with reset_after only.

Backward, from the last step to the first. dh is what flows back through the state; to it is added the gradient of the
step's output; dz, dr and dg are the gradients before the activations::

    dg = dh * (1 - z) * a'(g)                    dz = dh * (h_{t-1} - g) * s'(z)
    reset before:  dv = dg R_h'                  dr = dv * q * s'(r)     dq = [dz, dr] R_zr' + dv * r
    reset after:   dm = dg * r                   dr = dg * m * s'(r)     dq = [dz, dr, dm] R'
    dh_{t-1} = dh * z + dq * rm                  d rm += dq * h_{t-1}

and over all steps at once::

    dW = sum x_t' [dz, dr, dg]    db = sum [dz, dr, dg]    dx_t = [dz, dr, dg] W'
    reset before:  dR_zr = sum q' [dz, dr]       dR_h = sum (r * q)' dg
    reset after:   dR = sum q' [dz, dr, dm]      dc = sum [dz, dr, dm]

A step that the mask leaves out passes dh on unchanged and has dz = dr = dg = dm = 0.
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
    gates: Array  # (B, T, 3, U), activated: z, r, g
    m: Array  # (B, T, U), what r multiplies: q R_h + c_h with reset_after, q without
    h: Array  # (B, T + 1, U), h[:, t] is the state before step t


@forward("gru")
def _gru(
    call: Call,
    x: Array,
    kernel: Array,
    recurrent: Array,
    bias: Array | None,
    initial_h: Array | None,
    mask: Array | None,
    recurrent_mask: Array | None,
) -> tuple[Array, Array]:
    activate, _ = GATES[call.attributes["activation"]]
    recurrent_activate, _ = GATES[call.attributes["recurrent_activation"]]
    reset_after = call.attributes["reset_after"]
    x, counts = in_reading_order(call, x), read_mask(call, mask)
    batch, time, _features = x.shape
    units = len(recurrent)

    h = np.zeros((batch, time + 1, units), call.dtype)
    gates = np.empty((batch, time, 3, units), call.dtype)
    products = np.empty((batch, time, units), call.dtype)
    h[:, 0] = 0 if initial_h is None else initial_h

    beside_x, beside_h = bias if bias is not None and reset_after else (bias, None)
    projected = x @ kernel if beside_x is None else x @ kernel + beside_x
    for t in range(time):
        q = h[:, t] if recurrent_mask is None else h[:, t] * recurrent_mask
        inner = q @ (recurrent if reset_after else recurrent[:, : 2 * units])
        if beside_h is not None:
            inner = inner + beside_h
        zr = recurrent_activate(projected[:, t, : 2 * units] + inner[:, : 2 * units])
        z, r = zr[:, :units], zr[:, units:]
        m = inner[:, 2 * units :] if reset_after else q
        p = r * m if reset_after else (r * m) @ recurrent[:, 2 * units :]
        g = activate(projected[:, t, 2 * units :] + p)
        gates[:, t], products[:, t] = np.stack([z, r, g], axis=1), m
        h[:, t + 1] = where_counted(counts, t, z * h[:, t] + (1 - z) * g, h[:, t])

    call.saved = _Tape(x, counts, gates, products, h)
    sequence = h[:, 1:]
    if counts is not None and call.attributes["zero_output_for_mask"]:
        sequence = np.where(counts[:, :, None], sequence, 0)
    return sequence, h[:, -1]


@backward("gru")
def _gru_back(
    call: Call,
    gradients: tuple[Array, Array],
    x: Array,
    kernel: Array,
    recurrent: Array,
    bias: Array | None,
    initial_h: Array | None,
    mask: Array | None,
    recurrent_mask: Array | None,
) -> tuple[Any, ...]:
    _, slope = GATES[call.attributes["activation"]]
    _, recurrent_slope = GATES[call.attributes["recurrent_activation"]]
    reset_after, zero_output = call.attributes["reset_after"], call.attributes["zero_output_for_mask"]
    tape: _Tape = call.saved
    gsequence, dh = gradients
    batch, time, units = gsequence.shape
    # Beside x stand dz, dr, dg; beside h dz, dr, dm (dg where the reset comes before the product).
    beside_x, beside_h = (np.empty((batch, time, 3 * units), call.dtype) for _ in range(2))
    drm = np.zeros((batch, units), call.dtype)

    for t in reversed(range(time)):
        z, r, g = (tape.gates[:, t, k] for k in range(3))
        m, h_before = tape.m[:, t], tape.h[:, t]
        dh = dh + (where_counted(tape.counts, t, gsequence[:, t], 0) if zero_output else gsequence[:, t])

        dg = dh * (1 - z) * slope(g)
        dz = dh * (h_before - g) * recurrent_slope(z)
        dp = dg if reset_after else dg @ recurrent[:, 2 * units :].T  # of r * m
        dr = dp * m * recurrent_slope(r)
        dm = dp * r
        gx = where_counted(tape.counts, t, np.concatenate([dz, dr, dg], axis=1), 0)
        beside_x[:, t] = beside_h[:, t] = gx
        if reset_after:
            beside_h[:, t, 2 * units :] = where_counted(tape.counts, t, dm, 0)
            dq = beside_h[:, t] @ recurrent.T
        else:
            dq = gx[:, : 2 * units] @ recurrent[:, : 2 * units].T + where_counted(tape.counts, t, dm, 0)
        drm += dq * h_before
        dh_before = dh * z + (dq if recurrent_mask is None else dq * recurrent_mask)
        dh = where_counted(tape.counts, t, dh_before, dh)

    needs = dict(zip(("x", "kernel", "recurrent", "bias", "h", "mask", "rm"), call.needs, strict=True))
    x_rows, h_rows = (rows.reshape(batch * time, 3 * units) for rows in (beside_x, beside_h))
    q = tape.h[:, :-1] if recurrent_mask is None else tape.h[:, :-1] * recurrent_mask[:, None]
    drecurrent = q.reshape(batch * time, units).T @ h_rows
    if not reset_after:
        drecurrent[:, 2 * units :] = (tape.gates[:, :, 1] * q).reshape(batch * time, units).T @ h_rows[:, 2 * units :]
    dbias = x_rows.sum(axis=0)
    return (
        in_reading_order(call, (x_rows @ kernel.T).reshape(x.shape)) if needs["x"] else None,
        tape.x.reshape(batch * time, -1).T @ x_rows if needs["kernel"] else None,
        drecurrent if needs["recurrent"] else None,
        (np.stack([dbias, h_rows.sum(axis=0)]) if reset_after else dbias) if needs["bias"] else None,
        dh if needs["h"] else None,
        None,
        drm if needs["rm"] else None,
    )
