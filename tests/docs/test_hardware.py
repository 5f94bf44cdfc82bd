"""The page for hardware researchers: its waveform, its network under cocotb, and the places it names."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import lifline
from lifline.sim.board.verilog import compile_verilog

from .test_pages import DOCS, run_example

TEXT = (DOCS / "hardware.md").read_text()


def test_the_waveform_has_components_and_states_by_name(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line = run_example("hardware.md", capsys).strip()
    assert f"`{line}`" in TEXT
    wave = (tmp_path / "run.vcd").read_text()
    assert "$scope module sequencer" in wave and re.search(r"^sIdle ", wave, re.M)


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus Verilog")
def test_ones_own_network_agrees_under_cocotb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cocotb_tools.runner import get_results, get_runner

    rng = np.random.default_rng(0)
    network = lifline.Network(
        name="own", output="out", state_bits=16,
        populations=[lifline.Population("in", (24,)), lifline.Population("out", (4,), lifline.Neurons(threshold=60, decay_v=300))],
        projections=[lifline.Projection(source="in", target="out", weights=rng.integers(-20, 40, (4, 24)))],
    )  # fmt: skip
    lifline.save_program(lifline.compile_network(network, lifline.preset("tiny")), tmp_path / "program.bin")
    np.save(tmp_path / "spikes.npy", (rng.random((6, 24)) < 0.2).astype(np.uint8))
    testbench, runner = re.findall(r"```\n((?:import cocotb|from pathlib).*?)```", TEXT, re.S)
    (tmp_path / "agrees.py").write_text(testbench)
    assert "compile_verilog" in runner and "get_runner" in runner
    monkeypatch.chdir(tmp_path)
    folder = compile_verilog(lifline.preset("tiny"), tmp_path)
    results = get_runner("icarus").test(hdl_toplevel="top", hdl_toplevel_lang="verilog", test_module="agrees", build_dir=folder, test_dir=tmp_path)
    assert get_results(results) == (1, 0)


def test_the_places_it_names_are_there() -> None:
    named = {name for name in re.findall(r"`([a-z_]+/[a-z_/.]*)`", TEXT)}
    assert len(named) > 10
    for name in named:
        assert (DOCS.parent / name).exists(), name
    for name in ("Factor", "MICRO", "Latch", "CARRY_DELAY"):
        assert name in "".join((DOCS.parent / file).read_text() for file in ("sw/arch/program.py", "sw/arch/timing.py"))
