"""How many of some bits are set."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value


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


def population_counter(m: Module, bits: list[Value], valid: Value, clear: Signal, most: int, name: str) -> Signal:
    """A registered count of the set bits while ``valid``, added up until ``clear`` to at most ``most``."""
    number, total = Signal(range(len(bits) + 1), name=f"{name}_number"), Signal(range(most + 1), name=name)
    m.d.sync += [number.eq(population_count(bits)), total.eq(total + number)]
    with m.If(~valid):
        m.d.sync += number.eq(0)
    with m.If(clear):
        m.d.sync += total.eq(0)
    return total
