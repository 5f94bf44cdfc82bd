"""The Verilog of the core behind its buses, under cocotb, with bus models that know nothing of lifline; the testbenches are in ``cocotb_buses.py``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from amaranth.back import verilog
from amaranth.lib import wiring

from lifline.rtl.buses.top import AxiTop, WishboneTop

from ..test_programs import CONFIG

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog (iverilog) is not installed")

TOPS: dict[str, type[wiring.Component]] = {"axi": AxiTop, "wishbone": WishboneTop}


@pytest.fixture(scope="module", params=TOPS)
def simulation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Name of the bus, and a folder with the Verilog compiled by Icarus."""
    from cocotb_tools.runner import get_runner

    folder = tmp_path_factory.mktemp(request.param)
    (folder / "top.v").write_text(verilog.convert(TOPS[request.param](CONFIG), name="top"))
    get_runner("icarus").build(
        sources=[folder / "top.v"], hdl_toplevel="top", build_dir=folder, always=True, timescale=("1ns", "1ps"), build_args=["-g2005"]
    )
    return request.param, folder


def test_the_drivers_words_go_through_the_bus(simulation: tuple[str, Path]) -> None:
    from cocotb_tools.runner import get_results, get_runner

    bus, folder = simulation
    tests = {"axi": "programs_through_axi_lite|refusals_are_answers_of_the_bus|input_and_records_are_streams", "wishbone": "programs_through_wishbone"}
    results = get_runner("icarus").test(
        hdl_toplevel="top",
        hdl_toplevel_lang="verilog",
        test_module="tests.rtl.buses.cocotb_buses",
        test_filter=tests[bus],
        build_dir=folder,
        test_dir=Path(__file__).parents[3],
        results_xml=str(folder / "results.xml"),
        extra_env={"LIFLINE_SEEDS": "3000 3001"},
    )
    assert get_results(results) == (tests[bus].count("|") + 1, 0)
