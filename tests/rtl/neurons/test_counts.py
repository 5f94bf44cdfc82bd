"""Counters of a population, in the order of its words."""

from __future__ import annotations

import random

import pytest

from lifline.arch.config import preset
from lifline.arch.program import POPULATION_COUNTERS
from lifline.rtl.neurons.counts import PopulationCounts

from ..bench import simulate

CYCLES_TO_COUNT = 2


@pytest.mark.parametrize("lanes", [1, 4])
def test_every_event_is_counted_two_cycles_later(lanes: int) -> None:
    dut, rng = PopulationCounts(preset("tiny").replace(multipliers=lanes)), random.Random(lanes)
    late: list[dict[str, int]] = [dict.fromkeys(POPULATION_COUNTERS, 0)] * CYCLES_TO_COUNT
    total = dict.fromkeys(POPULATION_COUNTERS, 0)

    async def bench(ctx):
        for cycle in range(400):
            crossings, spikes, clipped = (rng.getrandbits(lanes) for _ in range(3))
            spikes &= crossings
            fired, counts_clipped, clear = rng.random() < 0.6, rng.random() < 0.6, cycle % 150 == 90
            for port, value in (
                (dut.fired, fired), (dut.crossings, crossings), (dut.spikes, spikes), (dut.clipped, counts_clipped),
                (dut.saturations, clipped), (dut.clear, clear),
            ):  # fmt: skip
                ctx.set(port, value)
            await ctx.tick()
            events = {
                "spikes": spikes.bit_count() * fired,
                "budget_hits": (crossings & ~spikes).bit_count() * fired,
                "saturations": clipped.bit_count() * counts_clipped,
            }
            late.append(events)
            for name, number in late[-CYCLES_TO_COUNT].items():
                total[name] = 0 if clear else total[name] + number
            assert {name: ctx.get(count) for name, count in zip(POPULATION_COUNTERS, dut.counts, strict=True)} == total

    simulate(dut, bench)
    assert all(total.values())
