"""Operations that move elements without changing them. Backward, every gradient goes where its element came from."""

from __future__ import annotations

import builtins

import numpy as np

from ._declare import Array, Call, backward, forward, unbroadcast

__all__: list[str] = []


@forward("reshape")
def _reshape(call: Call, x: Array) -> Array:
    return x.reshape(call.shapes[0])


@backward("reshape")
def _reshape_back(call: Call, g: Array, x: Array) -> tuple[Array]:
    return (g.reshape(x.shape),)


@forward("permute")
def _permute(call: Call, x: Array) -> Array:
    return x.transpose(call.attributes["axes"])


@backward("permute")
def _permute_back(call: Call, g: Array, x: Array) -> tuple[Array]:
    return (g.transpose(np.argsort(call.attributes["axes"])),)


@forward("reverse")
def _reverse(call: Call, x: Array) -> Array:
    return np.flip(x, call.attributes["axis"])


@backward("reverse")
def _reverse_back(call: Call, g: Array, x: Array) -> tuple[Array]:
    return (np.flip(g, call.attributes["axis"]),)


def _part(call: Call) -> tuple[builtins.slice, ...]:
    everything = (builtins.slice(None),) * call.attributes["axis"]
    return (*everything, builtins.slice(call.attributes["start"], call.attributes["stop"]))


@forward("slice")
def _slice(call: Call, x: Array) -> Array:
    return x[_part(call)]


@backward("slice")
def _slice_back(call: Call, g: Array, x: Array) -> tuple[Array]:
    gx = np.zeros_like(x)
    gx[_part(call)] = g
    return (gx,)


@forward("concatenate")
def _concatenate(call: Call, *parts: Array) -> Array:
    return np.concatenate(parts, axis=call.attributes["axis"])


@backward("concatenate")
def _concatenate_back(call: Call, g: Array, *parts: Array) -> tuple[Array, ...]:
    axis = call.attributes["axis"]
    ends = np.cumsum([part.shape[axis] for part in parts])[:-1]
    return tuple(np.split(g, ends, axis=axis))


@forward("broadcast_to")
def _broadcast_to(call: Call, x: Array) -> Array:
    return np.broadcast_to(x, call.shapes[0])


@backward("broadcast_to")
def _broadcast_to_back(call: Call, g: Array, x: Array) -> tuple[Array]:
    return (unbroadcast(g, x.shape),)
