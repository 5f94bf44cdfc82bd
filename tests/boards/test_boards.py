"""Every board's description: its design elaborates, its pins are of its chip and used once, and place and route works for the clock that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import preset
from lifline.boards import build as builds
from lifline.boards.board import BOARDS, Board, board
from lifline.boards.build import BoardDesign
from lifline.boards.families.vendor import VendorFamily
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


@pytest.mark.parametrize("name", [name for name, chosen in BOARDS.items() if not isinstance(chosen.family, VendorFamily)])
def test_tools_accept_the_pins_and_work_for_the_clock(name: str, tmp_path: Path) -> None:
    chosen = board(name)
    report = built(chosen, tmp_path)
    assert report.bitstream.stat().st_size > 1000 and report.available.keys() >= {"lut", "ff", "block_ram"}
    assert {key: report.available[key] for key in chosen.chip.available() if key in report.available} == chosen.chip.available()
