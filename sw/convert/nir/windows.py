"""Convolutions and pooling that NIR has no field for, as nodes that compute the same, and back: padding that differs between the sides, pooling over one axis."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from lifline.arch.errors import ConversionError

from ..floating.operators import Convolution, Operator, Pool, Shape

Own = dict[str, Any]


def as_node_has_it(operator: Convolution | Pool, shape: Shape) -> tuple[Convolution | Pool, Own]:
    """An equal operator that NIR has a node for, and what the node's metadata keep for the way back.

    Raises
    ------
    ConversionError   for padding that taps of zero cannot make equal on both sides.
    """
    if isinstance(operator, Pool):
        if len(operator.kernel) != 1:
            return operator, {}
        share = 1 / operator.kernel[0] if operator.mean else 1.0
        weight = np.full((shape[0], 1, operator.kernel[0]), share)
        return Convolution(weight, None, operator.stride, ((operator.padding[0], operator.padding[0]),), (1,), shape[0]), {"pool": "mean" if operator.mean else "sum"}
    if all(before == after for before, after in operator.padding):
        return operator, {}
    more = [tuple(max(pair) - side for side in pair) for pair in operator.padding]
    if any(n % d for pair, d in zip(more, operator.dilation, strict=True) for n in pair):
        raise ConversionError(
            f"padding {operator.padding} differs between the sides, which NIR has no field for, and dilation {operator.dilation} has no taps to make up for it"
        )
    taps = [(before // d, after // d) for (before, after), d in zip(more, operator.dilation, strict=True)]
    wide = dataclasses.replace(
        operator, weight=np.pad(operator.weight, [(0, 0), (0, 0), *taps]), padding=tuple((max(pair),) * 2 for pair in operator.padding)
    )  # fmt: skip
    return wide, {"padding": [list(pair) for pair in operator.padding]}


def as_it_was(name: str, operator: Convolution, own: Own) -> Operator:
    """The operator that :func:`as_node_has_it` was given; the node's own fields where its metadata are of another node.

    Raises
    ------
    ConversionError   for metadata that are incomplete or of another kind.
    """
    if "pool" in own:
        if own["pool"] not in ("mean", "sum") or operator.weight.ndim != 3:
            raise ConversionError(f"node `{name}`: its metadata pool {own['pool']!r} must be 'mean' or 'sum', for one axis")
        return Pool(operator.weight.shape[2:], operator.stride, (operator.padding[0][0],), own["pool"] == "mean")
    if "padding" not in own:
        return operator
    try:
        pairs = tuple((int(before), int(after)) for before, after in own["padding"])
        cuts = [
            tuple((most[0] - side) // d for side in pair) for pair, most, d in zip(pairs, operator.padding, operator.dilation, strict=True)
        ]
    except (TypeError, ValueError) as error:
        raise ConversionError(f"node `{name}`: its metadata padding {own['padding']!r} must be a pair per axis") from error
    if any(not 0 <= before < size - after or after < 0 for (before, after), size in zip(cuts, operator.weight.shape[2:], strict=True)):
        raise ConversionError(f"node `{name}`: its metadata padding {own['padding']!r} does not fit its kernel of {operator.weight.shape[2:]}")
    inside = tuple(slice(before, size - after) for (before, after), size in zip(cuts, operator.weight.shape[2:], strict=True))
    return dataclasses.replace(operator, weight=operator.weight[(slice(None), slice(None), *inside)], padding=pairs)
