"""Models of what nextpnr writes behind routing for an ECP5: against those of the cells that went in, which are tested against yosys' and the vendor's."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lifline.arch.errors import NetlistError
from lifline.sim.netlist.circuit import ONE, ZERO, Circuit
from lifline.sim.netlist.reader import MODELS, ROUTED, circuit_of
from tests.netlist.structure import differences

RNG = random.Random(7)
Bits = list[int | str]


class Sheet:
    """A module as the tools write it: nets by name."""

    def __init__(self) -> None:
        self.nets: dict[str, int] = {}
        self.module: dict[str, Any] = {"ports": {}, "cells": {}}

    def net(self, name: str) -> int:
        return self.nets.setdefault(name, len(self.nets) + 2)

    def port(self, direction: str, *names: str) -> None:
        self.module["ports"] |= {name: {"direction": direction, "bits": [self.net(name)]} for name in names}

    def cell(self, name: str, kind: str, parameters: dict[str, str], outputs: tuple[str, ...] = (), **pins: str) -> None:
        connections: dict[str, Bits] = {pin: [self.net(net)] if net else [] for pin, net in pins.items()}
        directions = {pin: "output" if pin in outputs else "input" for pin in pins}
        self.module["cells"][name] = {"type": kind, "parameters": parameters, "connections": connections, "port_directions": directions}


def word(width: int) -> str:
    return f"{RNG.getrandbits(width):0{width}b}"


def adder(inits: tuple[str, str], *, halves: bool, inject: str = "NO") -> Circuit:
    sheet, inputs = Sheet(), [f"{pin}{half}" for half in (0, 1) for pin in "ABCD"]
    sheet.port("input", *inputs, "CIN")
    sheet.port("output", "S0", "S1", "COUT")
    if halves:
        for half, (comes, goes) in enumerate((("CIN", "between"), ("between", "COUT"))):
            parameters = {"MODE": "CCU2", "INITVAL": inits[half], "CCU2_INJECT1": inject}
            sheet.cell(f"sum{half}", "TRELLIS_COMB", parameters, FCI=comes, FCO=goes, F=f"S{half}", **{pin: f"{pin}{half}" for pin in "ABCD"})
        return circuit_of(sheet.module, ROUTED)
    parameters = {"INIT0": inits[0], "INIT1": inits[1], "INJECT1_0": inject, "INJECT1_1": inject}
    sheet.cell("sum", "CCU2C", parameters, **{pin: pin for pin in (*inputs, "CIN", "S0", "S1", "COUT")})
    return circuit_of(sheet.module, MODELS)


@pytest.mark.parametrize("inject", ["NO", "YES"])
def test_two_halves_of_a_carry_are_the_carry(inject: str) -> None:
    for _ in range(20):
        inits = word(16), word(16)
        whole = adder(inits, halves=False, inject=inject)
        assert differences(whole, adder(inits, halves=True, inject=inject)) == []
        other = f"{int(inits[0], 2) ^ 0x10:016b}", inits[1]
        assert "port S0" in differences(whole, adder(other, halves=True, inject=inject))


def turned(content: int, bit: int) -> str:
    """Table of a bit of a memory: the address 8a + 2b + 4c + d stands at a + 2b + 4c + 8d."""
    bits = 0
    for address in range(16):
        place = (address >> 3 & 1) + (address & 0b0110) + (address & 1) * 8
        bits |= (content >> 4 * address + bit & 1) << place
    return f"{bits:016b}"


READS, WRITES = ("D", "B", "C", "A"), (("D0", "WADO0"), ("B0", "WADO1"), ("C0", "WADO2"), ("A0", "WADO3"))
DATA = (("C1", "WDO0"), ("A1", "WDO1"), ("D1", "WDO2"), ("B1", "WDO3"))


def memory(content: int, *, routed: bool, lost: int = 16) -> Circuit:
    sheet = Sheet()
    names = [f"{bus}{k}" for bus in ("rad", "wad", "di") for k in range(4)]
    sheet.port("input", *names, "we", "clk")
    sheet.port("output", *(f"do{k}" for k in range(4)))
    if not routed:
        cell: dict[str, Any] = {"type": "TRELLIS_DPR16X4", "parameters": {"INITVAL": f"{content:064b}"}, "connections": {}}
        cell["connections"] = {bus.upper(): [sheet.net(f"{bus}{k}") for k in range(4)] for bus in ("rad", "wad", "di", "do")}
        cell["connections"] |= {"WRE": [sheet.net("we")], "WCK": [sheet.net("clk")]}
        sheet.module["cells"]["ram"] = cell
        return circuit_of(sheet.module, MODELS)
    passes = {pin: f"wad{k}" for k, (pin, _) in enumerate(WRITES)} | {pin: f"di{k}" for k, (pin, _) in enumerate(DATA)}
    sheet.cell("ram$RAMW_SLICE", "TRELLIS_RAMW", {}, **passes, **{out: out for _, out in (*WRITES, *DATA)})
    for k in range(4):
        pins = {pin: f"rad{j}" for j, pin in enumerate(READS)} | {f"WAD{j}": f"WADO{j}" for j in range(4)}
        parameters = {"MODE": "DPRAM", "INITVAL": turned(content, k), "WREMUX": "WRE", "WCKMUX": "WCK"}
        sheet.cell(f"ram$DPRAM_COMB{k}", "TRELLIS_COMB", parameters, WD=f"WDO{k ^ (k == lost)}", WRE="we", WCK="clk", F=f"do{k}", **pins)
        sheet.cell(f"ram$RAMW_BLOCK{k}", "TRELLIS_COMB", {"MODE": "RAMW_BLOCK"})
    return circuit_of(sheet.module, ROUTED)


def test_bits_of_a_memory_are_the_memory() -> None:
    content = RNG.getrandbits(64)
    whole = memory(content, routed=False)
    assert differences(whole, memory(content, routed=True)) == []
    assert differences(whole, memory(content ^ 1 << 29, routed=True)) == ["memory ram$DPRAM_COMB1"]
    assert differences(whole, memory(content, routed=True, lost=1)) == ["memory ram$DPRAM_COMB1"]  # the bit's data comes from another wire


def flip_flop(**parameters: str) -> Circuit:
    sheet = Sheet()
    sheet.port("input", "table", "wire", "clk")
    sheet.port("output", "q")
    sheet.cell("bit", "TRELLIS_FF", {"CLKMUX": "CLK", "CEMUX": "1 "} | parameters, ("Q",), DI="table", M="wire", CLK="clk", Q="q")
    return circuit_of(sheet.module, ROUTED)


def test_a_flip_flop_takes_what_is_chosen() -> None:
    for choice, port in (("1 ", "table"), ("0 ", "wire")):
        circuit = flip_flop(SD=choice)
        assert circuit.registers[0].data == circuit.inputs[port][0]
    assert differences(flip_flop(SD="0 "), flip_flop(SD="1 ")) == ["register bit"]
    assert differences(flip_flop(SD="0 "), flip_flop(SD="0 ", REGSET="SET")) == ["register bit"]


def test_inputs_that_no_wire_reaches_show_one_and_constants_are_found() -> None:
    sheet = Sheet()
    sheet.port("input", "a")
    sheet.port("output", "y", "low", "high")
    sheet.cell("and", "TRELLIS_COMB", {"INITVAL": "1000000000000000"}, A="a", B="", C="", D="", F="y")
    sheet.cell("$PACKER_GND", "TRELLIS_COMB", {"INITVAL": "0" * 16}, A="", B="", C="", D="", F="low")
    sheet.cell("$PACKER_VCC", "TRELLIS_COMB", {"INITVAL": "1" * 16}, A="", B="", C="", D="", F="high")
    circuit = circuit_of(sheet.module, ROUTED)
    assert (circuit.outputs["low"], circuit.outputs["high"]) == ((ZERO,), (ONE,))
    [table] = circuit.tables
    assert table.inputs == (circuit.inputs["a"][0], ONE, ONE, ONE)


def test_pins_of_multipliers_are_what_their_settings_say() -> None:
    sheet = Sheet()
    operands = {f"{side}{k}": f"{side}{k}" if k < 2 else "" for side in "AB" for k in range(18)}
    sheet.port("input", *(net for net in operands.values() if net))
    sheet.port("output", "P0")
    ties = {"A2MUX": "0 ", "A3MUX": "1 ", "B2MUX": "INV", "B3MUX": "B3", "SIGNEDAMUX": "0 ", "SIGNEDBMUX": "1 ", "SOURCEAMUX": "0 ", "SOURCEBMUX": "0 "}
    sheet.cell("product", "MULT18X18D", ties, ("P0",), **operands, SIGNEDA="", SIGNEDB="", SOURCEA="", SOURCEB="", P0="P0")
    [found] = circuit_of(sheet.module, ROUTED).multipliers
    assert (found.first[2:4], found.second[2:4]) == ((ZERO, ONE), (ZERO, ONE))
    assert (found.first_signed, found.second_signed) == (ZERO, ONE)


def test_a_mode_without_a_model_is_refused() -> None:
    sheet = Sheet()
    sheet.port("output", "y")
    sheet.cell("odd", "TRELLIS_COMB", {"MODE": "FIFO", "INITVAL": "0" * 16}, A="y", F="y")
    with pytest.raises(NetlistError, match="MODE of `odd` \\(TRELLIS_COMB\\) is `FIFO`"):
        circuit_of(sheet.module, ROUTED)
