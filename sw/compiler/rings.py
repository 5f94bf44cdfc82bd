"""Step 1: the delay rings. One for every population that projects and every pattern of delays; what is read later is a tap of the same ring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config, ceil_div
from lifline.arch.errors import CompileError
from lifline.arch.limits import RING_BITS
from lifline.arch.program import MAX_RINGS, RING_1
from lifline.arch.registers import INPUT_RING_PERIOD_BITS
from lifline.network.model import Network, Population, Projection

from .bands import Band, Bands
from .layouts import Layout
from .memories import DELAYS, RINGS, MemoryUse
from .order import readers_in_order
from .periods import RowValues

Ints = NDArray[np.int64]
LONGEST_PERIOD = (1 << RING_1["period"].width) - 1
"""Words of 32 delays that repeat."""


@dataclass(frozen=True, eq=False)
class Ring:
    """One delay ring: a row of spikes for every step that is still to come, and for those that somebody reads later.

    Attributes
    ----------
    number : its place among the ring descriptors.   source : whose spikes it holds.   delays : (place,) in steps, in the order of the
    hardware, until the first one reads them.   later : steps from then until the last one does.
    rows : steps that it holds.   base : its first word in the memory of rings.
    entry : its first entry in the memory of delays, which it has only if its delays differ.
    period : words of 32 delays after which they repeat and which alone are stored; 0: they do not.
    """

    number: int
    source: Population
    delays: Ints
    later: int
    rows: int
    base: int
    entry: int
    period: int = 0

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
        return 0 if self.uniform else (self.period or self.words_per_row) * RING_BITS

    @property
    def delay(self) -> int:
        """What writes the ring is told: the delay that all neurons share, or where their delays begin."""
        return self.delay_of(0)

    def delay_of(self, word: int) -> int:
        """What writes the ring from a word of 32 neurons on is told."""
        return int(self.delays[0]) if self.uniform else self.entry + (0 if self.period else word * RING_BITS)


@dataclass(frozen=True)
class Tap:
    """A descriptor that passes read a ring through, ``later`` steps after the first one; with 0 it is the one that is written through.

    Attributes
    ----------
    number : its place among the ring descriptors.   word : the first word of 32 neurons that it is about: a band writes the ring from its own on.
    """

    number: int
    ring: Ring
    later: int
    word: int = 0

    @property
    def first(self) -> int:
        """Row of a fresh run's first step."""
        return -self.later % self.ring.rows

    @property
    def clears(self) -> bool:
        """Whether nobody reads what this one has read."""
        return self.later == self.ring.later


@dataclass(frozen=True, eq=False)
class Rings:
    """All delay rings of a network.

    Attributes
    ----------
    all : the rings; those of one population follow each other.   taps : in the order of their descriptors: of every ring the one that it is
    written through, then those that are only read, then those that later bands write through.   of_projection : which of them a projection reads.
    of_band : through which ones the bands of populations with several write.
    """

    all: tuple[Ring, ...]
    taps: tuple[Tap, ...]
    of_projection: Mapping[Projection, Tap]
    of_band: Mapping[tuple[str, Band], Sequence[Tap]]
    memory: MemoryUse

    def of_population(self, name: str) -> list[Ring]:
        """The rings that a population writes."""
        return [ring for ring in self.all if ring.source.name == name]

    def written(self, name: str, band: Band) -> Sequence[Tap]:
        """What a band of a population writes its rings through; they follow each other."""
        return self.of_band.get((name, band)) or [self.taps[ring.number] for ring in self.of_population(name)]

    @property
    def words(self) -> int:
        """Words in the memory of rings."""
        return sum(ring.words for ring in self.all)

    def delay_image(self) -> NDArray[np.uint32]:
        """The memory of delays: one entry per neuron, or of one period, of every ring whose delays differ; at least one."""
        image = np.zeros(max(sum(ring.entries for ring in self.all), 1), np.uint32)
        for ring in self.all:
            if not ring.uniform:
                own = ring.delays[: ring.entries]
                image[ring.entry : ring.entry + len(own)] = own
        return image


class _Readers:
    """Projections that can read one ring: their delays differ by a number of steps that is the same for all neurons."""

    def __init__(self, projection: Projection, pattern: Ints) -> None:
        self.pattern = pattern
        self.projections = [projection]
        self.oldest = self.newest = projection.shortest_delay

    def admit(self, projection: Projection, pattern: Ints, config: Config) -> bool:
        """Whether one that comes earlier in a window can read it, too; if so, it does. Without maps there are no taps.

        Who reads the oldest spikes clears them: everyone who comes behind it must want spikes that it does not see in a whole window.
        """
        delay = projection.shortest_delay
        if not np.array_equal(pattern, self.pattern) or self.oldest < delay < self.oldest + config.window:
            return False
        if not config.map_words and delay != self.oldest:
            return False
        self.projections.append(projection)
        self.oldest, self.newest = max(self.oldest, delay), min(self.newest, delay)
        return True


