"""What every family's cells are reduced to: lookup tables, registers, memories and multipliers, joined by nets of one bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lifline.arch.errors import NetlistError

ZERO, ONE, UNKNOWN = 0, 1, 2
"""Nets that are always there. What is not connected, or not defined, shows :data:`UNKNOWN`, another random bit in every cycle and lane."""
FIRST = 3
TABLE_INPUTS = 4
MAX_OPERAND = 18


@dataclass(frozen=True)
class Table:
    """``output`` is bit ``inputs[0] + 2 inputs[1] + 4 inputs[2] + 8 inputs[3]`` of ``content``. ``cell``: whose it is; empty for what is no lookup table of the chip."""

    inputs: tuple[int, int, int, int]
    output: int
    content: int
    cell: str = ""


@dataclass(frozen=True)
class Register:
    """At every edge ``output`` takes ``data`` where ``enable``, and ``value`` where ``reset``, which only counts with ``enable`` if ``gated``.

    ``start``: its value after power-up.
    """

    data: int
    output: int
    enable: int = ONE
    reset: int = ZERO
    value: int = 0
    gated: bool = False
    start: int = 0


@dataclass(frozen=True)
class Place:
    """Which bits of a memory an address means: bit ``k`` of a word is cell ``row * (address >> below) + step * (address & (1 << below) - 1) + stride * k``."""

    row: int
    below: int = 0
    step: int = 0
    stride: int = 1


@dataclass(frozen=True)
class ReadPort:
    """``data`` shows the word at ``address``: always if ``enable`` is None, else from the edge on at which it is 1, until the next such edge."""

    address: tuple[int, ...]
    place: Place
    data: tuple[int, ...]
    enable: int | None = None


@dataclass(frozen=True)
class WritePort:
    """At an edge with ``enable``, bits with their ``masks`` take ``data``.

    ``spoils``: read ports that show something unknown in place of a bit that is written in the cycle in which they read it; of ``whole`` words if one is
    read where such a port writes, whatever its masks are.
    """

    address: tuple[int, ...]
    place: Place
    data: tuple[int, ...]
    masks: tuple[int, ...]
    enable: int
    spoils: tuple[int, ...] = ()
    whole: bool = False


@dataclass(frozen=True)
class Memory:
    """``content``: what every cell holds after power-up; None for those that nothing defines."""

    cell: str
    content: tuple[int | None, ...]
    reads: tuple[ReadPort, ...]
    writes: tuple[WritePort, ...]


@dataclass(frozen=True)
class Multiplier:
    """``output`` is the product of ``first`` and ``second``, each with a sign where its net ``signed`` is 1; as many bits as asked for."""

    first: tuple[int, ...]
    second: tuple[int, ...]
    first_signed: int
    second_signed: int
    output: tuple[int, ...]


@dataclass
class Circuit:
    """A netlist without families. ``inputs`` and ``outputs``: nets of its ports by name, lowest bit first.

    What it was read from: ``cells``, the type of every cell by name, and the nets at its output pins; ``scopes``, names of the modules that it was flattened
    from; ``names``, nets by the names that they had in the gateware, where synthesis kept them.
    """

    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    outputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    registers: list[Register] = field(default_factory=list)
    memories: list[Memory] = field(default_factory=list)
    multipliers: list[Multiplier] = field(default_factory=list)
    clocks: set[int] = field(default_factory=set)
    nets: int = FIRST
    cells: dict[str, tuple[str, dict[str, tuple[int, ...]]]] = field(default_factory=dict)
    scopes: set[str] = field(default_factory=set)
    names: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def net(self) -> int:
        """A net that is not used yet."""
        self.nets += 1
        return self.nets - 1

    def table(self, content: int, inputs: Sequence[int], output: int | None = None, cell: str = "") -> int:
        """Add a lookup table of up to four inputs; returns the net of its output."""
        missing = TABLE_INPUTS - len(inputs)
        for k in range(len(inputs), TABLE_INPUTS):
            content |= content << (1 << k)
        output = self.net() if output is None else output
        first, second, third, fourth = (*inputs, *[ZERO] * missing)
        self.tables.append(Table((first, second, third, fourth), output, content, cell))
        return output

    def both(self, first: int, second: int) -> int:
        """Net that is 1 where both are."""
        if ZERO in (first, second):
            return ZERO
        return second if first == ONE else first if second == ONE else self.table(0b1000, (first, second))

    def inverse(self, net: int) -> int:
        """Net that is 1 where ``net`` is not."""
        return ONE - net if net in (ZERO, ONE) else self.table(0b01, (net,))

    def order(self) -> list[tuple[str, int, int]]:
        """Everything without a clock, as (``table``, ``multiplier`` or ``read``, index, port), so that each comes behind those that it looks at.

        Raises
        ------
        NetlistError   if two drive one net, nothing drives one that is looked at, or a loop has no register.
        """
        parts: list[tuple[tuple[str, int, int], tuple[int, ...], tuple[int, ...]]] = []
        parts += [(("table", k, 0), t.inputs, (t.output,)) for k, t in enumerate(self.tables)]
        parts += [(("multiplier", k, 0), (*m.first, *m.second, m.first_signed, m.second_signed), m.output) for k, m in enumerate(self.multipliers)]
        parts += [
            (("read", k, j), r.address, r.data) for k, m in enumerate(self.memories) for j, r in enumerate(m.reads) if r.enable is None
        ]
        driver = self._drivers([outputs for _, _, outputs in parts])
        waits = [{driver[net] for net in inputs if driver[net] >= 0} for _, inputs, _ in parts]
        followers: list[list[int]] = [[] for _ in parts]
        for part, before in enumerate(waits):
            for other in before:
                followers[other].append(part)
        missing = [len(before) for before in waits]
        ready = [part for part, number in enumerate(missing) if not number]
        for part in ready:  # grows while it is read
            for follower in followers[part]:
                missing[follower] -= 1
                if not missing[follower]:
                    ready.append(follower)
        if len(ready) < len(parts):
            stuck = next(part for part, number in enumerate(missing) if number)
            raise NetlistError(f"a loop without a register goes through net {parts[stuck][2][0]}; {len(parts) - len(ready)} cells are in such loops or behind them")
        return [parts[part][0] for part in ready]

    def _drivers(self, combinational: list[tuple[int, ...]]) -> dict[int, int]:
        """Net -> index of what drives it without a clock, -1 for registers, ports and constants."""
        driver: dict[int, int] = {net: -1 for net in (ZERO, ONE, UNKNOWN)}
        clocked = [net for port in self.inputs.values() for net in port] + [r.output for r in self.registers]
        clocked += [net for m in self.memories for r in m.reads if r.enable is not None for net in r.data]
        for index, nets in [(-1, tuple(clocked)), *enumerate(combinational)]:
            for net in nets:
                if net in driver:
                    raise NetlistError(f"net {net} is driven twice")
                driver[net] = index
        for net in self._looked_at():
            if net not in driver:
                raise NetlistError(f"net {net} is used and nothing drives it")
        return driver

    def _looked_at(self) -> set[int]:
        found = {net for t in self.tables for net in t.inputs} | {net for port in self.outputs.values() for net in port}
        found |= {net for r in self.registers for net in (r.data, r.enable, r.reset)}
        for m in self.multipliers:
            found |= {*m.first, *m.second, m.first_signed, m.second_signed}
        for memory in self.memories:
            for read in memory.reads:
                found |= {*read.address, *(() if read.enable is None else (read.enable,))}
            for write in memory.writes:
                found |= {*write.address, *write.data, *write.masks, write.enable}
        return found
