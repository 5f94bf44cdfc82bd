"""NIR graph -> :class:`FloatNetwork`, in the dialect that the caller names."""

from __future__ import annotations

import os
import re
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import ConversionError
from lifline.network.hdf5 import open_hdf5

from .dialects import Dialect, dialect
from .float_network import FloatNetwork, FloatPopulation, FloatProjection
from .nir_graph import Graph, flatten_graph, is_neuron
from .nir_nodes import neurons_of, operator_of
from .operators import Delay, Operator, Reshape, Shape

IntArray = NDArray[np.int64]
OLDEST_NIR = (1, 0, 7)
"""The first release with reset values that reads graphs without checking their types."""


def import_nir(source: str | os.PathLike[str] | Any, choice: str | Dialect | None = None, *, name: str | None = None, **changes: Any) -> FloatNetwork:
    """Import a NIR file or a ``nir.NIRGraph``.

    Parameters
    ----------
    source : path of a ``.nir`` file, or a graph.
    choice : name of a preset of :data:`~lifline.convert.dialects.DIALECTS`, or a :class:`Dialect`. A graph that lifline exported
        carries its own and needs none.
    changes : choices that differ from the preset, for example ``dt=1e-3``.

    Raises
    ------
    ConversionError   without a dialect (the message lists the presets), for a file that cannot be read, and for a node or a
        connection that has no translation, by name.
    FileNotFoundError   if there is no such file.
    """
    graph, stem = read_graph(source)
    own = graph.metadata.get("lifline_dialect") if choice is None else None
    try:
        rules = dialect(choice) if own is None else Dialect(**own)
    except TypeError as error:
        raise ConversionError(f"the graph's lifline_dialect is incomplete ({error}); name a dialect") from error
    return _Importer(graph, rules.replace(**changes)).network(name or graph.metadata.get("lifline_name") or stem)


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


def read_graph(source: Any) -> tuple[Graph, str]:
    """The regular form of a file or a graph, and a name for it.

    Raises
    ------
    ConversionError   for a file that cannot be read, or that is not a graph.
    """
    nir = nir_package()
    if isinstance(source, nir.NIRGraph):
        return flatten_graph(source), "nir"
    path = os.fspath(source)
    with open_hdf5(path, "NIR file", ConversionError):
        pass  # only looked over; the package opens it again
    try:
        graph = nir.read(path, type_check=False)
    except Exception as error:  # the reader raises whatever its HDF5 library or its constructors happen to raise
        raise ConversionError(f"`{path}` is not a readable NIR file ({type(error).__name__}: {error})") from error
    if not isinstance(graph, nir.NIRGraph):
        raise ConversionError(f"`{path}` holds a single {type(graph).__name__}, not a graph; wrap it with nir.NIRGraph.from_list")
    return flatten_graph(graph), os.path.splitext(os.path.basename(path))[0]


class _Importer:
    """Shapes flow from the input through the graph; chains of operators between neurons become projections."""

    def __init__(self, graph: Graph, rules: Dialect) -> None:
        self.graph, self.rules, self.notes = graph, rules, graph.notes
        self.shapes: dict[str, Shape] = {}
        self.operators: dict[str, tuple[Operator, ...]] = {}
        self.populations: dict[str, FloatPopulation] = {}
        self.depth: dict[str, int] = {}

    def network(self, name: str) -> FloatNetwork:
        self._infer()
        output = self._output()
        back = self._feedback()
        projections = []
        for target in self.populations:
            if target != self.graph.input:
                projections += self._paths(target, target, (), 0, back)
        live = set(self.populations) if self.rules.name == "lifline" else self._live(projections, output)
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

    def _infer(self) -> None:
        """Visit every node once one of its predecessors has a shape; a cycle thus takes its shape from outside."""
        todo = [self.graph.input]
        while todo:
            name = todo.pop(0)
            if name in self.shapes:
                continue
            shapes = {self.shapes[s] for s in self.graph.before(name) if s in self.shapes}
            if len(shapes) > 1:
                raise ConversionError(f"node `{name}` adds values of different shapes {sorted(shapes)}")
            self._visit(name, shapes.pop() if shapes else None)
            self.depth[name] = 1 + max((self.depth[s] for s in self.graph.before(name) if s in self.depth), default=-1)
            todo += [s for s in self.graph.after(name) if s not in self.shapes]
        lost = [n for n in self.graph.nodes if n not in self.shapes]
        if lost:
            raise ConversionError(f"no edge leads from the input to node(s) {', '.join(lost)}; connect or remove them")

    def _visit(self, name: str, shape: Shape | None) -> None:
        node = self.graph.nodes[name]
        if name == self.graph.input:
            self.shapes[name] = self.graph.input_shape()
            self.populations[name] = FloatPopulation(name, self.shapes[name])
            return
        assert shape is not None
        if name == self.graph.output:
            self.shapes[name], self.operators[name] = shape, ()
        elif is_neuron(node):
            neurons, own = neurons_of(name, node, shape, self.rules)
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
        reach = {n: self.graph.reachable(n) for n in self.graph.nodes}
        return {(s, t) for s, t in self.graph.edges if s in reach[t] and self.depth[t] <= self.depth[s]}

    def _paths(self, target: str, node: str, chain: tuple[Operator, ...], lag: int, back: set[tuple[str, str]]) -> list[FloatProjection]:
        """Projections into ``target`` along every path of operators that ends in ``node``.

        Operators are linear apart from their bias, so where several paths meet, the biases behind that point go with the first.
        ``lag`` counts the steps of feedback on the way; they delay the spikes, never a bias.
        """
        found: list[FloatProjection] = []
        full = (*self.operators[node], *chain)
        for k, source in enumerate(self.graph.before(node)):
            own = full if k == 0 else tuple(o.without_bias() for o in full)
            late = lag + (self.rules.feedback if (source, node) in back else 0)
            if source in self.populations:
                found.append(self._projection(source, target, own, late))
            else:
                found += self._paths(target, source, own, late, back)
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


