"""The memory of delays: who is served in which cycle, and with what."""

from __future__ import annotations

import random

from lifline.arch.config import preset
from lifline.rtl.spikes.delays import Delays, delay_bits

from ..bench import simulate

CONFIG = preset("tiny")


def test_the_host_writes_between_runs_and_readers_are_served_in_order() -> None:
    rng, dut = random.Random(1), Delays(CONFIG, 3)
    delays = [rng.randrange(1 << delay_bits(CONFIG)) for _ in range(CONFIG.delay_entries)]

    async def body(ctx):
        ctx.set(dut.host.write, 1)
        for address, delay in enumerate(delays):
            ctx.set(dut.host.address, address)
            ctx.set(dut.host.data, delay)
            await ctx.tick()
        ctx.set(dut.host.write, 0)
        served = [0] * 4
        for _ in range(600):
            running = rng.random() < 0.8
            asks = [rng.random() < 0.4 for _ in dut.readers]
            addresses = [rng.randrange(CONFIG.delay_entries) for _ in range(4)]
            ctx.set(dut.running, running)
            ctx.set(dut.host.address, addresses[3])
            for reader, ask, address in zip(dut.readers, asks, addresses, strict=False):
                ctx.set(reader.enable, ask)
                ctx.set(reader.address, address)
            first = asks.index(True) if any(asks) else len(asks) - 1
            free = [running and k <= first for k in range(len(asks))]
            assert [bool(ctx.get(reader.free)) for reader in dut.readers] == free
            await ctx.tick()
            who = first if running else 3
            served[who] += 1
            assert ctx.get(dut.host.read_data) == delays[addresses[who]]
            assert all(ctx.get(reader.data) == delays[addresses[who]] for reader in dut.readers)
        assert min(served) > 30

    simulate(dut, body)
