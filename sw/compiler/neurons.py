"""Step 3: the neurons. Every population gets a microprogram, and its words a place in the neuron memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config, ceil_div
from lifline.network.model import Network, Population

from .bands import Band, Bands, layout_of_band, population_of, whole
from .layouts import Layout
from .memories import NEURONS, MemoryUse
from .microcode import Microprogram, build


@dataclass(frozen=True, eq=False)
class PlacedNeurons:
    """A population, or a band of one, in the neuron memory: phases, the last one first, then the words that all its neurons share, then its rows.

    Attributes
    ----------
    population : of only the neurons of the band.   layout : their places in it.   band : which one.   start : its first neuron word.
    lanes : neurons per row.
    """

    population: Population
    band: Band
    layout: Layout
    program: Microprogram
    start: int
    lanes: int
    block_lanes: int

    @property
    def first(self) -> int:
        """Its first place in the hardware."""
        return self.band.first * self.block_lanes

    @property
    def rows(self) -> int:
        return ceil_div(self.layout.size, self.lanes)

    @property
    def row_words(self) -> int:
        """Neuron words per row."""
        return len(self.program.words)

    @property
    def period_words(self) -> int:
        """Neuron words per phase."""
        return len(self.program.phases)

    @property
    def base(self) -> int:
        """Neuron word of the first shared word."""
        return self.start + self.program.period_rows * self.period_words

    @property
    def row_base(self) -> int:
        """Neuron word of the first row."""
        return self.base + len(self.program.shared)

    @property
    def end(self) -> int:
        """Neuron word behind the last row."""
        return self.row_base + self.rows * self.row_words

    @property
    def last_row(self) -> int:
        """A bit for every lane that has a neuron in the last row."""
        return sum(1 << lane for lane in np.flatnonzero(self.layout.exists[(self.rows - 1) * self.lanes :]).tolist())

    def image(self) -> NDArray[np.int64]:
        """Its words as they are loaded, (word, lane); neurons that do not exist are 0."""
        words = np.zeros((self.end - self.start, self.lanes), np.int64)
        first, rows = self.base - self.start, self.row_base - self.start
        for offset, phases in enumerate(self.program.phases.values()):
            words[offset : first : self.period_words] = phases[::-1]
        words[first:rows] = np.reshape(self.program.shared, (-1, 1))
        for name, values in self.program.initial.items():
            filled = np.zeros(self.rows * self.lanes, np.int64)
            filled[self.layout.indices] = values
            words[rows + self.program.words[name] :: self.row_words] = filled.reshape(self.rows, -1)
        return words


@dataclass(frozen=True, eq=False)
class NeuronMemory:
    """All populations but the input, band by band, in the order of computation, and the neuron memory, (word, lane)."""

    populations: tuple[PlacedNeurons, ...]
    words: NDArray[np.int64]
    memory: MemoryUse

    def part(self, name: str, band: Band) -> PlacedNeurons:
        """A band of a population."""
        return next(p for p in self.populations if p.population.name == name and p.band == band)

    @property
    def program_words(self) -> int:
        """Program words of all microprograms."""
        return sum(p.program.reserved_words for p in self.populations)


def place_neurons(network: Network, config: Config, layouts: Mapping[str, Layout], bands: Bands | None = None) -> NeuronMemory:
    """Microprograms and neuron words; ``bands`` of populations that are not whole.

    Raises
    ------
    CompileError   for parameters that do not fit the state bits, and for more neuron words than there is room for.
    """
    placed: list[PlacedNeurons] = []
    for population in map(network.population, network.order):
        if population.neurons is None:
            continue
        counts = network.early_exit is not None and population.name == network.output
        layout = layouts[population.name]
        for band in (bands or {}).get(population.name, (whole(layout, config.lanes),)):
            places, neurons = layout_of_band(layout, band, config.lanes)
            own = population_of(population, neurons)
            program = build(own, config, count_spikes=counts, layout=places)
            placed.append(PlacedNeurons(own, band, places, program, placed[-1].end if placed else 0, config.multipliers, config.lanes))
    memory = NEURONS.claim(network, config, placed[-1].end)
    return NeuronMemory(tuple(placed), np.concatenate([p.image() for p in placed]), memory)
