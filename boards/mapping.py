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
    """One way to use a block: words of ``width`` bits, of which every ``enable`` bits have a write enable."""

    width: int
    depth: int
    enable: int

    def blocks(self, memory: MemoryShape) -> int:
        """Blocks that the memory needs in this geometry. Bits with one enable never share it with those of another slice."""
        groups = memory.slices * ceil_div(memory.width // memory.slices, self.enable)
        return ceil_div(groups * self.enable, self.width) * ceil_div(memory.depth, self.depth)


@dataclass(frozen=True)
class Memories:
    """The blocks of one family, and what yosys thinks that they cost.

    Attributes
    ----------
    block : geometries of a block RAM.   block_cost : cost of one, in bits of flip-flops.
    distributed : geometry of a memory made of lookup tables, if the family has them, and its cost.
    single_port : geometry of the large memory that only the style ``huge`` asks for, if the family has it.
    """

    block: tuple[Geometry, ...]
    block_cost: float
    distributed: tuple[Geometry, float] | None = None
    single_port: Geometry | None = None


MULTIPLEXER_COST = 0.5
"""Of one bit and one more row of blocks."""

FAMILIES = {
    "ecp5": Memories(
        block=(*(Geometry(w, 16384 // w, w) for w in (1, 2, 4)), Geometry(9, 2048, 9), Geometry(18, 1024, 9), Geometry(36, 512, 9)),
        block_cost=128,
        distributed=(Geometry(4, 16, 4), 4),
    ),
    "ice40": Memories(
        block=tuple(Geometry(w, 4096 // w, 1) for w in (1, 2, 4, 8, 16)),  # a mask of bits: narrow words share a wide one
        block_cost=64,
        single_port=Geometry(16, 16384, 4),
    ),
}


def map_memory(family: str, memory: MemoryShape) -> tuple[str, int]:
    """What a memory becomes: ``block_ram``, ``spram``, ``distributed`` or ``ff``, and how many of them (bits, for ``ff``)."""
    blocks = FAMILIES[family]
    if memory.style == "huge" and blocks.single_port is not None:
        return "spram", blocks.single_port.blocks(memory)
    costs: list[tuple[float, int, str, int]] = [(memory.bits, 0, "ff", memory.bits)]
    for geometry in blocks.block:
        number = geometry.blocks(memory)
        costs.append((number * blocks.block_cost + _multiplexer(memory, geometry), 1, "block_ram", number))
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
    """A family's multiplier: operands up to ``width`` bits; products narrower than ``least`` bits are made of lookup tables."""

    width: int
    least: int


MULTIPLIERS = {"ecp5": Multipliers(18, 0), "ice40": Multipliers(16, 11)}
NARROWEST_OPERAND = 2


def map_product(family: str, first: int, second: int, result: int) -> int:
    """Multipliers of one product of operands with ``first`` and ``second`` bits, of which ``result`` bits are used.

    An operand that is too wide is cut into parts; a part of one bit, and a product that is too narrow, need none.
    """
    limits = MULTIPLIERS[family]
    wide, narrow = max(first, second), min(first, second)
    if result < limits.least or narrow < NARROWEST_OPERAND:
        return 0
    for operand, other in ((wide, narrow), (narrow, wide)):
        if operand > limits.width:
            whole = ceil_div(operand - limits.width, limits.width)
            last = operand - whole * limits.width
            return whole * map_product(family, limits.width, other, other + limits.width) + map_product(family, last, other, other + last)
    return 1
