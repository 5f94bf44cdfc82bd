"""Accumulation in both modes against sums of weights: several passes into one population, slots, cycles."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from amaranth.utils import exact_log2

from lifline.arch.config import Config, preset
from lifline.arch.limits import RING_BITS
from lifline.arch.maps import TABLES
from lifline.arch.program import Mode
from lifline.arch.timing import ACCUMULATE_SPACING
from lifline.rtl.streams import entry_layout
from lifline.rtl.synapses.accumulate import Accumulate
from lifline.sim.random.variants import VARIANTS

from ..bench import simulate
from .gathers import Gathered
from .walks import Convolution

TINY = VARIANTS["tiny"]
Arrivals = list[dict[int, int]]
"""Per scan: presynaptic neuron -> its arrivals, bit ``w`` for row ``w``. One scan per step in event mode, one in all in dense mode."""


LIMIT = 5000
"""Cycles that no step or window takes, whatever the stalls."""
SCAN_PAUSE = 3
"""Cycles without an entry behind the end of a scan: the scanner first reads the ring."""


def entry_word(config: Config, p: Pass, neuron: int, arrivals: int) -> int:
    """An entry as the scanner packs it; of a block ``neuron`` is its number, and ``arrivals`` are its lanes."""
    mode, above = p.mode, 0
    if isinstance(p, VectorPass):
        arrivals, above = 1, arrivals << entry_layout(config)["mask"].offset
    low_bits = exact_log2(config.list_entries)
    upper = neuron >> low_bits
    assert mode is Mode.EVENT or not upper
    return above | neuron % config.list_entries | (arrivals | upper << 1 if config.dense_lanes else upper) << low_bits


@dataclass(frozen=True)
class Pass:
    """One pass: ``spikes[t]`` are the presynaptic neurons whose spikes arrive in step ``t``."""

    mode: Mode
    fan_in: int
    weight_base: int
    spikes: tuple[tuple[int, ...], ...]

    def neurons(self, config: Config) -> int:
        """Of the source."""
        return self.fan_in

    @property
    def scans(self) -> Arrivals:
        if self.mode is Mode.EVENT:
            return [dict.fromkeys(sorted(step), 1) for step in self.spikes]
        neurons = sorted({n for step in self.spikes for n in step})
        return [{n: sum((n in step) << w for w, step in enumerate(self.spikes)) for n in neurons}]

    def cycles(self, config: Config, blocks: int) -> int:
        """What entries take if every scan is done before, of active neurons: all but a constant."""
        if self.mode is Mode.EVENT:
            # A slot comes again with the next entry; behind the last one the update waits for the first two.
            return sum((len(step) - 1) * max(blocks, ACCUMULATE_SPACING) + max(blocks, 3) for step in self.spikes if step)
        (scan,) = self.scans
        # The last drain takes a window; all others pass behind the weights that follow.
        chunk = config.dense_entries or len(scan)
        chunks = [min(chunk, len(scan) - k) for k in range(0, len(scan), chunk)] * blocks
        return chunks[0] + sum(max(entries + config.drain_cycles, config.window) for entries in chunks[1:]) + config.window


@dataclass(frozen=True)
class MappedPass(Pass):
    """A pass with maps: a convolution."""

    mode: Mode = field(default=Mode.EVENT, init=False)
    fan_in: int = field(init=False)
    convolution: Convolution | Gathered

    def __post_init__(self) -> None:
        object.__setattr__(self, "fan_in", self.convolution.fan_in)


@dataclass(frozen=True)
class VectorPass(MappedPass):
    """Likewise, of blocks: what the convolution calls a neuron is one of them. ``masks[t]`` are the lanes in which the blocks ``spikes[t]`` spike, one for each."""

    masks: tuple[tuple[int, ...], ...]

    def neurons(self, config: Config) -> int:
        return self.fan_in * config.lanes

    @property
    def scans(self) -> Arrivals:
        return [dict(zip(blocks, lanes, strict=True)) for blocks, lanes in zip(self.spikes, self.masks, strict=True)]


@dataclass(frozen=True)
class GatherPass(MappedPass):
    """A gather pass: a convolution in dense mode."""

    mode: Mode = field(default=Mode.DENSE, init=False)


class Maps:
    """The map tables of all passes of a program, as the gateware reads them."""

    def __init__(self, config: Config, passes: list[Pass], rng: random.Random) -> None:
        self.tables = [[rng.getrandbits(32) for _ in range(config.map_words)] for _ in range(TABLES)] if config.map_words else []
        for p in passes:
            if isinstance(p, MappedPass):
                for table, (first, words) in zip(self.tables, p.convolution.tables(), strict=True):
                    table[first : first + len(words)] = [word.pack() for word in words]
        self.words = [rng.getrandbits(32) for _ in self.tables]

    def read(self, ctx: Any, dut: Accumulate) -> None:
        """What is asked for in this cycle is shown in the next."""
        if self.tables and ctx.get(dut.maps.enable):
            self.words = [table[ctx.get(address)] for table, address in zip(self.tables, dut.maps.addresses, strict=True)]

    def show(self, ctx: Any, dut: Accumulate) -> None:
        for k, word in enumerate(self.words):
            ctx.set(dut.maps.words[k], word)

    def begin(self, ctx: Any, dut: Accumulate, p: Pass) -> None:
        """Words of the pass."""
        command, gathered = dut.command, isinstance(p, GatherPass)
        if self.tables:
            ctx.set(command.mapped, isinstance(p, MappedPass) and not gathered)
        if dut.config.vectors:
            ctx.set(command.vector, isinstance(p, VectorPass))
        if dut.config.gathers:
            ctx.set(command.gathered, gathered)
        if isinstance(p, MappedPass):
            for k, word in enumerate(p.convolution.program_words()):
                ctx.set((command.gather[f"gather_{3 + k}"] if gathered else command.walk[f"pass_{3 + k}"]).as_value(), word)


@dataclass(frozen=True)
class Target:
    """What the update reads: ``rows`` of ``blocks`` blocks, the last of which may have fewer; a row takes ``operations``, of which one is ``synaptic``."""

    blocks: int
    rows: int
    operations: int = 1
    synaptic: int = 0

    @staticmethod
    def full(config: Config, blocks: int) -> Target:
        return Target(blocks, blocks * config.rows_per_block)

    @staticmethod
    def drawn(config: Config, blocks: int, rng: random.Random) -> Target:
        operations = rng.choice([1, 1, 2, 3])
        rows = rng.randrange((blocks - 1) * config.rows_per_block, blocks * config.rows_per_block) + 1
        return Target(blocks, rows, operations, rng.randrange(operations))


def reference(config: Config, passes: list[Pass], target: Target, weights: list[list[int]]) -> list[list[int]]:
    """Sums (step, neuron) of all passes; ``weights`` by weight word and lane."""
    blocks = target.blocks
    sums = [[0] * (blocks * config.lanes) for _ in passes[0].spikes]
    for p in passes:
        for step, spikes in enumerate(p.spikes):
            for n in spikes if isinstance(p, MappedPass) else ():
                mask = p.scans[step][n] if isinstance(p, VectorPass) else -1
                for weight, block in p.convolution.reached(n):
                    for lane in (lane for lane in range(config.lanes) if mask >> lane & 1):
                        sums[step][block * config.lanes + lane] += weights[p.weight_base + weight][lane]
            for block in range(0 if isinstance(p, MappedPass) else blocks):
                for n in spikes:
                    for lane in range(config.lanes):
                        sums[step][block * config.lanes + lane] += weights[p.weight_base + block * p.fan_in + n][lane]
    return [step[: target.rows * config.multipliers] for step in sums]


class WeightMemory:
    """Answers requests in order: each in the next cycle, or some cycles ``late``; not always ``ready``. Without an answer it shows noise.

    ``taken`` are the addresses of all requests.
    """

    def __init__(self, config: Config, weights: list[list[int]], rng: random.Random, *, busy: bool = False, late: bool = False) -> None:
        bits = config.weight_bits
        self.words = [sum((w & (1 << bits) - 1) << k * bits for k, w in enumerate(word)) for word in weights]
        self.width, self.rng, self.busy, self.late = config.weight_word_bits, rng, busy, late
        self.taken: list[int] = []
        self.answers: list[tuple[int, int]] = []  # cycles that it still takes, word
        self.refused: int | None = None

    def show(self) -> tuple[bool, bool, int]:
        """What the memory shows in this cycle: ready for a request, an answer, its word. One that is never late always shows an answer."""
        ready = not self.busy or self.rng.random() < 0.6
        if self.answers and self.answers[0][0] == 0:
            return ready, True, self.answers.pop(0)[1]
        self.answers = [(wait - 1, word) for wait, word in self.answers]
        return ready, not self.late, self.rng.getrandbits(self.width)

    def ask(self, ready: bool, valid: int, address: int) -> None:
        """What the memory sees in this cycle."""
        assert self.refused is None or valid and address == self.refused, "a request stays until it is taken"
        self.refused = address if valid and not ready else None
        if valid and ready:
            self.taken.append(address)
            self.answers.append((self.rng.choice([0, 0, 1, 2, 9]) if self.late else 0, self.words[address]))


def gateware(
    config: Config, passes: list[Pass], target: Target, memory: WeightMemory, rng: random.Random, *, stalls: bool = True, windows: int = 1
) -> tuple[list[list[list[int]]], list[int]]:
    """Sums (window, step, neuron) as the update reads them, and cycles of every pass. Every window runs the same passes.

    ``stalls``: entries come with gaps and accumulation is held up; else all scans of a pass are done before it starts to accumulate. The update
    begins, and accumulation goes on behind it, as soon as the sequencer could let them.
    """
    dut = Accumulate(config)
    command, slots = dut.command, dut.slots
    count, blocks = len(passes[0].spikes), target.blocks
    results: list[list[list[int]]] = []
    cycles: list[int] = []
    maps = Maps(config, passes, rng)

    async def bench(ctx):
        entries: list[tuple[int, int] | None] = []  # what the scanner still shows; None ends a scan
        pause = 0  # between two scans
        room = 0  # in the cycle before, for an entry
        reads: list[tuple[int, bool] | None] = [None]  # by the update, in the last cycle: the step, and whether it is its slot's last row
        sums: list[list[int]] = []

        def show_weights() -> None:
            for port, value in zip((dut.weight_request.ready, dut.weight_word.valid, dut.weight_word.payload), memory.show(), strict=True):
                ctx.set(port, value)

        async def cycle(read: tuple[int, bool] | None = None) -> None:
            """One clock cycle; the scanner shows at most one entry in it, and a row may be ``read``."""
            nonlocal pause, room
            ctx.set(dut.entries.valid, 0)
            ctx.set(dut.entries.done, 0)
            pause -= 1
            may_come = room or not entries or entries[0] is None
            room = ctx.get(dut.entries.ready)
            if entries and may_come and pause < 0 and (not stalls or rng.random() < 0.7):
                entry = entries.pop(0)
                if entry is None:
                    ctx.set(dut.entries.done, 1)
                    pause = SCAN_PAUSE
                else:
                    ctx.set(dut.entries.entry.as_value(), entry_word(config, p, *entry))
                    ctx.set(dut.entries.valid, 1)
            maps.read(ctx, dut)
            _, _, valid, address, ready = await ctx.tick().sample(
                dut.weight_request.valid, dut.weight_request.payload, dut.weight_request.ready
            )
            memory.ask(ready, valid, address)
            show_weights()
            maps.show(ctx, dut)
            reads.insert(0, read)
            ctx.set(slots.used, reads[0] is not None)
            ctx.set(slots.last, reads[0][1] if reads[0] else rng.random() < 0.5)
            if arrived := reads.pop():
                sums[arrived[0]] += [ctx.get(value) for value in slots.sums]

        async def update(step: int) -> None:
            """The slots of one step, row by row."""
            for row in range(target.rows):
                last = row == target.rows - 1
                ctx.set(slots.block, row // config.rows_per_block)
                ctx.set(slots.row, row % config.rows_per_block)
                for operation in range(target.operations):
                    ctx.set(command.advance, last and operation == target.operations - 1 and step < count - 1)
                    last_of_slot = last or row % config.rows_per_block == config.rows_per_block - 1
                    await cycle((step, last_of_slot) if operation == target.synaptic else None)
            ctx.set(command.advance, 0)
            ctx.set(slots.block, 0)  # as the next step begins
            ctx.set(slots.row, 0)

        show_weights()
        await ctx.tick()
        room = ctx.get(dut.entries.ready)
        for _ in range(windows):
            sums[:] = [[] for _ in range(count)]
            for number, p in enumerate(passes):
                last, scans, gathers = number == len(passes) - 1, p.scans, isinstance(p, GatherPass)
                for name, value in (("mode", p.mode), ("blocks", blocks), ("weight_base", p.weight_base), ("fan_in", p.fan_in), ("count", count)):
                    ctx.set(getattr(command, name), value)
                maps.begin(ctx, dut, p)
                ctx.set(command.one_slot, len(passes) == 1 and p.mode is Mode.EVENT)
                ctx.set(command.step, 0)
                ctx.set(command.start, 1)
                await cycle()
                ctx.set(command.start, 0)
                for _ in range(3):
                    await cycle()
                begun, taken = 0, 0
                for step in range(count if p.mode is Mode.EVENT else 1):
                    ctx.set(command.step, step)
                    # The next step's row is scanned while this one is accumulated, if it fits the list.
                    while begun < min(step + (2 if p.neurons(config) <= config.words_ahead * RING_BITS else 1), len(scans)):
                        entries += [*scans[begun].items(), None]
                        begun += 1
                    while not stalls and entries and (room or pause > 0 or entries[0] is None):
                        await cycle()
                    for _ in range(0 if stalls or step else 3):
                        await cycle()
                    ctx.set(command.enable, 1)
                    spent = 0
                    # A gather may be done while the scanner goes on; the sequencer waits for both.
                    while not ctx.get(command.done) or gathers and ctx.get(command.rows_done) == 0 or entries and stalls and rng.random() < 0.5:
                        ctx.set(command.enable, not stalls or rng.random() < 0.8)
                        await cycle()
                        spent += 1
                        assert spent < LIMIT, f"step {step} of {p} never ends"
                    taken += spent
                    if not last and p.mode is Mode.EVENT:  # accumulation goes on
                        await cycle()
                        ctx.set(command.advance, step < count - 1)
                        await cycle()
                        ctx.set(command.advance, 0)
                        continue
                    await cycle()
                    ctx.set(command.enable, 0)
                    for _ in range(1 if not stalls else rng.choice([1, 1, 2, 5])):
                        await cycle()
                    for updated in range(count if p.mode is Mode.DENSE and last else 0):
                        await update(updated)
                    if p.mode is Mode.EVENT:
                        await update(step)
                cycles.append(taken)
                ctx.set(command.enable, 0)
                while entries or any(reads):
                    await cycle()
            results.append(list(sums))

    simulate(dut, bench)
    return results, cycles


def random_weights(config: Config, rng: random.Random, words: int) -> list[list[int]]:
    low, high = config.weight_min, config.weight_max
    return [[rng.choice([low, high, 0, rng.randint(low, high)]) for _ in range(config.lanes)] for _ in range(words)]


def random_pass(config: Config, rng: random.Random, blocks: int, count: int, base: int) -> Pass:
    mode = Mode.DENSE if config.dense_lanes and rng.random() < 0.5 else Mode.EVENT
    fan_in = rng.randrange(1, min(config.event_fan_in, 24) + 1)
    spikes = []
    for _ in range(count):
        number = rng.choice([0, 1, 2, fan_in // 2, fan_in])
        spikes.append(tuple(sorted(rng.sample(range(fan_in), min(number, fan_in)))))
    return Pass(mode, fan_in, base, tuple(spikes))


@pytest.mark.parametrize("name", ["tiny", "window1", "window2", "window16", "event-only", "event-wide", "narrow4"])
def test_random_passes_with_stalls(name: str) -> None:
    config, rng = VARIANTS[name], random.Random(name)
    for _ in range(5):
        blocks = rng.randrange(1, min(config.max_blocks, config.slot_words // config.window, 6) + 1)  # slots for all steps
        count = rng.choice([config.window, rng.randrange(1, config.window + 1)])
        passes: list[Pass] = []
        base = 0
        for _ in range(rng.randrange(1, 4)):
            passes.append(random_pass(config, rng, blocks, count, base))
            base += passes[-1].fan_in * blocks
        weights, target = random_weights(config, rng, config.weight_words), Target.drawn(config, blocks, rng)
        expected = reference(config, passes, target, weights)
        actual, _ = gateware(config, passes, target, WeightMemory(config, weights, rng), rng, windows=2)
        assert actual == [expected, expected], f"{target}, {passes}"


@pytest.mark.parametrize("memory", [{"busy": True}, {"late": True}, {"busy": True, "late": True}], ids=["busy", "late", "busy-and-late"])
@pytest.mark.parametrize("name", ["tiny", "window1", "window16", "event-only", "narrow4"])
def test_weights_that_are_late_are_waited_for_and_asked_for_once(name: str, memory: dict[str, bool]) -> None:
    """Sums, and the order of all requests, are those of a memory that answers at once."""
    config, rng = VARIANTS[name], random.Random(f"{name} {memory}")
    weights = random_weights(config, rng, config.weight_words)
    for _ in range(4):
        blocks = rng.randrange(1, min(config.max_blocks, 6) + 1)
        count = rng.choice([config.window, rng.randrange(1, config.window + 1)])
        passes = [random_pass(config, rng, blocks, count, rng.randrange(config.weight_words - 24 * blocks)) for _ in range(rng.randrange(1, 4))]
        target = Target.drawn(config, blocks, rng)
        expected = reference(config, passes, target, weights)
        slow, quick = WeightMemory(config, weights, rng, **memory), WeightMemory(config, weights, rng)
        for each, stalls in ((slow, rng.random() < 0.5), (quick, False)):
            assert gateware(config, passes, target, each, rng, stalls=stalls, windows=2)[0] == [expected] * 2, f"{target}, {passes}"
        assert slow.taken == quick.taken


ALL = tuple(range(20))
EDGES = {
    "event, silent": Pass(Mode.EVENT, 20, 3, ((), (), (), ())),
    "event, a silent step between full ones": Pass(Mode.EVENT, 20, 3, (ALL, (), ALL, (19,))),
    "event, a short window": Pass(Mode.EVENT, 20, 0, (ALL, ALL)),
    "event, the list goes round": Pass(Mode.EVENT, 64, 0, (tuple(range(64)),) * 4),
    "event, more than the list": Pass(Mode.EVENT, 512, 0, (tuple(range(0, 512, 3)), (), (511,), (1, 2))),
    "event, all of them more than the list": Pass(Mode.EVENT, 140, 0, (tuple(range(140)),) * 2),
    "dense, silent": Pass(Mode.DENSE, 20, 3, ((), (), (), ())),
    "dense, everything": Pass(Mode.DENSE, 20, 3, (ALL,) * 4),
    "dense, one neuron in the last step": Pass(Mode.DENSE, 20, 3, ((), (), (), (19,))),
    "dense, a short window": Pass(Mode.DENSE, 20, 0, (ALL, (0,), ALL)),
    "dense, a window of one step": Pass(Mode.DENSE, 20, 0, (ALL,)),
    "dense, fewer neurons than steps": Pass(Mode.DENSE, 2, 0, ((0,), (1,), (0, 1), ())),
}


def check(config: Config, passes: list[Pass], target: Target) -> None:
    """Two windows, whose sums are the same: the second begins with slots that the first has used."""
    rng = random.Random(1)
    weights = random_weights(config, rng, config.weight_words)
    expected = reference(config, passes, target, weights)
    for stalls in (False, True):
        assert gateware(config, passes, target, WeightMemory(config, weights, rng), rng, stalls=stalls, windows=2)[0] == [expected] * 2


@pytest.mark.parametrize("blocks", [1, 5])
@pytest.mark.parametrize("name", EDGES)
def test_edges(name: str, blocks: int) -> None:
    check(TINY, [EDGES[name]], Target.full(TINY, min(blocks, TINY.weight_words // EDGES[name].fan_in)))


HALF = preset("tiny").replace(event_lanes=8, dense_lanes=8, multipliers=4)
"""Two rows per block."""


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("passes", [["event"], ["event", "dense"]], ids="-then-".join)
def test_a_half_filled_last_block_is_cleared_behind_its_only_row(passes: list[str], rows: int) -> None:
    spikes = tuple(tuple(range(step, 9)) for step in range(HALF.window))
    check(HALF, [Pass(Mode[mode.upper()], 20, 60 * k, spikes) for k, mode in enumerate(passes)], Target(-(-rows // 2), rows))


@pytest.mark.parametrize("passes", list(itertools.product(["event", "dense"], repeat=2)), ids="-then-".join)
@pytest.mark.parametrize("steps", [1, 3])
def test_passes_into_one_population_add_in_every_step(passes: tuple[str, ...], steps: int) -> None:
    """A slot per step, also where the second pass is in event mode, and in a short window."""
    spikes = tuple(tuple(range(step, 8, 2)) for step in range(steps))
    check(TINY, [Pass(Mode[mode.upper()], 12, 40 * k, spikes) for k, mode in enumerate(passes)], Target.full(TINY, 3))


CLOSE = ((3,), (4,), (), (5, 6))
"""Steps of one event, none and two: what the update clears is used again at once."""


@pytest.mark.parametrize("name", ["tiny", "event-only"])
@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_events_wait_for_a_slot_that_is_being_cleared(name: str, blocks: int) -> None:
    """One slot per block, and steps as close as they can be: the update's last row is cleared while the next step's first event, or the next update, comes."""
    config = VARIANTS[name]
    for operations, synaptic in ((1, 0), (2, 0)):
        for rows in ((blocks - 1) * config.rows_per_block + 1, blocks * config.rows_per_block):
            check(config, [Pass(Mode.EVENT, 12, 5, CLOSE)], Target(blocks, rows, operations, synaptic))


@pytest.mark.parametrize(("name", "mode"), [("event-only", Mode.EVENT), *itertools.product(["tiny", "window16"], Mode)])
def test_cycles(name: str, mode: Mode) -> None:
    """Every spike and every block costs what the documentation says; only a constant per pass is left."""
    config = VARIANTS[name]
    rng = random.Random(2)
    weights = random_weights(config, rng, config.weight_words)
    left = set()
    for active in (1, 3, 30):
        for blocks in (1, 2, 5):
            spikes = tuple(tuple(range(active)) if step == 0 else () for step in range(config.window))
            only, target = Pass(mode, 40, 0, spikes), Target(blocks, blocks * config.rows_per_block, operations=2)
            taken = gateware(config, [only], target, WeightMemory(config, weights, rng), rng, stalls=False)[1][0]
            left.add(taken - only.cycles(config, blocks))
    assert len(left) == 1 and 0 <= min(left) <= 4, left


@pytest.mark.parametrize("weight", [TINY.weight_min, TINY.weight_max])
@pytest.mark.parametrize("active", [TINY.dense_entries - 1, TINY.dense_entries, TINY.dense_entries + 1, 2 * TINY.dense_entries])
def test_dense_sums_leave_before_they_overflow(active: int, weight: int) -> None:
    rng = random.Random(3)
    weights = [[weight] * TINY.lanes for _ in range(TINY.weight_words)]
    only = Pass(Mode.DENSE, 40, 0, (tuple(range(active)),) * TINY.window)
    target = Target.full(TINY, 2)
    expected = reference(TINY, [only, only], target, weights)
    assert gateware(TINY, [only, only], target, WeightMemory(TINY, weights, rng), rng, windows=2)[0] == [expected] * 2
