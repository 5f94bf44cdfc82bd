"""Step 1: the delay rings. One for every population that projects and every delay vector of its projections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config, ceil_div
from lifline.arch.errors import CompileError
from lifline.arch.limits import RING_BITS
from lifline.arch.program import MAX_RINGS
from lifline.network.model import Network, Population

from .layouts import Layout
from .memories import DELAYS, RINGS, MemoryUse


@dataclass(frozen=True, eq=False)
class Ring:
    """One delay ring: a row of spikes for every step that is still to come.

    Attributes
    ----------
    number : its place among the ring descriptors.   source : whose spikes it holds.   delays : (place,) in steps, in the order of the
    hardware.
    rows : steps that it holds.   base : its first word in the memory of rings.
    entry : its first entry in the memory of delays, which it has only if its delays differ.
    """

    number: int
    source: Population
    delays: NDArray[np.int64]
    rows: int
    base: int
    entry: int

    @property
    def uniform(self) -> bool:
        """Whether all neurons share one delay."""
        return bool((self.delays == self.delays[0]).all())

    @property
    def words_per_row(self) -> int:
        return ceil_div(len(self.delays), RING_BITS)

    @property
    def words(self) -> int:
        """Words in the memory of rings."""
        return self.rows * self.words_per_row

    @property
    def entries(self) -> int:
        """Entries in the memory of delays."""
        return 0 if self.uniform else self.words_per_row * RING_BITS

    @property
    def delay(self) -> int:
        """What writes the ring is told: the delay that all neurons share, or where their delays begin."""
        return int(self.delays[0]) if self.uniform else self.entry


@dataclass(frozen=True, eq=False)
class Rings:
    """All delay rings of a network, in the order of their descriptors.

    Attributes
    ----------
    all : the rings; those of one population follow each other.   of_projection : the ring that a projection ``(source, target)`` reads.
    """

    all: tuple[Ring, ...]
    of_projection: dict[tuple[str, str], Ring]
    memory: MemoryUse

    def of_population(self, name: str) -> list[Ring]:
        """The rings that a population writes."""
        return [ring for ring in self.all if ring.source.name == name]

    @property
    def words(self) -> int:
        """Words in the memory of rings."""
        return sum(ring.words for ring in self.all)

    def delay_image(self) -> NDArray[np.uint32]:
        """The memory of delays: one entry per neuron of every ring whose delays differ; at least one."""
        image = np.zeros(max(sum(ring.entries for ring in self.all), 1), np.uint32)
        for ring in self.all:
            if not ring.uniform:
                image[ring.entry : ring.entry + len(ring.delays)] = ring.delays
        return image


def place_rings(network: Network, config: Config, layouts: Mapping[str, Layout]) -> Rings:
    """Delay rings and where they lie.

    Raises
    ------
    CompileError   for a population with more delay vectors than it can write rings, and for rings or delays that need more room than there is.
    """
    placed: list[Ring] = []
    of_projection: dict[tuple[str, str], Ring] = {}
    for population in network.populations:
        own: list[Ring] = []
        for projection in network.projections_from(population.name):
            delays = projection.delay_vector()
            delays = layouts[population.name].spread(delays, fill=int(delays[0]))  # padding must not make equal delays differ
            ring = next((r for r in own if (r.delays == delays).all()), None)
            if ring is None:
                ring = _behind(placed, population, delays, config)
                own.append(ring)
                placed.append(ring)
            of_projection[projection.source, projection.target] = ring
        limit = 1 if population.neurons is None else MAX_RINGS
        if len(own) > limit:
            raise CompileError(
                f"population `{population.name}` has {len(own)} different delay vectors on its outgoing projections, this gateware has {limit}; "
                "share delays between projections"
            )
    memory = RINGS.claim(network, config, sum(ring.words for ring in placed))
    memory |= DELAYS.claim(network, config, sum(ring.entries for ring in placed))
    return Rings(tuple(placed), of_projection, memory)


def _behind(placed: Sequence[Ring], source: Population, delays: NDArray[np.int64], config: Config) -> Ring:
    """The next ring: it lies behind those that are placed. The input's is written a window ahead and holds one more."""
    rows = int(delays.max()) + config.window * (2 if source.neurons is None else 1)
    return Ring(len(placed), source, delays, rows, sum(ring.words for ring in placed), sum(ring.entries for ring in placed))
