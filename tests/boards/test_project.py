"""Projects for the vendors' tools: complete, with pins and clock, and made of the blocks that the configuration has."""

from __future__ import annotations

import gc
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lifline.arch.config import preset
from lifline.arch.errors import ConfigError, ToolError
from lifline.boards import project as projects
from lifline.boards.board import BOARDS, board
from lifline.boards.build import build
from lifline.boards.capacity import need
from lifline.boards.families.vendor import VendorFamily
from lifline.boards.project import write_project
from lifline.cli.main import app

pytest.importorskip("amaranth_boards", reason="needs the boards; pip install 'lifline[boards]'")
VENDOR = [name for name, chosen in BOARDS.items() if isinstance(chosen.family, VendorFamily)]
FILES = {"Vivado": ("top.tcl", "top.xdc"), "Quartus": ("top.qsf", "top.sdc")}
TINY = preset("tiny")


@pytest.mark.parametrize("name", VENDOR)
def test_a_project_is_complete(name: str, tmp_path: Path) -> None:
    chosen = board(name)
    project = write_project(name, chosen, TINY, tmp_path, check=False)
    platform = chosen.make_platform()
    script, pins = ((project.folder / file).read_text() for file in FILES[project.program])
    parts = [*platform.lookup("uart").ios, platform.lookup(platform.default_clk)]
    for pin in [pin for part in parts for pin in part.ios[0].names]:
        assert re.search(rf"\b(PIN_)?{pin}\b", pins + script), pin
    assert f"-period {1e9 / platform.default_clk_frequency}" in pins and project.clock_mhz == chosen.clock_hz / 1e6
    assert "module top(" in (project.folder / "top.v").read_text() and (project.folder / "build_top.sh").is_file()
    assert project.used == {} and "build_top.sh" in project.command


@pytest.mark.parametrize("name", ["arty-a7-35", "de10-nano"])
def test_synthesis_confirms_memories_and_multipliers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = CliRunner().invoke(app, ["build", "--board", name, "--config", "tiny", "--folder", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    figures, wanted = json.loads(done.stdout.splitlines()[-1]), need(TINY, board(name).chip.family)
    assert figures["used"]["dsp"] == wanted.dsp and 0 < figures["used"]["block_ram"] <= wanted.block_ram
    monkeypatch.setattr(VendorFamily, "counted", lambda family, cells: {"block_ram": 0, "dsp": wanted.dsp})
    monkeypatch.setattr(projects.subprocess, "run", lambda *arguments, **options: type("Done", (), {"returncode": 0})())
    monkeypatch.setattr(projects.json, "loads", lambda text: {"design": {"num_cells_by_type": {}}})
    monkeypatch.setattr(Path, "read_text", lambda path: "")
    with pytest.raises(ToolError, match="yosys counts 0 block RAMs"):
        write_project(name, board(name), TINY, tmp_path)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_what_vendors_build_is_no_bitstream_here(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Arty A7-35 are made by Vivado"):
        build("arty-a7-35", TINY, tmp_path)
    with pytest.raises(ConfigError, match="does not fit the Arty A7-35: needs 195 block RAMs"):
        write_project("arty-a7-35", board("arty-a7-35"), preset("large"), tmp_path)
    with pytest.raises(ConfigError, match="own clock, 50 MHz"):
        write_project("de10-nano", board("de10-nano"), TINY, tmp_path, clock_hz=60e6)
    done = CliRunner().invoke(app, ["build", "--board", "arty-a7-35", "--seed", "2", "--folder", str(tmp_path)])
    assert done.exit_code == 1 and "leave --seed and --seeds out" in done.output
    assert not list(tmp_path.iterdir())
    gc.collect()
