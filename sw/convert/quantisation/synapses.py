"""The projections of a float network as connections of the hardware: which shape every population has then, and what arrives at it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np

from lifline.arch.errors import ConversionError
from lifline.network.connections.fully_connected import FullyConnected

from ..floating.network import FloatNetwork, FloatProjection
from ..floating.operators import Convolution, Pool, Scale, Select, Shape
from ..structure.chains import Structure, Unstructured, structure_of
from .dense import MAX_UNROLLED, bias_of, matrix_of
from .terms import Delays, Matrix, Term


@dataclass
class Synapses:
    """Everything that arrives at a population, in units of its membrane: terms, and the constant share."""

    terms: list[Term] = field(default_factory=list)
    bias: Matrix | float = 0.0

    def add(self, term: Term) -> None:
        """Add a term: to one that connects the same neurons with the same delays, if there is one."""
        for k, other in enumerate(self.terms):
            if (
                other.source == term.source and other.connection == term.connection and other.weights.shape == term.weights.shape
                and np.array_equal(other.delays, term.delays)
            ):  # fmt: skip
                both = dataclasses.replace(other.structure, weights=other.weights + term.weights)
                self.terms[k] = dataclasses.replace(other, structure=both)
                return
        self.terms.append(term)


@dataclass(frozen=True)
class Connected:
    """A network's synapses by target, the shapes that connections give populations, and what was written out for want of a connection."""

    synapses: dict[str, Synapses]
    shapes: dict[str, Shape]
    notes: tuple[str, ...]


def connected(network: FloatNetwork) -> Connected:
    """Find a connection for every projection; gains of the target go into its weights.

    Raises
    ------
    ConversionError   for weights that are not finite, and for what has no structure and too many weights to write out.
    """
    chains = [_with_gain(network, q) for q in network.projections]
    found: list[Structure | Unstructured] = [_structure(network, q) for q in chains]
    shapes = _Shapes(network)
    for flexible in (False, True):
        for k in sorted(range(len(chains)), key=lambda k: not _natural(network, chains[k], found[k])):
            own = found[k]
            if isinstance(own, Structure) and (own.source is None) is flexible and not shapes.take(chains[k], own):
                found[k] = Unstructured("needs another shape of its populations than other projections")
    synapses: dict[str, Synapses] = {p.name: Synapses() for p in network.populations}
    notes = []
    for q, own in zip(chains, found, strict=True):
        target = synapses[q.target]
        target.bias = target.bias + bias_of(network, q)
        if isinstance(own, Unstructured):
            notes += _written_out(network, q, own)
            own = Structure(FullyConnected(), matrix_of(network, q), None, None)
        if not (np.isfinite(own.weights).all() and np.isfinite(target.bias).all()):
            raise ConversionError(f"projection {q.source} -> {q.target}: a weight or bias is not finite (NaN or infinite); mend it before the import")
        target.add(Term(q.source, own, _delays(q, own, shapes.of(q.source))))
    return Connected(synapses, shapes.chosen, tuple(notes))


def _with_gain(network: FloatNetwork, q: FloatProjection) -> FloatProjection:
    p = network.population(q.target)
    assert p.neurons is not None
    gain = p.neurons.gain_v * p.neurons.gain_i
    if (gain == 1).all():
        return q
    return dataclasses.replace(q, operators=(*q.operators, Scale(np.broadcast_to(gain, p.shape).astype(np.float64))))


def _structure(network: FloatNetwork, q: FloatProjection) -> Structure | Unstructured:
    try:
        return structure_of(q.operators, network.population(q.source).shape)
    except Unstructured as reason:
        return reason


def _delays(q: FloatProjection, own: Structure, shape: Shape) -> Delays:
    """One delay, or one per channel of a source of ``shape`` where not everything is connected, or one per source neuron."""
    flat = q.delays.reshape(-1)
    if (flat == flat[0]).all():
        return flat[0].reshape(())
    by_channel = flat.reshape(shape[0], -1)
    if not isinstance(own.connection, FullyConnected) and (by_channel == by_channel[:, :1]).all():
        return by_channel[:, 0]
    return flat


def _natural(network: FloatNetwork, q: FloatProjection, own: Structure | Unstructured) -> bool:
    """Whether a structure takes the populations as they are; these come first."""
    ends = network.population(q.source).shape, network.population(q.target).shape
    return isinstance(own, Structure) and (own.source, own.target) == ends


class _Shapes:
    """Shapes of populations: flat ones may get another, for neurons keep their order."""

    def __init__(self, network: FloatNetwork) -> None:
        self.network = network
        self.chosen: dict[str, Shape] = {}

    def of(self, name: str) -> Shape:
        return self.chosen.get(name, self.network.population(name).shape)

    def take(self, q: FloatProjection, own: Structure) -> bool:
        """Give the ends of ``q`` the shapes of its structure, unless others have given them other ones."""
        source, target = own.source, own.target
        if source is None or target is None:
            source = target = self.of(q.source if q.source in self.chosen or q.target not in self.chosen else q.target)
        wanted = [(q.source, source), (q.target, target)]
        if any(self.chosen.get(name, shape) != shape for name, shape in wanted) or (q.source == q.target and source != target):
            return False
        self.chosen.update(wanted)
        return True


def _written_out(network: FloatNetwork, q: FloatProjection, reason: Unstructured) -> list[str]:
    """A note for a chain that is more than a dense layer.

    Raises
    ------
    ConversionError   for one that would have too many weights.
    """
    size = network.population(q.source).size * network.population(q.target).size
    layered = any(isinstance(o, Convolution | Pool | Select) for o in q.operators)
    if layered and size > MAX_UNROLLED:
        raise ConversionError(
            f"projection {q.source} -> {q.target} {reason}; written out as fully connected weights it has {size:,}, more than {MAX_UNROLLED:,}: put neurons "
            "between its layers, or leave out what no convolution expresses"
        )
    return [f"projection {q.source} -> {q.target} is written out as {size:,} weights: it {reason}"] if layered and not reason.usual else []
