"""Lengths of windows alone, against a plain division of a run."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lifline.arch.config import preset
from lifline.arch.records import RECORD
from lifline.arch.registers import EXIT_BITS
from lifline.rtl.control.windows import Windows

from ..bench import simulate

TINY = preset("tiny")
WINDOW = TINY.window
MOST_STEPS = (1 << RECORD["step"].width) - 1
MOST_COUNT = (1 << TINY.state_bits) - 1
LEAD = 10
MOST_WINDOWS = 80
"""As many of a run are looked at."""


def divided(steps: int, every: int, to_check: int) -> list[tuple[int, bool, int]]:
    """Length of every window, whether it ends with a comparison, and how many steps the input may be ahead before it."""
    found = []
    while steps:
        ahead = min(2 * WINDOW, to_check) if every else 2 * WINDOW
        length = min(WINDOW, steps, to_check if every else steps)
        checks = every > 0 and length == to_check
        found.append((length, checks, ahead))
        steps -= length
        to_check = every if checks else to_check - length
    return found


@pytest.mark.parametrize(
    ("runs", "every"),
    [
        ([1], 0),
        ([WINDOW, WINDOW + 1], 0),
        ([MOST_STEPS], 0),
        ([40], 1),
        ([40, 3, 9], WINDOW),
        ([40, 3, 9], WINDOW + 1),
        ([41, 40], 2 * WINDOW - 1),
        ([41, 7, 40], 2 * WINDOW),
        ([41, 30], 2 * WINDOW + 1),
        ([300], (1 << EXIT_BITS) - 1),
    ],
)
def test_windows_end_with_the_run_and_with_comparisons(runs: list[int], every: int) -> None:
    """Runs after the first continue it: the next comparison stays where it is."""
    dut, rng = Windows(TINY), random.Random(every)

    async def body(ctx: Any) -> None:
        ctx.set(dut.exit_every, every)
        ctx.set(dut.exit_margin, LEAD)
        to_check = every
        for number, steps in enumerate(runs):
            ctx.set(dut.steps, steps)
            ctx.set(dut.idle, 1)
            ctx.set(dut.fresh, number == 0)
            await ctx.tick()
            ctx.set(dut.idle, 0)
            ctx.set(dut.fresh, 0)
            ctx.set(dut.steps, rng.getrandbits(8))  # taken at the start
            windows = divided(steps, every, to_check)
            for length, checks, ahead in windows[:MOST_WINDOWS]:
                assert not ctx.get(dut.over)
                ctx.set(dut.choose, 1)
                await ctx.tick()
                ctx.set(dut.choose, 0)
                for _ in range(rng.randint(0, 2)):
                    await ctx.tick()
                assert (ctx.get(dut.count), ctx.get(dut.ahead)) == (length, ahead)
                ctx.set(dut.starts, 1)
                await ctx.tick()
                ctx.set(dut.starts, 0)
                second = rng.randint(0, 20)
                lead = rng.choice([LEAD - 1, LEAD, LEAD + 1, 0])
                ctx.set(dut.leading, second + lead)
                ctx.set(dut.second, second)
                await ctx.tick().repeat(2)
                assert ctx.get(dut.decided) == (checks and lead > LEAD)
                to_check = every if checks else to_check - length
            assert ctx.get(dut.over) == (len(windows) <= MOST_WINDOWS)

    simulate(dut, body)


@pytest.mark.parametrize(("lead", "margin", "decided"), [(0, MOST_COUNT, 0), (MOST_COUNT, MOST_COUNT, 0), (MOST_COUNT, MOST_COUNT - 1, 1), (MOST_COUNT, 0, 1)])
def test_leads_and_margins_have_all_bits_of_the_state(lead: int, margin: int, decided: int) -> None:
    dut = Windows(TINY)

    async def body(ctx: Any) -> None:
        for signal, value in ((dut.exit_every, 1), (dut.exit_margin, margin), (dut.leading, lead), (dut.steps, 5), (dut.idle, 1), (dut.fresh, 1)):
            ctx.set(signal, value)
        await ctx.tick()
        ctx.set(dut.idle, 0)
        ctx.set(dut.choose, 1)
        await ctx.tick().repeat(2)
        assert ctx.get(dut.decided) == decided

    simulate(dut, body)
