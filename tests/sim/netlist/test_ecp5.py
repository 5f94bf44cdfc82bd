"""Models of ECP5 cells: against the Verilog of yosys where it has one, else against what Lattice's notes say."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from lifline.arch.errors import NetlistError

from .icarus import Case, compare, modelled, needs_icarus, share

RNG = random.Random(5)
CYCLES = 200
OF_DP16KD = {"CSA0": "0", "CSA1": "0", "CSA2": "0", "CSB0": "0", "CSB1": "0", "CSB2": "0", "RSTA": "0", "RSTB": "0", "OCEA": "1", "OCEB": "1"}


def bits(width: int) -> str:
    return f"{RNG.getrandbits(width):0{width}b}"


def carries(first: str, second: str) -> Case:
    pins = {f"{name}{half}": 1 for name in "ABCD" for half in (0, 1)}
    parameters = {"INIT0": bits(16), "INIT1": bits(16), "INJECT1_0": first, "INJECT1_1": second}
    return Case("CCU2C", {**pins, "CIN": 1}, {"S0": 1, "S1": 1, "COUT": 1}, parameters)


def flip_flop(enable: str, reset: str, value: str, mode: str) -> Case:
    parameters = {"CEMUX": enable, "LSRMUX": reset, "REGSET": value, "SRMODE": mode, "CLKMUX": "CLK", "GSR": "DISABLED"}
    constants = {"M": "0"}
    return Case("TRELLIS_FF", {"DI": 1, "CE": 1, "LSR": 1}, {"Q": 1}, parameters, constants, ("CLK",), {"LSR": 0.2 if reset == "LSR" else 0.8})


FLIP_FLOPS = [
    flip_flop(enable, reset, value, mode)
    for enable in ("1", "CE", "INV") for reset in ("LSR", "INV") for value in ("RESET", "SET") for mode in ("LSR_OVER_CE", "ASYNC")
]  # fmt: skip
CASES = [
    *[Case("LUT4", dict.fromkeys("ABCD", 1), {"Z": 1}, {"INIT": bits(16)}) for _ in range(8)],
    *[carries(first, second) for first in ("YES", "NO") for second in ("YES", "NO") for _ in range(4)],
    Case("PFUMX", {"ALUT": 1, "BLUT": 1, "C0": 1}, {"Z": 1}),
    Case("L6MUX21", {"D0": 1, "D1": 1, "SD": 1}, {"Z": 1}),
    *FLIP_FLOPS,
    *[Case("TRELLIS_DPR16X4", {"DI": 4, "WAD": 4, "RAD": 4, "WRE": 1}, {"DO": 4}, {"INITVAL": bits(64), "WREMUX": mux}, clocks=("WCK",)) for mux in ("WRE", "INV")],
]


@needs_icarus
def test_models_are_those_of_yosys(tmp_path: Path) -> None:
    text = "".join((share() / "ecp5" / name).read_text() for name in ("common_sim.vh", "ccu2c_sim.vh"))
    chosen = {case.type for case in CASES} | {"LUT2"}  # not all: Icarus 11 does not read some of the others
    modules = [found.group() for found in re.finditer(r"^module (\w+)\b.*?^endmodule$", text, re.M | re.S) if found.group(1) in chosen]
    (tmp_path / "cells.v").write_text("\n".join(modules))
    compared = compare(CASES, tmp_path, ["cells.v"], ["-gno-specify"], CYCLES)
    for case, number in zip(CASES, compared, strict=True):
        assert number >= 0.97 * CYCLES * sum(case.outputs.values()), (case.type, number)


def product(**parameters: str) -> Case:
    inputs = {f"{name}{k}": 1 for name in "AB" for k in range(18)} | {"SIGNEDA": 1, "SIGNEDB": 1}
    return Case("MULT18X18D", inputs, {f"P{k}": 1 for k in range(36)}, parameters, {"SOURCEA": "0", "SOURCEB": "0"})


def test_products_have_signs_where_they_are_asked_for() -> None:
    rng, case = random.Random(6), product()
    for first, second in [(0x20000, 0x20000), (0x3FFFF, 0x3FFFF), (0, 0x3FFFF), *[(rng.getrandbits(18), rng.getrandbits(18)) for _ in range(50)]]:
        for signs in range(4):
            pins = {f"A{k}": first >> k & 1 for k in range(18)} | {f"B{k}": second >> k & 1 for k in range(18)}
            [shown] = modelled(case, [pins | {"SIGNEDA": signs & 1, "SIGNEDB": signs >> 1}])
            one = first - (first >> 17 << 18) * (signs & 1)
            other = second - (second >> 17 << 18) * (signs >> 1)
            assert int(shown[::-1], 2) == one * other % (1 << 36)


def memory(first: int, second: int, mode: str = "NORMAL") -> Case:
    inputs = {f"{pin}{k}": 1 for pin, width in (("ADA", 14), ("ADB", 14), ("DIA", 18), ("DIB", 18)) for k in range(width)}
    inputs |= {"CEA": 1, "CEB": 1, "WEA": 1} | ({} if second == 36 else {"WEB": 1})
    constants = OF_DP16KD | ({"WEB": "0"} if second == 36 else {})
    shown = {"A": 0 if first == 36 and second < 36 else min(first, 18), "B": min(second, 18)}
    outputs = {f"DO{port}{k}": 1 for port, width in shown.items() for k in range(width)}
    parameters = {"DATA_WIDTH_A": f"{first:b}", "DATA_WIDTH_B": f"{second:b}", "WRITEMODE_A": mode, "WRITEMODE_B": mode, "REGMODE_A": "NOREG"}
    return Case("DP16KD", inputs, outputs, parameters | {f"INITVAL_{k:02X}": bits(320) for k in range(64)}, constants, ("CLKA", "CLKB"))


class Words:
    """The 18,432 bits of a block memory, as FPGA-TN-02204 numbers them: a word of 36 bits is two of 18 or four of 9; words of 4, 2 and 1 bits are eight of
    the nine bits of such a part."""

    def __init__(self, case: Case) -> None:
        self.bits = [int(b) for k in range(64) for j in range(16) for b in case.parameters[f"INITVAL_{k:02X}"][::-1][20 * j : 20 * j + 18]]

    def places(self, width: int, address: int) -> list[int]:
        lowest = {36: 5, 18: 4, 9: 3, 4: 2, 2: 1, 1: 0}[width]
        word = address >> lowest
        if width >= 9:
            return list(range(word * width, word * width + width))
        per = 8 // width
        return [9 * (word // per) + width * (word % per) + k for k in range(width)]


def expected(case: Case, inputs: list[dict[str, int]]) -> list[str]:
    """What FPGA-TN-02204 says; ``x`` for what it leaves open."""
    words, shown, out = Words(case), dict.fromkeys(case.outputs, "x"), []
    widths = {port: int(case.parameters[f"DATA_WIDTH_{port}"], 2) for port in "AB"}
    for values in inputs:
        out.append("".join(shown.values()))
        writes: dict[int, tuple[str, int]] = {}
        reads: dict[str, list[int]] = {}
        for port in "AB":
            address = sum(values[f"AD{port}{k}"] << k for k in range(14))
            places = words.places(widths[port], address)
            enabled, writing = values[f"CE{port}"], values.get(f"WE{port}", 0)
            if enabled and writing:
                data = [values[f"DIA{k}"] for k in range(18)] + [values[f"DIB{k}"] for k in range(18)] if widths[port] == 36 else [values[f"DI{port}{k}"] for k in range(18)]
                for k, place in enumerate(places):
                    if widths[port] < 18 or address >> k // 9 & 1:
                        writes[place] = (port, data[k])
            wide_writer = widths[port] == 36 and port == "A"
            if enabled and not wide_writer and (not writing or case.parameters["WRITEMODE_A"] == "READBEFOREWRITE"):
                reads[port] = places
        for port, places in reads.items():
            for k, place in enumerate(places):
                pin = f"DO{port}{k}" if widths[port] < 36 else f"DO{'AB'[k // 18]}{k % 18}"
                shown[pin] = "x" if place in writes and writes[place][0] != port else str(words.bits[place])
        for place, (_, bit) in writes.items():
            words.bits[place] = bit
    return out


@pytest.mark.parametrize(("first", "second", "mode"), [(18, 18, "NORMAL"), (18, 18, "READBEFOREWRITE"), (9, 9, "READBEFOREWRITE"), (9, 18, "NORMAL"), (4, 9, "NORMAL"), (2, 1, "READBEFOREWRITE"), (36, 36, "NORMAL"), (36, 9, "NORMAL")])
def test_block_memories_are_those_of_the_note(first: int, second: int, mode: str) -> None:
    case, rng = memory(first, second, mode), random.Random(7)
    inputs = []
    for _ in range(300):
        values = {name: int(rng.random() < (0.2 if name.startswith("AD") else 0.5)) for name in case.inputs}
        if second < 36 and values["CEA"] and values["WEA"] and values["CEB"]:
            values["WEB"] = 0  # two ports that write one word are the user's fault
        inputs.append(values)
    known = 0
    for t, (theirs, ours) in enumerate(zip(expected(case, inputs), modelled(case, inputs), strict=True)):
        pairs = [(e, a) for e, a in zip(theirs, ours, strict=True) if e != "x"]
        known += len(pairs)
        assert all(e == a for e, a in pairs), (t, theirs, ours)
    assert known > 300


def test_what_the_other_port_writes_is_unknown() -> None:
    case = memory(18, 18)
    both = {name: int(name in ("ADA0", "ADB0", "CEA", "CEB", "WEA")) for name in case.inputs}  # one byte of word 0
    shown = modelled(case, [both, both | {"WEA": 0}])[1][18:]
    assert shown[:9] == "x" * 9 and "x" not in shown[9:]


def test_a_port_without_a_clock_is_none() -> None:
    case = memory(18, 18)
    case.clocks, case.constants = ("CLKA",), case.constants | {"CLKB": "0"}
    with pytest.raises(NetlistError, match="is driven twice|nothing drives it"):
        modelled(case, [])
    case.outputs = {name: 1 for name in case.outputs if name.startswith("DOA")}
    assert modelled(case, [dict.fromkeys(case.inputs, 0)])[0] == "x" * 18


def test_what_a_model_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(NetlistError, match="REG_OUTPUT_CLK of `cell` is CLK0"):
        product(REG_OUTPUT_CLK="CLK0").circuit()
    case = memory(18, 18)
    case.parameters["REGMODE_A"] = "OUTREG"
    with pytest.raises(NetlistError, match="REGMODE_A of `cell` .DP16KD. is `OUTREG`; the model has only NOREG"):
        case.circuit()
    with pytest.raises(NetlistError, match="no binary number"):
        Case("LUT4", dict.fromkeys("ABCD", 1), {"Z": 1}, {"INIT": "hello"}).circuit()
