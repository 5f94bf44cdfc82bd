"""The Verilog of the core behind its buses, under cocotb, with bus models that know nothing of lifline; the testbenches are in ``cocotb_buses.py``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from amaranth.back import verilog
from amaranth.lib import wiring

from lifline.arch.config import Config, preset
from lifline.rtl.buses.top import AxiTop, WishboneTop

from ..test_programs import CONFIG

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog (iverilog) is not installed")

TOPS: dict[str, type[wiring.Component]] = {"axi": AxiTop, "wishbone": WishboneTop}


SEEDS = "3000 3001"


def run(bus: str, config: Config, names: str, folder: Path) -> None:
    """Compile the Verilog, and run testbenches by name."""
    from cocotb_tools.runner import get_results, get_runner

    (folder / "top.v").write_text(verilog.convert(TOPS[bus](config), name="top"))
    runner = get_runner("icarus")
    runner.build(sources=[folder / "top.v"], hdl_toplevel="top", build_dir=folder, always=True, timescale=("1ns", "1ps"), build_args=["-g2005"])
    results = runner.test(
        hdl_toplevel="top", hdl_toplevel_lang="verilog", test_module="tests.rtl.buses.cocotb_buses", test_filter=names, build_dir=folder,
        test_dir=Path(__file__).parents[3], results_xml=str(folder / "results.xml"), extra_env={"LIFLINE_SEEDS": SEEDS, "LIFLINE_SAMPLES": "2"},
    )  # fmt: skip
    assert get_results(results) == (names.count("|") + 1, 0)


@pytest.mark.parametrize(("bus", "names"), [
    ("axi", "programs_through_axi_lite|refusals_are_answers_of_the_bus|input_and_records_are_streams"), ("wishbone", "programs_through_wishbone"),
])  # fmt: skip
def test_the_drivers_words_go_through_the_bus(bus: str, names: str, tmp_path: Path) -> None:
    run(bus, CONFIG, names, tmp_path)


@pytest.mark.long
def test_digits_go_through_axi(tmp_path: Path) -> None:
    run("axi", preset("medium"), "digits_through_axi_lite", tmp_path)
