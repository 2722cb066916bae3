"""Which weight of a file is which weight of a model.

Names differ between programs and their versions; structure does not. So the weights of a file are gathered by layer
(all but the last part of the name), layers are paired where number and shapes of their weights agree, and where several
agree the names decide, then the order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ..errors import FormatError
from ..graph import Variable, show_shape
from ..typing import Array

__all__ = ["match_weights"]

_Shapes = tuple[tuple[int, ...], ...]
_Named = tuple[str, Array]


def match_weights(
    layers: Sequence[Sequence[Variable]], weights: Sequence[_Named], file: Path
) -> list[tuple[Variable, Array]]:
    """Pairs the weights of a model with those of a file.

    Args:
        layers: The weights of each layer of the model.
        weights: Names and arrays, in the file's order.
        file: The file, for messages.

    Returns:
        One pair for each weight, in the file's order.

    Raises:
        FormatError: They do not fit; says what is left over on either side.

    >>> import numpy as np
    >>> kernel = Variable("dense/kernel", np.zeros((1, 2)))
    >>> match_weights([[kernel]], [("other/name", np.ones((1, 2)))], Path("file"))[0][0].name
    'dense/kernel'
    """
    groups: dict[str, list[_Named]] = defaultdict(list)
    for name, array in weights:
        groups[name.rpartition("/")[0]].append((name, array))
    ours: dict[_Shapes, list[list[Variable]]] = defaultdict(list)
    for variables in layers:
        ours[_key([variable.shape for variable in variables])].append(list(variables))
    theirs: dict[_Shapes, list[str]] = defaultdict(list)
    for name, entries in groups.items():
        theirs[_key([array.shape for _, array in entries])].append(name)
    if {key: len(found) for key, found in ours.items()} != {key: len(found) for key, found in theirs.items()}:
        raise FormatError(_difference(layers, weights, file))
    chosen: dict[str, Variable] = {}
    for key, names in theirs.items():
        for name, variables in _pair(names, ours[key]):
            chosen |= _within(groups[name], variables)
    arrays = dict(weights)
    return [(chosen[name], arrays[name]) for name, _ in weights]


def _key(shapes: Sequence[tuple[int, ...]]) -> _Shapes:
    return tuple(sorted(shapes))


def _pair(names: Sequence[str], layers: Sequence[list[Variable]]) -> list[tuple[str, list[Variable]]]:
    """Groups of the file with layers of the same structure: by name, the others by order."""
    left: dict[str, list[list[Variable]]] = defaultdict(list)
    for variables in layers:
        left[_layer(variables)].append(variables)
    found: dict[str, list[Variable]] = {}
    # A name that is the layer's own counts more than one that only contains it.
    for whole in (True, False):
        for name in names:
            if name not in found:
                fitting = [own for own in ({name} if whole else set(name.split("/"))) if left.get(own)]
                if len(fitting) == 1 and len(left[fitting[0]]) == 1:
                    found[name] = left.pop(fitting[0])[0]
    taken = {id(variables) for variables in found.values()}
    rest = iter([variables for variables in layers if id(variables) not in taken])
    return [(name, found[name] if name in found else next(rest)) for name in names]


def _layer(variables: Sequence[Variable]) -> str:
    return variables[0].name.rpartition("/")[0]


def _within(entries: Sequence[_Named], variables: Sequence[Variable]) -> dict[str, Variable]:
    """Weights of one layer: by the last part of the name where all agree, otherwise by order."""
    own = {variable.name.rpartition("/")[2]: variable for variable in variables}
    last = {name: name.rpartition("/")[2].removesuffix(":0") for name, _ in entries}
    by_name = {name: own[part] for name, part in last.items() if part in own}
    every = len({variable.name for variable in by_name.values()}) == len(entries)
    if every and all(by_name[name].shape == array.shape for name, array in entries):
        return by_name
    # Weights of one shape keep their order; the others are told apart by shape.
    left = list(variables)
    result = {}
    for name, array in entries:
        place = next(index for index, variable in enumerate(left) if variable.shape == array.shape)
        result[name] = left.pop(place)
    return result


def _difference(layers: Sequence[Sequence[Variable]], weights: Sequence[_Named], file: Path) -> str:
    wanted = [f"{v.name} {show_shape(v.shape)}" for variables in layers for v in variables]
    there = [f"{name} {show_shape(array.shape)}" for name, array in weights]
    lacking = [text for text in wanted if text not in there]
    left = [text for text in there if text not in wanted]
    parts = [f"The weights in '{file}' are not those of its layers."]
    for what, texts in (("The layers need", lacking), ("the file has", left)):
        parts.append(f"{what} {', '.join(texts[:6]) or 'nothing'}{' ...' if len(texts) > 6 else ''};")
    return " ".join(parts).rstrip(";") + "."
