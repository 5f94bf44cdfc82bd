"""Rows and columns of rings."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import Module, Signal

from lifline.arch.config import preset
from lifline.rtl.spikes.place import Place, wrapped

from ..bench import simulate

CONFIG = preset("tiny")


def test_a_row_behind_the_last_one_is_one_of_the_first_rows() -> None:
    """All rows of all small rings."""
    m, row, rows, result = Module(), Signal(5), Signal(4), Signal(5)
    m.d.comb += result.eq(wrapped(row, rows))

    async def body(ctx):
        for size in range(1, 16):
            ctx.set(rows, size)
            for k in range(2 * size):
                ctx.set(row, k)
                assert ctx.get(result) == k % size

    m.d.sync += Signal(name="clocked").eq(1)
    simulate(m, body)


@pytest.mark.parametrize("seed", range(3))
def test_every_word_of_every_step_and_delay_has_its_place(seed: int) -> None:
    rng, dut = random.Random(seed), Place(CONFIG)

    async def body(ctx):
        for _ in range(40):
            rows = rng.randrange(CONFIG.window + CONFIG.max_delay, CONFIG.max_ring_rows + 1)
            base, head, number = rng.randrange(8), rng.randrange(rows), rng.randrange(CONFIG.window)
            ctx.set(dut.ring, {"base": base, "rows": rows, "head": head})
            ctx.set(dut.number, number)
            ctx.set(dut.rows, rows)
            ctx.set(dut.start, 1)
            ctx.set(dut.enter, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.enter, 0)
            ctx.set(dut.ring, {"base": 99, "rows": 0, "head": 3})
            for word in range(4):
                delay = rng.randrange(CONFIG.max_delay + 1)
                ctx.set(dut.delay, delay)
                ctx.set(dut.follow, 1)
                await ctx.tick()
                ctx.set(dut.follow, 0)
                ctx.set(dut.delay, rng.randrange(CONFIG.max_delay + 1))
                for _ in range(rng.randrange(3)):
                    await ctx.tick()
                assert ctx.get(dut.address) == base + word * rows + (head + number + delay) % rows
                ctx.set(dut.move, 1)
                await ctx.tick()
                ctx.set(dut.move, 0)

    simulate(dut, body)
