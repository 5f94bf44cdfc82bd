"""Every board's description: its design elaborates, its pins are of its chip and used once, and place and route works for the clock that was asked for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import preset
from lifline.arch.errors import ConfigError, ToolError
from lifline.boards import build as builds
from lifline.boards.board import BOARDS, Board, board
from lifline.boards.build import BoardDesign
from lifline.boards.families.vendor import VendorFamily
from lifline.boards.link import Link
from lifline.boards.report import Report, read_report

pytest.importorskip("amaranth_boards", reason="needs the boards; pip install 'lifline[boards]'")


class Echo(wiring.Component):
    """In place of the core: a few flip-flops between the pins of the serial line."""

    def __init__(self) -> None:
        super().__init__({"rx": In(1), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.tx.eq(self.rx ^ self.tx)
        return m


def built(chosen: Board, folder: Path) -> Report:
    """An echo in place of the core, through the board's whole tool flow."""
    builds.find_tools(chosen.title, chosen.family)
    platform = chosen.make_platform()
    design = BoardDesign(preset("tiny"), chosen, platform.default_clk_frequency, chosen.clock_hz, serial=Echo())
    plan = builds._with_seed(chosen.family.plan(platform, design, design.clock.hz), 1)
    builds._execute(plan, folder, "an echo", None)
    return read_report(folder, "board", chosen, "echo", seed=1, constraint_hz=design.clock.hz, tools={})


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_has_its_clock_and_uses_no_pin_twice(name: str) -> None:
    platform = board(name).make_platform()
    design = BoardDesign(preset("tiny"), board(name), platform.default_clk_frequency, board(name).clock_hz, serial=Echo())
    assert board(name).clock_hz * 0.99 <= design.clock.hz <= board(name).clock_hz * (1 + 1e-9)
    platform.prepare(design, name="top")
    pins = [pin for _, pin, _ in platform.iter_port_constraints_bits()]
    assert len(pins) == len(set(pins)) == 3 + len(board(name).held)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # luna-usb 0.2.3 is written with names that Amaranth 0.6 drops
def test_a_usb_port_has_its_pins_and_clocks_whose_edges_fall_together() -> None:
    pytest.importorskip("luna", reason="needs luna-usb; pip install 'lifline[boards]'")
    chosen = board("ulx3s-25f")  # the others have the same pins
    platform = chosen.make_platform()
    design = BoardDesign(preset("tiny"), chosen, platform.default_clk_frequency, chosen.clock_hz, link=Link.USB)
    plan = chosen.family.plan(platform, design, design.clock.hz)
    pins = [pin for _, pin, _ in platform.iter_port_constraints_bits()]
    assert sorted(pins) == ["B12", "D15", "E15", "G2"]  # the clock and US2, from the board's schematic; no line of the serial chip
    text = str(plan.files["top.il"])
    loop = dict(re.findall(r"parameter \\(\w+) (\S+)", text[text.rindex("cell \\EHXPLLL") :].partition("\n  end")[0]))  # the second one
    oscillator = 25e6 / int(loop["CLKI_DIV"]) * int(loop["CLKFB_DIV"]) * int(loop["CLKOP_DIV"])
    assert 400e6 <= oscillator <= 800e6
    assert (oscillator / int(loop["CLKOS_DIV"]), oscillator / int(loop["CLKOS2_DIV"])) == (48e6, 12e6)
    assert loop["CLKOS_CPHASE"] == loop["CLKOS2_CPHASE"] and loop["CLKOS_FPHASE"] == loop["CLKOS2_FPHASE"]
    assert "COLLISION_X_MASK 1'1 t:$memrd_v2 *.usb*/* %d" in str(plan.files["top.ys"])


def test_usb_is_refused_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="iCEBreaker has no USB port on pins of the FPGA; build for its serial line, or for ulx3s-25f, ulx3s-12f"):
        builds.build("icebreaker", preset("small"), tmp_path, link="usb")
    with pytest.raises(ConfigError, match="no link `spi`; choose one of serial, usb"):
        builds.build("ulx3s-25f", preset("medium"), tmp_path, link="spi")
    with pytest.raises(ConfigError, match="leave 3000000 baud out"):
        builds.build("ulx3s-25f", preset("medium"), tmp_path, link="usb", baud_hz=3_000_000)


def test_every_clock_has_to_be_met(tmp_path: Path) -> None:
    """By the report of place and route, each domain's against its own constraint."""
    used = {cell: {"used": 1, "available": 2} for cell in ("TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "MULT18X18D")}

    def read(**clocks: tuple[float, float]) -> Report:
        fmax = {name: {"achieved": achieved, "constraint": wanted} for name, (achieved, wanted) in clocks.items()}
        (tmp_path / "report.json").write_text(json.dumps({"fmax": fmax, "utilization": used}))
        return read_report(tmp_path, "ulx3s-25f", board("ulx3s-25f"), "medium", seed=1, constraint_hz=90e6, tools={}, link=Link.USB)

    report = read(a=(91.0, 90.0), b=(60.0, 48.0), c=(11.0, 12.0))
    assert report.fmax_mhz == 91 and report.clocks_mhz == {"usb_io": [60.0, 48.0], "usb": [11.0, 12.0]}
    assert report.missed == ["11.0 MHz of 12.0 MHz of usb"] and ("clock `usb`", "11.0 MHz of 12.0 MHz") in report.rows()
    assert not read(a=(91.0, 90.0), b=(60.0, 48.0), c=(13.0, 12.0)).missed
    with pytest.raises(ToolError, match="worked for 90.00, 12.00 MHz, not for 48.00 MHz"):
        read(a=(91.0, 90.0), c=(13.0, 12.0))


@pytest.mark.parametrize("name", [name for name, chosen in BOARDS.items() if not isinstance(chosen.family, VendorFamily)])
def test_tools_accept_the_pins_and_work_for_the_clock(name: str, tmp_path: Path) -> None:
    chosen = board(name)
    report = built(chosen, tmp_path)
    assert report.bitstream.stat().st_size > 1000 and report.available.keys() >= {"lut", "ff", "block_ram"}
    assert {key: report.available[key] for key in chosen.chip.available() if key in report.available} == chosen.chip.available()
