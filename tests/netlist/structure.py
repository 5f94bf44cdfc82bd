"""Are two netlists the same? Paired by the names of their registers, memories and multipliers, then by what stands between these, table by table.

Every net gets a number that says what it is a function of, the same one for the same function of the same nets: constants and inputs that make no difference are
removed from a table, the rest is put in order. So no cell has to have its like on the other side: a table that place and route has turned round, a carry that it has split,
or a constant that it has moved into a table is the same function.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lifline.sim.netlist.circuit import ONE, UNKNOWN, ZERO, Circuit, Memory, Place, ReadPort, Table, WritePort

Key = tuple[object, ...]
BIT = "$DPRAM_COMB"
"""What nextpnr adds to the name of a distributed memory for one bit of its words, before the number of the bit."""
REGISTER, MULTIPLIER = "TRELLIS_FF", "MULT18X18D"


@dataclass
class Functions:
    """Numbers of functions, shared by both netlists. Those of constants are their nets."""

    known: dict[Key, int] = field(default_factory=dict)

    def of(self, key: Key) -> int:
        """The number of a function; one that is new gets a new number."""
        return self.known.setdefault(key, len(self.known) + UNKNOWN + 1)

    def table(self, table: Table, numbers: Mapping[int, int]) -> int:
        """The number of what a table shows of inputs with ``numbers``."""
        inputs, content = [numbers[net] for net in table.inputs], table.content
        support = sorted({number for number in inputs if number not in (ZERO, ONE)})

        def shows(values: Mapping[int, int]) -> int:
            return content >> sum(values[number] << k for k, number in enumerate(inputs)) & 1

        def rows(of: list[int]) -> list[int]:
            return [shows({ZERO: 0, ONE: 1} | dict.fromkeys(support, 0) | {number: row >> k & 1 for k, number in enumerate(of)}) for row in range(1 << len(of))]

        shown = rows(support)
        used = [number for k, number in enumerate(support) if any(shown[row] != shown[row ^ 1 << k] for row in range(len(shown)))]
        shown = rows(used)
        if not used:
            return shown[0]
        return used[0] if shown == [0, 1] and len(used) == 1 else self.of(("table", *shown, *used))


def numbered(circuit: Circuit, functions: Functions) -> dict[int, int]:
    """Net -> number of its function, for all nets of a circuit."""
    numbers = {ZERO: ZERO, ONE: ONE, UNKNOWN: UNKNOWN}
    for name, port in circuit.inputs.items():
        numbers |= {net: functions.of(("port", name, k)) for k, net in enumerate(port)}
    for name, (kind, pins) in circuit.cells.items():
        if kind in (REGISTER, MULTIPLIER):
            numbers |= {net: functions.of((kind, name, pin, k)) for pin, nets in pins.items() for k, net in enumerate(nets) if net != UNKNOWN}
    for multiplier in circuit.multipliers:  # outputs that nothing is connected to
        numbers |= {net: functions.of(("open", net)) for net in multiplier.output if net not in numbers}
    memories = [memory for whole in circuit.memories for memory in bits_of(whole)]
    for memory in memories:
        for j, read in enumerate(memory.reads):
            numbers |= {net: functions.of(("read", memory.cell, j, k)) for k, net in enumerate(read.data)}
    for kind, index, _ in circuit.order():
        if kind == "table":
            table = circuit.tables[index]
            numbers[table.output] = functions.table(table, numbers)
    return numbers


def bits_of(memory: Memory) -> list[Memory]:
    """A distributed memory as one for every bit of its words, which place and route makes of it; any other one as it is."""
    if any(read.enable is not None for read in memory.reads):
        return [memory]
    [read], [write], width = memory.reads, memory.writes, len(memory.reads[0].data)
    if width == 1:
        return [memory]
    return [
        Memory(
            f"{memory.cell}{BIT}{k}", memory.content[k::width],
            (ReadPort(read.address, Place(1), (read.data[k],)),),
            (WritePort(write.address, Place(1), (write.data[k],), (write.masks[k],), write.enable),),
        )
        for k in range(width)
    ]  # fmt: skip


def contents(circuit: Circuit, numbers: Mapping[int, int]) -> dict[str, Key]:
    """What every register, memory, multiplier and output does, by its name, with numbers in the place of nets."""

    def of(nets: Iterable[int]) -> tuple[int, ...]:
        return tuple(numbers[net] for net in nets)

    found: dict[str, Key] = {f"port {name}": of(nets) for name, nets in circuit.outputs.items()}
    names = {pins["Q"][0]: name for name, (kind, pins) in circuit.cells.items() if kind == REGISTER}
    for register in circuit.registers:
        nets = of((register.data, register.enable, register.reset))
        acts = (register.value, register.gated) if nets[2] != ZERO else ()
        found[f"register {names[register.output]}"] = (*nets, *acts, register.start)
    for memory in (memory for whole in circuit.memories for memory in bits_of(whole)):
        reads = tuple((of(r.address), r.place, None if r.enable is None else numbers[r.enable]) for r in memory.reads)
        writes = tuple((of(w.address), w.place, of(w.data), of(w.masks), numbers[w.enable], w.spoils, w.whole) for w in memory.writes)
        found[f"memory {memory.cell}"] = (memory.content, reads, writes)
    owners = {net: name for name, (kind, pins) in circuit.cells.items() if kind == MULTIPLIER for nets in pins.values() for net in nets}
    for multiplier in circuit.multipliers:
        name = next(owners[net] for net in multiplier.output if net in owners)
        found[f"multiplier {name}"] = of(multiplier.first), of(multiplier.second), numbers[multiplier.first_signed], numbers[multiplier.second_signed]
    return found


def agree(mapped: Key | None, routed: Key | None, *, memory: bool) -> bool:
    """Whether two do the same; what a memory holds at first may be anything where ``mapped`` leaves it open."""
    if not memory or mapped is None or routed is None:
        return mapped == routed
    (content, *ports), (other, *others) = mapped, routed
    assert isinstance(content, tuple) and isinstance(other, tuple)
    return ports == others and len(content) == len(other) and all(a is None or a == b for a, b in zip(content, other, strict=True))


def differences(mapped: Circuit, routed: Circuit) -> list[str]:
    """Names of registers, memories, multipliers and outputs that one circuit lacks, or that do not take the same there. If there are none, both start alike and go on alike."""
    functions = Functions()
    one, other = (contents(circuit, numbered(circuit, functions)) for circuit in (mapped, routed))
    return sorted(name for name in one.keys() | other.keys() if not agree(one.get(name), other.get(name), memory=name.startswith("memory")))
