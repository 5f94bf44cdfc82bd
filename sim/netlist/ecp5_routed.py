"""Cells of an ECP5 as nextpnr writes them behind routing (``--write``): halves of slices in place of lookup tables, carries and distributed memories.

What each pin and setting means: nextpnr's ``ecp5/docs/primitives.md`` and the wiki of Project Trellis. An input of a slice that no wire reaches shows 1; one of a block memory or a
multiplier what its ``MUX`` says, and where that says nothing, anything.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from . import ecp5
from .cell import Cell, Model
from .circuit import ONE, UNKNOWN, ZERO, Circuit, Memory, Place, ReadPort, WritePort

READ_ADDRESS = "DBCA"
"""Pins of half a slice with the bits of the address of its memory, lowest first."""
WRITE_WIRES = {"WADO0": "D0", "WADO1": "B0", "WADO2": "C0", "WADO3": "A0", "WDO0": "C1", "WDO1": "A1", "WDO2": "D1", "WDO3": "B1"}
"""What passes through the slice that writes, by where it comes out."""


def half_slice(cell: Cell, circuit: Circuit) -> None:
    """TRELLIS_COMB: a lookup table, half of what CCU2C is, a bit of each word of a memory, or the place of what brings writes to one."""
    mode = cell.must("MODE", "LOGIC", "CCU2", "DPRAM", "RAMW_BLOCK")
    if mode == "RAMW_BLOCK":
        return
    inputs = [cell.pin(name, ONE) for name in "ABCD"]
    if mode == "CCU2":
        half_carry(cell, circuit, inputs)
    elif mode == "DPRAM":
        bit_of_memory(cell, circuit)
    elif cell.out("F", circuit) not in (ZERO, ONE):  # else it is one of those that `constants` has found
        circuit.table(cell.number("INITVAL"), inputs, cell.out("F", circuit), cell.name)


def constants(cells: Mapping[str, Any]) -> dict[int | str, int]:
    """Nets of a module that a table without inputs drives: place and route brings constants where no ``MUX`` makes them."""
    found: dict[int | str, int] = {}
    for fields in cells.values():
        if fields["type"] == "TRELLIS_COMB" and not any(fields["connections"].get(pin) for pin in "ABCD"):
            table = fields["parameters"].get("INITVAL", "0")
            if fields["parameters"].get("MODE", "LOGIC") == "LOGIC" and len(set(table)) == 1 and fields["connections"]["F"]:
                found[fields["connections"]["F"][0]] = ONE if "1" in table else ZERO
    return found


def half_carry(cell: Cell, circuit: Circuit, inputs: list[int]) -> None:
    """One bit of an adder, as :func:`~lifline.sim.netlist.ecp5.carries` has two."""
    alone = cell.must("CCU2_INJECT1", "YES", "NO") == "YES"
    content = cell.number("INITVAL")
    ecp5.carry(content, inputs, cell.pin("FCI"), circuit, (cell.out("F", circuit), cell.out("FCO", circuit)), alone=alone)


def bit_of_memory(cell: Cell, circuit: Circuit) -> None:
    """16 x 1 bits; what the table holds at its inputs A to D is the bit at the address that :data:`READ_ADDRESS` makes of them."""
    cell.clock("WCK", "WCKMUX", circuit)
    table = cell.number("INITVAL")
    content = tuple(table >> sum((address >> k & 1) << "ABCD".index(pin) for k, pin in enumerate(READ_ADDRESS)) & 1 for address in range(ecp5.DISTRIBUTED_WORDS))
    read = ReadPort(tuple(cell.pin(name) for name in READ_ADDRESS), Place(1), (cell.out("F", circuit),))
    write = WritePort(cell.bus("WAD", 4), Place(1), (cell.pin("WD"),), (ONE,), cell.selected("WRE", "WREMUX", circuit))
    circuit.memories.append(Memory(cell.name, content, (read,), (write,)))


def writes(cell: Cell, circuit: Circuit) -> None:
    """TRELLIS_RAMW: brings address and data to the memories beside it."""
    for shown, pin in WRITE_WIRES.items():
        circuit.table(0b10, [cell.pin(pin)], cell.out(shown, circuit))


def tied(cell: Cell) -> Cell:
    """A cell with constants at the pins that no wire reaches, as their ``MUX`` says. One that has the pin's own name there shows 1, what an open wire shows."""
    constants = {"0": ZERO, "INV": ZERO, "1": ONE}
    parameters, pins = dict(cell.parameters), dict(cell.pins)
    for pin, nets in cell.pins.items():
        choice = cell.text(f"{pin}MUX", "")
        if not nets and choice:
            pins[pin] = (ONE if choice == pin else constants.get(choice, UNKNOWN),)
            parameters.pop(f"{pin}MUX")
    return dataclasses.replace(cell, parameters=parameters, pins=pins)


def block_ram(cell: Cell, circuit: Circuit) -> None:
    """DP16KD."""
    ecp5.block_ram(tied(cell), circuit)


def multiplier(cell: Cell, circuit: Circuit) -> None:
    """MULT18X18D."""
    ecp5.multiplier(tied(cell), circuit)


MODELS: dict[str, Model] = {
    **{kind: ecp5.MODELS[kind] for kind in ("TRELLIS_IO", "EHXPLLL", "DCCA", "TRELLIS_FF")},
    "TRELLIS_COMB": half_slice,
    "TRELLIS_RAMW": writes,
    "DP16KD": block_ram,
    "MULT18X18D": multiplier,
}
