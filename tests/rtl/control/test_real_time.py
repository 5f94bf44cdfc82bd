"""Real time in the sequencer alone: which cycles wait for input, which for the period, and which windows start late, exactly."""

from __future__ import annotations

from typing import Any

import pytest

from lifline.arch.config import preset
from lifline.arch.program import INSTRUCTION, Opcode
from lifline.arch.records import AHEAD_BITS
from lifline.arch.registers import DUE_BITS
from lifline.rtl.control.sequencer import Sequencer

from ..bench import simulate

TINY = preset("tiny")
MOST_LATE = (1 << DUE_BITS) - 1
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
        ctx.set(dut.program.read_data, INSTRUCTION.pack(argument=1, opcode=Opcode.END, flag=0))
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



def expected_runs(starts: list[tuple[int, int]], period: int, window: int) -> list[tuple[int, str]]:
    """Reports of several runs, ``(cycle of the start, steps)``, of one clock that begins with the first; their input is always there."""
    found, due, running, left, waits_from = [], 0, False, 0, 0
    last, begins = starts[0][0], dict(starts)
    cycle = last
    while running or cycle <= starts[-1][0]:
        took = False
        if not running and cycle != last and due < MOST_LATE:
            found.append((cycle, WAITS))
        if running and cycle >= waits_from:
            count = min(window, left)
            if not left:
                running = False
                continue
            if due < count:
                found.append((cycle, EARLY))
            else:
                took = True
                if due > count:
                    found.append((cycle, LATE))
                left, due, waits_from = left - count, due - count, cycle + WINDOW_CYCLES
        if cycle in begins:
            running, left, waits_from = True, begins[cycle], cycle + 2
        since = cycle - last
        due += bool(since and since % period == 0 and (took or due < MOST_LATE))
        cycle += 1
    return found


@pytest.mark.parametrize(
    ("period", "starts"),
    [
        (20, [(0, 1), (25, 1), (45, 1), (70, 3)]),  # the part waits only for what is left of its period
        (20, [(0, 1), (120, 1), (130, 1), (140, 1), (150, 1), (160, 4)]),  # late between runs, catches up
        (7, [(0, 3), (7 * MOST_LATE + 40, 40), (7 * MOST_LATE + 500, 4)]),  # steps beyond the 255th are forgotten, and the time is not counted
        (1, [(0, 5), (40, 5), (60, 5)]),
        (3, [(0, 9), (60, 9), (90, 4), (130, 1)]),
    ],
)
def test_the_clock_goes_on_between_runs(period: int, starts: list[tuple[int, int]]) -> None:
    dut, found = Sequencer(TINY), []

    async def body(ctx: Any) -> None:
        ctx.set(dut.program.read_data, INSTRUCTION.pack(argument=1, opcode=Opcode.END, flag=0))
        ctx.set(dut.run.period, period)
        ctx.set(dut.record.room, 1)
        await ctx.tick().repeat(3)
        begins, cycle = dict(starts), 0
        while ctx.get(dut.run.running) or cycle <= starts[-1][0] + 1:
            ctx.set(dut.run.clock, 1)
            ctx.set(dut.run.start, cycle in begins)
            ctx.set(dut.run.steps, next((s for at, s in reversed(starts) if at <= cycle + 1), 0))
            ctx.set(dut.input.steps, (ctx.get(dut.run.time) + 2 * TINY.window) % (1 << AHEAD_BITS))
            for signal, kind in ((dut.run.stall_input, WAITS), (dut.run.overrun, LATE), (dut.run.stall_period, EARLY)):
                if cycle and ctx.get(signal):
                    found.append((cycle, kind))
            await ctx.tick()
            cycle += 1
        assert ctx.get(dut.run.time) == sum(steps for _, steps in starts)
        # Without the clock nothing is counted between runs, and the next one waits for its whole period.
        ctx.set(dut.run.clock, 0)
        ctx.set(dut.run.steps, 1)
        for _ in range(3 * period):
            await ctx.tick()
            assert not ctx.get(dut.run.stall_input)
        ctx.set(dut.run.start, 1)
        await ctx.tick()
        ctx.set(dut.run.start, 0)
        waited = 0
        while ctx.get(dut.run.running):
            waited += 1
            await ctx.tick()
        assert waited == max(period + 1, 2) + WINDOW_CYCLES - 1

    simulate(dut, body)
    wanted = expected_runs(starts, period, TINY.window)
    end = max((c for c, _ in wanted), default=0)
    assert [f for f in found if f[0] <= end] == wanted and {kind for _, kind in wanted} & {LATE, EARLY}


def test_a_run_of_no_steps_only_clears() -> None:
    """A stream opens with one: its clock begins, and its first step is still the first one after a fresh start."""
    dut = Sequencer(TINY)

    async def body(ctx: Any) -> None:
        ctx.set(dut.run.period, 10)
        ctx.set(dut.run.ring_clear_words, 4)
        await ctx.tick().repeat(2)
        ctx.set(dut.run.clock, 1)
        ctx.set(dut.run.fresh, 1)
        ctx.set(dut.run.start, 1)
        await ctx.tick()
        ctx.set(dut.run.start, 0)
        cleared = 0
        for cycle in range(30):
            cleared += ctx.get(dut.clear.clearing)
            assert ctx.get(dut.run.running) == (cycle < 5) and ctx.get(dut.run.stall_input) == (cycle >= 5)
            await ctx.tick()
        assert cleared == 4 and ctx.get(dut.run.time) == 0 and ctx.get(dut.progress.first_window)

    simulate(dut, body)
