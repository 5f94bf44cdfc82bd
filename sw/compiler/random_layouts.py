"""Random layouts, for verification: every kind of order and of padding."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.random import Generator

from lifline.arch.config import Config
from lifline.arch.errors import CompileError
from lifline.arch.program import Mode
from lifline.network.connections.windows import Windowed
from lifline.network.model import Network, Population

from .checks import Modes, modes_that_exist
from .compile import compile_network, fits
from .layouts import Layout, identity, position_major
from .program import Program


def random_layout(rng: Generator, population: Population, config: Config) -> Layout:
    """Positions first, with the padding that their channels need, or any order with gaps here and there."""
    if rng.random() < 0.5:
        shape = population.shape if len(population.shape) > 1 else _image(rng, population.size)
        return position_major(shape, int(rng.choice([config.lanes, config.multipliers])))
    places = population.size + int(rng.choice([0, 0, 1, config.multipliers, population.size]))
    layout = Layout(rng.choice(places, population.size, replace=False), places)
    return layout if rng.random() < 0.5 else Layout(np.sort(layout.indices))


def _image(rng: Generator, size: int) -> tuple[int, ...]:
    """Channels, rows and columns of so many neurons."""
    channels = int(rng.choice([n for n in range(1, size + 1) if size % n == 0]))
    rows = int(rng.choice([n for n in range(1, size // channels + 1) if size // channels % n == 0]))
    return channels, rows, size // channels // rows


def _random_layout(rng: Generator, network: Network, population: Population, config: Config) -> Layout:
    """Any, but where convolutions and their like begin or end one that they can follow."""
    begins, ends = (
        any(isinstance(p.connection, Windowed) for p in projections)
        for projections in (network.projections_from(population.name), network.projections_into(population.name))
    )
    if not (begins or ends):
        return random_layout(rng, population, config)
    if len(population.shape) == 1 or (not ends and rng.random() < 0.3):
        return identity(population.size)
    return position_major(population.shape, config.lanes * int(rng.choice([1, 2])) if ends else int(rng.choice([config.lanes, config.multipliers])))


def drawn_modes(network: Network, config: Config, modes: Mapping[tuple[str, str], Mode]) -> dict[tuple[str, str], Mode]:
    """These modes where they exist; with windows in event mode if the network does not fit in them."""
    exist = modes_that_exist(network, modes)
    return exist if fits(network, config, exist) else exist | {(p.source, p.target): Mode.EVENT for p in network.projections if isinstance(p.connection, Windowed)}


def compile_with_random_layouts(rng: Generator, network: Network, config: Config, modes: Modes) -> Program:
    """The network with a layout for most of its populations; without those for which there is no room.

    Raises
    ------
    CompileError   if the network does not fit without any.
    """
    layouts = {p.name: _random_layout(rng, network, p, config) for p in network.populations if rng.random() < 0.7}
    while layouts:
        try:
            return compile_network(network, config, modes, layouts)
        except CompileError:
            del layouts[max(layouts, key=lambda name: layouts[name].size - layouts[name].neurons)]
    return compile_network(network, config, modes)
