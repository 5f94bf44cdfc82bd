"""Real time in the sequencer alone: which cycles wait for input, which for the period, and which windows start late, exactly."""

from __future__ import annotations

from typing import Any

import pytest

from lifline.arch.config import preset
from lifline.arch.program import INSTRUCTION, Opcode
from lifline.arch.records import AHEAD_BITS
from lifline.rtl.control.real_time import CREDIT_BITS
from lifline.rtl.control.sequencer import Sequencer

from ..bench import simulate

TINY = preset("tiny")
MOST_LATE = (1 << CREDIT_BITS) - 1
"""Steps that may be due."""
WINDOW_CYCLES = 4
"""From one window's Wait to the next: Wait, Decode of ``END``, Advance of the input's ring, End."""
WAITS, LATE, EARLY = "input", "overrun", "period"


def expected(arrivals: list[int], steps: int, period: int, window: int) -> list[tuple[int, str]]:
    """Cycle and kind of everything that is reported, from the cycle after the start on.

    ``arrivals[cycle]``: steps of input that are there. A step is due in every ``period`` cycles, the first after one period; a step that would
    be the 256th to be due is forgotten, unless a window takes its own at that moment.
    """
    found, time, due, waits_from, cycle = [], 0, 0, 2, 1  # the first cycle of a run looks for a window
    while time < steps:
        count, starts = min(window, steps - time), False
        if cycle >= waits_from:
            if arrivals[cycle - 1] < time + count:
                found.append((cycle, WAITS))
            elif period and due < count:
                found.append((cycle, EARLY))
            else:
                starts = True
                if period and due > count:
                    found.append((cycle, LATE))
        tick = period and cycle % period == 0 and (starts or due < MOST_LATE)
        if starts:
            time, waits_from = time + count, cycle + WINDOW_CYCLES
            due -= count
        due += bool(tick)
        cycle += 1
    return found


@pytest.mark.parametrize(
    ("period", "steps", "arrivals"),
    [
        (5, 30, [(0, 30)]),  # never late
        (0, 30, [(0, 9), (70, 30)]),  # not in real time
        (1, 900, [(0, 30), (400, 900)]),  # a step in every cycle: always late
        (2, 41, [(0, 41)]),
        (7, 20, [(100, 20)]),  # late once, catches up
        (3, 400, [(MOST_LATE * 3 - 1, 400)]),
        (3, 400, [(MOST_LATE * 3, 400)]),  # the last step that is counted
        (3, 400, [(MOST_LATE * 3 + 1, 400)]),
        (3, 400, [(MOST_LATE * 3 + 3, 400)]),
        (3, 700, [(5000, 700)]),  # steps beyond the 255th are forgotten
        (20, 600, [(MOST_LATE * 20 + 777, 600)]),
        (2, 900, [(600, 300), (1500, 900)]),  # late twice
        (6, 100, [(10 + 31 * k, 4 * (k + 1)) for k in range(25)]),  # input in small parts
    ],
)
def test_waiting_and_overruns_are_counted_exactly(period: int, steps: int, arrivals: list[tuple[int, int]]) -> None:
    """Also for runs that are more than 255 steps late."""
    dut, found = Sequencer(TINY), []
    there = [max((s for at, s in arrivals if at <= cycle), default=0) for cycle in range(20_000)]

    async def body(ctx: Any) -> None:
        ctx.set(dut.program.read_data, INSTRUCTION.pack(opcode=Opcode.END, argument=1))
        ctx.set(dut.run.period, period)
        ctx.set(dut.record.room, 1)
        await ctx.tick()
        await ctx.tick()
        ctx.set(dut.run.steps, steps)
        await ctx.tick()
        ctx.set(dut.run.start, 1)
        await ctx.tick()
        ctx.set(dut.run.start, 0)
        for cycle in range(1, len(there)):
            ctx.set(dut.input.steps, min(there[cycle], ctx.get(dut.run.time) + 2 * TINY.window) % (1 << AHEAD_BITS))  # as far as there is room
            for signal, kind in ((dut.run.stall_input, WAITS), (dut.run.overrun, LATE), (dut.run.stall_period, EARLY)):
                if ctx.get(signal):
                    found.append((cycle, kind))
            if not ctx.get(dut.run.running):
                break
            await ctx.tick()
        else:
            raise AssertionError("the run does not end")
        assert ctx.get(dut.run.time) == steps

    simulate(dut, body)
    wanted = expected(there, steps, period, TINY.window)
    assert [sum(kind == k for _, kind in found) for k in (WAITS, LATE, EARLY)] == [sum(kind == k for _, kind in wanted) for k in (WAITS, LATE, EARLY)]
    assert found == wanted

