"""The generated Verilog of the whole core under cocotb and Icarus Verilog; the testbench is ``cocotb_core.py``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from amaranth.back import verilog

from lifline.rtl.top import Top

from .test_programs import CONFIG

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog (iverilog) is not installed")
SEEDS = range(3000, 3008)


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the Verilog compiled by Icarus."""
    from cocotb_tools.runner import get_runner

    folder = tmp_path_factory.mktemp("icarus")
    (folder / "top.v").write_text(verilog.convert(Top(CONFIG), name="top"))
    get_runner("icarus").build(
        sources=[folder / "top.v"], hdl_toplevel="top", build_dir=folder, always=True, timescale=("1ns", "1ps"),
        build_args=["-g2005"],  # evaluates combinational processes at time zero, which SystemVerilog need not
    )
    return folder


@pytest.mark.parametrize("flip", [False, True], ids=["agrees", "fault-is-noticed"])
def test_verilog_agrees_with_the_golden_model(simulation: Path, flip: bool) -> None:
    from cocotb_tools.runner import get_results, get_runner

    runner = get_runner("icarus")
    seeds = list(SEEDS)[:2] if flip else SEEDS
    results = runner.test(
        hdl_toplevel="top",
        hdl_toplevel_lang="verilog",
        test_module="tests.rtl.cocotb_core",
        build_dir=simulation,
        test_dir=Path(__file__).parents[2],
        results_xml=str(simulation / f"results{int(flip)}.xml"),
        extra_env={"LIFLINE_SEEDS": " ".join(map(str, seeds)), "LIFLINE_FLIP": str(int(flip))},
    )
    tests, failed = get_results(results)
    assert (tests, failed) == (1, 0)
