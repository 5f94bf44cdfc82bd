"""Rates of serial lines: what the chips of boards make, what a core makes, and what both do."""

from __future__ import annotations

import gc

import pytest

from lifline.arch.config import preset
from lifline.arch.errors import ConfigError
from lifline.boards.board import BOARDS, board
from lifline.boards.build import build
from lifline.boards.serial_chip import DAP_LINK, FT231X, FT2232H, SerialChip
from lifline.rtl.top import MAX_BAUD_ERROR, divisor


@pytest.mark.parametrize(
    ("chip", "wanted", "made"),
    [
        (FT231X, 3_000_000, 3e6), (FT231X, 2_000_000, 2e6), (FT231X, 1_500_000, 1.5e6), (FT231X, 1_000_000, 1e6), (FT231X, 115_200, 3e6 / 26),
        (FT231X, 2_400_000, 2e6), (FT231X, 12_000_000, 3e6), (FT2232H, 12_000_000, 12e6), (FT2232H, 8_000_000, 8e6), (FT2232H, 6_900_000, 6e6), (FT2232H, 921_600, 12e6 / 13),
    ],
)  # fmt: skip
def test_ftdis_chips_make_the_rates_of_their_application_note(chip: SerialChip, wanted: int, made: float) -> None:
    assert chip.rate(wanted) == pytest.approx(made, rel=1e-9)


@pytest.mark.parametrize("name", BOARDS)
def test_every_rate_that_a_board_offers_is_made_by_both_ends(name: str) -> None:
    chosen = board(name)
    rates = chosen.adapter.rates(chosen.clock_hz)
    for rate in (1_000_000, *rates[-40:]):
        chosen.adapter.check(rate, chosen.clock_hz)
        core, chip = chosen.clock_hz / divisor(chosen.clock_hz, rate), chosen.adapter.rate(rate)
        assert abs(core / rate - 1) <= MAX_BAUD_ERROR and abs(chip / rate - 1) <= MAX_BAUD_ERROR


def test_the_fastest_rates_of_the_boards() -> None:
    fastest = {name: BOARDS[name].adapter.rates(BOARDS[name].clock_hz)[-1] for name in ("ulx3s-25f", "ecpix-5-45", "icebreaker")}
    assert fastest == {"ulx3s-25f": 3_000_000, "ecpix-5-45": 6_000_000, "icebreaker": 6_000_000}
    assert FT2232H.rates(96e6)[-1] == 12_000_000


def test_a_rate_that_one_end_does_not_make_is_refused_with_those_near_it() -> None:
    with pytest.raises(ConfigError, match="FT231X makes 3000000 baud, not 2500000; rates near it that both make: 2000000, 3000000$"):
        FT231X.check(2_500_000, 90e6)
    with pytest.raises(ConfigError, match="a clock of 90 MHz does not make 12000000 baud within 2 %; rates near it that both make: 6000000$"):
        FT2232H.check(12_000_000, 90e6)
    with pytest.raises(ConfigError, match="does not make 9999999 baud.*near it that both make: 7500000$"):
        DAP_LINK.check(9_999_999, 30e6)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_a_build_refuses_what_is_no_rate_of_its_board(tmp_path) -> None:
    """Before anything is built."""
    with pytest.raises(ConfigError, match="FT231X makes 3000000 baud, not 4000000"):
        build("ulx3s-25f", preset("medium"), tmp_path, baud_hz=4_000_000)
    for none in (0, 9599, 12_000_001, 1e6, "fast"):
        with pytest.raises(ConfigError, match="rate of the serial line"):
            build("ulx3s-25f", preset("medium"), tmp_path, baud_hz=none)  # type: ignore[arg-type]
    gc.collect()  # the design that was not used says so here
