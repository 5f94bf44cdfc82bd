"""How many of some bits are set, and which is the lowest."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value

BYTE = 8
"""Bits of which the lowest one is found in a cycle: of wider words first the byte."""


def population_count(bits: list[Value]) -> Value:
    """How many of ``bits`` are set: a tree of full and half adders, column by column."""
    column, result = list(bits), []
    while column:
        carries = []
        while len(column) > 1:
            a, b, c = column.pop(0), column.pop(0), column.pop(0) if column else Const(0, 1)
            column.append(a ^ b ^ c)
            carries.append((a & b) | (c & (a | b)))
        result.append(column[0])
        column = carries
    return Cat(*result)


def at_most_one(bits: Value) -> Value:
    """Whether no two of ``bits`` are set, four at a time: a lookup table sees whether any or several of its four inputs are."""
    parts = [bits[k : k + 4] for k in range(0, len(bits), 4)]
    several = [(part[0] & part[1]) | (part[2] & part[3]) | (part[:2].any() & part[2:].any()) for part in parts]
    occupied = [part.any() for part in parts]
    return ~Cat(several).any() & (~(occupied[0] & occupied[1]) if len(parts) == 2 else at_most_one(Cat(occupied)) if len(parts) > 2 else 1)


def at_most_two(byte: Value) -> Value:
    """Whether no three of the eight bits of ``byte`` are set: what is asked of four at a time takes a lookup table."""
    low, high = byte[:4], byte[4:]
    counts = [population_count(list(half)) for half in (low, high)]
    double = [~(count[2] | count[:2].all()) for count in counts]
    return (double[0] & ~high.any()) | (at_most_one(low) & at_most_one(high)) | (~low.any() & double[1])


def only_lowest(bits: Value) -> Value:
    """``bits`` without all but the lowest one."""
    return Cat(bit & ~bits[:k].any() for k, bit in enumerate(bits))


def index_of(bits: Value) -> Value:
    """Index of the one bit that is set; 0 if none is."""
    return Cat(Cat(bit for k, bit in enumerate(bits) if k >> place & 1).any() for place in range((len(bits) - 1).bit_length()))


def index_of_missing(bits: Value) -> Value:
    """Index of the one bit of four that is not set: a lookup table of two inputs for each of its bits. 0 if all are set."""
    return Cat(~(bits[1] & bits[3]), ~(bits[2] & bits[3]))


def population_counter(m: Module, bits: list[Value], valid: Value, clear: Signal, most: int, name: str) -> Signal:
    """A registered count of the set bits while ``valid``, added up until ``clear`` to at most ``most``."""
    number, total = Signal(range(len(bits) + 1), name=f"{name}_number"), Signal(range(most + 1), name=name)
    m.d.sync += [number.eq(population_count(bits)), total.eq(total + number)]
    with m.If(~valid):
        m.d.sync += number.eq(0)
    with m.If(clear):
        m.d.sync += total.eq(0)
    return total


def lowest_bit(m: Module, pending: Signal) -> tuple[Signal, Signal]:
    """Index of the lowest set bit (anything if there is none), and ``pending`` without it: the first group of four that has a bit, then the first
    bit of the group.
    """
    rest, position = Signal.like(pending), Signal(range(len(pending)))
    groups = [pending[k : k + 4] for k in range(0, len(pending), 4)]
    # Signals of one bit: in simulation a wire that is partly derived from itself counts as feedback.
    occupied, before, first = ([Signal(name=f"{name}{k}") for k in range(len(groups))] for name in ("occupied", "before", "first"))
    chosen = [Signal(name=f"chosen{bit}") for bit in range(4)]
    for k, group in enumerate(groups):
        m.d.comb += [occupied[k].eq(group.any()), before[k].eq(Cat(occupied[:k]).any()), first[k].eq(occupied[k] & ~before[k])]
    behind = [Signal(name=f"behind{k}") for k in range(len(pending))]  # some bit before it is set
    for k, lower in enumerate(behind):
        m.d.comb += lower.eq(behind[k - 1] | pending[k - 1] if k % 4 else before[k // 4])
    for bit in range(4):
        m.d.comb += chosen[bit].eq(Cat(first[k] & group[bit] for k, group in enumerate(groups)).any())
    high = [Cat(first[k] for k in range(len(groups)) if k >> bit & 1).any() for bit in range(len(position) - 2)]
    m.d.comb += [
        position.eq(Cat(~chosen[0] & (chosen[1] | ~chosen[2]), ~(chosen[0] | chosen[1]), *high)),
        rest.eq(Cat(bit & lower for bit, lower in zip(pending, behind, strict=True))),
    ]
    return position, rest
