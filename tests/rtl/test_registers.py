"""The memory of registers and counters alone, accessed as often as the host can."""

import random

import pytest

from lifline.arch.registers import COUNTERS, REGISTERS, STORED_OFFSET, STORED_WORDS
from lifline.rtl.registers import RegisterMemory

from .bench import simulate

FIRST_WRITTEN = STORED_OFFSET + len(COUNTERS)


@pytest.mark.parametrize("seed", range(3))
def test_counters_and_registers_hold_their_values_between_back_to_back_accesses(seed):
    memory = RegisterMemory()
    rng = random.Random(seed)
    likely = [1.0, 0.9, 0.5, 0.1, 0.97]
    count = [0] * len(COUNTERS)
    stored = {}

    async def bench(ctx):
        async def cycle(clear=False):
            events = [rng.random() < p for p in likely]
            ctx.set(memory.increments, sum(e << k for k, e in enumerate(events)))
            ctx.set(memory.clear, clear)
            for k, event in enumerate(events):
                count[k] = 0 if clear else count[k] + event
            await ctx.tick()
            ctx.set(memory.clear, 0)

        async def idle():
            ctx.set(memory.free, 1)
            await cycle(clear=rng.random() < 0.003)
            while ctx.get(memory.clearing):
                await cycle()

        for _ in range(1500):
            await idle()
            if rng.random() < 0.2:
                await idle()
            ctx.set(memory.free, 0)
            offset = rng.choice([rng.randrange(len(COUNTERS)) + STORED_OFFSET, rng.randrange(FIRST_WRITTEN, len(REGISTERS))])
            ctx.set(memory.index, offset % STORED_WORDS)
            await cycle()  # an update may still be on its way
            if offset >= FIRST_WRITTEN and (offset not in stored or rng.random() < 0.5):
                stored[offset] = rng.getrandbits(32)
                ctx.set(memory.write_data, stored[offset])
                ctx.set(memory.write, 1)
                await cycle()
                ctx.set(memory.write, 0)
            expected = stored[offset] if offset in stored else count[offset - STORED_OFFSET]
            await cycle()
            assert ctx.get(memory.data) == expected, f"register {offset}"
            await cycle()
            await cycle()
        assert not ctx.get(memory.overflow)

    simulate(memory, bench)
