"""Which neurons exist: from the words of rows, all of them for populations without such words, and a mask for the last row."""

from __future__ import annotations

import random

from lifline.arch.config import preset
from lifline.rtl.neurons.exists import Existence

from ..bench import simulate

CONFIG = preset("tiny").replace(multipliers=4)
ALL = (1 << CONFIG.multipliers) - 1


def test_words_count_until_the_next_and_all_neurons_exist_after_a_load() -> None:
    dut, rng = Existence(CONFIG), random.Random(1)

    async def bench(ctx):
        row = exists = ALL
        for cycle in range(500):
            load, latch, last_row = (cycle > 20 and rng.random() < chance for chance in (0.1, 0.3, 0.3))
            bits, last = rng.randrange(ALL + 1), rng.randrange(ALL + 1)
            for name, value in (("load", load), ("latch", latch), ("last_row", last_row), ("bits", bits), ("last", last)):
                ctx.set(getattr(dut, name), value)
            await ctx.tick()
            exists = row & (last if last_row else ALL)
            assert ctx.get(dut.exists) == exists
            row = ALL if load else bits if latch else row

    simulate(dut, bench)
