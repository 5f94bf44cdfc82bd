"""The walk against three nested loops in Python: pairs, their order, and the cycle of each."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from lifline.arch.config import preset
from lifline.arch.timing import WALK_STAGES
from lifline.rtl.synapses.walk import Walk
from lifline.sim.random.variants import VARIANTS

from ..bench import simulate
from .walks import Geometry, MapWord, Pair, WalkModel, drawn

CONFIGS = {
    "small": VARIANTS["tiny"].replace(map_words=32),
    "conv": preset("conv"),
    "conv85": preset("conv85"),
    "wide": VARIANTS["tiny"].replace(map_words=32, event_lanes=64, dense_lanes=64, max_neurons=256),
    "deep": preset("conv").replace(map_words=1024, weight_words=8192, slot_words=2048),
}
LIMIT = 20_000


@dataclass
class Bench:
    """Leads indices in and pairs out, with chances to offer and to take in every cycle; compares busy and both handshakes with the model."""

    config: Any
    geometry: Geometry
    rng: random.Random
    offer: float = 1.0
    take: float = 1.0
    base: int = 0
    pairs: list[Pair] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)  # in which each of them was taken, counted from the first index that was offered

    def run(self, indices: list[int]) -> list[Pair]:
        dut, model = Walk(self.config), WalkModel()
        memory = self.geometry.memory(self.config, self.rng)

        async def bench(ctx: Any) -> None:
            waiting = list(indices)
            masks, inside = [self.rng.getrandbits(self.config.lanes) for _ in indices], list[int]()  # of those that wait, and of all pairs that are to come
            for k, word in enumerate(self.geometry.program_words()):
                ctx.set(dut.words[f"pass_{3 + k}"].as_value(), word)
            ctx.set(dut.base, self.base)
            words = [self.rng.getrandbits(32) for _ in memory]
            for cycle in range(LIMIT):
                offered, takes = bool(waiting) and self.rng.random() < self.offer, self.rng.random() < self.take
                ctx.set(dut.indices.valid, offered)
                ctx.set(dut.indices.payload.index, waiting[0] if offered else self.rng.randrange(self.config.mapped_fan_in))
                if self.config.vectors:
                    ctx.set(dut.indices.payload.mask, masks[0] if offered else 0)
                ctx.set(dut.pairs.ready, takes)
                for port, word in zip(dut.maps.words, words, strict=True):
                    ctx.set(port, word)
                assert ctx.get(dut.busy) == model.busy, cycle
                visits = self.geometry.visits(self.config, waiting[0], self.base) if offered else None
                taken, pair = model.cycle(visits, takes)
                assert (ctx.get(dut.indices.ready) and offered) == taken, f"cycle {cycle}"
                assert (ctx.get(dut.pairs.valid) and takes) == (pair is not None), f"cycle {cycle}"
                if pair is not None:
                    shown = dut.pairs.payload
                    self.pairs.append((ctx.get(shown.weight), ctx.get(shown.slot)))
                    self.cycles.append(cycle)
                    assert self.pairs[-1] == pair, f"cycle {cycle}"
                    assert ctx.get(shown.mask) == inside.pop(0) if self.config.vectors else not len(shown.mask)
                if taken and visits is not None:
                    inside += [masks[0]] * len(visits)
                if ctx.get(dut.maps.enable):
                    words = [table[ctx.get(address)] for table, address in zip(memory, dut.maps.addresses, strict=True)]
                await ctx.tick()
                if taken:
                    waiting.pop(0)
                    masks.pop(0)
                if not waiting and not model.busy:
                    break
            assert not waiting and not ctx.get(dut.busy)

        simulate(dut, bench)
        return self.pairs


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize(("offer", "take"), [(1, 1), (0.3, 1), (1, 0.3), (0.6, 0.6)], ids=["no-stalls", "few-indices", "few-takes", "both"])
def test_random_walks_visit_what_three_loops_visit_in_the_models_cycles(name: str, offer: float, take: float) -> None:
    config, rng = CONFIGS[name], random.Random(f"{name} {offer} {take}")
    for _ in range(6):
        geometry, base = drawn(config, rng), rng.randrange(config.slot_words)
        indices = sorted(rng.sample(range(geometry.fan_in), min(geometry.fan_in, 40)))
        expected = [pair for index in indices for pair in geometry.visits(config, index, base)]
        assert Bench(config, geometry, rng, offer, take, base).run(indices) == expected


def straight(counts: tuple[int, int, int], radices: tuple[int, int, int] = (4, 5, 3), exists: float = 1.0) -> Geometry:
    """All indices visit as many pairs; table k has an index that does not exist with chance 1 - exists."""
    rng = random.Random(1)
    tables = tuple(tuple(MapWord(7 * k, k, count, rng.random() < exists) for k in range(radix)) for radix, count in zip(radices, counts, strict=True))
    return Geometry(tables, (0, 3, 5), ((1, 1), (16, 5), (-64, 17)))


@pytest.mark.parametrize("counts", [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (2, 2, 0), (1, 2, 3)])
def test_a_pair_leaves_in_every_cycle_from_the_first_to_the_last(counts: tuple[int, int, int]) -> None:
    """Also across indices, however few pairs each of them has."""
    bench = Bench(CONFIGS["conv"], straight(counts), random.Random(1))
    bench.run(list(range(60)))
    first = WALK_STAGES + 1
    assert bench.cycles == list(range(first, first + len(bench.pairs))) and len(bench.pairs) == 60 * (counts[0] + 1) * (counts[1] + 1) * (counts[2] + 1)


def test_an_index_that_reaches_nothing_takes_one_cycle_and_none_behind_a_longer_walk() -> None:
    config = CONFIGS["conv"]
    for counts, spare in (((0, 0, 0), 0), ((1, 0, 0), 1)):
        geometry = straight(counts, exists=0.8)
        missing = sum(not geometry.visits(config, index) for index in range(60))
        bench = Bench(config, geometry, random.Random(1))
        bench.run(list(range(60)))
        assert missing > 10
        gaps = bench.cycles[-1] - bench.cycles[0] + 1 - len(bench.pairs)
        inner = [bool(geometry.visits(config, index)) for index in range(60)]
        held = inner[inner.index(True) : len(inner) - inner[::-1].index(True)].count(False)
        assert gaps == held if not spare else gaps < held


def test_every_digit_of_every_index_finds_its_word() -> None:
    """Tables that name their words, over all indices of the largest pass: radices that are no powers of two."""
    config = CONFIGS["deep"]
    radices = (29, 23, 24)
    tables = tuple(tuple(MapWord(digit if k < 2 else 0, digit if k == 2 else 0, 0, True) for digit in range(radix)) for k, radix in enumerate(radices))
    geometry = Geometry(tables, (1024 - 29, 500, 0), ((0, 0),) * 3)
    indices = [index for index in range(geometry.fan_in) if index % 7 == 3 or index > geometry.fan_in - 200]
    pairs = Bench(config, geometry, random.Random(1)).run(indices)
    assert pairs == [(sum(geometry.digits(i)[:2]), geometry.digits(i)[2]) for i in indices]


def test_the_longest_loops_end() -> None:
    """A hundred and twenty-eight repetitions in each loop, and steps of both signs around the ends of both memories."""
    config = CONFIGS["small"]
    for loop in range(3):
        counts = [0, 0, 0]
        counts[loop] = 127
        tables = tuple((MapWord(config.weight_words - 1, config.slot_words - 1, count, True),) for count in counts)
        geometry = Geometry(tables, (31, 0, 7), tuple((-32768, 32767) if k == loop else (1, 1) for k in range(3)))
        assert Bench(config, geometry, random.Random(1)).run([0, 0]) == geometry.visits(config, 0) * 2
