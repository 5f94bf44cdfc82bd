"""The map tables: the host writes one, everybody reads all."""

from __future__ import annotations

import random
from typing import Any

from lifline.arch.maps import TABLES
from lifline.rtl.synapses.map_memory import MapMemory
from lifline.sim.random.variants import VARIANTS

from ..bench import simulate

CONFIG = VARIANTS["tiny"].replace(map_words=16)


def test_tables_are_apart_and_a_word_stays_until_the_next_is_read() -> None:
    rng, dut = random.Random(1), MapMemory(CONFIG)
    tables = [[rng.getrandbits(32) for _ in range(CONFIG.map_words)] for _ in range(TABLES)]

    async def bench(ctx: Any) -> None:
        for k in rng.sample(range(TABLES * CONFIG.map_words), TABLES * CONFIG.map_words):
            ctx.set(dut.host.address, k)
            ctx.set(dut.host.data, tables[k // CONFIG.map_words][k % CONFIG.map_words])
            ctx.set(dut.host.write, 1)
            await ctx.tick()
        ctx.set(dut.host.write, 0)
        for k in range(TABLES * CONFIG.map_words):
            ctx.set(dut.host.address, k)
            ctx.set(dut.read.enable, 0)  # is the walk's, and between runs nobody's
            await ctx.tick()
            assert ctx.get(dut.host.read_data) == sum(table[k % CONFIG.map_words] << 32 * t for t, table in enumerate(tables))
        ctx.set(dut.running, 1)
        ctx.set(dut.host.address, 5)
        shown = [table[(TABLES * CONFIG.map_words - 1) % CONFIG.map_words] for table in tables]
        for _ in range(200):
            addresses, enable = [rng.randrange(CONFIG.map_words) for _ in range(TABLES)], rng.random() < 0.6
            for port, address in zip(dut.read.addresses, addresses, strict=True):
                ctx.set(port, address)
            ctx.set(dut.read.enable, enable)
            await ctx.tick()
            shown = [table[address] for table, address in zip(tables, addresses, strict=True)] if enable else shown
            assert [ctx.get(word) for word in dut.read.words] == shown

    simulate(dut, bench)
