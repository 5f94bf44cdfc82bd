"""The memory of registers and counters alone, accessed as often as the host can."""

import random

import pytest

from lifline.arch.registers import COUNTER_BITS, COUNTER_STEP, COUNTERS, REGISTERS, STORED_OFFSET, STORED_WORDS
from lifline.rtl.host.registers import RegisterMemory

from ..bench import simulate

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


@pytest.mark.parametrize("which", range(len(COUNTERS)))
def test_a_counter_that_is_set_close_to_its_end_wraps_and_says_so(which: int) -> None:
    """Counted on exactly, modulo 2^32, while the host reads it; the others see nothing of it, and a fresh start forgets it."""
    memory, rng = RegisterMemory(), random.Random(which)
    start, likely = (1 << COUNTER_BITS) - 3 * COUNTER_STEP, [0.6] * len(COUNTERS)
    count = [0] * len(COUNTERS)

    async def bench(ctx):
        async def cycles(number: int):
            for _ in range(number):
                events = [rng.random() < p for p in likely]
                ctx.set(memory.increments, sum(e << k for k, e in enumerate(events)))
                await ctx.tick()
                for k, event in enumerate(events):
                    count[k] += event

        async def access(k: int, write: int | None = None) -> int:
            ctx.set(memory.free, 0)
            ctx.set(memory.index, (STORED_OFFSET + k) % STORED_WORDS)
            await cycles(1)
            if write is not None:
                ctx.set(memory.write_data, write)
                ctx.set(memory.write, 1)
                await cycles(1)
                ctx.set(memory.write, 0)
            expected = count[k]
            await cycles(1)
            value = ctx.get(memory.data)
            await cycles(2)
            ctx.set(memory.free, 1)
            await cycles(2)
            return value - expected % (1 << COUNTER_BITS) if write is None else 0

        ctx.set(memory.free, 1)
        while ctx.get(memory.clearing):
            await ctx.tick()
        await access(which, start)
        count[which] += start
        wrapped = False
        for _ in range(200):
            assert await access(rng.randrange(len(COUNTERS))) == 0 and await access(which) == 0
            await cycles(rng.randrange(8))
            if ctx.get(memory.overflow):
                assert count[which] >= 1 << COUNTER_BITS
                wrapped = True
            else:
                assert count[which] < (1 << COUNTER_BITS) + COUNTER_STEP, "told before the low bits have gone round again"
        assert wrapped
        ctx.set(memory.clear, 1)
        ctx.set(memory.increments, 0)
        await ctx.tick()
        ctx.set(memory.clear, 0)
        await ctx.tick()
        assert not ctx.get(memory.overflow)

    simulate(memory, bench)
