"""Dividers of the clock generators."""

import pytest

from lifline.arch.errors import ConfigError
from lifline.boards.board import board
from lifline.boards.clock import Loop
from lifline.boards.families import ecp5, gowin, ice40

INPUT_HZ = {"ecp5": 25e6, "ice40": 12e6, "gowin": 27e6}
LOOPS: dict[str, Loop] = {"ecp5": ecp5.LOOP, "ice40": ice40.LOOP, "gowin": gowin.LOOP}


@pytest.mark.parametrize("wanted_mhz", [24, 30, 41.7, 48])
@pytest.mark.parametrize("family", LOOPS)
def test_dividers_stay_within_limits_and_below_the_wanted_clock(family: str, wanted_mhz: float) -> None:
    limits, source = LOOPS[family], INPUT_HZ[family]
    dividers = limits.dividers(source, wanted_mhz * 1e6)
    output = limits.output_hz(source, dividers)
    assert output <= wanted_mhz * 1e6 * (1 + 1e-9)
    assert limits.oscillator_hz[0] <= output * dividers.post <= limits.oscillator_hz[1]
    assert limits.detector_hz[0] <= source / dividers.reference <= limits.detector_hz[1]


def test_a_clock_out_of_reach_is_refused() -> None:
    with pytest.raises(ConfigError, match="no setting"):
        LOOPS["ecp5"].dividers(25e6, 1e6)


def test_an_unknown_board_is_named() -> None:
    with pytest.raises(ConfigError, match="no board `zynq`"):
        board("zynq")
