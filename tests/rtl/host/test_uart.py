"""The UART alone: bit timing, baud error, framing errors and back-pressure."""

import gc
import random

import pytest
from amaranth.sim import Simulator

from lifline.arch.errors import ConfigError
from lifline.boards.board import BOARDS
from lifline.rtl.host.uart import Uart
from lifline.rtl.top import divisor

BYTES = [0x00, 0xFF, 0xA5, 0x5A, 0x01, 0x80, *random.Random(1).randbytes(40)]


def line_levels(data: list[int], period: float, idle_bits: float = 0.0, stop: int = 1) -> list[int]:
    """Level of a serial line in every cycle, from a sender whose bits last ``period`` cycles."""
    bits: list[tuple[int, float]] = [(1, 3.0)]
    for byte in data:
        bits += [(0, 1.0), *(((byte >> k) & 1, 1.0) for k in range(8)), (stop, 1.0), (1, idle_bits)]
    bits.append((1, 4.0))
    levels: list[int] = []
    end = 0.0
    for level, length in bits:
        end += length * period
        levels += [level] * (round(end) - len(levels))
    return levels


def received(levels: list[int], bit_cycles: int, accept=lambda cycle: True) -> list[int]:
    """Bytes that the gateware's receiver gives for a line; ``accept`` is its neighbour's readiness by cycle."""
    uart = Uart(bit_cycles)
    out: list[int] = []

    async def bench(ctx):
        held = None
        for cycle, level in enumerate(levels):
            ctx.set(uart.rx, level)
            ctx.set(uart.o.ready, ready := bool(accept(cycle)))
            _, _, valid, payload = await ctx.tick().sample(uart.o.valid, uart.o.payload)
            assert held is None or (valid and payload == held), "a byte that was offered must stay"
            held = payload if valid and not ready else None
            if valid and ready:
                out.append(payload)

    simulator = Simulator(uart)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return out


def sent(data: list[int], bit_cycles: int, gap) -> list[int]:
    """Level in every cycle of the line that the gateware's sender drives."""
    uart = Uart(bit_cycles)
    levels: list[int] = []

    async def bench(ctx):
        left = list(data)
        wait, quiet = 0, 0
        while quiet < 12 * bit_cycles:
            ctx.set(uart.i.valid, bool(left) and wait == 0)
            ctx.set(uart.i.payload, left[0] if left else 0)
            _, _, ready, level = await ctx.tick().sample(uart.i.ready, uart.tx)
            levels.append(level)
            if wait:
                wait -= 1
            elif left and ready:
                left.pop(0)
                wait = gap()
            quiet = 0 if left else quiet + 1

    simulator = Simulator(uart)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return levels


@pytest.mark.parametrize("bit_cycles", [8, 12, 25, 104])
@pytest.mark.parametrize("error", [-0.02, 0.0, 0.02])
def test_receives_with_a_baud_error_of_two_percent(bit_cycles, error):
    data = BYTES if bit_cycles < 50 else BYTES[:10]
    assert received(line_levels(data, bit_cycles * (1 + error)), bit_cycles) == data


FASTEST = sorted(
    {
        (divisor(board.clock_hz, rate), board.clock_hz / board.adapter.rate(rate))
        for board in BOARDS.values()
        if board.adapter.base_hz
        for rate in board.adapter.rates(board.clock_hz)[-6:]
    }
)
"""Clock cycles per bit of a board's fastest rates: those of its gateware, and those that the chip at the other end really makes."""


@pytest.mark.parametrize(("bit_cycles", "period"), FASTEST)
def test_hears_the_chip_of_its_board_at_its_fastest_rates(bit_cycles: int, period: float) -> None:
    assert received(line_levels(BYTES, period), bit_cycles) == BYTES


@pytest.mark.parametrize("bit_cycles", [4, 7, 16])
def test_sender_drives_exact_bits(bit_cycles):
    levels = sent(BYTES, bit_cycles, gap=lambda: 0)
    start = levels.index(0)
    for byte in BYTES:
        frame = [0, *((byte >> k) & 1 for k in range(8)), 1]
        assert levels[start : start + 10 * bit_cycles] == [bit for bit in frame for _ in range(bit_cycles)]
        start = levels.index(0, start + 10 * bit_cycles) if 0 in levels[start + 10 * bit_cycles :] else len(levels)


@pytest.mark.parametrize("seed", range(3))
def test_loopback_with_stalls(seed):
    rng = random.Random(seed)
    levels = sent(BYTES, 8, gap=lambda: rng.randrange(20))
    assert received(levels, 8, accept=lambda _: rng.random() < 0.2) == BYTES


def test_line_is_idle_high_from_reset():
    assert set(sent([], 8, gap=lambda: 0)) == {1}


def test_byte_without_stop_bit_is_dropped_and_the_next_one_arrives():
    levels = line_levels([0x41], 16) + line_levels([0x00], 16, stop=0) + [1] * 200 + line_levels([0x42, 0x43], 16)
    assert received(levels, 16) == [0x41, 0x42, 0x43]


def test_a_glitch_is_not_a_start_bit():
    levels = [1] * 40 + [0] * 4 + [1] * 40 + line_levels([0x42], 16)
    assert received(levels, 16) == [0x42]


def test_a_break_gives_no_bytes():
    assert received([1] * 20 + [0] * 16 * 35 + [1] * 40 + line_levels([0x42], 16, idle_bits=2), 16) == [0x42]


def test_bytes_that_nobody_takes_are_lost_but_the_offered_one_stays():
    levels = line_levels([1, 2, 3], 8)
    assert received(levels + [1] * 40, 8, accept=lambda cycle: cycle >= len(levels)) == [1]


def test_divisor_is_the_nearest_and_refuses_what_the_clock_cannot_give():
    assert divisor(12e6, 1_000_000) == 12
    assert divisor(12e6, 115_200) == 104
    with pytest.raises(ConfigError, match="2000000 baud.*3.24.*at most 810810"):
        divisor(12e6 / 3.7, 2_000_000)
    with pytest.raises(ConfigError, match="2 %"):
        divisor(12e6, 2_300_000)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_refuses_bits_too_short_to_sample():
    try:
        Uart(3)
    except ValueError as error:
        message = str(error)
    gc.collect()
    assert "divisor=3 must be at least 4" in message
