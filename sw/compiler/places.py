"""Step 0: places. The layout of every population: what the caller asks for, else what its projections need."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import numpy as np

from lifline.arch.config import Config, ceil_div
from lifline.arch.errors import CompileError
from lifline.arch.limits import RING_BITS
from lifline.arch.program import MAX_RINGS, Mode
from lifline.arch.timing import ACCUMULATE_SPACING
from lifline.arch.values import short
from lifline.network.connections.windows import Windowed
from lifline.network.model import Network, Population, Projection

from .layouts import LARGEST, Layout, Layouts, identity, position_major
from .program import Program
from .projections.chosen import kind_of


def chosen_layouts(network: Network, config: Config, modes: Mapping[tuple[str, str], Mode]) -> dict[str, Layout]:
    """The layouts that the compiler chooses: position by position where a convolution, a pooling or an identity ends or, in dense mode, begins, and where
    blocks can be entries and walks alone read; else that of the network.

    Raises
    ------
    CompileError   for populations that no layout holds.
    """
    walks = [p for p in network.projections if isinstance(p.connection, Windowed)]
    placed = {p.target for p in walks} | {p.source for p in walks if modes[p.source, p.target] is Mode.DENSE}
    result = {}
    for p in network.populations:
        if p.size > LARGEST:
            raise CompileError(f"population `{p.name}` has {p.size:,} neurons, no configuration has more than {LARGEST:,} places for them; use a smaller one")
        if p.name not in placed:
            result[p.name] = _of_source(network, config, p)
            continue
        try:
            result[p.name] = position_major(p.shape, config.lanes)
        except CompileError as error:
            raise CompileError(
                f"population `{p.name}` of shape {p.shape}: with channels and positions padded to {config.lanes} lanes it has more than {LARGEST:,} places "
                "in the hardware; use a smaller one, or fewer lanes"
            ) from error
    return result


def _of_source(network: Network, config: Config, population: Population) -> Layout:
    """Of a population that needs none: position by position if blocks of it can be entries, or delays of its channels are then stored once, nobody reads it in
    another way than a walk, and padding makes it larger by a half at most. Delays alone are no reason where that takes more cycles and there is room for all."""
    readers = network.projections_from(population.name)
    if not config.map_words or not all(isinstance(p.connection, Windowed) for p in readers):
        return identity(population.size)
    by_blocks = config.vectors and any(kind_of(p).reads_blocks(p, config.lanes) for p in readers)
    by_channel = any(_delayed_by_channel(p, population) for p in readers)
    if by_blocks or (by_channel and not (any(_waits_for_slots(p, config) for p in readers) and _delays_fit(network, config))):
        with suppress(CompileError):  # too large
            layout = position_major(population.shape, config.lanes)
            if 2 * layout.size <= 3 * population.size:
                return layout
    return identity(population.size)


def _delayed_by_channel(projection: Projection, source: Population) -> bool:
    """Whether channels have delays of their own, and neurons of a channel have one."""
    delays = projection.delay_vector().reshape(source.shape[0], -1)
    return bool(np.ptp(delays) and not np.ptp(delays, axis=1).any() and delays.shape[1] > 1)


def _waits_for_slots(projection: Projection, config: Config) -> bool:
    """Whether spikes of most positions reach no more blocks than an accumulator takes cycles: channels of one, one behind the other, then wait for each other's slots."""
    connection = projection.connection
    assert isinstance(connection, Windowed)
    window = connection.window(projection.weights, projection.shapes[0])
    own = window.outputs // window.groups
    padded = 1 << (window.outputs - 1).bit_length()
    neighbours = max(config.lanes // padded, 1)
    rows, columns = window.plane
    down = [len(rows.visits(place)) for place in range(rows.length)]
    across = [len({target // neighbours for _, target in columns.visits(place)}) for place in range(columns.length)]
    blocks = np.outer(down, across) * ceil_div(own, config.lanes)
    return bool(2 * np.count_nonzero((blocks > 0) & (blocks <= ACCUMULATE_SPACING)) > np.count_nonzero(blocks))


def _delays_fit(network: Network, config: Config) -> bool:
    """Whether there is a delay entry for every neuron in each ring with delays that differ, if there were no channels."""
    entries = 0
    for population in network.populations:
        rings = min(sum(bool(np.ptp(p.delay_vector())) for p in network.projections_from(population.name)), MAX_RINGS)
        if rings:
            places = population.size
            with suppress(CompileError):  # too large: in its own order, then
                places = max(places, position_major(population.shape, config.lanes).size)
            entries += rings * ceil_div(places, RING_BITS) * RING_BITS
    return entries <= config.delay_entries


def given_layouts(program: Program) -> dict[str, Layout]:
    """The layouts of a program that the compiler would not have chosen by itself."""
    usual = chosen_layouts(program.network, program.config, program.modes)
    return {name: layout for name, layout in program.layouts.items() if layout != usual[name]}


def layout_by_population(
    network: Network, config: Config, layouts: Layouts | None, modes: Mapping[tuple[str, str], Mode] | None = None
) -> dict[str, Layout]:
    """The layout of every population; modes are event if they are not given.

    Raises
    ------
    CompileError   for what is no layout, populations that do not exist, and layouts of another number of neurons.
    """
    given = {} if layouts is None else layouts
    if not isinstance(given, Mapping):
        raise CompileError(f"layouts {short(given)} must be a mapping from the name of a population to its `Layout`")
    result = chosen_layouts(network, config, modes or {(p.source, p.target): Mode.EVENT for p in network.projections})
    for name, layout in given.items():
        if name not in result:
            raise CompileError(f"layouts name {short(name)}, and `{network.name}` has the populations {', '.join(result)}")
        if not isinstance(layout, Layout):
            raise CompileError(f"population `{name}`: {short(layout)} is no `Layout`")
        if layout.neurons != result[name].neurons:
            raise CompileError(f"population `{name}` has {result[name].neurons} neurons, its layout {layout.neurons}")
        result[name] = layout
    return result
