"""The loop alone: every step of every window once, in order."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lifline.rtl.control.loop import Loop
from lifline.sim.random.variants import VARIANTS

from ..bench import simulate


@pytest.mark.parametrize("name", ["tiny", "window1", "window16"])
def test_every_step_comes_once_in_order(name: str) -> None:
    config = VARIANTS[name]
    rng, dut = random.Random(1), Loop(config)

    async def body(ctx: Any) -> None:
        for _ in range(20):
            count = rng.randint(1, config.window)
            ctx.set(dut.count, count)
            ctx.set(dut.begin, 1)
            assert not ctx.get(dut.looping)
            await ctx.tick()
            ctx.set(dut.begin, 0)
            for step in range(count):
                for _ in range(rng.randint(0, 3)):
                    assert ctx.get(dut.looping) and ctx.get(dut.step) == step
                    await ctx.tick()
                ctx.set(dut.ends, 1)
                assert ctx.get(dut.again) == (step < count - 1)
                await ctx.tick()
                ctx.set(dut.ends, 0)
            assert not ctx.get(dut.looping) and ctx.get(dut.step) == 0

    simulate(dut, body)
