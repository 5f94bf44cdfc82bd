"""How yosys maps memories and products to a family's blocks, as numbers; `tests/boards/test_capacity.py` compares them with yosys itself."""

from __future__ import annotations

from dataclasses import dataclass

from lifline.arch.config import ceil_div


@dataclass(frozen=True)
class MemoryShape:
    """A memory with one read and one write port: ``slices`` equal parts of a word have a write enable each; see ``rtl/cells/memory.py``."""

    width: int
    depth: int
    slices: int = 1
    style: str | None = None

    @property
    def bits(self) -> int:
        """Bits of the whole memory."""
        return self.width * self.depth


@dataclass(frozen=True)
class Geometry:
    """One way to use a block: words of ``width`` bits, of which every ``enable`` bits have a write enable; it is ``units`` of the chip's blocks."""

    width: int
    depth: int
    enable: int
    units: int = 1

    def blocks(self, memory: MemoryShape) -> int:
        """Blocks that the memory needs in this geometry. Bits with one enable never share it with those of another slice."""
        groups = memory.slices * ceil_div(memory.width // memory.slices, self.enable)
        return ceil_div(groups * self.enable, self.width) * ceil_div(memory.depth, self.depth)


@dataclass(frozen=True)
class Memories:
    """The blocks of one family, and what yosys thinks that they cost.

    Attributes
    ----------
    block : geometries of a block RAM.   block_cost : cost of one, in bits of flip-flops.   mode_cost : of each on top, however many units it is.
    distributed : geometry of a memory made of lookup tables, if the family has them, and its cost.
    single_port : geometry of the large memory that only the style ``huge`` asks for, if the family has it.
    """

    block: tuple[Geometry, ...]
    block_cost: float
    mode_cost: float = 0
    distributed: tuple[Geometry, float] | None = None
    single_port: Geometry | None = None


@dataclass(frozen=True)
class BestFilled:
    """The blocks of a family for which yosys takes the geometry that wastes least bits, the first of several, whatever multiplexers that needs.

    Attributes
    ----------
    block : geometries of a block RAM, in the order in which they are tried.   least_percent : of the bits of the blocks that must be used.
    """

    block: tuple[Geometry, ...]
    least_percent: int

    def map(self, memory: MemoryShape) -> tuple[str, int]:
        """``block_ram`` or ``distributed``, and how many. Slices share no block: each has a write enable."""
        best = (0, 0)
        for geometry in self.block:
            number = memory.slices * ceil_div(memory.width // memory.slices, geometry.width) * ceil_div(memory.depth, geometry.depth)
            best = max(best, (100 * memory.bits // (number * geometry.width * geometry.depth), -number))
        percent, number = best
        return ("block_ram", -number) if percent >= self.least_percent else ("distributed", 0)


MULTIPLEXER_COST = 0.5
"""Of one bit and one more row of blocks."""

def map_memory(blocks: Memories | BestFilled, memory: MemoryShape) -> tuple[str, int]:
    """What a memory becomes: ``block_ram``, ``spram``, ``distributed`` or ``ff``, and how many of them (bits, for ``ff``)."""
    if isinstance(blocks, BestFilled):
        return blocks.map(memory)
    if memory.style == "huge" and blocks.single_port is not None:
        return "spram", blocks.single_port.blocks(memory)
    costs: list[tuple[float, int, str, int]] = [(memory.bits, 0, "ff", memory.bits)]
    for geometry in blocks.block:
        number = geometry.blocks(memory)
        cost = number * (blocks.block_cost * geometry.units + blocks.mode_cost) + _multiplexer(memory, geometry)
        costs.append((cost, 1, "block_ram", number * geometry.units))
    if blocks.distributed is not None:
        geometry, cost = blocks.distributed
        number = geometry.blocks(memory)
        costs.append((number * cost + _multiplexer(memory, geometry), 2, "distributed", number))
    _, _, kind, number = min(costs)
    return kind, number


def _multiplexer(memory: MemoryShape, geometry: Geometry) -> float:
    return MULTIPLEXER_COST * memory.width * (ceil_div(memory.depth, geometry.depth) - 1)


@dataclass(frozen=True)
class Multipliers:
    """A family's multiplier: operands up to ``width`` bits, one of them up to ``wider``; products narrower than ``least`` bits, or with an operand
    narrower than ``narrowest``, are made of lookup tables."""

    width: int
    least: int
    wider: int = 0
    narrowest: int = 2


def map_product(limits: Multipliers | None, first: int, second: int, result: int) -> int:
    """Multipliers of one product of operands with ``first`` and ``second`` bits, of which ``result`` bits are used; none in a family without.

    An operand that is too wide is cut into parts; a part of one bit, and a product that is too narrow, need none.
    """
    wide, narrow = max(first, second), min(first, second)
    if limits is None or result < limits.least or narrow < limits.narrowest or wide < limits.narrowest:
        return 0
    for operand, other, width in ((wide, narrow, max(limits.width, limits.wider)), (narrow, wide, limits.width)):
        if operand > width:
            whole = ceil_div(operand - width, width)
            last = operand - whole * width
            return whole * map_product(limits, width, other, other + width) + map_product(limits, last, other, other + last)
    return 1
