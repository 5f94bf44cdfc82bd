"""The list of active presynaptic neurons as a queue (event) and as a list that is read once per block (dense), with pauses on both sides."""

from __future__ import annotations

import random

import pytest

from lifline.arch.config import Config
from lifline.rtl.synapses.entries import EntryList
from lifline.sim.random.variants import VARIANTS

from ..bench import simulate

TINY, SHORT = VARIANTS["tiny"], VARIANTS["short-list"]
SCAN_PAUSE = 3
"""Cycles without an entry behind the end of a scan: the scanner first reads the ring."""
LIMIT = 20_000
"""Cycles that no run takes."""


class Source:
    """Sends the entries of scans as the scanner does: one per cycle at most, only after a cycle with room, and says when a scan ends, with its last
    entry or a cycle before it."""

    def __init__(self, scans: list[list[int]], rng: random.Random, pauses: float) -> None:
        self.scans, self.rng, self.pauses = scans, rng, pauses
        self.number, self.sent, self.idle, self.ended = 0, 0, SCAN_PAUSE, False

    def cycle(self, may_send: bool, allowed: int) -> tuple[int | None, bool]:
        """The entry and ``done`` of this cycle; ``allowed`` scans may have begun."""
        if self.idle or self.number >= min(allowed, len(self.scans)):
            self.idle = max(self.idle - 1, 0)
            return None, False
        scan = self.scans[self.number]
        left = len(scan) - self.sent
        if not may_send or self.rng.random() < self.pauses and not self.ended:
            return None, False
        if left == 1 and not self.ended and self.rng.random() < 0.5:
            self.ended = True  # the last entry comes in the next cycle, which has room as well
            return None, True
        entry = scan[self.sent] if left else None
        done = left <= 1 and not self.ended
        self.sent += left > 0
        if left <= 1:
            self.number, self.sent, self.idle, self.ended = self.number + 1, 0, SCAN_PAUSE, False
        return entry, done


def event_steps(config: Config, scans: list[list[int]], seed: int, pauses: tuple[float, float]) -> list[list[int]]:
    """What leaves the list, step by step; ``pauses`` of the source and of the reader."""
    dut, rng = EntryList(config), random.Random(seed)
    source = Source(scans, rng, pauses[0])
    left: list[list[int]] = [[] for _ in scans]
    low_bits = len(dut.source.entry.index)

    async def bench(ctx):
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        step, had_room, ending = 0, False, False
        for _ in range(LIMIT):
            # An entry that was announced by `done` comes although the list has become full meanwhile.
            entry, done = source.cycle(had_room or ending, step + 2)
            ending = source.ended
            ctx.set(dut.source.valid, entry is not None)
            if entry is not None:
                ctx.set(dut.source.entry, {"index": entry % (1 << low_bits), "upper": entry >> low_bits})
            ctx.set(dut.source.done, done)
            take = ctx.get(dut.available) and not ctx.get(dut.exhausted) and rng.random() >= pauses[1]
            ctx.set(dut.take, take)
            if take:
                shown = ctx.get(dut.entry)
                left[step].append(shown.index | shown.upper << low_bits)
            complete, had_room, rows = ctx.get(dut.complete), bool(ctx.get(dut.source.ready)), ctx.get(dut.rows_done)
            assert not complete or rows > step
            await ctx.tick()
            if complete and not take:
                step += 1
                if step == len(scans):
                    assert rows == len(scans)
                    return
                ctx.set(dut.step, step)
        raise AssertionError(f"step {step} never ends")

    simulate(dut, bench)
    return left


def random_scans(rng: random.Random, config: Config, largest: int) -> list[list[int]]:
    """As many as a window has steps: empty ones, single entries and up to ``largest``."""
    sizes = [rng.choice([0, 0, 1, 2, rng.randrange(largest + 1), largest]) for _ in range(config.window)]
    return [sorted(rng.sample(range(config.event_fan_in), size)) for size in sizes]


