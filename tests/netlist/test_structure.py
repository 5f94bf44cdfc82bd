"""Two netlists are told apart by anything that they do otherwise, and by nothing else."""

from __future__ import annotations

import dataclasses

from lifline.sim.netlist.circuit import ONE, ZERO, Circuit, Register

from .structure import differences


def counter(*, turned: bool = False, first: int = 0b0110, enable: bool = True, start: int = 0) -> Circuit:
    """Two bits that count; ``turned``: as place and route may leave it, with inputs the other way round, a constant in a table and a table that only passes on."""
    circuit = Circuit()
    circuit.inputs["go"] = [go] = (circuit.net(),)
    low, high = circuit.net(), circuit.net()
    if turned:
        passed = circuit.table(0b10, (low,))
        sums = circuit.table(0b01, (low,)), circuit.table(0b01100110 | 0xFF00, (high, passed, ONE, ZERO))
    else:
        sums = circuit.table(0b01, (low,)), circuit.table(first, (low, high))
    for name, data, output in zip(("low", "high"), sums, (low, high), strict=True):
        circuit.registers.append(Register(data, output, go if enable else ONE, start=start))
        circuit.cells[name] = "TRELLIS_FF", {"Q": (output,)}
    circuit.outputs["one"] = (circuit.table(0b0100, (high, low)) if turned else circuit.table(0b0010, (low, high)),)
    return circuit


def test_tables_that_are_written_otherwise_are_the_same() -> None:
    assert differences(counter(), counter(turned=True)) == []


def test_another_table_enable_start_or_port_is_told() -> None:
    sound = counter()
    assert differences(sound, counter(first=0b0111)) == ["register high"]
    assert differences(sound, counter(enable=False)) == ["register high", "register low"]
    assert differences(sound, counter(start=1)) == ["register high", "register low"]
    assert differences(sound, dataclasses.replace(sound, outputs={})) == ["port one"]
