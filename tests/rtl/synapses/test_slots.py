"""The accumulators' memory against a dictionary of sums: uses of one slot at any distance, late weights, the update that reads and clears."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import Module, Signal

from lifline.arch.config import Config
from lifline.arch.timing import ACCUMULATE_SPACING
from lifline.rtl.synapses.slots import Slots
from lifline.sim.random.variants import VARIANTS

from ..bench import simulate

CONFIGS = [VARIANTS[name] for name in ("tiny", "event-only", "event-wide")]
BLOCKS = 4


class Bench:
    """One step after the other: events in any order of slots, then the update of all blocks, which clears them."""

    def __init__(self, config: Config, seed: int, *, late: float) -> None:
        self.config, self.rng, self.late = config, random.Random(seed), late
        self.dut = Slots(config, carry_cells=False)
        self.weight = [Signal.like(weight, name=f"word{lane}") for lane, weight in enumerate(self.dut.weight)]
        """What the weight memory shows; with memory registers there is one behind it."""
        self.top = m = Module()
        m.submodules.dut = self.dut
        m.d["sync" if config.memory_registers else "comb"] += [inner.eq(outer) for inner, outer in zip(self.dut.weight, self.weight, strict=True)]
        self.base = self.rng.randrange(config.slot_words - BLOCKS)
        self.waited = 0

    def weights(self) -> list[int]:
        return [self.rng.randint(self.config.weight_min, self.config.weight_max) for _ in range(self.config.lanes)]

    async def accumulate(self, ctx, blocks: list[int]) -> dict[int, list[int]]:
        """Add weights to these blocks, one after the other as early as the guard lets them. Ends in the cycle of the last event."""
        dut, sums = self.dut, {block: [0] * self.config.lanes for block in range(BLOCKS)}
        answer: list[int] | None = None  # weights of the event of the cycle before
        for k, block in enumerate(blocks):
            following = self.base + blocks[min(k + 1, len(blocks) - 1)]
            while True:
                late = answer is not None and self.rng.random() < self.late
                ctx.set(dut.late, late)
                if answer is not None and not late:
                    for lane, weight in enumerate(answer):
                        ctx.set(self.weight[lane], weight)
                    answer = None
                ctx.set(dut.event.slot, self.base + block)
                ctx.set(dut.event.wanted, 1)
                accepted = not ctx.get(dut.conflict) and not late
                ctx.set(dut.event.accepted, accepted)
                ctx.set(dut.next_slot, following if accepted else self.base + block)
                self.waited += ctx.get(dut.conflict)
                if accepted:
                    answer = self.weights()
                    sums[block] = [a + b for a, b in zip(sums[block], answer, strict=True)]
                    if k + 1 == len(blocks):
                        break
                await ctx.tick()
                if accepted:
                    break
        while ctx.get(dut.unsettled):
            await self.leave(ctx, answer)
            answer = None
        await self.leave(ctx, answer)
        return sums

    async def leave(self, ctx, answer: list[int] | None) -> None:
        """A clock edge after which nothing is issued; the last event's weights come."""
        dut = self.dut
        await ctx.tick()
        ctx.set(dut.event.wanted, 0)
        ctx.set(dut.event.accepted, 0)
        ctx.set(dut.late, 0)
        for lane, weight in enumerate(answer or []):
            ctx.set(self.weight[lane], weight)

    async def update(self, ctx, first_after: int) -> dict[int, list[int]]:
        """What the update reads, row by row, ``first_after`` cycles after the step was complete."""
        dut, config = self.dut, self.config
        read: dict[int, list[int]] = {block: [] for block in range(BLOCKS)}
        rows = [(block, row) for block in range(BLOCKS) for row in range(config.rows_per_block)]
        shown: list[tuple[int, int] | None] = [None, None]
        for _ in range(first_after - 1):
            await ctx.tick()
        while rows or any(shown):
            now = rows.pop(0) if rows and self.rng.random() < 0.8 else None
            if now:
                ctx.set(dut.read.block, now[0])
                ctx.set(dut.read.row, now[1])
            used = shown[0]
            ctx.set(dut.read.used, used is not None)
            ctx.set(dut.read.last, used is not None and used[1] == config.rows_per_block - 1)
            if shown[1]:
                read[shown[1][0]] += [ctx.get(value) for value in dut.read.sums]
            shown = [now, used]
            if rows or any(shown):
                await ctx.tick()
        ctx.set(dut.read.used, 0)
        return read

    def run(self, steps: int, events: int, blocks: int) -> None:
        async def bench(ctx):
            ctx.set(self.dut.base, self.base)
            for _ in range(steps):
                chosen = [self.rng.randrange(blocks) for _ in range(self.rng.randint(1, events))]
                ctx.set(self.dut.next_slot, self.base + chosen[0])
                await ctx.tick()
                expected = await self.accumulate(ctx, chosen)
                assert await self.update(ctx, 2) == expected
                ctx.set(self.dut.next_slot, self.base + self.rng.randrange(BLOCKS))

        simulate(self.top, bench)


@pytest.mark.parametrize("late", [0.0, 0.3])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_no_sum_is_lost_however_close_two_uses_of_a_slot_are(config: Config, late: float):
    for blocks in (1, 2, 3, BLOCKS):
        bench = Bench(config, blocks, late=late)
        bench.run(steps=30, events=12, blocks=blocks)
        assert bench.waited, "the guard has something to do"


def test_a_slot_comes_again_after_its_spacing_and_no_later():
    """Without late weights one block takes ``ACCUMULATE_SPACING`` cycles per event, exactly."""
    bench, events = Bench(CONFIGS[0], 0, late=0.0), 20

    async def run(ctx):
        ctx.set(bench.dut.base, bench.base)
        ctx.set(bench.dut.next_slot, bench.base)
        await ctx.tick()
        await bench.accumulate(ctx, [0] * events)

    simulate(bench.top, run)
    assert bench.waited == (events - 1) * (ACCUMULATE_SPACING - 1)
