"""Time of windows and steps, and the input that is there for them, alone."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lifline.arch.config import preset
from lifline.arch.records import AHEAD_BITS, RECORD
from lifline.arch.registers import POSITION_BITS
from lifline.rtl.control.progress import Progress

from ..bench import simulate

TINY = preset("tiny")
AHEAD, STEP, POSITION = (1 << bits for bits in (AHEAD_BITS, RECORD["step"].width, POSITION_BITS))


async def strobe(ctx: Any, signal: Any) -> None:
    ctx.set(signal, 1)
    await ctx.tick()
    ctx.set(signal, 0)


@pytest.mark.parametrize("seed", range(3))
def test_time_goes_on_by_windows_and_records_have_that_of_their_step(seed: int) -> None:
    dut, rng = Progress(TINY), random.Random(seed)

    async def body(ctx: Any) -> None:
        for _ in range(3):
            await strobe(ctx, dut.fresh)
            time = 0
            for window in range(200):
                assert (ctx.get(dut.time), ctx.get(dut.first_window)) == (time % POSITION, window == 0)
                count = rng.randint(1, TINY.window)
                ctx.set(dut.count, count)
                for step in range(count):
                    ctx.set(dut.step, step)
                    await strobe(ctx, dut.begins)
                    await ctx.tick()
                    assert ctx.get(dut.record_step) == (time + step) % STEP
                    for _ in range(rng.randint(0, 2)):
                        await ctx.tick()
                await strobe(ctx, dut.ends)
                time += count
                assert ctx.get(dut.record_step) == (time - 1) % STEP, "until the next step"

    simulate(dut, body)


@pytest.mark.parametrize("seed", range(3))
def test_a_window_is_ready_when_its_input_is_there(seed: int) -> None:
    """Also where the number of steps wraps. What comes in the last cycle of the window before is seen a cycle later."""
    dut, rng = Progress(TINY), random.Random(seed)

    async def body(ctx: Any) -> None:
        def more() -> int:
            number = rng.randint(written, time + 2 * TINY.window)
            ctx.set(dut.input_steps, number % AHEAD)
            return number

        await strobe(ctx, dut.fresh)
        time = written = 0
        count = rng.randint(1, TINY.window)
        ctx.set(dut.count, count)
        for _ in range(300):
            written = more()
            await ctx.tick()
            assert ctx.get(dut.input_ready) == (written >= time + count)
            if written < time + count:
                continue
            await ctx.tick()
            before, time = written, time + count
            written = more()
            await strobe(ctx, dut.ends)
            count = rng.randint(1, TINY.window)
            ctx.set(dut.count, count)
            assert ctx.get(dut.input_ready) == (before >= time + count)
            await ctx.tick()
            assert ctx.get(dut.input_ready) == (written >= time + count)

    simulate(dut, body)


@pytest.mark.parametrize("may_go_ahead", [True, False])
def test_the_input_may_go_ahead_only_between_windows_while_steps_are_to_come(may_go_ahead: bool) -> None:
    dut, rng = Progress(TINY), random.Random(0)

    async def body(ctx: Any) -> None:
        await strobe(ctx, dut.fresh)
        ctx.set(dut.may_go_ahead, may_go_ahead)
        time = 0
        for _ in range(100):
            ahead, written, count = rng.randint(0, 2 * TINY.window), rng.randint(0, AHEAD - 1), rng.randint(1, TINY.window)
            for signal, value in ((dut.ahead, ahead), (dut.input_steps, written), (dut.count, count), (dut.between, 1)):
                ctx.set(signal, value)
            await ctx.tick()
            limit = (time + ahead) % AHEAD if may_go_ahead else written
            assert ctx.get(dut.input_limit) == limit
            ctx.set(dut.between, 0)
            ctx.set(dut.ahead, ahead ^ 1)
            ctx.set(dut.input_steps, written ^ 1)
            await strobe(ctx, dut.ends)
            time += count
            assert ctx.get(dut.input_limit) == limit, "stays during a window"

    simulate(dut, body)
