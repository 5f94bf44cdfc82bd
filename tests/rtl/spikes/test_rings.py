"""The rings against a list of words: requests at random from all sides, in the order in which they are taken, and who goes first."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest

from lifline.arch.config import preset
from lifline.arch.limits import RING_BITS
from lifline.rtl.spikes.rings import Rings

from ..bench import simulate

CONFIG = preset("tiny").replace(ring_words=16, max_neurons=4, window=1, max_delay=1, drain_cycles=1, dense_bits=16)
FULL = (1 << RING_BITS) - 1


@dataclass
class Writer:
    """One stream of writes: what is offered, and since when."""

    port: Any
    offered: dict[str, int] | None = None
    cycles: int = 0
    """in which it has been offered"""
    free: int = 0
    """of these, those in a row in which nobody before it used the memory"""


class Bench:
    """Offers writes, scans, clears and reads; ``words`` is what the rings must hold once everything taken is written."""

    def __init__(self, ctx, dut: Rings, rng: random.Random) -> None:
        self.ctx, self.dut, self.rng = ctx, dut, rng
        self.words = [0] * CONFIG.ring_words
        self.writers = [Writer(port) for port in dut.writers]
        self.recent: list[int] = []  # taken in the cycle before: not to be read yet
        self.late = False
        self.shown: int | None = None  # the word that the scan has read
        self.taken = [0] * len(self.writers)

    def free_address(self) -> int:
        """Of a word that nobody writes now."""
        held = {w.offered["address"] for w in self.writers if w.offered} | set(self.recent)
        return self.rng.choice([a for a in range(CONFIG.ring_words) if a not in held])

    def offer(self, number: int, probability: float, merge: bool | None = None) -> None:
        writer = self.writers[number]
        if writer.offered is None and self.rng.random() < probability:
            chosen = self.rng.random() < 0.5 if merge is None else merge
            writer.offered = {
                "address": self.free_address(), "merge": int(chosen), "neuron": self.rng.randrange(RING_BITS), "word": self.rng.getrandbits(RING_BITS),
            }  # fmt: skip
            writer.cycles = writer.free = 0

    async def cycle(self, scan: bool = False, clear: int | None = None, scan_clears: bool = False) -> None:
        """A cycle of a run, in which the scan reads, or clears too, or a word is cleared."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.running, 1)
        for writer in self.writers:
            ctx.set(writer.port.valid, writer.offered is not None)
            ctx.set(
                writer.port.payload, writer.offered or {name: self.rng.getrandbits(2) for name in ("address", "merge", "neuron", "word")}
            )
        written: list[int] = []
        reads, cleared = None, None
        ctx.set(dut.scan.busy, scan)
        ctx.set(dut.scan.enable, 0)
        ctx.set(dut.scan.clear, 0)
        if scan:
            if self.rng.random() < 0.7:
                reads = self.free_address()
                ctx.set(dut.scan.enable, 1)
            ctx.set(dut.scan.address, self.rng.randrange(CONFIG.ring_words) if reads is None else reads)
            if scan_clears:
                cleared = self.free_address()
                if cleared == reads:
                    cleared = None
            ctx.set(dut.scan.clear_address, self.rng.randrange(CONFIG.ring_words) if cleared is None else cleared)
            ctx.set(dut.scan.clear, cleared is not None)
        ctx.set(dut.clear.clearing, clear is not None)
        ctx.set(dut.clear.address, clear or 0)
        self.look(scan)
        taken = [w for w in self.writers if ctx.get(w.port.valid) and ctx.get(w.port.ready)]
        if scan and reads is not None:
            self.shown = self.words[reads]
        elif not scan:
            self.shown = None
        for writer in taken:
            assert writer.offered
            where = writer.offered["address"]
            self.words[where] = self.words[where] | 1 << writer.offered["neuron"] if writer.offered["merge"] else writer.offered["word"]
            written.append(where)
            self.taken[self.writers.index(writer)] += 1
            writer.offered = None
        for where in (cleared, clear):
            if where is not None:
                self.words[where] = 0
                written.append(where)
        self.late = self.writers[0] in taken or cleared is not None or clear is not None
        await ctx.tick()
        self.recent = written
        if self.shown is not None:
            assert ctx.get(dut.scan.data) == self.shown, "the scan reads, and keeps what it has read"

    def look(self, scan: bool) -> None:
        """Who is taken in this cycle: the first writer at once, of the others one at a time, the earlier first."""
        ctx = self.ctx
        first, *others = self.writers
        if first.offered:
            first.cycles += 1
            assert ctx.get(first.port.ready) == (not first.offered["merge"] or first.cycles == 2)
        ready = [w for w in others if w.offered and ctx.get(w.port.ready)]
        assert len(ready) <= 1 and not (ready and self.late), "one write per cycle"
        turn = [w for w in others if w.offered]
        turn.sort(key=lambda w: (not w.cycles, self.writers.index(w)))  # who has it keeps it
        for writer in turn[:1]:
            assert writer.offered
            writer.cycles += 1
            busy = scan or self.late or bool(first.offered and first.offered["merge"])
            writer.free = 0 if busy else writer.free + 1
            assert ready == [] or ready == [writer], "in turn"
            assert not ready or not writer.offered["merge"] or writer.cycles >= 3, "read, marked, written"
            if not writer.offered["merge"]:
                assert bool(ready) == (not self.late), "a word waits only for the port"
            assert writer.free < 3 or ready, "three cycles are enough for a bit"

    async def drain(self) -> None:
        while any(w.offered for w in self.writers):
            await self.cycle()
        await self.cycle()

    async def between_runs(self) -> None:
        """The host reads every word, writes some, and engines wait."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.running, 0)
        self.offer(1, 0.5)
        for writer in self.writers:
            ctx.set(writer.port.valid, writer.offered is not None)
            ctx.set(writer.port.payload, writer.offered or {"address": 0, "merge": 0, "neuron": 0, "word": 0})
        for where in [*range(CONFIG.ring_words), *(self.rng.randrange(CONFIG.ring_words) for _ in range(20))]:
            ctx.set(dut.host.payload, {"address": where, "merge": 0, "neuron": 0, "word": FULL})
            await ctx.tick()
            assert ctx.get(dut.read_data) == self.words[where], f"word {where}"
            if self.rng.random() < 0.5:
                self.words[where] = self.rng.getrandbits(RING_BITS)
                ctx.set(dut.host.payload.word, self.words[where])
                ctx.set(dut.host.valid, 1)
                assert ctx.get(dut.host.ready) and not any(ctx.get(w.port.ready) for w in self.writers[1:])
                await ctx.tick()
                ctx.set(dut.host.valid, 0)
                await ctx.tick()
        self.recent, self.late = [], False


@pytest.mark.parametrize("writers", [2, 3, 4])
def test_requests_at_random_from_all_sides(writers: int) -> None:
    rng = random.Random(writers)
    dut = Rings(CONFIG, writers)

    async def body(ctx):
        bench = Bench(ctx, dut, rng)
        for _ in range(6):
            await bench.between_runs()
            if rng.random() < 0.5:
                for where in range(rng.randrange(CONFIG.ring_words + 1)):
                    await bench.cycle(clear=where)
            for _ in range(25):
                for _ in range(rng.randrange(8)):
                    for number in range(1, writers):
                        bench.offer(number, 0.3)
                    await bench.cycle(scan=True, scan_clears=rng.random() < 0.4)
                gaps = 0
                for _ in range(rng.randrange(16)):
                    # A router: words whenever they come, for a bit three cycles.
                    gaps = max(gaps - 1, 0)
                    bench.offer(0, 0.6 if not gaps else 0)
                    if bench.writers[0].offered and bench.writers[0].offered["merge"]:
                        gaps = 3
                    for number in range(1, writers):
                        bench.offer(number, 0.3)
                    await bench.cycle()
                while bench.writers[0].offered:
                    await bench.cycle()
            await bench.drain()
        await bench.between_runs()
        assert all(taken > 50 for taken in bench.taken)

    simulate(dut, body)


def test_the_first_writer_sets_a_bit_every_three_cycles_and_writes_a_word_in_every_cycle() -> None:
    dut = Rings(CONFIG, 2)

    async def body(ctx):
        bench = Bench(ctx, dut, random.Random(1))
        for where in range(CONFIG.ring_words):
            bench.writers[0].offered = {"address": where, "merge": 0, "neuron": 0, "word": 1 << where}
            await bench.cycle()
            assert bench.writers[0].offered is None
        for neuron in range(RING_BITS):
            bench.writers[0].offered, bench.writers[0].cycles = {"address": 3, "merge": 1, "neuron": neuron, "word": 0}, 0
            for _ in range(3):
                await bench.cycle()
            assert bench.writers[0].offered is None
        await bench.between_runs()

    simulate(dut, body)


@pytest.mark.parametrize("cycles", [1, 2, 3])
def test_a_write_that_is_no_longer_offered_is_forgotten(cycles: int) -> None:
    """A fresh run resets the input in the middle of a spike, while another writer has the memory."""
    dut = Rings(CONFIG, 2)

    async def body(ctx):
        bench = Bench(ctx, dut, random.Random(1))
        first, writer = bench.writers
        for cycle in range(cycles + 12):
            first.offered, first.cycles = {"address": 7, "merge": 0, "neuron": 0, "word": cycle}, 0
            if cycle == 0:
                first.offered = None  # else nothing would be read
                writer.offered = {"address": 3, "merge": 1, "neuron": 5, "word": 0}
            elif cycle == cycles:
                writer.offered = None
            elif cycle == cycles + 1:
                writer.offered, writer.cycles, writer.free = {"address": 4, "merge": 1, "neuron": 6, "word": 0}, 0, 0
            await bench.cycle()
        assert writer.offered is not None, "it waits while the first one writes"
        await bench.drain()
        await bench.between_runs()

    simulate(dut, body)