def place_rings(network: Network, config: Config, layouts: Mapping[str, Layout], bands: Bands | None = None) -> Rings:
    """Delay rings and where they lie; ``bands`` of populations that are not whole.

    Raises
    ------
    CompileError   for a population with more patterns of delays than it can write rings, and for rings or delays that need more room than there is.
    """
    placed: list[Ring] = []
    readers: list[_Readers] = []
    for population in network.populations:
        own = _shared(network, population, config)
        limit = 1 if population.neurons is None else MAX_RINGS
        if len(own) > limit:
            one = "one for each pattern of delays"
            if config.map_words:
                one += ", steps for all neurons left aside, the longest of which has to be read last"
            raise CompileError(
                f"population `{population.name}` needs {len(own)} delay rings for the delays of its outgoing projections, `{config.name}` has {limit}: {one}; "
                "share delays between projections"
            )
        for group in own:
            delays = layouts[population.name].spread(group.pattern, fill=int(group.pattern[0])) + group.newest  # padding must not make equal delays differ
            starts = [band.first * config.lanes // RING_BITS for band in (bands or {}).get(population.name, ())]
            period, delays = _repeated(delays, layouts[population.name], starts, population, config)
            placed.append(_behind(placed, population, delays, period, group.oldest - group.newest, config))
            readers.append(group)
    memory = RINGS.claim(network, config, sum(ring.words for ring in placed))
    memory |= DELAYS.claim(network, config, sum(ring.entries for ring in placed))
    taps, of_projection = _taps(placed, readers)
    of_band = _of_bands(placed, len(taps), bands or {}, config)
    return Rings(tuple(placed), taps + tuple(tap for own in of_band.values() for tap in own), of_projection, of_band, memory)


def _shared(network: Network, population: Population, config: Config) -> list[_Readers]:
    """Who reads which ring of a population, in the order in which they read first."""
    found: list[_Readers] = []
    for projection in reversed(readers_in_order(network, population.name, config.window)):
        pattern = projection.delay_vector() - projection.shortest_delay
        if not any(group.admit(projection, pattern, config) for group in found):
            found.append(_Readers(projection, pattern))
    return found[::-1]


def _taps(rings: Sequence[Ring], readers: Sequence[_Readers]) -> tuple[tuple[Tap, ...], dict[Projection, Tap]]:
    taps = [Tap(ring.number, ring, 0) for ring in rings]
    of_projection: dict[Projection, Tap] = {}
    for ring, group in zip(rings, readers, strict=True):
        for projection in reversed(group.projections):
            later = projection.shortest_delay - group.newest
            tap = next((t for t in taps if t.ring is ring and t.later == later), None)
            if tap is None:
                tap = Tap(len(taps), ring, later)
                taps.append(tap)
            of_projection[projection] = tap
    return tuple(taps), of_projection


def _of_bands(rings: Sequence[Ring], number: int, bands: Bands, config: Config) -> dict[tuple[str, Band], Sequence[Tap]]:
    """Descriptors from ``number`` on for all bands but the first ones, which write through those of the rings."""
    found: dict[tuple[str, Band], Sequence[Tap]] = {}
    for name, own in bands.items():
        for band in own[1:]:
            word = band.first * config.lanes // RING_BITS
            found[name, band] = [Tap(number + k, ring, 0, word) for k, ring in enumerate(ring for ring in rings if ring.source.name == name)]
            number += len(found[name, band])
    return found


def _repeated(delays: Ints, layout: Layout, starts: Sequence[int], source: Population, config: Config) -> tuple[int, Ints]:
    """The shortest period in words of 32, like that of channels position by position; and delays that repeat in the padding, too. 0 if there is none.

    Bands, of which ``starts`` are the first words, begin with a period. What writes the input takes indices in any order, and only the low bits of them.
    """
    if not config.map_words or (delays == delays[0]).all():
        return 0, delays
    values = RowValues(layout.gather(delays), layout, RING_BITS)
    longest = min(LONGEST_PERIOD, len(values.rows) - 1)
    wanted = [1 << k for k in range(INPUT_RING_PERIOD_BITS)] if source.neurons is None else range(1, longest + 1)
    for period in wanted:
        if period <= longest and not any(start % period for start in starts) and values.repeats(period):
            return period, np.resize(values.phases(period), len(delays))
    return 0, delays


def _behind(placed: Sequence[Ring], source: Population, delays: Ints, period: int, later: int, config: Config) -> Ring:
    """The next ring: it lies behind those that are placed. The input's is written a window ahead and holds one more."""
    rows = int(delays.max()) + later + config.window * (2 if source.neurons is None else 1)
    return Ring(len(placed), source, delays, later, rows, sum(ring.words for ring in placed), sum(ring.entries for ring in placed), period)
