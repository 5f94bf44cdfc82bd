"""Dividers of the clock generators."""

import pytest

from lifline.arch.errors import ConfigError
from lifline.boards.build import BOARDS, board
from lifline.boards.clock import ECP5, ICE40, ClockGenerator

INPUT_HZ = {"ecp5": 25e6, "ice40": 12e6}


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_gets_the_clock_it_asks_for(name: str) -> None:
    chosen = board(name)
    assert ClockGenerator(chosen.family, INPUT_HZ[chosen.family], chosen.clock_hz).hz == pytest.approx(chosen.clock_hz, rel=0.01)


@pytest.mark.parametrize("wanted_mhz", [24, 30, 41.7, 48])
@pytest.mark.parametrize("family", ["ecp5", "ice40"])
def test_dividers_stay_within_limits_and_below_the_wanted_clock(family: str, wanted_mhz: float) -> None:
    limits = {"ecp5": ECP5, "ice40": ICE40}[family]
    generator = ClockGenerator(family, INPUT_HZ[family], wanted_mhz * 1e6)
    dividers = generator.dividers
    assert generator.hz <= wanted_mhz * 1e6 * (1 + 1e-9)
    assert limits.oscillator_hz[0] <= generator.hz * dividers.post <= limits.oscillator_hz[1]
    assert limits.detector_hz[0] <= INPUT_HZ[family] / dividers.reference <= limits.detector_hz[1]


def test_a_clock_out_of_reach_is_refused() -> None:
    with pytest.raises(ConfigError, match="no setting"):
        ClockGenerator("ecp5", 25e6, 1e6)


def test_an_unknown_board_is_named() -> None:
    with pytest.raises(ConfigError, match="no board `zynq`"):
        board("zynq")
