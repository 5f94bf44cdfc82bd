"""Network -> program for one gateware configuration, step by step: places, bands, rings, weights, maps, neurons, and the program that names their places."""

from __future__ import annotations

import numpy as np

from lifline.arch.config import PRESETS, Config
from lifline.arch.errors import CompileError
from lifline.arch.program import Mode
from lifline.arch.registers import INPUT_RING_PERIOD_SHIFT, INPUT_RING_ROWS_SHIFT, INPUT_RING_UNIFORM_BIT, Space
from lifline.arch.values import short
from lifline.network.model import Network

from .banding import place_bands
from .checks import Modes, check_bands, check_supported, mode_by_projection, named_modes
from .emit import emit
from .layouts import Layout, Layouts
from .maps import place_maps
from .neurons import place_neurons
from .places import layout_by_population
from .program import Program
from .rings import Rings, place_rings
from .weights import pack_lanes, place_weights


def compile_network(
    network: Network, config: Config, modes: Modes = Mode.EVENT, layouts: Layouts | None = None
) -> Program:
    """Compile with a given mode for all projections, or one per projection ``(source, target)``: ``"event"``, ``"dense"`` or a :class:`Mode`.

    See :func:`lifline.driver.choose.compile_auto` for the choice by measured activity. ``layouts``: hardware order of neurons by population;
    what comes back from a device is in the network's order all the same.

    Raises
    ------
    CompileError   if the network cannot run on this configuration; the message names the layer, the need and the limit, and a preset that fits.
    """
    if not isinstance(network, Network) or not isinstance(config, Config):
        raise CompileError(f"give a network and a configuration, like `lifline.preset('medium')`; not {short(network)} and {short(config)}")
    named_modes(network, modes)  # what is no mode fits nowhere
    try:
        return _compiled(network, config, modes, layouts)
    except CompileError as error:
        fitting = _preset_that_fits(network, config, modes, layouts)
        if fitting is None:
            raise
        raise CompileError(f"{error}; preset `{fitting}` fits") from error


def fits(network: Network, config: Config, modes: Modes, layouts: Layouts | None = None) -> bool:
    """Whether it compiles."""
    try:
        _compiled(network, config, modes, layouts)
    except CompileError:
        return False
    return True


def _preset_that_fits(network: Network, config: Config, modes: Modes, layouts: Layouts | None) -> str | None:
    """The preset with the smallest memories that runs the network, in event mode if it has no other; one with maps only if it needs them."""
    for other in sorted(PRESETS.values(), key=lambda c: (c.map_words > 0, c.weight_bytes, c.max_neurons)):
        if other.hash == config.hash or other.state_bits != network.state_bits:
            continue
        if fits(network, other, modes if other.dense_lanes else Mode.EVENT, layouts):
            return other.name
    return None


def _compiled(network: Network, config: Config, modes: Modes, layouts: Layouts | None) -> Program:
    chosen = mode_by_projection(network, config, modes)
    places = layout_by_population(network, config, layouts, chosen)
    check_supported(network, config, places)
    banding = place_bands(network, config, chosen, places)
    check_bands(banding.bands)
    rings = place_rings(network, config, places, banding.bands)
    weights = place_weights(network, config, chosen, rings, places, banding)
    maps = place_maps(network, config, [(placed.where, placed.walk or placed.gather) for placed in weights.passes])
    neurons = place_neurons(network, config, places, banding.bands)
    program = emit(network, config, rings, weights, maps, neurons)
    return Program(
        network=network,
        config=config,
        images={
            Space.PROGRAM: program.words,
            Space.WEIGHTS: pack_lanes(weights.words, config.weight_bits),
            Space.NEURONS: neurons.words.reshape(-1).astype(np.int32).view(np.uint32),
            Space.DELAYS: rings.delay_image(),
        }
        | ({Space.MAPS: maps.words} if len(maps.words) else {}),
        registers=_registers(network, rings, places[network.input.name]),
        populations=program.populations,
        passes=tuple(placed.entry for placed in weights.passes),
        layouts=places,
        memory=rings.memory | weights.memory | maps.memory | program.memory | neurons.memory,
    )


def _registers(network: Network, rings: Rings, layout: Layout) -> dict[str, int]:
    """Values that are written at load: where the input goes, and when a run leaves early."""
    (entrance,) = rings.of_population(network.input.name)
    leave = network.early_exit
    return {
        "ring_clear_words": rings.words,
        "input_neurons": layout.size,
        "input_ring_base": entrance.base,
        "input_ring": entrance.delay
        | entrance.uniform << INPUT_RING_UNIFORM_BIT
        | entrance.period << INPUT_RING_PERIOD_SHIFT
        | entrance.rows << INPUT_RING_ROWS_SHIFT,
        "exit_every": 0 if leave is None else leave.every,
        "exit_margin": 0 if leave is None else leave.margin,
    }
