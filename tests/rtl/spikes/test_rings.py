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
    """One stream of writes: what is offered."""

    port: Any
    offered: dict[str, int] | None = None


class Bench:
    """Offers writes, scans, clears and reads; ``words`` is what the rings must hold once everything taken is written."""

    def __init__(self, ctx, dut: Rings, rng: random.Random) -> None:
        self.ctx, self.dut, self.rng = ctx, dut, rng
        self.words = [0] * CONFIG.ring_words
        self.writers = [Writer(port) for port in dut.writers]
        self.recent: list[int] = []  # taken in the cycle before: not to be read yet
        self.shown: int | None = None  # the word that the scan has read
        self.taken = [0] * len(self.writers)

    def scanned_address(self) -> int:
        """Of a word that was not written in the cycle before."""
        return self.rng.choice([a for a in range(CONFIG.ring_words) if a not in self.recent])

    def offer(self, number: int, probability: float, words: int = CONFIG.ring_words) -> None:
        """Anything, in one of the first ``words`` words: what others offer for the same word is written in the order in which it is taken."""
        writer = self.writers[number]
        if writer.offered is None and self.rng.random() < probability:
            merge = int(self.rng.random() < 0.7)
            writer.offered = {
                "address": self.rng.randrange(words), "merge": merge, "neuron": self.rng.randrange(RING_BITS),
                "word": 0 if merge and not number else self.rng.getrandbits(RING_BITS),
            }  # fmt: skip

    async def cycle(self, scan: bool = False, clear: int | None = None, scan_clears: bool = False) -> None:
        """A cycle of a run, in which the scan reads, or clears too, or a word is cleared."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.running, 1)
        for writer in self.writers:
            ctx.set(writer.port.valid, writer.offered is not None)
            junk = {name: self.rng.getrandbits(2) for name in ("address", "merge", "neuron", "word")}
            ctx.set(writer.port.payload, writer.offered or junk | ({"merge": 0, "word": 0} if writer is self.writers[0] else {}))
        written: list[int] = []
        reads, cleared = None, None
        ctx.set(dut.scan.busy, scan)
        ctx.set(dut.scan.enable, 0)
        ctx.set(dut.scan.clear, 0)
        if scan:
            if self.rng.random() < 0.7:
                reads = self.scanned_address()
                ctx.set(dut.scan.enable, 1)
            ctx.set(dut.scan.address, self.rng.randrange(CONFIG.ring_words) if reads is None else reads)
            if scan_clears:
                cleared = self.scanned_address()
                if cleared == reads:
                    cleared = None
            ctx.set(dut.scan.clear_address, self.rng.randrange(CONFIG.ring_words) if cleared is None else cleared)
            ctx.set(dut.scan.clear, cleared is not None)
        ctx.set(dut.clear.clearing, clear is not None)
        ctx.set(dut.clear.address, clear or 0)
        self.look(scan, clear is not None)
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
        await ctx.tick()
        self.recent = written
        if self.shown is not None:
            assert ctx.get(dut.scan.data) == self.shown, "the scan reads, and keeps what it has read"

    def look(self, scan: bool, clear: bool) -> None:
        """Who is taken in this cycle: the first writer at once, else the earliest of the others, unless the memory is in use."""
        first, *others = self.writers
        assert first.offered is None or self.ctx.get(first.port.ready)
        ready = [w for w in others if w.offered and self.ctx.get(w.port.ready)]
        turn = [] if first.offered or scan or clear else [w for w in others if w.offered][:1]
        assert ready == turn

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
        self.recent = []


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
                for _ in range(rng.randrange(9)):
                    for number in range(1, writers):
                        bench.offer(number, 0.3)
                    await bench.cycle(scan=True, scan_clears=rng.random() < 0.4)
                words, often = rng.choice([1, 2, 3, CONFIG.ring_words]), rng.choice([0.2, 0.6])
                for _ in range(rng.randrange(24)):
                    bench.offer(0, often, words)
                    for number in range(1, writers):
                        bench.offer(number, often, words)
                    await bench.cycle()
                while bench.writers[0].offered:
                    await bench.cycle()
            await bench.drain()
        await bench.between_runs()
        assert all(taken > 50 for taken in bench.taken)

    simulate(dut, body)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("places", [1, 2, 3, 16])
def test_a_writer_sets_a_bit_or_writes_a_word_in_every_cycle(number: int, places: int) -> None:
    """Also again and again in the same word, or in two or three in turn."""
    dut = Rings(CONFIG, 2)

    async def body(ctx):
        bench = Bench(ctx, dut, random.Random(1))
        for merge in (0, 1):
            for k in range(RING_BITS):
                bench.writers[number].offered = {"address": k % places, "merge": merge, "neuron": k, "word": 0 if merge else 1 << k}
                await bench.cycle()
                assert bench.writers[number].offered is None
        await bench.cycle()
        await bench.between_runs()

    simulate(dut, body)


def test_a_write_that_is_no_longer_offered_is_forgotten() -> None:
    """A fresh run resets the input while another writer has the memory."""
    dut = Rings(CONFIG, 2)

    async def body(ctx):
        bench = Bench(ctx, dut, random.Random(1))
        first, writer = bench.writers
        for cycle in range(12):
            first.offered = {"address": 7, "merge": 0, "neuron": 0, "word": cycle}
            if cycle in (0, 5):
                writer.offered = {"address": 3 + cycle // 5, "merge": 1, "neuron": 5, "word": 0}
            elif cycle == 3:
                writer.offered = None
            await bench.cycle()
        assert writer.offered is not None, "it waits while the first one writes"
        await bench.drain()
        assert bench.words[3:5] == [0, 1 << 5]
        await bench.between_runs()

    simulate(dut, body)
