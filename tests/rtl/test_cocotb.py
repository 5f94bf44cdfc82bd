"""The generated Verilog of the whole core under cocotb and Icarus Verilog; the testbench is ``cocotb_core.py``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lifline.sim.board.verilog import compile_verilog

from .test_programs import CONFIG, KERNELS, MAPS

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog (iverilog) is not installed")
SEEDS = range(3000, 3008)


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_verilog(CONFIG, tmp_path_factory.mktemp("icarus"))


def run(folder: Path, **environment: str) -> tuple[int, int]:
    """Tests and failures of the testbench."""
    from cocotb_tools.runner import get_results, get_runner

    results = get_runner("icarus").test(
        hdl_toplevel="top",
        hdl_toplevel_lang="verilog",
        test_module="tests.rtl.cocotb_core",
        build_dir=folder,
        test_dir=Path(__file__).parents[2],
        results_xml=str(folder / f"results{len([*folder.glob('results*')])}.xml"),  # of this run and no other
        extra_env=environment,
    )
    return get_results(results)


def test_verilog_with_maps_agrees_with_the_golden_model(tmp_path: Path) -> None:
    """Each kind of connection, geometries whose tables differ most, vectors and recurrence."""
    chosen = [*KERNELS][:4] + ["depthwise with padding, stride 2, by blocks", "pooling", "identity", "recurrent, one row"]
    assert run(compile_verilog(MAPS, tmp_path), LIFLINE_LAYERS=";".join(chosen)) == (1, 0)


@pytest.mark.parametrize("flip", [False, True], ids=["agrees", "fault-is-noticed"])
def test_verilog_agrees_with_the_golden_model(simulation: Path, flip: bool) -> None:
    seeds = list(SEEDS)[:2] if flip else SEEDS
    assert run(simulation, LIFLINE_SEEDS=" ".join(map(str, seeds)), LIFLINE_FLIP=str(int(flip))) == (1, 0)
