"""The router against a reference that knows only arrival times: ring words, records for the host, cycles."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from lifline.arch.config import preset
from lifline.arch.limits import RING_BITS
from lifline.arch.program import MAX_RINGS
from lifline.arch.records import RECORD, RecordKind
from lifline.arch.timing import ARRIVAL_STAGES, UPDATE_STAGES
from lifline.rtl.spikes.router import Router

from ..bench import Memory, simulate

CONFIG = preset("tiny").replace(ring_words=512, max_neurons=128, delay_entries=128)
FULL = (1 << RING_BITS) - 1


@dataclass(frozen=True)
class Ring:
    """One ring: ``delay`` is a number, or a list of one per neuron that starts at delay entry ``entry``."""

    base: int
    rows: int
    head: int
    delay: int | list[int]
    entry: int = 0

    @property
    def uniform(self) -> bool:
        return isinstance(self.delay, int)


@dataclass
class Case:
    """Spike words (step, word) of one population, its rings, whether it is recorded; ``first`` is the first time step."""

    words: list[list[int]]
    rings: list[Ring]
    record: bool = False
    first: int = 0
    number: int = 5
    ring: list[int] = field(default_factory=lambda: [0] * CONFIG.ring_words)

    @property
    def direct(self) -> bool:
        return len(self.rings) == 1 and self.rings[0].uniform and not self.record


def looked_up(words: list[int]) -> int:
    """Cycles of a ring whose delays differ: words follow each other as fast as their spikes, the last of which is seen through to the ring."""
    taken, last = 1, 0  # the first word is read in cycle 0
    for word in words[:-1]:
        last = taken + word.bit_count() if word else last
        taken += max(word.bit_count(), 1)
    last = taken + words[-1].bit_count() if words[-1] else last
    drained = max(taken + 1, last + ARRIVAL_STAGES if last else 0)
    return drained + 2


def reference(case: Case) -> tuple[list[int], list[int], list[int]]:
    """Ring memory afterwards, words for the host, cycles of routing per step."""
    memory, output, cycles = list(case.ring), [], []
    for step, words in enumerate(case.words):
        cost = 0
        if case.record:
            cost += 2
            for index, word in enumerate(words):
                cost += 2 if word else 1
                if word:
                    time = (case.first + step) % (1 << RECORD["step"].width)
                    output += [RECORD.pack(kind=RecordKind.SPIKES, population=case.number, index=index, step=time), word]
        for ring in case.rings:
            row = (ring.head + step) % ring.rows
            cost += 2 + len(words) if ring.uniform else looked_up(words)
            for index, word in enumerate(words):
                place = ring.base + index * ring.rows
                if isinstance(ring.delay, int):
                    memory[place + (row + ring.delay) % ring.rows] = word
                    continue
                for k in (k for k in range(RING_BITS) if word >> k & 1):
                    memory[place + (row + ring.delay[RING_BITS * index + k]) % ring.rows] |= 1 << k
        cycles.append(cost)
    return memory, output, cycles


def gateware(case: Case, rng: random.Random, late: bool) -> tuple[list[int], list[int], list[int]]:
    """The same of the gateware; words come with gaps. ``late``: a step is routed while the next one's words arrive."""
    dut = Router(CONFIG)
    rings = list(case.ring)
    delays = Memory(3, [rng.randrange(8) for _ in range(CONFIG.delay_entries)], rng)
    for ring in case.rings:
        if not isinstance(ring.delay, int):
            delays.words[ring.entry : ring.entry + len(ring.delay)] = ring.delay
    output: list[int] = []
    cycles: list[int] = []

    async def bench(ctx):
        busy_for = 0

        async def cycle():
            nonlocal busy_for
            _, _, busy, valid, word, writes, spikes, delay_address, delay_enable = await ctx.tick().sample(
                dut.command.busy,
                dut.records.valid,
                dut.records.payload,
                dut.write.valid,
                dut.write.payload,
                dut.delays.address,
                dut.delays.enable,
            )
            if valid:
                output.append(word)
            assert (not spikes.merge or writes) and (not spikes.word or (writes and not spikes.merge))
            if writes:
                rings[spikes.address] = rings[spikes.address] | 1 << spikes.neuron if spikes.merge else spikes.word
            ctx.set(dut.delays.data, delays.cycle(delay_address, free=bool(delay_enable)))
            if busy:
                busy_for += 1
            elif busy_for:
                cycles.append(busy_for)
                busy_for = 0

        async def arrive(step: int):
            ctx.set(dut.command.begin, 1)
            ctx.set(dut.command.step, (case.first + step) % (1 << RECORD["step"].width))
            await cycle()
            ctx.set(dut.command.begin, 0)
            for _ in range(UPDATE_STAGES + 1 + rng.randrange(4)):
                await cycle()
            words = case.words[step]
            for index, word in enumerate(words):
                while rng.random() < 0.4:
                    await cycle()
                ctx.set(dut.words.word, word)
                ctx.set(dut.words.index, index)
                ctx.set(dut.words.valid, 1)
                ctx.set(dut.words.complete, index == len(words) - 1)
                await cycle()
                ctx.set(dut.words.valid, 0)
                ctx.set(dut.words.complete, 0)
                ctx.set(dut.words.word, rng.getrandbits(RING_BITS))

        async def route():
            while ctx.get(dut.command.busy):
                await cycle()
            if ctx.get(dut.command.needed):
                ctx.set(dut.command.go, 1)
                await cycle()
                ctx.set(dut.command.go, 0)

        async def load(step: int):
            for number, ring in enumerate(case.rings):
                delay = ring.delay if isinstance(ring.delay, int) else ring.entry
                ctx.set(dut.command.ring_0[number], {"base": ring.base, "rows": ring.rows, "head": (ring.head + step) % ring.rows})
                ctx.set(dut.command.ring_1[number], {"delay": delay, "uniform": ring.uniform})
            ctx.set(dut.command.load, 1)
            await cycle()
            ctx.set(dut.command.load, 0)

        for name, value in (("rings", len(case.rings)), ("record_spikes", case.record), ("population", case.number)):
            ctx.set(getattr(dut.command.population, name), int(value))
        for step in range(len(case.words)):
            if step % CONFIG.window == 0:
                while ctx.get(dut.command.busy):
                    await cycle()
                await load(step)
                assert ctx.get(dut.command.needed) == ((bool(case.rings) or case.record) and not case.direct)
            await arrive(step)
            if not late:
                await route()
                while ctx.get(dut.command.busy):
                    await cycle()
                continue
            await cycle()  # `complete` is taken
            await route()  # and the next step's words arrive while it goes on
        for _ in range(2000):
            await cycle()

    simulate(dut, bench)
    return rings, output, cycles


