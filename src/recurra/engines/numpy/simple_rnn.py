"""The simple recurrent layer over a whole sequence (Elman 1990).

Letters: B batch, T time, F features, U units; a the activation, * element by element; `rm` the recurrent mask; t
counts in the order of reading.

Forward, for each step::

    h_t = a(x_t W + (h_{t-1} * rm) R + b)

Backward, from the last step to the first. dh is what flows back through the state; to it is added the gradient of the
step's output::

    dz = dh * a'(h_t)        dh_{t-1} = (dz R') * rm        d rm += (dz R') * h_{t-1}

and over all steps at once::

    dW = sum x_t' dz    dR = sum (h_{t-1} * rm)' dz    db = sum dz    dx_t = dz W'

A step that the mask leaves out passes dh on unchanged and has dz = 0.
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
    h: Array  # (B, T + 1, U), h[:, t] is the state before step t


@forward("simple_rnn")
def _simple_rnn(
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
    x, counts = in_reading_order(call, x), read_mask(call, mask)
    batch, time, _features = x.shape

    h = np.zeros((batch, time + 1, len(recurrent)), call.dtype)
    h[:, 0] = 0 if initial_h is None else initial_h
    projected = x @ kernel if bias is None else x @ kernel + bias
    for t in range(time):
        source = h[:, t] if recurrent_mask is None else h[:, t] * recurrent_mask
        h[:, t + 1] = where_counted(counts, t, activate(projected[:, t] + source @ recurrent), h[:, t])

    call.saved = _Tape(x, counts, h)
    sequence = h[:, 1:]
    if counts is not None and call.attributes["zero_output_for_mask"]:
        sequence = np.where(counts[:, :, None], sequence, 0)
    return sequence, h[:, -1]


@backward("simple_rnn")
def _simple_rnn_back(
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
    zero_output = call.attributes["zero_output_for_mask"]
    tape: _Tape = call.saved
    gsequence, dh = gradients
    batch, time, units = gsequence.shape
    dz_all = np.empty((batch, time, units), call.dtype)
    drm = np.zeros((batch, units), call.dtype)

    for t in reversed(range(time)):
        dh = dh + (where_counted(tape.counts, t, gsequence[:, t], 0) if zero_output else gsequence[:, t])
        dz = dz_all[:, t] = where_counted(tape.counts, t, dh * slope(tape.h[:, t + 1]), 0)
        dsource = dz @ recurrent.T
        drm += dsource * tape.h[:, t]
        dh_before = dsource if recurrent_mask is None else dsource * recurrent_mask
        dh = where_counted(tape.counts, t, dh_before, dh)

    needs = dict(zip(("x", "kernel", "recurrent", "bias", "h", "mask", "rm"), call.needs, strict=True))
    rows = dz_all.reshape(batch * time, units)
    sources = tape.h[:, :-1] if recurrent_mask is None else tape.h[:, :-1] * recurrent_mask[:, None]
    return (
        in_reading_order(call, (rows @ kernel.T).reshape(x.shape)) if needs["x"] else None,
        tape.x.reshape(batch * time, -1).T @ rows if needs["kernel"] else None,
        sources.reshape(batch * time, units).T @ rows if needs["recurrent"] else None,
        rows.sum(axis=0) if needs["bias"] else None,
        dh if needs["h"] else None,
        None,
        drm if needs["rm"] else None,
    )
