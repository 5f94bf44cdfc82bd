"""The input writer against a reference that knows only arrival times, with ports that are taken away at random."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import pytest

from lifline.arch.config import Config, preset
from lifline.arch.limits import RING_BITS
from lifline.arch.program import Mode
from lifline.arch.records import AHEAD_BITS, INPUT_BITS, INPUT_END_OF_STEP, INPUT_PACKED_STEPS, packed_words
from lifline.compiler.compile import compile_network
from lifline.driver.predict import predict, record_activity
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.rtl.spikes.input import InputWriter

from ..bench import Memory, simulate

CONFIG = preset("tiny").replace(input_words=16)
POSITIONS = 1 << 16


@dataclass(frozen=True)
class Case:
    """Spikes as a list of input indices per step, the ring's place, and delays: one number, or one per neuron from ``entry`` on."""

    steps: list[list[int]]
    neurons: int
    base: int
    rows: int
    delays: int | list[int]
    entry: int = 0
    period: int = 0
    """words of 32 delays that are stored, which repeat; 0: all are"""
    packed: frozenset[int] = frozenset()
    """steps that come with a bit per neuron"""

    @property
    def words(self) -> list[int]:
        words: list[int] = []
        group = 0  # packed steps that are still to come behind the last head
        for number, step in enumerate(self.steps):
            if number not in self.packed:
                words += [*step, INPUT_END_OF_STEP]
                continue
            if not group:
                group = next(k for k in range(INPUT_PACKED_STEPS + 1) if k == INPUT_PACKED_STEPS or number + k not in self.packed)
                words.append(INPUT_END_OF_STEP + group)
            group -= 1
            bits = sum(1 << index for index in set(step))
            words += [bits >> INPUT_BITS * k & (1 << INPUT_BITS) - 1 for k in range(packed_words(self.neurons))]
        return words


