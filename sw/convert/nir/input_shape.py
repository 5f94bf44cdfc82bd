"""The shape of one input item of a NIR graph: as stored, without the axes that count items or steps, or as the first operators need it."""

from __future__ import annotations

from typing import Any

import numpy as np

from lifline.arch.errors import ConversionError

from .graph import Graph, is_neuron, kind
from .values import Shape, as_array, as_shape


def input_shape(graph: Graph) -> Shape:
    """Shape of one input item; what was left out or guessed is noted in the graph.

    Raises
    ------
    ConversionError   if neither the input node nor its successors say.
    """
    shape = as_shape(f"the shape of input node `{graph.input}`", getattr(graph.nodes[graph.input], "input_type", None))
    wanted = {w for w in (_wanted(n, graph.nodes[n]) for n in graph.after(graph.input)) if w is not None}
    only = next(iter(wanted)) if len(wanted) == 1 else None
    if not shape or min(shape) < 1:
        if only is None or None in only:
            raise ConversionError(f"the input node `{graph.input}` has no shape, and its successors do not tell it")
        graph.notes.append(f"the input node `{graph.input}` has no shape; {only} was taken from its successor")
        return tuple(n for n in only if n is not None)
    if only is not None and len(shape) > len(only):
        item = shape[len(shape) - len(only) :]
        if all(w in (None, n) for w, n in zip(only, item, strict=True)):
            return _item(graph, shape, item)
    size = _size_behind(graph) if only is None else None
    if size is not None and int(np.prod(shape)) != size:
        for axes in range(1, len(shape)):
            if int(np.prod(shape[axes:])) == size:
                return _item(graph, shape, shape[axes:])
    return shape


def _item(graph: Graph, shape: Shape, item: Shape) -> Shape:
    graph.notes.append(f"of the input shape {shape} the leading axes {shape[: len(shape) - len(item)]} count items or steps; one item has {item}")
    return item


def _size_behind(graph: Graph) -> int | None:
    """Values of one item, by the matrix that comes behind the input after nodes that change the shape only."""
    name = graph.input
    for _ in range(len(graph.nodes)):
        if len(graph.after(name)) != 1:
            return None
        (name,) = graph.after(name)
        if kind(graph.nodes[name]) not in ("Flatten", "Passage", "NoneType"):
            wanted = _wanted(name, graph.nodes[name]) if kind(graph.nodes[name]) in ("Affine", "Linear") else None
            return None if wanted is None else wanted[0]
    return None


def _wanted(name: str, node: Any) -> tuple[int | None, ...] | None:
    """Input shape that a node needs, None where any length does; None if any shape does."""
    if kind(node) in ("Affine", "Linear"):
        weight = as_array(f"node `{name}`: weight", node.weight)
        return (weight.shape[-1],) if weight.ndim == 2 else None
    if kind(node) in ("Conv1d", "Conv2d"):
        weight, axes = as_array(f"node `{name}`: weight", node.weight), 1 if kind(node) == "Conv1d" else 2
        groups = as_array(f"node `{name}`: groups", node.groups).ravel()
        if weight.ndim != axes + 2 or groups.size != 1:
            return None
        known = as_shape(f"node `{name}`: input_shape", node.input_shape)
        return (weight.shape[1] * int(groups[0]), *((None,) * axes if len(known) != axes else known))
    if kind(node) in ("SumPool2d", "AvgPool2d"):
        return (None, None, None)
    if is_neuron(node):
        return as_array(f"node `{name}`: r", getattr(node, "r", 1.0)).shape or None
    return None
