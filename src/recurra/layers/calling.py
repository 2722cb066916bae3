"""What happens when a layer is called: on KerasTensors it is wired, on symbolic tensors traced."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import ops
from ..errors import ArgumentError
from ..graph import GraphBuilder, Tensor
from .node import CallNode, KerasTensor
from .structure import flatten, map_structure
from .tracing import filled, get_mask, public_shape, set_mask, trace_of

if TYPE_CHECKING:
    from .layer import Layer

__all__ = ["trace", "wire"]


def wire(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Notes a call on KerasTensors. The shapes of the results are learnt from a graph that is thrown away."""
    builder = GraphBuilder()
    trace_of(builder).only_shapes = True
    known: dict[int, Tensor] = {}

    def stand_in(leaf: Any) -> Any:
        if not isinstance(leaf, KerasTensor):
            return leaf
        if id(leaf) not in known:
            tensor = builder.input(f"x{len(known)}", leaf.dims, leaf.element)
            if leaf.mask_dims is not None:
                set_mask(tensor, builder.input(f"mask{len(known)}", leaf.mask_dims))
            known[id(leaf)] = tensor
        return known[id(leaf)]

    results = trace(layer, map_structure(stand_in, args), map_structure(stand_in, kwargs))
    node = CallNode(layer, args, kwargs)
    count = iter(range(len(flatten(results))))

    def keras_tensor(tensor: Tensor) -> KerasTensor:
        mask = get_mask(tensor)
        dtype = "int32" if tensor.dtype == "int" else layer.dtype
        return KerasTensor(tensor.shape, dtype, node, next(count), None if mask is None else mask.shape)

    node.outputs = map_structure(keras_tensor, results)
    layer._nodes.append(node)
    return node.outputs


def trace(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Emits the computation into the graph its arguments belong to."""
    given = [leaf for leaf in flatten((args, kwargs)) if isinstance(leaf, Tensor)]
    if not given:
        raise ArgumentError(f"Layer '{layer.name}' was called without an input. Give it an array or a tensor.")
    inputs = args[0] if args else next(iter(kwargs.values()))
    tensors = [leaf for leaf in flatten(inputs) if isinstance(leaf, Tensor)]
    builder = given[0].builder
    shapes = map_structure(lambda leaf: public_shape(tuple(leaf.shape)) if hasattr(leaf, "shape") else None, inputs)
    if layer.input_spec is not None and tensors and isinstance(inputs, Tensor):
        layer.input_spec.check(shapes, layer.name)
    if not layer.built:
        layer.build(shapes)
        if layer.input_spec is not None and isinstance(inputs, Tensor):
            layer.input_spec.check(shapes, layer.name)
    accepted = _call_arguments(type(layer).call)
    kwargs = dict(kwargs)
    mask = kwargs.get("mask")
    if mask is None:
        mask = map_structure(get_mask, inputs)
        if "mask" in accepted:
            kwargs["mask"] = mask
    elif "mask" not in accepted:
        del kwargs["mask"]
    if "training" in accepted and kwargs.get("training") is None:
        kwargs["training"] = builder.training
    with builder.scope(layer.name):
        outputs = layer.call(*args, **kwargs)
        _check_outputs(layer, outputs)
        new_mask = layer.compute_mask(inputs, mask)
        if layer.activity_regularizer is not None:
            for output in flatten(outputs):
                batch = ops.reduce_sum(filled(output, output.shape[:1], 1.0))
                layer.add_loss(layer.activity_regularizer(output) / batch)
    own = {tensor.id for tensor in tensors}
    masks = new_mask if isinstance(new_mask, (list, tuple)) else [new_mask]
    rest = iter([*masks, *[None] * len(flatten(outputs))])
    outputs = map_structure(lambda output: _with_mask(output, next(rest), own), outputs)
    consumes = layer.supports_masking or "mask" in accepted
    if trace_of(builder).only_shapes and not consumes and all(get_mask(out) is None for out in flatten(outputs)):
        _warn_of_dropped_mask(layer, mask)
    return outputs


def _check_outputs(layer: Layer, outputs: Any) -> None:
    for output in flatten(outputs):
        if not isinstance(output, Tensor):
            raise ArgumentError(
                f"call of layer '{layer.name}' ({type(layer).__name__}) must return symbolic tensors made with "
                f"recurra.ops, received {type(output).__name__}."
            )


def _warn_of_dropped_mask(layer: Layer, mask: Any) -> None:
    if any(leaf is not None for leaf in flatten(mask)):
        warnings.warn(
            f"Layer '{layer.name}' ({type(layer).__name__}) receives masked steps but cannot hand on the mask: the "
            f"layers after it and the loss count every step. Put a recurrent layer with return_sequences=False "
            f"before it, or set supports_masking = True in a layer of your own.",
            UserWarning,
            stacklevel=2,
        )


def _with_mask(output: Tensor, mask: Tensor | None, inputs: set[int]) -> Tensor:
    """Puts the mask beside the output. None leaves what layers inside put there.

    An input handed through under another mask is copied: it keeps its own.
    """
    known = get_mask(output)
    passed = output.id in inputs
    if known is mask or (mask is None and not passed):
        return output
    if passed:
        output = ops.reshape(output, output.shape)
    set_mask(output, mask)
    return output


@functools.cache
def _call_arguments(call: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(call).parameters)