def check(case: Case, seed: int = 1) -> None:
    memory, output, cycles = reference(case)
    for late in (False, True):
        got = gateware(case, random.Random(seed), late)
        assert got[:2] == (memory, output), f"late={late}"
        assert got[2] == ([] if case.direct or not (case.rings or case.record) else cycles), f"late={late}"


EDGES = {
    "nowhere to go": Case([[FULL], [0]], []),
    "direct": Case([[k * 0x01234567 & FULL, 7] for k in range(9)], [Ring(8, 6, 4, 3)]),
    "direct, longest delay": Case([[FULL], [1], [0]], [Ring(0, 8, 0, 7)]),
    "recorded only": Case([[0, 5, FULL], [0, 0, 0], [1, 1 << 31, 0]], [], record=True),
    "step counts modulo 2^14": Case([[1], [2], [3], [4]], [], record=True, first=(1 << RECORD["step"].width) - 2),
    "odd first step": Case([[1], [2], [3]], [Ring(0, 4, 1, 2)], record=True, first=7),
    "two uniform rings": Case([[FULL, 3], [5, 6], [0, 1]], [Ring(0, 5, 4, 1), Ring(40, 9, 8, 7)]),
    "axonal, every neuron": Case([[FULL], [FULL], [FULL]], [Ring(3, 11, 9, [k % 8 for k in range(32)], 32)]),
    "axonal, one behind the other in one word of the ring": Case([[FULL, 0, FULL], [FULL, 1, FULL]], [Ring(3, 11, 9, [k // 3 % 2 for k in range(96)])]),
    "axonal, a spike and silence": Case([[1, 0, 0, 0], [0, 0, 0, 1 << 31], [0, 1, 0, 0]], [Ring(3, 11, 9, [k % 7 for k in range(128)])]),
    "axonal, silent": Case([[0, 0], [0, 0]], [Ring(3, 11, 9, [7] * 64)]),
    "axonal and uniform, recorded": Case([[1 << 31, 1], [FULL, 0]], [Ring(0, 11, 0, [7] * 64), Ring(100, 6, 5, 2)], record=True),
}


@pytest.mark.parametrize("name", EDGES)
def test_edges(name: str) -> None:
    check(EDGES[name])


@pytest.mark.parametrize("seed", range(12))
def test_random_spikes_with_gaps(seed: int) -> None:
    rng = random.Random(seed)
    words = rng.randrange(1, 5)
    rings: list[Ring] = []
    base, entries = rng.randrange(8), 0
    for _ in range(rng.randrange(MAX_RINGS + 1)):
        rows = rng.randrange(CONFIG.window + CONFIG.max_delay, CONFIG.max_ring_rows + 1)
        delay: int | list[int] = rng.randrange(CONFIG.max_delay + 1)
        if rng.random() < 0.7 and entries + words * RING_BITS <= CONFIG.delay_entries:
            delay = [rng.randrange(CONFIG.max_delay + 1) for _ in range(words * RING_BITS)]
        rings.append(Ring(base, rows, rng.randrange(rows), delay, entries))
        base += words * rows + rng.randrange(4)
        entries += words * RING_BITS if isinstance(delay, list) else 0

    def word() -> int:
        return rng.choice([0, FULL, 1 << rng.randrange(32), rng.getrandbits(32), rng.getrandbits(32) & rng.getrandbits(32)])

    steps = [[word() for _ in range(words)] for _ in range(10)]
    check(Case(steps, rings, record=rng.random() < 0.5, first=rng.randrange(1 << RECORD["step"].width)), seed)
