"""Circuits that make no sense are refused by name, and small ones compute what they should in every lane."""

from __future__ import annotations

import pytest

from lifline.arch.errors import NetlistError
from lifline.sim.netlist.circuit import ONE, UNKNOWN, ZERO, Circuit, Register
from lifline.sim.netlist.engine import ALL, Engine
from lifline.sim.netlist.reader import circuit_of

from .icarus import Case


def test_a_loop_without_a_register_is_refused() -> None:
    circuit = Circuit()
    first, second = circuit.net(), circuit.net()
    circuit.table(0b01, (first,), second)
    circuit.table(0b10, (second,), first)
    with pytest.raises(NetlistError, match="a loop without a register goes through net [34]; 2 cells"):
        circuit.order()


def test_a_net_that_two_drive_is_refused() -> None:
    circuit = Circuit()
    net = circuit.table(0b10, (ONE,))
    circuit.registers.append(Register(ZERO, net))
    with pytest.raises(NetlistError, match=f"net {net} is driven twice"):
        circuit.order()


def test_a_net_that_nothing_drives_is_refused() -> None:
    circuit = Circuit()
    circuit.table(0b10, (circuit.net(),))
    with pytest.raises(NetlistError, match="net 3 is used and nothing drives it"):
        circuit.order()


def test_a_second_clock_is_refused() -> None:
    module = Case("SB_DFF", {"D": 1, "C": 1}, {"Q": 1}).module()
    module["cells"]["other"] = {"type": "SB_DFF", "parameters": {}, "connections": {"D": [2], "C": [2], "Q": [99]}}  # type: ignore[index]
    with pytest.raises(NetlistError, match="2 clocks"):
        circuit_of(module)


@pytest.mark.parametrize("content", [0x0000, 0xFFFF, 0x6996, 0xCAFE, 0x8001, 0x1234])
def test_every_lane_has_its_own_row_of_a_table(content: int) -> None:
    circuit = Circuit()
    circuit.inputs["i"] = inputs = tuple(circuit.net() for _ in range(4))
    output = circuit.table(content, inputs)
    engine = Engine(circuit)
    for k, net in enumerate(inputs):
        engine.set(net, sum((lane >> k & 1) << lane for lane in range(64)))
    engine.call("settle")
    assert engine.get(output) == sum((content >> lane % 16 & 1) << lane for lane in range(64))
    engine.close()


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("value", [0, 1])
def test_registers_take_reset_before_enable_or_only_with_it(gated: bool, value: int) -> None:
    circuit = Circuit()
    circuit.inputs["i"] = data, enable, reset = tuple(circuit.net() for _ in range(3))
    output = circuit.net()
    circuit.registers.append(Register(data, output, enable, reset, value, gated, start=1))
    engine = Engine(circuit)
    assert engine.get(output) == ALL
    for k, net in enumerate((data, enable, reset)):
        engine.set(net, sum((lane >> k & 1) << lane for lane in range(8)))
    engine.call("settle")
    engine.call("edge")
    for lane in range(8):
        d, e, r = lane & 1, lane >> 1 & 1, lane >> 2
        assert engine.get(output) >> lane & 1 == (value if r and (e or not gated) else d if e else 1), lane
    engine.close()


def test_what_is_not_connected_is_other_bits_in_every_lane_and_cycle() -> None:
    circuit = Circuit()
    output = circuit.table(0b10, (UNKNOWN,))
    engine, seen = Engine(circuit), set()
    for _ in range(10):
        engine.call("settle")
        seen.add(engine.get(output))
    engine.close()
    assert len(seen) == 10 and not seen & {0, ALL}