@pytest.mark.parametrize("pauses", [(0.0, 0.0), (0.4, 0.0), (0.0, 0.9), (0.3, 0.3)])
@pytest.mark.parametrize("config", [TINY, SHORT, VARIANTS["event-only"]], ids=lambda c: c.name)
def test_every_entry_leaves_in_its_step_and_in_order_although_a_scan_is_larger_than_the_list(config: Config, pauses: tuple[float, float]):
    rng = random.Random(f"{config.name} {pauses}")
    scans = random_scans(rng, config, min(3 * config.list_entries // 2, config.event_fan_in))
    assert event_steps(config, scans, rng.randrange(1000), pauses) == scans


@pytest.mark.parametrize("entries", [0, 1, 2, 17, SHORT.list_entries])
def test_a_whole_list_is_read_once_per_block(entries: int):
    config, rng = SHORT, random.Random(entries)
    dut, blocks = EntryList(config), 3
    source = Source([sorted(rng.sample(range(config.list_entries), entries))], rng, 0.3)
    arrivals = {n: rng.randrange(1, 1 << config.window) for n in source.scans[0]}
    read: list[tuple[int, int]] = []

    async def bench(ctx):
        ctx.set(dut.start, 1)
        ctx.set(dut.whole, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        block = 0
        for _ in range(LIMIT):
            entry, done = source.cycle(True, 1)
            ctx.set(dut.source.valid, entry is not None)
            if entry is not None:
                ctx.set(dut.source.entry, {"index": entry, "arrivals": arrivals[entry]})
            ctx.set(dut.source.done, done)
            assert ctx.get(dut.source.ready), "all of it fits"
            take = ctx.get(dut.available) and rng.random() < 0.7
            ended = ctx.get(dut.ended)
            assert not (take and ended)
            ctx.set(dut.take, take)
            if take:
                shown = ctx.get(dut.entry)
                read.append((shown.index, shown.arrivals))
            rewind = bool(ended and entries and block + 1 < blocks)
            ctx.set(dut.rewind, rewind)
            silent = ctx.get(dut.silent)
            await ctx.tick()
            block += rewind
            if ended and not rewind:
                assert silent == (entries == 0)
                return
        raise AssertionError("the list never ends")

    simulate(dut, bench)
    assert read == [(n, arrivals[n]) for n in source.scans[0]] * (blocks if entries else 1)


def test_a_jump_leads_to_any_entry_also_while_one_is_taken():
    config, rng = SHORT.replace(map_words=16), random.Random(1)
    dut = EntryList(config)
    source = Source([sorted(rng.sample(range(config.list_entries), 40))], rng, 0.3)
    segments = [(first, rng.randint(1, 40 - first)) for first in (rng.randrange(40) for _ in range(30))]
    read: list[int] = []

    async def bench(ctx):
        ctx.set(dut.start, 1)
        ctx.set(dut.whole, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        while not ctx.get(dut.rows_done):
            entry, done = source.cycle(True, 1)
            ctx.set(dut.source.valid, entry is not None)
            ctx.set(dut.source.entry, {"index": entry or 0, "arrivals": 1})
            ctx.set(dut.source.done, done)
            await ctx.tick()
        ctx.set(dut.source.done, 0)
        together = False  # the jump comes with the last entry of the segment before
        for number, (first, length) in enumerate(segments):
            if not together:
                ctx.set(dut.jump, 1)
                ctx.set(dut.target, first)
                await ctx.tick()
            ctx.set(dut.jump, 0)
            together = number + 1 < len(segments) and rng.random() < 0.5
            for k in range(length):
                while rng.random() < 0.3:
                    await ctx.tick()
                ctx.set(dut.take, 1)
                read.append(ctx.get(dut.entry).index)
                if together and k == length - 1:
                    ctx.set(dut.jump, 1)
                    ctx.set(dut.target, segments[number + 1][0])
                await ctx.tick()
                ctx.set(dut.take, 0)

    simulate(dut, bench)
    assert read == [source.scans[0][first + k] for first, length in segments for k in range(length)]
