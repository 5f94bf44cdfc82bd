"""Rows of spikes become words of 32 neurons."""

from __future__ import annotations

import random

import pytest

from lifline.arch.config import preset
from lifline.arch.limits import RING_BITS
from lifline.rtl.neurons.spikes import SpikeCollector

from ..bench import simulate

TINY = preset("tiny")


@pytest.mark.parametrize("lanes", [1, 2, 8, 32])
@pytest.mark.parametrize("rows", [1, 3, 16, 33])
def test_rows_become_words_with_gaps_and_rows_of_something_else(lanes: int, rows: int) -> None:
    dut = SpikeCollector(TINY.replace(event_lanes=32, dense_lanes=0, drain_cycles=1, multipliers=lanes, max_neurons=2048, neuron_words=4096))
    rng = random.Random(lanes * rows)
    finished, words = dut.finished, dut.words

    async def bench(ctx):
        for _ in range(3):  # steps
            spikes = [rng.getrandbits(lanes) for _ in range(rows)]
            all_spikes = sum(word << row * lanes for row, word in enumerate(spikes))
            arrived = []
            for row, word in enumerate(spikes):
                for fire in [0] * rng.choice([0, 0, 2]) + [1]:
                    last = row == rows - 1
                    ctx.set(finished.fire, fire)
                    ctx.set(finished.row, row)
                    ctx.set(finished.last_row, last)
                    ctx.set(finished.ends_step, fire and last)
                    ctx.set(dut.spikes, word if fire else rng.getrandbits(lanes))
                    await ctx.tick()
                    if ctx.get(words.valid):
                        arrived.append((ctx.get(words.index), ctx.get(words.word)))
                    assert ctx.get(words.complete) == (fire and last), "a cycle later, with the last word"
                    assert ctx.get(words.valid) == (fire and (last or (row + 1) * lanes % RING_BITS == 0))
            number = -(-rows * lanes // RING_BITS)
            assert arrived == [(k, all_spikes >> k * RING_BITS & (1 << RING_BITS) - 1) for k in range(number)]

    simulate(dut, bench)
