"""A NIR graph made regular: subgraphs dissolved, names as text and unique, one input, one output, no edge twice, every node known."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lifline.arch.errors import ConversionError

NEURONS = ("IF", "LIF", "LI", "CubaLIF", "CubaLI", "I")
Edge = tuple[str, str]
DEEPEST = 64
"""Subgraphs inside subgraphs."""
UNKNOWN = (None, "identity")
DUPLICATES = (None, "once", "add")


def kind(node: object) -> str:
    """The node's type by name; graphs that were built in Python may hold None."""
    return type(node).__name__


def is_neuron(node: object) -> bool:
    return kind(node) in NEURONS


def is_leaky(node: object) -> bool:
    return is_neuron(node) and kind(node) not in ("IF", "I")


@dataclass
class Graph:
    """Nodes by name and edges, flat. Nodes and edges do not change once a graph is made."""

    nodes: dict[str, Any]
    edges: list[Edge]
    input: str
    output: str
    metadata: dict[str, Any]
    notes: list[str]

    @cached_property
    def _sources(self) -> dict[str, list[str]]:
        return _neighbours((t, s) for s, t in self.edges)

    @cached_property
    def _targets(self) -> dict[str, list[str]]:
        return _neighbours(self.edges)

    def before(self, name: str) -> list[str]:
        """Sources of the edges into ``name``, in the order of the file."""
        return self._sources.get(name, [])

    def after(self, name: str) -> list[str]:
        return self._targets.get(name, [])

    def in_cycles(self) -> set[str]:
        """Nodes that lie in a cycle, or between two; empty for a feed-forward graph."""
        left = set(self.nodes)
        for back, ahead in ((self.before, self.after), (self.after, self.before)):
            count = {n: sum(s in left for s in back(n)) for n in left}
            todo = [n for n in left if not count[n]]
            while todo:
                name = todo.pop()
                left.discard(name)
                for other in ahead(name):
                    if other in left:
                        count[other] -= 1
                        if not count[other]:
                            todo.append(other)
        return left

    def reachable(self, name: str, within: set[str]) -> set[str]:
        """Nodes of ``within`` that can be reached from ``name`` over at least one edge, all inside ``within``."""
        found: set[str] = set()
        todo = [name]
        while todo:
            for target in self.after(todo.pop()):
                if target in within and target not in found:
                    found.add(target)
                    todo.append(target)
        return found


