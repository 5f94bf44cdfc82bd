"""The spikes of words, one per cycle, with their delays."""

from __future__ import annotations

import random

import pytest

from lifline.arch.config import preset
from lifline.arch.limits import RING_BITS
from lifline.arch.timing import ARRIVAL_STAGES
from lifline.rtl.spikes.arrivals import Arrivals, Picker

from ..bench import Memory, simulate

TINY = preset("tiny").replace(max_neurons=128)
FULL = (1 << RING_BITS) - 1


def some_words(rng: random.Random, count: int) -> list[int]:
    return [rng.choice([0, FULL, 1, 1 << 31, 1 << rng.randrange(RING_BITS), rng.getrandbits(RING_BITS)]) for _ in range(count)]


def spikes_of(word: int) -> list[int]:
    return [k for k in range(RING_BITS) if word >> k & 1]


def occupied(word: int) -> int:
    return sum(1 << k for k, byte in enumerate(word.to_bytes(4, "little")) if byte)


@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_spikes_come_lowest_first_one_per_cycle_and_none_is_left_over(gaps: float) -> None:
    """Words that are there in time follow each other without a gap."""
    rng, dut = random.Random(1), Picker()
    words = [0, FULL, 1, 1 << 31, 0, 0, *some_words(rng, 40)]
    expected = [(number, k, k == (spikes_of(word) or [None])[-1]) for number, word in enumerate(words) for k in spikes_of(word) or [None]]
    shown: list[tuple[int, int | None, bool]] = []

    async def body(ctx):
        ended, number, offered, cycles = 0, 0, False, 0
        while ended < len(words):
            offered = number < len(words) and (offered or rng.random() >= gaps)
            ctx.set(dut.offered, offered)
            ctx.set(dut.spikes, words[number] if offered else rng.getrandbits(RING_BITS))
            ctx.set(dut.occupied, occupied(words[number]) if offered else rng.getrandbits(4))
            *_, taken, valid, neuron, last = await ctx.tick().sample(dut.taken, dut.valid, dut.neuron, dut.last)
            if valid or last:
                shown.append((ended, neuron if valid else None, bool(last)))
            ended, number, offered, cycles = ended + last, number + taken, offered and not taken, cycles + 1
        assert gaps or cycles == len(expected) + 1
        for _ in range(3):
            *_, taken, valid, last = await ctx.tick().sample(dut.taken, dut.valid, dut.last)
            assert (taken, valid, last) == (0, 0, 0)

    simulate(dut, body)
    assert shown == expected


@pytest.mark.parametrize("seed", range(4))
def test_every_spike_is_shown_with_its_delay_and_every_word_has_an_end(seed: int) -> None:
    """``delay`` is that of the spike of the next cycle, at once or after gaps, ring after ring; ``idle`` comes with the last one. Odd seeds: with periods."""
    config = TINY.replace(map_words=16, delay_entries=128) if seed % 2 else TINY
    rng, dut = random.Random(seed), Arrivals(config)
    delays = Memory(3, [rng.randrange(8) for _ in range(config.delay_entries)], rng)
    shown: list[tuple[int, int, int]] = []  # (words that have ended, neuron, delay)
    ended, before = 0, 0

    async def body(ctx):
        nonlocal ended, before

        async def cycle(word: int | None = None) -> bool:
            nonlocal ended, before
            ctx.set(dut.offered, word is not None)
            ctx.set(dut.spikes, rng.getrandbits(RING_BITS) if word is None else word)
            ctx.set(dut.occupied, rng.getrandbits(4) if word is None else occupied(word))
            *_, taken, address, enable, valid, neuron, last, delay = await ctx.tick().sample(
                dut.taken, dut.delays.address, dut.delays.enable, dut.valid, dut.neuron, dut.last, dut.delay
            )
            ctx.set(dut.delays.data, delays.cycle(address, free=bool(enable)))
            if valid:
                shown.append((ended, neuron, before))
            ended, before = ended + last, delay
            return bool(taken)

        for _ in range(12):
            stored = config.delay_entries // RING_BITS
            first, words = rng.randrange(stored), some_words(rng, rng.randrange(1, 8))
            period = rng.randrange(stored - first + 1) if config.map_words else 0
            words = words if period else words[: stored - first]
            ctx.set(dut.ring.delay, RING_BITS * first)
            ctx.set(dut.ring.period, period)
            ctx.set(dut.start, 1)
            await cycle()
            await cycle()
            ctx.set(dut.start, 0)
            shown.clear()
            ended = 0
            for word in words:
                while rng.random() < 0.2:
                    await cycle()
                while not await cycle(word):
                    pass
            await cycle()
            while not ctx.get(dut.idle):
                await cycle()
            places = [first + (number % period if period else number) for number in range(len(words))]
            expected = [(number, k, delays.words[RING_BITS * places[number] + k]) for number, word in enumerate(words) for k in spikes_of(word)]
            await cycle()
            assert shown == expected
            for _ in range(ARRIVAL_STAGES + 1 if rng.random() < 0.5 else 0):  # else the next ring starts while the end of the last word is on its way
                await cycle()

    simulate(dut, body)
