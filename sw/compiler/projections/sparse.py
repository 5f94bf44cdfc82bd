"""Sparse: the blocks that each presynaptic neuron reaches, as a word of a table, or else stored as fully connected."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lifline.arch.config import Config, ceil_div
from lifline.arch.limits import RING_BITS
from lifline.arch.maps import LARGEST_RADIX, MAP, TABLES
from lifline.arch.program import Mode
from lifline.network.connections import sparse
from lifline.network.model import Projection

from ..layouts import Layout
from ..program import Program
from .fully_connected import FullyConnected
from .kind import Gathering, Ints, Part, Sums
from .walk import Digit, Start, Walk


@dataclass(frozen=True, eq=False)
class Runs:
    """What presynaptic places reach: blocks from ``first`` on, ``count`` of them, each ``step`` after the one before; count 0: nothing.

    ``first, count`` (place,). ``places, targets, order`` : of each synapse its two places, and its number among the weights.
    """

    first: Ints
    count: Ints
    step: int
    places: Ints
    targets: Ints

    @property
    def words(self) -> int:
        """Weight words, those that are zero between others among them."""
        return int(self.count.sum())


class Sparse:
    """Stored weights are (synapses,). A presynaptic neuron has a weight word for each block of its run; dense mode has all of them."""

    visits_all = True

    def sums(self, projection: Projection, stored: Ints) -> Sums:
        targets, neurons = _connection(projection).targets, projection.target_size
        positive, negative = (np.zeros(neurons, np.int64) for _ in range(2))
        np.add.at(positive, targets, np.maximum(stored, 0))
        np.add.at(negative, targets, np.maximum(-stored, 0))
        return Sums(positive, negative)

    def parts(self, projection: Projection, stored: Ints, source: Layout, target: Layout, mode: Mode, config: Config) -> list[Part]:
        """A pass for as many presynaptic neurons as a table has words for; those of a fully connected projection where there are no tables."""
        if mode is Mode.DENSE or why_written_out(projection, source, target, config):
            full = _connection(projection).matrix(stored, *projection.shapes)
            return FullyConnected().parts(projection, full, source, target, mode, config)
        found = runs_of(projection, source, target, config.lanes)
        blocks, per_table = ceil_div(target.size, config.lanes), _per_table(source.size, config)
        return [
            Part(first, fan_in, blocks, *_words(found, stored, first, fan_in, config.lanes))
            for first, fan_in in ((first, min(per_table, source.size - first)) for first in range(0, source.size, per_table))
        ]

    def reads_blocks(self, projection: Projection, lanes: int) -> bool:
        return False

    def event_only(self, projection: Projection) -> str:
        return ""

    def gathered(self, projection: Projection, stored: Ints, source: Layout, target: Layout, config: Config) -> Gathering | None:
        return None


def _connection(projection: Projection) -> sparse.Sparse:
    assert isinstance(projection.connection, sparse.Sparse)
    return projection.connection


def _most(config: Config) -> int:
    """Presynaptic places of a pass where several tables have the words of a projection: whole words of 32. One word of each table is left for the passes
    whose own are elsewhere."""
    return (min(config.map_words, LARGEST_RADIX) - 1) // RING_BITS * RING_BITS


def _per_table(places: int, config: Config) -> int:
    """Presynaptic places of a pass: all if one table has words for them, else about as many in each of several."""
    if places <= min(config.map_words, LARGEST_RADIX):
        return places
    parts = ceil_div(places, max(_most(config), 1))
    return ceil_div(ceil_div(places, parts), RING_BITS) * RING_BITS


def runs_of(projection: Projection, source: Layout, target: Layout, lanes: int) -> Runs:
    """The blocks of ``target`` that each place of ``source`` reaches."""
    connection = _connection(projection)
    places, targets = source.indices[connection.sources], target.indices[connection.targets]
    blocks = targets // lanes
    first, last = np.full(source.size, np.iinfo(np.int64).max), np.full(source.size, -1)
    np.minimum.at(first, places, blocks)
    np.maximum.at(last, places, blocks)
    step = math.gcd(*np.unique(blocks - first[places]).tolist()) or 1
    return Runs(first, np.where(last < 0, 0, (last - first) // step + 1), step, places, targets)


def why_written_out(projection: Projection, source: Layout, target: Layout, config: Config) -> str:
    """Why event mode stores a sparse projection as fully connected, for people; nothing if it has tables."""
    if not config.map_words:
        return f"`{config.name}` has no maps"
    per_table = _per_table(source.size, config)
    if ceil_div(source.size, per_table) > TABLES or per_table > config.mapped_fan_in:
        return f"its source has {source.size:,} places, the three tables of `{config.name}` hold {TABLES * _most(config):,}"
    found, full = runs_of(projection, source, target, config.lanes), ceil_div(target.size, config.lanes) * source.size
    if found.words >= full:
        return f"the blocks that its neurons reach need {found.words:,} weight words, {full:,} hold all synapses"
    limits = {"weight": found.words, "slot": target.size // config.lanes, "count": int(found.count.max()) - 1}
    over = next((name for name, value in limits.items() if value >= 1 << MAP[name].width), None)
    if over is not None:
        return f"a word of a table holds {over} up to {(1 << MAP[over].width) - 1:,}, here it is up to {limits[over]:,}"
    return ""


def notes(program: Program) -> list[str]:
    """What a reader of a compiled program would not expect of its sparse projections: those that event mode stores as fully connected, and why."""
    found = []
    for p in program.network.projections:
        events = any((q.source, q.target, q.mode) == (p.source, p.target, Mode.EVENT) for q in program.passes)
        if isinstance(p.connection, sparse.Sparse) and events:
            why = why_written_out(p, program.layouts[p.source], program.layouts[p.target], program.config)
            found += [f"sparse {p.where} is stored as fully connected: {why}"] if why else []
    return found


def _words(found: Runs, stored: Ints, first: int, fan_in: int, lanes: int) -> tuple[Ints, Walk]:
    """Weight words (word, lane) and walk of the presynaptic places ``first .. first + fan_in - 1``."""
    count, start = found.count[first : first + fan_in], found.first[first : first + fan_in]
    base = np.concatenate([[0], np.cumsum(count)])
    own = (found.places >= first) & (found.places < first + fan_in)
    places, targets = found.places[own] - first, found.targets[own]
    words = np.zeros((int(base[-1]), lanes), np.int64)
    words[base[places] + (targets // lanes - start[places]) // found.step, targets % lanes] = stored[own]
    entries = tuple(Start(int(b), int(s), int(c)) if c else None for b, s, c in zip(base, start, count, strict=False))
    return words, Walk.of(Digit(fan_in, entries, 1, found.step))