def _neighbours(pairs: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, other in pairs:
        found.setdefault(name, []).append(other)
    return found


def flatten_graph(graph: Any, *, unknown: str | None = None, duplicates: str | None = None) -> Graph:
    """Dissolve subgraphs (their nodes are called ``outer.inner``) and find input and output.

    Parameters
    ----------
    unknown : what a node that is None means, a layer that the exporter did not know: ``"identity"``, or None to refuse it.
    duplicates : what an edge means that is there twice: ``"once"``, ``"add"`` (its values count twice), or None to refuse it.

    Raises
    ------
    ConversionError   for edges to nodes that do not exist, unless there is exactly one input and one output, and for what
        ``unknown`` and ``duplicates`` refuse, by name.
    """
    for what, value, choices in (("unknown", unknown, UNKNOWN), ("duplicates", duplicates, DUPLICATES)):
        if value not in choices:
            raise ConversionError(f"{what}={value!r} must be one of {', '.join(repr(c) for c in choices if c)}, or None to refuse")
    flat = _Flat()
    names = flat.level(graph, "", ())
    notes = flat.notes
    ends = {}
    for what in ("Input", "Output"):
        found = [n for n in names.values() if kind(flat.nodes.get(n)) == what]
        if len(found) != 1:
            raise ConversionError(f"a graph needs exactly one {what} node, not {len(found)}: {found}")
        ends[what] = found[0]
    edges = _without_unknown(flat, unknown)
    twice = [edge for edge, count in Counter(edges).items() if count > 1]
    if twice:
        shown = ", ".join(f"{s} -> {t}" for s, t in twice)
        if duplicates is None:
            raise ConversionError(
                f"edge(s) {shown} are there more than once, and exporters mean different things by it: duplicates='once' counts them once, "
                "duplicates='add' adds their values as often as they are there"
            )
        if duplicates == "once":
            edges = list(dict.fromkeys(edges))
            notes.append(f"duplicate edges were counted once: {shown}")
        else:
            notes.append(f"duplicate edges were added: {shown}")
    metadata = dict(getattr(graph, "metadata", None) or {})
    return Graph(flat.nodes, edges, ends["Input"], ends["Output"], {str(k): plain(v) for k, v in metadata.items()}, notes)


def _without_unknown(flat: _Flat, unknown: str | None) -> list[Edge]:
    """Refuse nodes that are None, or take them for wires.

    A layer that returns its own input makes tracers draw an edge past it, too, and of two such layers in a row edges both ways; a wire is one
    edge, whatever way through these nodes leads from one of the others to the next.
    """
    lost = {name for name, node in flat.nodes.items() if node is None}
    if not lost:
        return flat.edges
    if unknown is None:
        raise ConversionError(
            f"node(s) {', '.join(sorted(lost))} are None: the exporter did not know these layers, so the graph is not the network. Import the Python "
            "objects (lifline.from_norse and the like), fold the layer into its neighbours before the export, or pass unknown='identity' if it "
            "changes no value (Dropout in evaluation, Identity)"
        )
    flat.notes.extend(f"node `{name}` is None: the exporter did not know this layer; its values pass unchanged, as unknown='identity' says" for name in sorted(lost))
    targets, group = _neighbours(flat.edges), _groups(lost, flat.edges)
    through: dict[Edge, set[str]] = {}
    reached: set[str] = set()
    for source in [n for n in flat.nodes if n not in lost]:
        todo, seen = [t for t in targets.get(source, []) if t in lost], set()
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            for target in targets.get(name, []):
                if target in lost:
                    todo.append(target)
                else:
                    through.setdefault((source, target), set()).add(group[name])
        reached |= seen
    for (source, target), ways in through.items():
        if len(ways) > 1:
            raise ConversionError(f"two layers that the exporter did not know, {' and '.join(sorted(ways))}, lead from {source} to {target}; write one edge for them")
    if lost - reached:
        raise ConversionError(f"no edge leads from the input to node(s) {', '.join(sorted(lost - reached))}; connect or remove them")
    direct = [edge for edge in flat.edges if edge in through]
    flat.notes.extend(f"edge {s} -> {t} was left out: the exporter drew it past a layer that it did not know" for s, t in dict.fromkeys(direct))
    for name in lost:
        del flat.nodes[name]
    return [edge for edge in flat.edges if not lost & set(edge) and edge not in through] + list(through)


def _groups(names: set[str], edges: list[Edge]) -> dict[str, str]:
    """Names that edges connect share a representative."""
    group = {name: name for name in names}
    for source, target in edges:
        if source in names and target in names and group[source] != group[target]:
            old, new = group[target], group[source]
            group = {name: new if g == old else g for name, g in group.items()}
    return group


def plain(value: Any) -> Any:
    """A value of the metadata: bytes as text, JSON decoded."""
    value = value.decode(errors="replace") if isinstance(value, bytes) else value
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


@dataclass
class _Flat:
    """Nodes and edges of all levels. Names are unique: of ``a.b`` and the ``b`` inside ``a`` the outer one keeps the name."""

    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def level(self, graph: Any, prefix: str, parents: tuple[Any, ...]) -> dict[str, str]:
        """Add a graph; returns the flat names of its own nodes by their names in it."""
        where = f"subgraph `{prefix[:-1]}`" if prefix else "the graph"
        if any(graph is parent for parent in parents):
            raise ConversionError(f"{where} contains itself")
        if len(parents) > DEEPEST:
            raise ConversionError(f"{where} lies more than {DEEPEST} subgraphs deep")
        content = {str(key): node for key, node in graph.nodes.items()}
        if len(content) < len(graph.nodes):
            raise ConversionError(f"{where} has two nodes whose names are the same text: {sorted(map(str, graph.nodes))}")
        names, entry, leave = {}, {}, {}
        for key, node in content.items():
            if kind(node) != "NIRGraph":
                names[key] = self._named(f"{prefix}{key}")
                self.nodes[names[key]] = node
        for key, node in content.items():
            if kind(node) == "NIRGraph":
                entry[key], leave[key] = self._subgraph(f"{prefix}{key}", node, (*parents, graph))
        for edge in graph.edges:
            if not isinstance(edge, (tuple, list)) or len(edge) != 2:
                raise ConversionError(f"{where}: edge {edge!r} must be a pair (source, target)")
            source, target = str(edge[0]), str(edge[1])
            for name in (source, target):
                if name not in content and f"{prefix}{name}" not in self.nodes:
                    raise ConversionError(f"edge {source} -> {target}: there is no node `{name}`")
            self.edges.append((
                leave.get(source) or names.get(source) or f"{prefix}{source}", entry.get(target) or names.get(target) or f"{prefix}{target}"
            ))  # fmt: skip
        return names

    def _named(self, name: str) -> str:
        free = name
        while free in self.nodes:
            free += "_"
        if free != name:
            self.notes.append(f"there are two nodes `{name}`, one inside a subgraph; that one is called `{free}`")
        return free

    def _subgraph(self, name: str, graph: Any, parents: tuple[Any, ...]) -> tuple[str, str]:
        names = self.level(graph, f"{name}.", parents).values()
        ends = [[n for n in names if kind(self.nodes[n]) == what] for what in ("Input", "Output")]
        if len(ends[0]) != 1 or len(ends[1]) != 1:
            raise ConversionError(f"subgraph `{name}` needs exactly one input and one output, not {len(ends[0])} and {len(ends[1])}")
        for (end,) in ends:
            self.nodes[end] = Passage()
        return ends[0][0], ends[1][0]


class Passage:
    """The input or output of a dissolved subgraph: values pass unchanged."""
