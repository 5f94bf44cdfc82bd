"""Whether a configuration fits a chip, known without a build.

Block RAMs, multipliers and single-port memories are counted exactly: from the memories of the design and the widths of its products, by the
rules of ``mapping.py``. Lookup tables are estimated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from amaranth.hdl import Shape

from lifline.arch.arithmetic import DECAY_BITS
from lifline.arch.config import PRESETS, Config
from lifline.arch.errors import ConfigError
from lifline.arch.program import PASS_3
from lifline.rtl.spikes.input import NEURON_BITS
from lifline.rtl.streams import InputControl, index_bits

from .board import Board
from .chip import Chip
from .estimate import LookupTables, lookup_tables
from .families import FAMILIES
from .mapping import MemoryShape, map_memory, map_product
from .memories import memories, written_memories

Shapes = Callable[[Config, str], tuple[MemoryShape, ...]]
"""Tells the memories of a configuration on a family of chips."""

NAMES = {"block_ram": "block RAMs", "dsp": "multipliers", "spram": "single-port RAMs", "lut": "lookup tables"}
"""How messages call the resources."""


@dataclass(frozen=True)
class Need:
    """What a configuration needs of a family of chips.

    Attributes
    ----------
    block_ram, dsp, spram : exact.   lut : an estimate with its error.
    """

    block_ram: int
    dsp: int
    spram: int
    lut: LookupTables


def products(config: Config) -> list[tuple[int, int, int]]:
    """Of every product in the design: bits of both operands, and those of the result that are used.

    In configurations with maps the walk divides an index twice, and multiplies each quotient with its radix. An update lane multiplies a neuron word with an unsigned factor, which gets a sign. The input writer multiplies the number of a group of
    neurons with the rows of a ring, and takes as much as a ring address has.
    """
    members = InputControl(config).members
    rows, base, neurons = (Shape.cast(members[name].shape).width for name in ("rows", "base", "neurons"))
    group = neurons - NEURON_BITS
    factor = DECAY_BITS + 1
    lane = (config.state_bits, factor, config.state_bits + factor)
    walk = []
    if config.map_words:
        index, address, reciprocal = index_bits(config), (config.map_words - 1).bit_length(), PASS_3["reciprocal_0"].width
        walk = [(index, reciprocal, index + reciprocal), (address, min(address, PASS_3["radix_0"].width), address)] * 2
    return [lane] * config.multipliers + [(group, rows, min(group + rows, base))] + walk


@lru_cache
def need(config: Config, family: str, shapes: Shapes = memories) -> Need:
    """What a configuration needs; takes about a second, the second time nothing. ``shapes`` tells its memories."""
    of, counts = FAMILIES[family], {"block_ram": 0, "spram": 0}
    for memory in shapes(config, family):
        kind, number = map_memory(of.memories, memory)
        if kind in counts:
            counts[kind] += number
    return Need(**counts, dsp=sum(map_product(of.multipliers, *product) for product in products(config)), lut=lookup_tables(config, of.tables))


def lacking(config: Config, chip: Chip, shapes: Shapes = memories) -> list[str]:
    """What is missing on a chip, in words like ``96 block RAMs, the LFE5U-25F has 56``; nothing if the configuration fits.

    Lookup tables are missing if even an estimate that is too high by its error is more than there are.
    """
    wanted = need(config, chip.family, shapes)
    found = [
        f"{number} {NAMES[name]}, the {chip.name} has {has}"
        for name in ("block_ram", "spram", "dsp")
        if (number := getattr(wanted, name)) > (has := getattr(chip, name))
    ]
    if wanted.lut.least > chip.lut:
        found.append(f"about {wanted.lut.number} {NAMES['lut']} (give or take {100 * wanted.lut.error:.0f} %), the {chip.name} has {chip.lut}")
    return found


def largest_that_fits(chip: Chip, shapes: Shapes = written_memories) -> Config | None:
    """The preset with most lanes, of those the one with most weights, that fits a chip; None if none does. ``shapes`` tells memories."""
    by_size = sorted(PRESETS.values(), key=lambda c: (c.lanes + c.dense_lanes * c.window, c.weight_bytes), reverse=True)
    tables = FAMILIES[chip.family].tables
    return next((c for c in by_size if lookup_tables(c, tables).least <= chip.lut and not lacking(c, chip, shapes)), None)


def check_fits(config: Config, board: Board) -> None:
    """Refuse a configuration that cannot fit a board.

    Raises
    ------
    ConfigError   naming what it needs, what the chip has, and the largest preset that fits.
    """
    missing = lacking(config, board.chip)
    if missing:
        fitting = largest_that_fits(board.chip)
        advice = f"`{fitting.name}` fits" if fitting else "no preset fits"
        raise ConfigError(f"`{config.name}` does not fit the {board.title}: needs {'; '.join(missing)}: {advice}")