def reference(case: Case, config: Config = CONFIG) -> tuple[list[int], bool]:
    """Ring memory afterwards, and whether an index named no input neuron."""
    ring, bad = [0] * config.ring_words, False
    for step, spikes in enumerate(case.steps):
        refused = {index // RING_BITS for index in spikes if step in case.packed and index >= case.neurons}  # words, whole
        for index in spikes:
            if index >= case.neurons or index // RING_BITS in refused:
                bad = True
                continue
            delay = case.delays if isinstance(case.delays, int) else case.delays[index]
            ring[case.base + index // RING_BITS * case.rows + (step + delay) % case.rows] |= 1 << index % RING_BITS
    return ring, bad


def gateware(case: Case, rng: random.Random, free: float = 1.0, burst: int = CONFIG.input_words, config: Config = CONFIG) -> tuple[list[int], bool, int]:
    """The same of the gateware, and its cycles; each port is free with probability ``free``, the host writes ``burst`` words at a time."""
    dut = InputWriter(config)
    ring = [0] * config.ring_words
    delays = Memory(3, [rng.randrange(8) for _ in range(config.delay_entries)], rng)
    if not isinstance(case.delays, int):
        stored = case.delays[: case.period * RING_BITS or None]
        delays.words[case.entry : case.entry + len(stored)] = stored
    words = case.words
    bad, cycles = False, 0

    async def bench(ctx):
        nonlocal bad, cycles
        uniform = isinstance(case.delays, int)
        for name, value in (("base", case.base), ("rows", case.rows), ("uniform", uniform), ("neurons", case.neurons)):
            ctx.set(getattr(dut.control, name), value)
        ctx.set(dut.control.delay, case.delays if uniform else case.entry)
        if config.map_words:
            ctx.set(dut.control.period, case.period)
        written, available, taken, limit, steps = 0, 0, 0, 0, 0
        waits, payload = False, None
        while steps < len(case.steps):
            if limit < len(case.steps) and (free == 1.0 or rng.random() < 0.1):
                limit += 1
                ctx.set(dut.progress.limit, limit % (1 << AHEAD_BITS))
            writes = written < len(words) and written - taken < config.input_words
            ctx.set(dut.host.write, writes)
            reads = not writes and free < 1.0 and rng.random() < 0.2
            ctx.set(dut.host.read, reads)
            if writes:
                ctx.set(dut.host.address, written % config.input_words)
                ctx.set(dut.host.data, words[written])
                written += 1
            elif written - available >= burst or written == len(words) or written - taken == config.input_words:
                available = written
                ctx.set(dut.control.available, available % POSITIONS)
            delay_free = rng.random() < free
            ready = rng.random() < free
            ctx.set(dut.write.ready, ready)
            ctx.set(dut.delays.free, delay_free)
            _, _, offered, spike, delay_address, delay_enable = await ctx.tick().sample(
                dut.write.valid, dut.write.payload, dut.delays.address, dut.delays.enable
            )
            cycles += 1
            assert offered or not waits, "a write is offered until it is taken"
            shown = (spike.address, spike.merge, spike.neuron if spike.merge else spike.word)
            assert not waits or shown == payload, "and stays what it was"
            waits, payload = offered and not ready, shown
            if offered and ready:
                ring[spike.address] = ring[spike.address] | 1 << spike.neuron if spike.merge else spike.word
            ctx.set(dut.delays.data, delays.cycle(delay_address, free=delay_free and bool(delay_enable)))
            if reads:
                assert ctx.get(dut.host.read_data) == words[written - 1], "the host reads what it wrote last"
            taken += (ctx.get(dut.control.taken) - taken) % POSITIONS
            before, steps = steps, steps + (ctx.get(dut.progress.steps) - steps) % (1 << AHEAD_BITS)
            assert steps <= limit, "no step beyond the limit"
            if steps != before:
                done = reference(Case(case.steps[:steps], case.neurons, case.base, case.rows, case.delays, packed=case.packed), config)[0]
                assert all(have & want == want for have, want in zip(ring, done, strict=True)), "a step counts when its spikes are in"
        bad = bool(ctx.get(dut.control.out_of_range))
        assert taken == len(words)

    simulate(dut, bench)
    return ring, bad, cycles


def check(case: Case) -> None:
    assert gateware(case, random.Random(1))[:2] == reference(case)
    for seed, free, burst in ((2, 0.5, 16), (3, 0.2, 1), (4, 0.8, 5)):
        assert gateware(case, random.Random(seed), free, burst)[:2] == reference(case), f"seed {seed}"


EDGES = {
    "silence": Case([[]] * 5, 32, 0, 8, 0),
    "lowest and highest neuron": Case([[0, 79], [79, 0]], 80, 4, 15, 7),
    "rows wrap": Case([[3], [0], [2]] * 7, 40, 0, 8, [0, 0, 1, 7] + [5] * 36),
    "one word again and again": Case([list(range(32))], 32, 8, 8, 0),
    "two neurons of one word in turn with another word": Case([[0, 40, 1, 41, 2, 42]], 64, 0, 9, 1),
    "same spike twice": Case([[5, 5], [5]], 32, 0, 8, 2),
    "index out of range": Case([[31, 32, 30], [33]], 32, 0, 8, 0),
    "index just below the end-of-step word": Case([[INPUT_END_OF_STEP - 1, 1]], 32, 0, 8, 0),
    "packed, a full word": Case([[0, 31], list(range(32))], 32, 0, 8, 1, packed=frozenset({0, 1})),
    "packed among others": Case([[0, 3], [40, 70], [], [1, 65], [5]], 71, 2, 15, 3, packed=frozenset({1, 2, 4})),
    "more packed steps than one head tells": Case([[k % 5, 17] for k in range(20)], 18, 0, 15, 0, packed=frozenset(range(20))),
    "packed silence": Case([[]] * 9, 64, 4, 9, 2, packed=frozenset(range(9))),
    "index just above the most packed steps": Case([[INPUT_END_OF_STEP + INPUT_PACKED_STEPS + 1, 3], [2]], 32, 0, 8, 0),
    "packed steps where neurons have delays of their own": Case([[INPUT_END_OF_STEP + 1, 3], [2]], 3, 0, 8, [1, 2, 3]),
    "delays from an entry on": Case([[0, 1, 2]], 3, 0, 15, [7, 0, 5], entry=61),
}


@pytest.mark.parametrize("name", EDGES)
def test_edges(name: str) -> None:
    check(EDGES[name])


@pytest.mark.parametrize("neurons", [1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63])
def test_a_packed_word_with_a_bit_behind_the_last_neuron_is_refused(neurons: int) -> None:
    beyond = range(neurons, -(-neurons // RING_BITS) * RING_BITS)
    for first in range(0, len(beyond) + 1, 13):
        steps = [[0, neurons - 1, index] for index in beyond[first : first + 13]] + [[neurons - 1], list(range(neurons))]
        case = Case(steps, neurons, 0, 15, first % 8, packed=frozenset(range(len(steps))))
        assert reference(case)[1] == bool(beyond[first:])
        check(case)


def test_without_dense_lanes_a_head_of_packed_steps_names_no_neuron() -> None:
    config = CONFIG.replace(dense_lanes=0, drain_cycles=1, dense_bits=0)
    case = Case([[INPUT_END_OF_STEP + 1, 3], [2]], 32, 0, 8, 0)
    assert not config.packed_input and reference(case) == gateware(case, random.Random(1), config=config)[:2]


@pytest.mark.parametrize("seed", range(8))
def test_random_packed_and_other_steps(seed: int) -> None:
    rng = random.Random(100 + seed)
    neurons = rng.randrange(1, 65)
    rows = rng.randrange(8, CONFIG.max_ring_rows + 1)
    # Each row once: a packed word takes the place of what is in the ring, which a scan has cleared before the row comes round again.
    steps = [rng.sample(range(neurons), rng.randrange(neurons + 1)) for _ in range(rows)]
    check(Case(steps, neurons, rng.randrange(16), rows, rng.randrange(8), packed=frozenset(k for k in range(rows) if rng.random() < 0.7)))


@pytest.mark.parametrize("seed", range(4))
def test_random_spikes(seed: int) -> None:
    rng = random.Random(seed)
    neurons = rng.randrange(1, 65)
    rows = rng.randrange(8, CONFIG.max_ring_rows + 1)
    delays = rng.randrange(8) if rng.random() < 0.3 else [rng.randrange(8) for _ in range(neurons)]
    steps = [sorted(rng.sample(range(neurons), rng.choice([0, 1, 2, neurons // 8]))) for _ in range(rows + 8)]
    check(Case(steps, neurons, rng.randrange(16), rows, delays))


@pytest.mark.parametrize("delays", [1, [k % 8 for k in range(64)]], ids=["uniform", "axonal"])
def test_a_spike_per_cycle(delays: int | list[int]) -> None:
    roomy = CONFIG.replace(input_words=128)  # all words are written, then all are taken
    few, many = (gateware(Case([list(range(n))], 64, 0, 15, delays), random.Random(1), burst=128, config=roomy)[2] for n in (20, 60))
    assert many - few == 40 + 40


def test_a_dense_layer_does_not_wait_for_its_input() -> None:
    """256 active inputs, as indices and packed, against a dense layer of 256 neurons."""
    config = preset("medium")

    def cycles(packed: bool) -> int:
        few, many = (
            gateware(Case([list(range(256))] * n, 256, 0, 15, 1, packed=frozenset(range(n * packed))), random.Random(1), burst=1024, config=config)[2]
            for n in (1, 3)
        )
        written = 2 * (packed_words(256) if packed else 257)
        return (many - few - written) // 2  # the bench writes all words first

    network = Network(
        name="dense", state_bits=config.state_bits, output="out",
        populations=(Population("in", (256,)), Population("out", (256,), Neurons(threshold=1000))),
        projections=(Projection(source="in", target="out", weights=np.ones((256, 256), int)),),
    )  # fmt: skip
    spikes = np.ones((4 * config.window, 256), np.uint8)
    (costs,) = predict(compile_network(network, config, Mode.DENSE), config, record_activity(network, spikes))
    dense = costs.busy_cycles // len(spikes)
    assert (cycles(packed=False), cycles(packed=True), dense) == (261, 29, 571)


@pytest.mark.parametrize("period", [0, 1, 2, 4])
def test_delays_that_repeat_are_stored_once(period: int) -> None:
    config, rng = CONFIG.replace(map_words=16), random.Random(period)
    neurons = 6 * RING_BITS
    stored = [rng.randrange(8) for _ in range(period * RING_BITS or neurons)]
    config = config.replace(delay_entries=256, ring_words=512)
    steps = [rng.sample(range(neurons), 20) for _ in range(20)]
    case = Case(steps, neurons, 3, 15, [stored[k % len(stored)] for k in range(neurons)], RING_BITS, period)
    for free in (1.0, 0.6):
        assert gateware(case, rng, free, config=config)[:2] == reference(case, config)


def test_discard_forgets_unread_words() -> None:
    dut = InputWriter(CONFIG)

    async def bench(ctx):
        ctx.set(dut.control.rows, 8)
        ctx.set(dut.control.neurons, 32)
        ctx.set(dut.control.available, 6)
        ctx.set(dut.progress.limit, 0)
        for _ in range(6):
            await ctx.tick()
        ctx.set(dut.control.available, 0)
        ctx.set(dut.control.discard, 1)
        await ctx.tick()
        ctx.set(dut.control.discard, 0)
        ctx.set(dut.progress.limit, 4)
        for _ in range(10):
            await ctx.tick()
            assert (ctx.get(dut.control.taken), ctx.get(dut.progress.steps), ctx.get(dut.write.valid)) == (0, 0, 0)

    simulate(dut, bench)
