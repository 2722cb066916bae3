"""Reductions, and what looks along the last dimension: softmax, argmax, taking along it."""

from __future__ import annotations

import math

import numpy as np

from ._declare import Array, Call, backward, forward
from .linear import check_indices

__all__: list[str] = []


def _spread(call: Call, g: Array, x: Array) -> Array:
    """Repeats the gradient of a reduction along the reduced axes."""
    axes = call.attributes["axes"]
    return np.broadcast_to(g.reshape([1 if i in axes else size for i, size in enumerate(x.shape)]), x.shape)


def _count(call: Call, x: Array) -> int:
    return math.prod(x.shape[axis] for axis in call.attributes["axes"])


@forward("reduce_sum")
def _reduce_sum(call: Call, x: Array) -> Array:
    return np.asarray(x.sum(axis=call.attributes["axes"], keepdims=call.attributes["keepdims"]))


@backward("reduce_sum")
def _reduce_sum_back(call: Call, g: Array, x: Array) -> tuple[Array]:
    return (_spread(call, g, x),)


@forward("reduce_mean")
def _reduce_mean(call: Call, x: Array) -> Array:
    return np.asarray(x.mean(axis=call.attributes["axes"], keepdims=call.attributes["keepdims"]))


@backward("reduce_mean")
def _reduce_mean_back(call: Call, g: Array, x: Array) -> tuple[Array]:
    return (_spread(call, g, x) / _count(call, x),)


@forward("reduce_max")
def _reduce_max(call: Call, x: Array) -> Array:
    return np.asarray(x.max(axis=call.attributes["axes"], keepdims=call.attributes["keepdims"]))


@backward("reduce_max")
def _reduce_max_back(call: Call, g: Array, x: Array) -> tuple[Array]:
    """The gradient goes to the first of the largest elements, in C order over the reduced axes."""
    axes = call.attributes["axes"]
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    order = [*kept, *axes]
    moved = x.transpose(order)
    rows = moved.reshape(-1, _count(call, x))
    grows = np.zeros_like(rows)
    grows[np.arange(len(rows)), rows.argmax(axis=1)] = g.ravel()
    return (grows.reshape(moved.shape).transpose(np.argsort(order)),)


@forward("softmax")
def _softmax(call: Call, x: Array) -> Array:
    # e^(x - m) / sum e^(x - m) is the same for every m; with m the largest x nothing overflows.
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


@backward("softmax")
def _softmax_back(call: Call, g: Array, x: Array) -> tuple[Array]:
    # dy_i/dx_j = y_i (1[i = j] - y_j), so dx = y * (g - sum(g * y))
    y = call.outputs[0]
    return (y * (g - (g * y).sum(axis=-1, keepdims=True)),)


@forward("log_softmax")
def _log_softmax(call: Call, x: Array) -> Array:
    shifted = x - x.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


@backward("log_softmax")
def _log_softmax_back(call: Call, g: Array, x: Array) -> tuple[Array]:
    # dy_i/dx_j = 1[i = j] - softmax_j, so dx = g - softmax * sum(g)
    return (g - np.exp(call.outputs[0]) * g.sum(axis=-1, keepdims=True),)


@forward("softmax_crossentropy")
def _softmax_crossentropy(call: Call, x: Array, y: Array, target: Array) -> Array:
    logarithms = _log_of_softmax(call, x, y)
    if target.dtype.kind == "f":
        return np.asarray(-(target * logarithms).sum(axis=-1))
    check_indices(call, target, x.shape[-1], "there are that many classes (the last dimension of x)")
    return np.asarray(-np.take_along_axis(logarithms, target[..., None], axis=-1)[..., 0])


@backward("softmax_crossentropy")
def _softmax_crossentropy_back(call: Call, g: Array, x: Array, y: Array, target: Array) -> tuple[Array | None, ...]:
    # L = -sum_i t_i ln(y_i), d ln(y_i)/dx_j = 1[i = j] - y_j, so dL/dx = y * sum(t) - t. What is clipped has no part.
    g = g[..., None]
    one_hot = target.dtype.kind != "f"
    t = np.asarray(target[..., None] == np.arange(x.shape[-1])) if one_hot else target
    passing = np.where((y >= call.attributes["low"]) & (y <= call.attributes["high"]), t, 0).astype(x.dtype)
    gx = g * (y * passing.sum(axis=-1, keepdims=True) - passing)
    return gx, None, None if one_hot else -g * _log_of_softmax(call, x, y)


def _log_of_softmax(call: Call, x: Array, y: Array) -> Array:
    low, high = call.attributes["low"], call.attributes["high"]
    return np.asarray(np.log(np.clip(y, low, high)) if low > 0 else _log_softmax(call, x))


@forward("argmax")
def _argmax(call: Call, x: Array) -> Array:
    return np.asarray(x.argmax(axis=-1))


@forward("one_hot")
def _one_hot(call: Call, indices: Array) -> Array:
    depth = call.attributes["depth"]
    check_indices(call, indices, depth, "there are that many classes (depth)")
    return np.asarray(indices[..., None] == np.arange(depth))


@forward("take_along_last")
def _take_along_last(call: Call, x: Array, indices: Array) -> Array:
    check_indices(call, indices, x.shape[-1], "there are that many classes (the last dimension of x)")
    return np.asarray(np.take_along_axis(x, indices[..., None], axis=-1)[..., 0])


@backward("take_along_last")
def _take_along_last_back(call: Call, g: Array, x: Array, indices: Array) -> tuple[Array, None]:
    gx = np.zeros_like(x)
    np.put_along_axis(gx, indices[..., None], g[..., None], axis=-1)
    return gx, None
