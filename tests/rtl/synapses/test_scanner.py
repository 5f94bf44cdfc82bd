"""The scanner against a list comprehension: entries, cleared words and cycles, also if the list is full now and then."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from lifline.arch.config import Config, preset
from lifline.arch.limits import RING_BITS
from lifline.rtl.streams import rows_per_scan
from lifline.rtl.synapses.scanner import Scanner

from ..bench import Memory, simulate

TINY = preset("tiny")
EVENT_ONLY = TINY.replace(dense_lanes=0, drain_cycles=1)
WIDE = TINY.replace(window=16, ring_words=512, list_entries=512, max_neurons=128)
SHORT_WINDOW = TINY.replace(window=1, max_delay=0, drain_cycles=1, dense_bits=0)
FULL = (1 << RING_BITS) - 1


@dataclass(frozen=True)
class Scan:
    """One scan of ``words`` groups, ``count`` rows from ``row`` on, in a ring of ``ring_rows`` rows at ``base``; of blocks of so many neurons if it is a ``vector``. With ``clear`` the
    first ``cleared`` groups are, all unless that is given."""

    words: int
    count: int
    base: int
    ring_rows: int
    row: int
    clear: bool
    vector: int = 0
    cleared: int | None = None

    @property
    def clear_words(self) -> int:
        return self.words if self.cleared is None else self.cleared

    def address(self, group: int, k: int) -> int:
        return self.base + group * self.ring_rows + (self.row + k) % self.ring_rows


def ref_scan(scan: Scan, ring: list[int]) -> tuple[list[tuple[int, int]], list[int], int]:
    """Entries (index, arrivals, or a block's neurons), the ring afterwards, and cycles from ``start`` to ``done``.

    The rows of a group have been captured ``count`` cycles after the later of the previous group's capture and hand-over; a group is
    handed over when it is captured and the previous one has emitted its active neurons (at least one cycle).
    """
    entries, after = [], list(ring)
    captured, handed_over, busy_until = 2, 2, 0
    for group in range(scan.words):
        rows = [ring[scan.address(group, k)] for k in range(scan.count)]
        found = [(32 * group + n, sum((row >> n & 1) << k for k, row in enumerate(rows))) for n in range(RING_BITS)]
        if scan.vector:
            word, blocks = ring[scan.address(group, 0)], RING_BITS // scan.vector
            found = [(group * blocks + k, word >> k * scan.vector & (1 << scan.vector) - 1) for k in range(blocks)]
        active = [entry for entry in found if entry[1]]
        entries += active
        captured = max(captured, handed_over) + scan.count
        handed_over = max(captured, busy_until)
        busy_until = handed_over + max(len(active), 1)
        if scan.clear and group < scan.clear_words:
            for k in range(scan.count):
                after[scan.address(group, k)] = 0
    return entries, after, busy_until


def rtl_scans(
    config: Config, scans: list[Scan], ring: list[int], pauses: random.Random | None = None, stalls: random.Random | None = None
) -> list[tuple[list[tuple[int, int]], list[int], int]]:
    """The same of the gateware, scan after scan, each on a fresh copy of ``ring``; ``pauses``: idle cycles between scans; ``stalls``: the list
    has no room for some cycles now and then."""
    dut = Scanner(config)
    command, shown, port = dut.command, dut.entries, dut.ring
    results = []

    async def bench(ctx):
        for scan in scans:
            memory = Memory(RING_BITS, list(ring))
            for name in ("words", "count", "base", "ring_rows", "row", "clear"):
                ctx.set(getattr(command, name), int(getattr(scan, name)))
            if config.gathers:
                ctx.set(command.clear_words, pauses.randrange(scan.words + 1) if pauses else 0)  # which counts a cycle later
            ctx.set(command.start, 1)
            entries, cycles, done_at, cycle = [], 0, None, 0
            ready, stall = True, 0
            while done_at is None or cycle < done_at + 3:
                was_ready, stall = ready, max(stall - 1, 0)
                if stalls and not stall and stalls.random() < 0.2:
                    stall = stalls.choice([1, 2, 3, 40])
                ready = not stall
                ctx.set(shown.ready, ready)
                if config.vectors:
                    ctx.set(command.vector, scan.vector > 0)
                _, _, valid, entry, done, busy, owned, address, enable, clear_address, clear = await ctx.tick().sample(
                    shown.valid, shown.entry, shown.done, command.busy, port.busy, port.address, port.enable, port.clear_address, port.clear
                )
                assert owned == busy, "the ring is the scanner's while it is busy"
                assert busy == (done_at is None and cycle > 0), "busy from the cycle after start up to done"
                if valid:
                    assert was_ready, "an entry comes after a cycle in which there was room"
                    event = scan.count == 1
                    index = entry.index | (entry.upper << len(shown.entry.index) if event else 0)
                    entries.append((index, entry.mask if scan.vector else 1 if event else entry.arrivals))
                    assert done_at is None or cycle == done_at + 1, "the last entry is shown in the cycle after done at the latest"
                if done:
                    assert done_at is None, "done lasts one cycle"
                    done_at = cycle
                assert busy or not clear, "the ring is written only while busy"
                ctx.set(port.data, memory.cycle(address, enable, clear_address, clear))
                ctx.set(command.start, 0)
                if config.gathers:
                    ctx.set(command.clear_words, scan.clear_words)
                cycle += 1
            cycles = done_at
            results.append((entries, memory.words, cycles))
            for _ in range(pauses.randrange(4) if pauses else 0):
                await ctx.tick()

    simulate(dut, bench)
    return results


def check(
    config: Config, scans: list[Scan], ring: list[int], pauses: random.Random | None = None, stalls: random.Random | None = None
) -> None:
    for scan, actual in zip(scans, rtl_scans(config, scans, ring, pauses, stalls), strict=True):
        expected = ref_scan(scan, ring)
        assert actual[:2] == expected[:2], scan
        assert actual[2] == expected[2] if stalls is None else actual[2] >= expected[2], scan


def sparse(rng: random.Random, density: float) -> int:
    return sum((rng.random() < density) << k for k in range(RING_BITS))


EDGES = {
    "silent": ([0] * 128, Scan(3, 4, 0, 11, 0, True)),
    "every neuron in every row": ([FULL] * 128, Scan(2, 4, 8, 11, 2, True)),
    "one row of one group": ([FULL] * 128, Scan(1, 1, 5, 4, 3, True)),
    "rows wrap": ([k * 0x9E3779B1 & FULL for k in range(128)], Scan(3, 4, 4, 5, 3, True)),
    "as many rows as the ring has": ([k * 0x9E3779B1 & FULL for k in range(128)], Scan(4, 4, 4, 4, 1, True)),
    "lowest and highest neuron": ([1 | 1 << 31] * 128, Scan(4, 2, 0, 9, 8, False)),
    "silent groups between full ones": ([FULL if k // 4 % 2 else 0 for k in range(128)], Scan(4, 3, 0, 4, 0, False)),
    "not cleared": ([FULL] * 128, Scan(4, 4, 16, 15, 14, False)),
}


@pytest.mark.parametrize("name", EDGES)
def test_edges(name: str) -> None:
    ring, scan = EDGES[name]
    check(TINY, [scan], ring)
    for seed in range(5):
        check(TINY, [scan], ring, stalls=random.Random(seed))


@pytest.mark.parametrize("stalls", [False, True], ids=["room", "full-now-and-then"])
@pytest.mark.parametrize("config", [TINY, EVENT_ONLY, WIDE], ids=["dense", "event-only", "window16"])
def test_random_scans_one_after_the_other(config: Config, stalls: bool) -> None:
    rng = random.Random(5)
    ring = [sparse(rng, rng.choice([0, 0.03, 0.03, 0.3, 1])) for _ in range(config.ring_words)]
    scans = []
    for _ in range(60):
        ring_rows = rng.randrange(config.window, config.max_ring_rows + 1)
        words = rng.randrange(1, min(config.list_entries // RING_BITS, config.ring_words // ring_rows) + 1)
        base = rng.randrange(config.ring_words - words * ring_rows + 1)
        scans.append(Scan(words, rng.randrange(1, rows_per_scan(config) + 1), base, ring_rows, rng.randrange(ring_rows), rng.random() < 0.5))
    check(config, scans, ring, pauses=random.Random(6), stalls=random.Random(7) if stalls else None)


@pytest.mark.parametrize("stalls", [False, True], ids=["room", "full-now-and-then"])
def test_only_the_first_groups_are_cleared_where_others_read_the_rest(stalls: bool) -> None:
    config = TINY.replace(map_words=16)
    rng, rows = random.Random(3), config.max_ring_rows
    ring = [sparse(rng, rng.choice([0, 0.1, 1])) for _ in range(config.ring_words)]
    scans = []
    for _ in range(30):
        words = rng.randrange(1, 5)
        cleared = rng.choice([None, 1, rng.randint(1, words)])
        scans.append(Scan(words, rng.randrange(1, rows_per_scan(config) + 1), rng.randrange(9), rows, rng.randrange(rows), rng.random() < 0.8, cleared=cleared))
    check(config, scans, ring, pauses=random.Random(6), stalls=random.Random(7) if stalls else None)


@pytest.mark.parametrize("stalls", [False, True], ids=["room", "full-now-and-then"])
@pytest.mark.parametrize("lanes", [2, 4, 8, 16, 32])
def test_blocks_with_the_spikes_of_their_lanes(lanes: int, stalls: bool) -> None:
    """Between scans of neurons, in one row or several; of sources smaller and larger than the list."""
    config = TINY.replace(map_words=16, event_lanes=lanes, dense_lanes=lanes, max_neurons=64, ring_words=512, neuron_words=1024)
    rng, rows = random.Random(lanes), config.max_ring_rows
    ring = [sparse(rng, rng.choice([0, 0.03, 0.1, 0.3, 1])) for _ in range(config.ring_words)]
    scans = [Scan(rng.randrange(1, 4), 1, 3, rows, rng.randrange(rows), rng.random() < 0.5, lanes) for _ in range(15)]
    scans += [Scan(3, count, 0, rows, 1, False) for count in (1, 1, 4)] + [Scan(words, 1, 0, rows, 2, True, lanes) for words in (1, 8, config.ring_words // rows)]
    rng.shuffle(scans)
    check(config, scans, ring, pauses=random.Random(6), stalls=random.Random(7) if stalls else None)


@pytest.mark.parametrize("stalls", [False, True], ids=["room", "full-now-and-then"])
@pytest.mark.parametrize("config", [TINY, EVENT_ONLY, SHORT_WINDOW], ids=["dense", "event-only", "window1"])
def test_sources_larger_than_the_list(config: Config, stalls: bool) -> None:
    """The index does not end where that of a dense pass does."""
    config = config.replace(ring_words=256)
    rng = random.Random(8)
    ring = [sparse(rng, 0.3) for _ in range(config.ring_words)]
    words = 4 * config.list_entries // RING_BITS
    rows = config.max_ring_rows
    check(config, [Scan(words, 1, 0, rows, row, row % 2 == 0) for row in (0, 1, rows - 1)], ring, stalls=random.Random(9) if stalls else None)
