"""Models of iCE40 cells, against the Verilog that yosys has for them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lifline.arch.errors import NetlistError
from lifline.sim.netlist.reader import circuit_of

from .icarus import Case, compare, modelled, needs_icarus, share

RNG = random.Random(4)
CYCLES = 300


def bits(width: int) -> str:
    return f"{RNG.getrandbits(width):0{width}b}"


def flip_flop(kind: str) -> Case:
    reset = kind.removeprefix("E")[-1:]
    inputs = {"D": 1} | ({"E": 1} if kind.startswith("E") else {}) | ({reset: 1} if reset else {})
    return Case(f"SB_DFF{kind}", inputs, {"Q": 1}, clocks=("C",), likely={reset: 0.2})


def block_ram(read: int, write: int) -> Case:
    parameters = {"READ_MODE": f"{read:02b}", "WRITE_MODE": f"{write:02b}"} | {f"INIT_{k:X}": bits(256) for k in range(16)}
    inputs = {"RADDR": 11, "WADDR": 11, "MASK": 16, "WDATA": 16, "RE": 1, "RCLKE": 1, "WE": 1, "WCLKE": 1}
    few = dict.fromkeys(("RADDR", "WADDR"), 0.06)  # few bits are 1: words meet again, and collide
    return Case("SB_RAM40_4K", inputs, {"RDATA": 16}, parameters, clocks=("RCLK", "WCLK"), likely=few | dict.fromkeys(("RE", "RCLKE", "WE", "WCLKE"), 0.8))


def multiplier(signed: tuple[int, int], operands: bool, inside: bool) -> Case:
    names = ("TOP_8x8_MULT_REG", "BOT_8x8_MULT_REG", "PIPELINE_16x16_MULT_REG1")
    parameters = {"A_SIGNED": str(signed[0]), "B_SIGNED": str(signed[1]), "A_REG": str(int(operands)), "B_REG": str(int(operands)),
                  "TOPOUTPUT_SELECT": "11", "BOTOUTPUT_SELECT": "11", **dict.fromkeys(names, str(int(inside)))}  # fmt: skip
    zeros = ("CHOLD", "DHOLD", "IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT", "OLOADTOP", "OLOADBOT", "ADDSUBTOP", "ADDSUBBOT", "OHOLDTOP", "OHOLDBOT",
             "CI", "ACCUMCI", "SIGNEXTIN")  # fmt: skip
    constants = dict.fromkeys(zeros, "0") | dict.fromkeys("CD", "0" * 16)
    return Case("SB_MAC16", {"A": 16, "B": 16, "AHOLD": 1, "BHOLD": 1, "CE": 1}, {"O": 32}, parameters, constants, ("CLK",), {"AHOLD": 0.2, "BHOLD": 0.2, "CE": 0.8})


def single_port() -> Case:
    inputs = {"ADDRESS": 14, "DATAIN": 16, "MASKWREN": 4, "WREN": 1, "CHIPSELECT": 1}
    return Case("SB_SPRAM256KA", inputs, {"DATAOUT": 16}, {}, {"STANDBY": "0", "SLEEP": "0", "POWEROFF": "1"}, ("CLOCK",), {"ADDRESS": 0.06, "CHIPSELECT": 0.8})


CASES = [
    *[Case("SB_LUT4", {f"I{k}": 1 for k in range(4)}, {"O": 1}, {"LUT_INIT": bits(16)}) for _ in range(8)],
    Case("SB_CARRY", {"I0": 1, "I1": 1, "CI": 1}, {"CO": 1}),
    *[flip_flop(kind) for kind in ("", "E", "SR", "R", "SS", "S", "ESR", "ER", "ESS", "ES")],
    *[block_ram(read, write) for read in range(4) for write in range(4)],
    *[multiplier((a, b), *registers) for a in (0, 1) for b in (0, 1) for registers in ((False, False), (False, True), (True, True))],
    single_port(),
]


@needs_icarus
def test_every_model_is_that_of_yosys(tmp_path: Path) -> None:
    compared = compare(CASES, tmp_path, [str(share() / "ice40" / "cells_sim.v")], ["-DICE40_U", "-DNO_ICE40_DEFAULT_ASSIGNMENTS"], CYCLES)
    for case, number in zip(CASES, compared, strict=True):
        shares = {"SB_SPRAM256KA": 0.1, "SB_RAM40_4K": 0.8, "SB_MAC16": 0.97}  # an SPRAM knows what was written; registers of MACs do not start
        assert number >= shares.get(case.type, 1) * CYCLES * sum(case.outputs.values()), (case.type, number)


def test_what_is_read_while_it_is_written_is_unknown() -> None:
    """Only the bits that are written, only in the lanes and the cycle of the collision."""
    case = Case("SB_RAM40_4K", {"RADDR": 11, "WADDR": 11, "MASK": 16, "WDATA": 16, "WE": 1}, {"RDATA": 16}, constants={"RE": "1"}, clocks=("RCLK", "WCLK"))
    write = {"RADDR": 7, "WADDR": 7, "MASK": 0x00FF, "WDATA": 0xABCD, "WE": 1}
    assert modelled(case, [write, write | {"WE": 0}, write | {"WE": 0, "RADDR": 8}, write]) == ["x" * 16, "x" * 8 + "0" * 8, f"{0xAB00:016b}", "0" * 16]


def test_what_a_model_does_not_have_is_refused_by_name() -> None:
    case = multiplier((1, 1), False, True)
    case.parameters["TOPOUTPUT_SELECT"] = "00"
    with pytest.raises(NetlistError, match="TOPOUTPUT_SELECT of `cell` is 0; the model has only products"):
        case.circuit()
    with pytest.raises(NetlistError, match="no model of `SB_DFFN`"):  # looks at the falling edge
        circuit_of(Case("SB_DFFN", {"D": 1}, {"Q": 1}, clocks=("C",)).module())
