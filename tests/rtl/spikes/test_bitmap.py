"""Spike words of two steps at once."""

from __future__ import annotations

import random

from lifline.arch.config import preset
from lifline.arch.limits import RING_BITS
from lifline.arch.timing import UPDATE_STAGES
from lifline.rtl.spikes.bitmap import Bitmap

from ..bench import simulate
from .test_arrivals import occupied

CONFIG = preset("tiny").replace(max_neurons=128)
WORDS = 4
FULL = (1 << RING_BITS) - 1


def test_a_step_is_read_while_the_words_of_the_next_one_arrive() -> None:
    rng, dut = random.Random(1), Bitmap(CONFIG)
    steps = [[rng.choice([0, 1 << rng.randrange(RING_BITS), FULL, rng.getrandbits(RING_BITS)]) for _ in range(WORDS)] for _ in range(12)]

    async def body(ctx):
        for number, words in enumerate(steps):
            if number % CONFIG.window == 0:
                ctx.set(dut.load, 1)
                await ctx.tick()
                ctx.set(dut.load, 0)
            assert ctx.get(dut.upcoming) == number % CONFIG.window
            ctx.set(dut.begin, 1)
            ctx.set(dut.step, 100 + number)
            await ctx.tick()
            ctx.set(dut.begin, 0)
            for late in range(UPDATE_STAGES + 1):
                assert ctx.get(dut.began) == (late == UPDATE_STAGES)
                await ctx.tick()
            for index, word in enumerate(words):
                ctx.set(dut.words.valid, 1)
                ctx.set(dut.words.word, word)
                ctx.set(dut.words.index, index)
                ctx.set(dut.words.complete, index == len(words) - 1)
                if number:  # a word of the step before, of which the first has been read with `go`
                    ctx.set(dut.show, 1)
                    ctx.set(dut.read, index < len(words) - 1)
                    assert ctx.get(dut.last) == (index == len(words) - 2) or index == len(words) - 1
                await ctx.tick()
                ctx.set(dut.words.valid, 0)
                ctx.set(dut.words.complete, 0)
                ctx.set(dut.show, 0)
                ctx.set(dut.read, 0)
                for _ in range(rng.randrange(2)):
                    await ctx.tick()
                if number:
                    before = steps[number - 1][index]
                    assert (ctx.get(dut.index), ctx.get(dut.spikes), ctx.get(dut.occupied)) == (index, before, occupied(before))
            ctx.set(dut.go, 1)
            ctx.set(dut.read, 1)
            assert ctx.get(dut.last) == (len(words) == 1)
            await ctx.tick()
            ctx.set(dut.go, 0)
            ctx.set(dut.read, 0)
            assert ctx.get(dut.complete.number) == ctx.get(dut.routed.number) == number % CONFIG.window
            assert (ctx.get(dut.routed.step), ctx.get(dut.routed.last_word)) == (100 + number, len(words) - 1)

    simulate(dut, body)
