"""A circuit as clauses for a SAT solver: what can be true in one cycle, and of two that follow each other."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator

from lifline.sim.netlist.circuit import ONE, ZERO, Circuit, Register, Table

ROWS = 16


@functools.cache
def cubes(content: int) -> tuple[tuple[int | None, ...], ...]:
    """Of a table with four inputs, every largest set of rows that all show 1: a value per input, None for either."""
    found: list[tuple[int | None, ...]] = []
    for free in range(4, -1, -1):
        for cube in itertools.product((0, 1, None), repeat=4):
            rows = [row for row in range(ROWS) if all(value is None or row >> k & 1 == value for k, value in enumerate(cube))]
            if cube.count(None) == free and all(content >> row & 1 for row in rows):
                if not any(all(b is None or a == b for a, b in zip(cube, other, strict=True)) for other in found):
                    found.append(cube)
    return tuple(found)


def of_table(content: int, inputs: Iterable[int], output: int) -> Iterator[list[int]]:
    """Clauses that make ``output`` what the table shows; all are literals."""
    literals = tuple(inputs)
    for value, shown in ((1, content), (0, content ^ 0xFFFF)):
        for cube in cubes(shown):
            # If all inputs are as in the cube, the output is the value.
            yield [*(-literal if wanted else literal for literal, wanted in zip(literals, cube, strict=True) if wanted is not None), output if value else -output]


class Frame:
    """One cycle: a variable for every net, from ``first`` on."""

    def __init__(self, circuit: Circuit, first: int) -> None:
        self.circuit, self.first = circuit, first
        self.last = first + circuit.nets - 1

    def __getitem__(self, net: int) -> int:
        return self.first + net

    def __len__(self) -> int:
        return self.circuit.nets

    def clauses(self, *, resets: bool = False) -> Iterator[list[int]]:
        """What holds in every cycle in which the circuit is in reset, or not. Outputs of memories and multipliers, and what comes in, may be anything."""
        yield [-self[ZERO]]
        yield [self[ONE]]
        for net in self.circuit.inputs.get("rst", ()):
            yield [self[net] if resets else -self[net]]
        for table in self.circuit.tables:
            yield from of_table(table.content, [self[net] for net in table.inputs], self[table.output])

    def row(self, table: Table, bit: int) -> list[int]:
        """Literals of one row of a table: all are true when it is looked at."""
        return sorted({self[net] if bit >> k & 1 else -self[net] for k, net in enumerate(table.inputs)})


def after(register: Register, pins: tuple[int, int, int, int], output: int, spare: int) -> Iterator[list[int]]:
    """Clauses that make ``output`` what a register holds in the next cycle. ``pins``: literals of data, enable, reset and of what it holds now;
    ``spare``: a variable of its own."""
    data, enable, reset, now = pins
    acts = reset
    if register.gated:
        yield from ([-spare, reset], [-spare, enable], [spare, -reset, -enable])
        acts = spare
    yield [-acts, output if register.value else -output]
    for value in (1, -1):
        yield [acts, -enable, -value * data, value * output]
        yield [acts, enable, -value * now, value * output]
