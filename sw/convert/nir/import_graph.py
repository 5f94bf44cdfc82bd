"""NIR graph -> :class:`FloatNetwork`, in the dialect that the caller names."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import ConversionError
from lifline.network.hdf5 import open_hdf5

from ..floating.bounds import silent_notes
from ..floating.check import check_output
from ..floating.network import FloatNetwork, FloatPopulation, FloatProjection
from ..floating.operators import Delay, Operator, Reshape, Shape
from .dialects import Dialect, dialect
from .exporters import EXPORTERS, exporter_of
from .graph import Graph, flatten_graph, is_leaky, is_neuron, kind
from .input_shape import input_shape
from .nodes import LIFLINE, neurons_of, operator_of
from .values import as_array, check_size

IntArray = NDArray[np.int64]
OLDEST_NIR = (1, 0, 7)
"""The first release with reset values that reads graphs without checking their types."""
MOST_PATHS = 4096
"""Paths of operators into one population."""
NORSE_STEP = (
    "Norse's exporter multiplies time constants by a dt that the graph does not tell: 1e-06 is for cells of dt 0.001 that were exported with "
    "dt=0.001; for others give dt as the product of both (cells of 0.005 exported with dt=0.005: dt=2.5e-05)"
)


def import_nir(
    source: str | os.PathLike[str] | Any,
    choice: str | Dialect | None = None,
    *,
    name: str | None = None,
    unknown: str | None = None,
    duplicates: str | None = None,
    check: tuple[Any, Any] | None = None,
    **changes: Any,
) -> FloatNetwork:
    """Import a NIR file or a ``nir.NIRGraph``.

    Parameters
    ----------
    source : path of a ``.nir`` file, or a graph.
    choice : name of a preset of :data:`~lifline.convert.nir.dialects.DIALECTS`, or a :class:`Dialect`. A graph that lifline exported
        carries its own and needs none.
    unknown : ``"identity"`` takes nodes that the exporter could not write (None) for layers that change nothing; without it they are refused.
    duplicates : ``"once"`` or ``"add"``: what edges mean that are there more than once; without it they are refused.
    check : the framework's input and output ``(x, y)``, both (batch, time, ...); the import is compared with it, see
        :func:`lifline.convert.floating.check.check_output`.
    changes : choices that differ from the preset, for example ``dt=1e-3``.

    Raises
    ------
    ConversionError   without a dialect (the message lists the presets), for a file that cannot be read, for a node or a
        connection that has no translation, by name, and if ``check`` finds a difference.
    FileNotFoundError   if there is no such file.
    """
    graph, stem = read_graph(source, unknown=unknown, duplicates=duplicates)
    own = graph.metadata.get("lifline_dialect") if choice is None else None
    try:
        rules = dialect(choice) if own is None else Dialect(**own)
    except TypeError as error:
        raise ConversionError(f"the graph's lifline_dialect is incomplete ({error}); name a dialect") from error
    network = _Importer(graph, rules.replace(**changes)).network(str(name or graph.metadata.get("lifline_name") or stem))
    notes = [*silent_notes(network)]
    if exporter_of(rules) is EXPORTERS["norse"] and "dt" not in changes and isinstance(choice, str) and any(is_leaky(n) for n in graph.nodes.values()):
        notes.append(NORSE_STEP)
    network = network.replace(notes=(*network.notes, *notes))
    if check is not None:
        if not isinstance(check, (tuple, list)) or len(check) != 2:
            raise ConversionError("check must be a pair (x, y): the framework's input and output")
        check_output(network, *check)
    return network


def nir_package() -> Any:
    """The package ``nir``, which is only needed to read and write graphs.

    Raises
    ------
    ConversionError   if it is not installed, or older than :data:`OLDEST_NIR`.
    """
    try:
        import nir
    except ImportError as error:
        raise ConversionError("NIR graphs need the package `nir`: install lifline[convert]") from error
    found = version("nir")
    if tuple(int(n) for n in re.findall(r"\d+", found)[:3]) < OLDEST_NIR:
        raise ConversionError(
            f"the package `nir` is {found}, which cannot read reset values; pip install 'nir>={'.'.join(map(str, OLDEST_NIR))}' "
            "(sinabs and Rockpool ask for 1.0.4, their exporters run with later ones; from_sinabs and from_rockpool need no nir)"
        )
    return nir


def read_graph(source: Any, *, unknown: str | None = None, duplicates: str | None = None) -> tuple[Graph, str]:
    """The regular form of a file or a graph, and a name for it; the arguments are those of :func:`import_nir`.

    Raises
    ------
    ConversionError   for a file that cannot be read, or that is not a graph.
    """
    nir = nir_package()
    graph, name = source, "nir"
    if not isinstance(source, nir.NIRGraph):
        if not isinstance(source, (str, os.PathLike)):
            raise ConversionError(f"a NIR graph is a path or a nir.NIRGraph, not {type(source).__name__}; wrap single nodes with nir.NIRGraph.from_list")
        path = os.fspath(source)
        with open_hdf5(path, "NIR file", ConversionError):
            pass  # only looked over; the package opens it again
        try:
            graph = nir.read(path, type_check=False)
        except Exception as error:  # the reader raises whatever its HDF5 library or its constructors happen to raise
            raise ConversionError(f"`{path}` is not a readable NIR file ({type(error).__name__}: {error})") from error
        if not isinstance(graph, nir.NIRGraph):
            raise ConversionError(f"`{path}` holds a single {type(graph).__name__}, not a graph; wrap it with nir.NIRGraph.from_list")
        name = os.path.splitext(os.path.basename(path))[0]
    try:
        return flatten_graph(graph, unknown=unknown, duplicates=duplicates), name
    except (AttributeError, TypeError, LookupError) as error:
        raise ConversionError(f"the graph's nodes, edges or metadata are not what a NIR graph has ({type(error).__name__}: {error})") from error


class _Importer:
    """Shapes flow from the input through the graph; chains of operators between neurons become projections."""

    def __init__(self, graph: Graph, rules: Dialect) -> None:
        self.graph, self.rules, self.notes = graph, rules, graph.notes
        self.shapes: dict[str, Shape] = {}
        self.operators: dict[str, tuple[Operator, ...]] = {}
        self.populations: dict[str, FloatPopulation] = {}
        self.depth: dict[str, int] = {}

    def network(self, name: str) -> FloatNetwork:
        self._refuse_idle_cycles()
        self._infer()
        self._check_overrides()
        output = self._output()
        back = self._feedback()
        projections = []
        for target in self.populations:
            if target != self.graph.input:
                projections += self._paths(target, back)
        live = set(self.populations) if self.rules.name == LIFLINE else self._live(projections, output)
        return FloatNetwork(
            name=name,
            populations=tuple(p for p in self.populations.values() if p.name in live),
            projections=tuple(p for p in projections if p.source in live and p.target in live),
            output=output,
            precision=self.rules.precision,
            dialect=self.rules,
            notes=tuple(self.notes),
            metadata={"source": "nir"},
        )

    def _refuse_idle_cycles(self) -> None:
        """A cycle without a neuron would feed its values back within a step, for ever."""
        nodes = self.graph.nodes
        without = {n for n in self.graph.in_cycles() if not is_neuron(nodes[n])}
        for name in sorted(without):
            reach = self.graph.reachable(name, without)
            if name in reach:
                cycle = sorted(n for n in reach if name in self.graph.reachable(n, without))
                raise ConversionError(f"nodes {', '.join(cycle)} form a cycle without a neuron; put a spiking layer into it, or remove one of its edges")

    def _check_overrides(self) -> None:
        for field in ("v_reset", "bias"):
            given = getattr(self.rules, field)
            lost = sorted(set(given) - (set(self.populations) - {self.graph.input})) if isinstance(given, Mapping) else []
            if lost:
                raise ConversionError(f"{field} is given for {', '.join(lost)}, which are no nodes with neurons; there are {', '.join(self.populations)}")

    def _infer(self) -> None:
        """Visit every node once one of its predecessors has a shape; a cycle thus takes its shape from outside."""
        todo = deque([self.graph.input])
        # Neurons that lifline exported all have shapes, and some have no input but a bias.
        later = deque(n for n, node in self.graph.nodes.items() if is_neuron(node) and self.rules.name == LIFLINE)
        while todo or later:
            name = todo.popleft() if todo else later.popleft()
            if name in self.shapes:
                continue
            shapes = {self.shapes[s] for s in self.graph.before(name) if s in self.shapes}
            if len(shapes) > 1:
                raise ConversionError(f"node `{name}` adds values of different shapes {sorted(shapes)}")
            try:
                self._visit(name, shapes.pop() if shapes else None)
            except (AttributeError, TypeError, ValueError, LookupError, ArithmeticError) as error:
                if isinstance(error, ConversionError):
                    raise
                node = self.graph.nodes[name]
                raise ConversionError(f"node `{name}` ({kind(node)}) cannot be read ({type(error).__name__}: {error})") from error
            check_size(f"node `{name}`: the shape", self.shapes[name])
            self.depth[name] = 1 + max((self.depth[s] for s in self.graph.before(name) if s in self.depth), default=-1)
            todo += [s for s in self.graph.after(name) if s not in self.shapes]
        lost = [n for n in self.graph.nodes if n not in self.shapes]
        if lost:
            raise ConversionError(f"no edge leads from the input to node(s) {', '.join(lost)}; connect or remove them")

    def _visit(self, name: str, shape: Shape | None) -> None:
        node = self.graph.nodes[name]
        if name == self.graph.input:
            self.shapes[name] = input_shape(self.graph)
            self.populations[name] = FloatPopulation(name, self.shapes[name])
            return
        if shape is None:
            shape = as_array(f"node `{name}`: r", node.r).shape
        if name == self.graph.output:
            self.shapes[name], self.operators[name] = shape, ()
        elif is_neuron(node):
            neurons, own = neurons_of(name, node, shape, self.rules, self.notes)
            self.operators[name] = (Reshape(own),) if own != shape else ()
            self.populations[name] = FloatPopulation(name, own, neurons)
            self.shapes[name] = own
        else:
            self.operators[name] = operator_of(name, node, shape, self.rules, self.notes)
            for operator in self.operators[name]:
                shape = operator.output_shape(shape)
            self.shapes[name] = shape

    def _output(self) -> str:
        """The population that the output node shows, through nodes that only change the shape."""
        name = self.graph.output
        while name not in self.populations:
            sources = self.graph.before(name)
            if len(sources) != 1 or any(not isinstance(o, Reshape) for o in self.operators[name]):
                raise ConversionError(
                    f"the output shows `{name}` ({type(self.graph.nodes[name]).__name__}, {len(sources)} sources), which is not a "
                    "population of neurons; end the network with a spiking layer or a leaky integrator (LI)"
                )
            name = sources[0]
        return name

    def _feedback(self) -> set[tuple[str, str]]:
        """Edges between nodes that close a cycle: they do not lead away from the input."""
        around = self.graph.in_cycles()
        reach = {n: self.graph.reachable(n, around) for n in around}
        return {(s, t) for s, t in self.graph.edges if t in around and s in reach[t] and self.depth[t] <= self.depth[s]}

    def _paths(self, target: str, back: set[tuple[str, str]]) -> list[FloatProjection]:
        """Projections into ``target`` along every path of operators that ends in it.

        Operators are linear apart from their bias, so where several paths meet, the biases behind that point go with the first.
        The steps of feedback on the way delay the spikes, never a bias.
        """
        found: list[FloatProjection] = []
        todo: list[tuple[str, tuple[Operator, ...], int, bool]] = [(target, self.operators[target], 0, False)]
        while todo:
            node, chain, lag, arrived = todo.pop()
            if arrived:
                found.append(self._projection(node, target, chain, lag))
                continue
            behind = []
            for k, source in enumerate(self.graph.before(node)):
                own = chain if k == 0 else tuple(o.without_bias() for o in chain)
                late = lag + (self.rules.feedback if (source, node) in back else 0)
                arrived = source in self.populations
                behind.append((source, own if arrived else (*self.operators[source], *own), late, arrived))
            todo += reversed(behind)
            if len(found) + len(todo) > MOST_PATHS:
                raise ConversionError(f"more than {MOST_PATHS} paths lead into `{target}`: branches that meet again multiply; put a spiking layer between them")
        return found

    @staticmethod
    def _projection(source: str, target: str, chain: tuple[Operator, ...], lag: int) -> FloatProjection:
        """Delays that come before any other operator become axonal; a later one may move there if it is uniform and nothing is added before it."""
        delays: IntArray = np.asarray(lag, np.int64)
        rest: list[Operator] = []
        for operator in chain:
            if isinstance(operator, Delay) and (not rest or (operator.steps.ndim == 0 and not any(o.adds for o in rest))):
                delays = delays + operator.steps
            else:
                rest.append(operator)
        return FloatProjection(source=source, target=target, operators=tuple(rest), delays=np.asarray(delays))

    def _live(self, projections: list[FloatProjection], output: str) -> set[str]:
        """The input and everything that can influence the output; the rest is dropped with a note."""
        live, todo = {output, self.graph.input}, [output]
        while todo:
            name = todo.pop()
            for source in {p.source for p in projections if p.target == name} - live:
                live.add(source)
                todo.append(source)
        for name in self.populations:
            if name not in live:
                self.notes.append(f"`{name}` does not influence the output and was left out")
        return live


