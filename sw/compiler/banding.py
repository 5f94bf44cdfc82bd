"""Step 1: bands. What a convolution in dense mode leads to is computed part after part, where there are not enough slots for all of it and all steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lifline.arch.config import Config, ceil_div
from lifline.arch.limits import RING_BITS
from lifline.arch.program import Mode
from lifline.network.model import Network, Population, Projection

from .bands import Band, Bands, whole
from .components import components_of
from .layouts import Layout
from .projections.chosen import kind_of
from .projections.kind import Gathering


@dataclass(frozen=True, eq=False)
class Banding:
    """The bands of all populations.

    Attributes
    ----------
    covers : of every projection that gathers, the rows of its source that each band scans.
    """

    bands: Bands
    covers: Mapping[Projection, Sequence[range]]


def place_bands(network: Network, config: Config, modes: Mapping[tuple[str, str], Mode], layouts: Mapping[str, Layout]) -> Banding:
    """Bands and what they scan: those that take the fewest cycles.

    A population stays whole if it decides when a run ends, if its spikes come back within a window, or if something else than a fully connected projection
    leads to it in event mode: such a pass visits all of it.

    Raises
    ------
    CompileError   for projections whose layouts or sizes dense mode cannot follow.
    """
    looping = {p.name for component in components_of(network, config.window) if component.closing for p in component.populations}
    bands: dict[str, tuple[Band, ...]] = {}
    covers: dict[Projection, Sequence[range]] = {}
    for population in network.populations:
        if population.neurons is None:
            continue
        own = whole(layouts[population.name], config.lanes)
        gathering = _gathering(network, config, modes, layouts, population)
        stays = population.name in looping or (network.early_exit is not None and population.name == network.output) or not gathering
        stays |= any(p not in gathering and kind_of(p).visits_all for p in network.projections_into(population.name))
        options = [(own,)] if stays else _options(own, next(iter(gathering.values())), config)
        chosen = min(options, key=lambda option: _cost(option, gathering, config)) if len(options) > 1 else options[0]
        bands[population.name] = chosen
        covers |= _covers(chosen, gathering)
    return Banding(bands, covers)


def _gathering(
    network: Network, config: Config, modes: Mapping[tuple[str, str], Mode], layouts: Mapping[str, Layout], population: Population
) -> dict[Projection, Gathering]:
    """Projections into a population that gather."""
    found: dict[Projection, Gathering] = {}
    for p in network.projections_into(population.name):
        if modes[p.source, p.target] is Mode.DENSE:
            gathering = kind_of(p).gathered(p, p.weights, layouts[p.source], layouts[p.target], config)
            found |= {p: gathering} if gathering is not None else {}
    return found


def _options(own: Band, gathering: Gathering, config: Config) -> list[tuple[Band, ...]]:
    """All of it, if there are the slots; the same number of rows each; or, of rows that are too long for one, positions. If nothing fits: all of it."""
    position, row = gathering.cuts
    most = config.slot_words // config.window

    def unit(blocks: int) -> int:
        """As many of these blocks end with a word of 32 neurons."""
        return RING_BITS // math.gcd(RING_BITS, blocks * config.lanes)

    found = [(own,)] if own.blocks <= most else []
    rows = range(unit(row), most // row + 1, unit(row))
    found += [_cut(own, count * row) for count in rows if count * row < own.blocks]
    if own.blocks <= row:
        found += [_cut(own, count * position) for count in range(unit(position), most // position + 1, unit(position)) if count * position < own.blocks]
    elif not found and unit(row) == 1 and most // position >= unit(position):
        parts = ceil_div(row, most // position // unit(position) * unit(position) * position)
        step = ceil_div(ceil_div(row // position, parts), unit(position)) * unit(position) * position
        lines = _cut(own, row)
        found += [tuple(Band(line.first + part.first, part.blocks) for line in lines for part in _cut(Band(0, line.blocks), step))]
    return found or [(own,)]


def _cut(own: Band, step: int) -> tuple[Band, ...]:
    """Bands of ``step`` blocks, the last one of what is left."""
    return tuple(Band(first, min(step, own.blocks - first)) for first in range(0, own.blocks, step))


def _covers(bands: Sequence[Band], gathering: Mapping[Projection, Gathering]) -> dict[Projection, Sequence[range]]:
    """Rows of its source that every band scans; the same ones for all projections from one source, which may read one ring."""
    own = {p: g.covers(bands) for p, g in gathering.items()}
    of_source = {p.source: list(zip(*(own[q] for q in own if q.source == p.source), strict=True)) for p in own}
    return {p: [range(min(rows.start for rows in band), max(rows.stop for rows in band)) for band in of_source[p.source]] for p in own}


def _cost(bands: Sequence[Band], gathering: Mapping[Projection, Gathering], config: Config) -> int:
    covers = _covers(bands, gathering)
    return sum(g.cost(bands, covers[p], config) for p, g in gathering.items())
