"""A NIR graph made regular: subgraphs dissolved, names as text, one input, one output, edges without duplicates."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from lifline.arch.errors import ConversionError
from lifline.network.graph import reachable

from .operators import Shape

NEURONS = ("IF", "LIF", "LI", "CubaLIF", "CubaLI", "I")
Edge = tuple[str, str]


def kind(node: object) -> str:
    """The node's type by name; graphs that were built in Python may hold None."""
    return type(node).__name__


def is_neuron(node: object) -> bool:
    return kind(node) in NEURONS


@dataclass
class Graph:
    """Nodes by name and edges, flat."""

    nodes: dict[str, Any]
    edges: list[Edge]
    input: str
    output: str
    metadata: dict[str, Any]
    notes: list[str]

    def before(self, name: str) -> list[str]:
        """Sources of the edges into ``name``, in the order of the file."""
        return [s for s, t in self.edges if t == name]

    def after(self, name: str) -> list[str]:
        return [t for s, t in self.edges if s == name]

    def reachable(self, name: str) -> set[str]:
        return reachable(name, self.edges)

    def input_shape(self) -> Shape:
        """Shape of one input item: as stored, or as the first operators need it.

        Raises
        ------
        ConversionError   if neither says.
        """
        stored = self.nodes[self.input].input_type
        stored = next(iter(stored.values())) if isinstance(stored, dict) else stored
        shape = () if stored is None else tuple(int(n) for n in np.atleast_1d(np.asarray(stored)).ravel())
        wanted = {w for w in (_wanted(self.nodes[n]) for n in self.after(self.input)) if w is not None}
        only = next(iter(wanted)) if len(wanted) == 1 else None
        if not shape or min(shape) < 1:
            if only is None or None in only:
                raise ConversionError(f"the input node `{self.input}` has no shape, and its successors do not tell it")
            self.notes.append(f"the input node `{self.input}` has no shape; {only} was taken from its successor")
            return tuple(n for n in only if n is not None)
        if only is not None and len(shape) > len(only):
            item = shape[len(shape) - len(only) :]
            if all(w in (None, n) for w, n in zip(only, item, strict=True)):
                self.notes.append(f"of the input shape {shape} the leading axes {shape[: len(shape) - len(only)]} count items or steps; one item has {item}")
                return item
        return shape


def _wanted(node: Any) -> tuple[int | None, ...] | None:
    """Input shape that a node needs, None where any length does; None if any shape does."""
    if kind(node) in ("Affine", "Linear"):
        return (int(np.asarray(node.weight).shape[-1]),)
    if kind(node) in ("Conv1d", "Conv2d"):
        weight = np.asarray(node.weight)
        channels, axes = weight.shape[1] * int(np.asarray(node.groups)), weight.ndim - 2
        known = None if node.input_shape is None else np.atleast_1d(np.asarray(node.input_shape))
        return (channels, *((None,) * axes if known is None or known.size != axes else (int(n) for n in known)))
    if kind(node) in ("SumPool2d", "AvgPool2d"):
        return (None, None, None)
    if is_neuron(node):
        return np.asarray(node.r).shape or None
    return None


def flatten_graph(graph: Any) -> Graph:
    """Dissolve subgraphs (their nodes are called ``outer.inner``) and find input and output.

    Raises
    ------
    ConversionError   for edges to nodes that do not exist, and unless there is exactly one input and one output.
    """
    notes: list[str] = []
    nodes, edges = _flat(graph, "")
    known = set(nodes)
    for edge in edges:
        for name in edge:
            if name not in known:
                raise ConversionError(f"edge {edge[0]} -> {edge[1]}: there is no node `{name}`")
    ends = {}
    for what in ("Input", "Output"):
        found = [n for n, node in nodes.items() if kind(node) == what and "." not in n] or [n for n, node in nodes.items() if kind(node) == what]
        if len(found) != 1:
            raise ConversionError(f"a graph needs exactly one {what} node, not {len(found)}: {found}")
        ends[what] = found[0]
    for name, node in nodes.items():
        if node is None:
            notes.append(f"node `{name}` is None: the exporter did not know this layer; its values pass unchanged")
    unique = list(dict.fromkeys(edges))
    if len(unique) < len(edges):
        notes.append("duplicate edges were counted once")
    metadata = dict(getattr(graph, "metadata", None) or {})
    return Graph(nodes, unique, ends["Input"], ends["Output"], {k: plain(v) for k, v in metadata.items()}, notes)


def plain(value: Any) -> Any:
    """A value of the metadata: bytes as text, JSON decoded."""
    value = value.decode() if isinstance(value, bytes) else value
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _flat(graph: Any, prefix: str) -> tuple[dict[str, Any], list[Edge]]:
    nodes: dict[str, Any] = {}
    entry: dict[str, str] = {}
    leave: dict[str, str] = {}
    inner_edges: list[Edge] = []
    for key, node in graph.nodes.items():
        name = f"{prefix}{key}"
        if kind(node) == "NIRGraph":
            inside, connections = _flat(node, f"{name}.")
            inputs = [n for n, v in inside.items() if kind(v) == "Input" and n.count(".") == name.count(".") + 1]
            outputs = [n for n, v in inside.items() if kind(v) == "Output" and n.count(".") == name.count(".") + 1]
            if len(inputs) != 1 or len(outputs) != 1:
                raise ConversionError(f"subgraph `{name}` needs exactly one input and one output, not {len(inputs)} and {len(outputs)}")
            for n in (*inputs, *outputs):
                inside[n] = Passage()
            nodes |= inside
            inner_edges += connections
            entry[str(key)], leave[str(key)] = inputs[0], outputs[0]
        else:
            nodes[name] = node
    outer = [(leave.get(str(s), f"{prefix}{s}"), entry.get(str(t), f"{prefix}{t}")) for s, t in graph.edges]
    return nodes, inner_edges + outer


class Passage:
    """The input or output of a dissolved subgraph: values pass unchanged."""
