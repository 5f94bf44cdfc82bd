"""The host's side of the core against a reference: every address, status, strobe and register, with stalls on both streams."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import dataclass, field
from operator import attrgetter

import pytest

from lifline.arch.config import INTERFACE_VERSION, Config, preset
from lifline.arch.frame import Status
from lifline.arch.registers import (
    CONTROL_CLOCK,
    CONTROL_DISCARD,
    CONTROL_FRESH,
    CONTROL_START,
    CONTROL_STOP,
    CONTROL_TAG_SHIFT,
    COUNTER_STEP,
    COUNTERS,
    INPUT_RING_ROWS_SHIFT,
    KEPT,
    MAGIC,
    REGISTERS,
    Access,
    Space,
    address,
)
from lifline.rtl.host.host import Host

from ..bench import simulate

TINY = preset("tiny")
WIDE = TINY.replace(event_lanes=16, dense_lanes=16, multipliers=8, state_bits=20)
MAPS = TINY.replace(map_words=32)
BARE_MAPS = TINY.replace(dense_lanes=0, drain_cycles=1, memory_registers=False, map_words=16)
BARE = TINY.replace(dense_lanes=0, drain_cycles=1, multipliers=1, memory_registers=False, early_exit=False)
LATENCY = 5
"""Cycles from the one in which a request is offered to the one in which the response is."""
MEMORIES = {
    Space.PROGRAM: "program", Space.WEIGHTS: "weights", Space.NEURONS: "neurons", Space.DELAYS: "delays", Space.INPUT: "input_words",
}  # fmt: skip
"""Ports of the memories but rings, output and, in configurations that have them, maps."""


def memories(config: Config) -> dict[Space, str]:
    """Ports of the memories of one configuration, but rings and output."""
    return MEMORIES | ({Space.MAPS: "maps"} if config.map_words else {})


def strobes_of(config: Config) -> dict[Space, str]:
    """Strobes of the memories of one configuration."""
    return {space: f"{name}.write" for space, name in memories(config).items()} | {Space.RINGS: "rings.valid"}


STROBES = strobes_of(MAPS)
PORTS = {
    "input_out_of_range": "input.out_of_range", "input_taken": "input.taken", "discard": "input.discard", "input_count": "input.available",
    "input_neurons": "input.neurons", "input_ring_base": "input.base", "output_count": "output.count", "output_taken": "output.taken",
}  # fmt: skip
"""Where registers and commands are found that are not of the run control."""
LIVE = ("running", "exited", "counter_overflow", "input_out_of_range", "time", "input_taken", "output_count")


def port(dut: Host, name: str):
    """The port of a register, strobe or command."""
    return attrgetter(name if name in STROBES.values() else PORTS.get(name, f"run.{name}"))(dut)


@dataclass
class Reference:
    """The core's memories as the host sees them, word by word, and its registers."""

    config: Config
    rng: random.Random
    live: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LIVE, 0))
    stored: dict[str, int] = field(default_factory=dict)
    tag: int = 0
    strobes: Counter = field(default_factory=Counter)

    def __post_init__(self) -> None:
        c = self.config
        slices = max(c.weight_word_bits // 32, 1)
        self.depth = {
            Space.PROGRAM: c.program_words, Space.WEIGHTS: c.weight_words * slices, Space.NEURONS: c.neuron_words * c.multipliers,
            Space.DELAYS: c.delay_entries, Space.RINGS: c.ring_words, Space.INPUT: c.input_words, Space.OUTPUT: c.output_words,
        }  # fmt: skip
        self.width = {
            Space.PROGRAM: 32, Space.WEIGHTS: min(32, c.weight_word_bits), Space.NEURONS: c.state_bits,
            Space.DELAYS: c.max_delay.bit_length(), Space.RINGS: 32, Space.INPUT: 16, Space.OUTPUT: 32,
        }  # fmt: skip
        if c.map_words:
            self.depth[Space.MAPS], self.width[Space.MAPS] = 3 * c.map_words, 32
        self.words = {space: [self.rng.getrandbits(self.width[space]) for _ in range(depth)] for space, depth in self.depth.items()}

    def access(self, write: bool, where: int, data: int) -> tuple[int, Status]:
        number, offset = where >> 20, where & 0xFFFFF
        if number == Space.REGISTERS:
            return self.register(write, offset, data)
        if number not in self.depth or offset >= self.depth[Space(number)] or (write and number == Space.OUTPUT):
            return 0, Status.BAD_ADDRESS
        space = Space(number)
        if self.live["running"] and space not in (Space.INPUT, Space.OUTPUT):
            return 0, Status.BUSY
        if write:
            self.words[space][offset] = data & (1 << self.width[space]) - 1
            self.strobes[STROBES[space]] += 1
            return 0, Status.OK
        value = self.words[space][offset]
        if space == Space.NEURONS and value >> self.config.state_bits - 1:
            value |= 0xFFFFFFFF << self.config.state_bits & 0xFFFFFFFF
        return value, Status.OK

    def register(self, write: bool, offset: int, data: int) -> tuple[int, Status]:
        found = [r for r in REGISTERS.values() if r.offset == offset]
        if not found or (write and found[0].access is not Access.WRITE):
            return 0, Status.BAD_ADDRESS
        name = found[0].name
        if write:
            if name == "control":
                self.control(data)
            else:
                self.stored[name] = data
            return 0, Status.OK
        live = self.live
        status = live["running"] | live["exited"] << 1 | live["counter_overflow"] << 2 | live["input_out_of_range"] << 3
        values = {
            "magic": MAGIC, "interface_version": INTERFACE_VERSION, "config_hash": self.config.hash, "status": status, "step": live["time"],
            "input_taken": live["input_taken"], "output_count": live["output_count"], "control": self.tag << CONTROL_TAG_SHIFT,
        }  # fmt: skip
        return values.get(name, self.stored.get(name, 0)), Status.OK

    def control(self, data: int) -> None:
        tag = data >> CONTROL_TAG_SHIFT & 0xFF
        if data & CONTROL_START:
            self.strobes["start"] += not self.live["running"] and tag != self.tag
            self.tag = tag
        self.strobes["fresh"] += bool(data & CONTROL_FRESH)
        self.strobes["discard"] += bool(data & CONTROL_DISCARD)


class Bench:
    """The gateware with the same memories around it."""

    def __init__(self, ctx, dut: Host, reference: Reference) -> None:
        self.ctx, self.dut, self.reference = ctx, dut, reference
        self.words = {space: list(words) for space, words in reference.words.items()}
        self.strobes: Counter = Counter()

    def packed(self, space: Space, lanes: int, offset: int) -> int:
        """The memory word of ``lanes`` host words that holds ``offset``."""
        width, first = self.reference.width[space], offset // lanes * lanes
        return sum(word << k * width for k, word in enumerate(self.words[space][first : first + lanes]))

    def all_tables(self, offset: int) -> int:
        """The same word of all three tables."""
        depth = self.reference.config.map_words
        return sum(self.words[Space.MAPS][k * depth + offset % depth] << 32 * k for k in range(3))

    async def cycle(self) -> tuple[bool, bool, dict]:
        """One clock cycle; whether a request was taken and a response offered, and the response."""
        ctx, dut, config = self.ctx, self.dut, self.reference.config
        ports, strobes_here = memories(config), strobes_of(config)
        names = [*strobes_here.values(), "start", "fresh", "discard"]
        signals = [port(dut, name) for name in names]
        places = [(getattr(dut, name).address, getattr(dut, name).data) for name in ports.values()]
        places += [(dut.rings.payload.address, dut.rings.payload.word), (dut.output.address, dut.output.data)]
        _, _, ready, valid, data, error, *values = await ctx.tick().sample(
            dut.request.ready, dut.response.valid, dut.response.payload.data, dut.response.payload.error, *signals, *(s for pair in places for s in pair)
        )
        strobes, found = values[: len(signals)], iter(values[len(signals) :])
        at = {space: (next(found), next(found)) for space in (*ports, Space.RINGS, Space.OUTPUT)}
        slices = max(config.weight_word_bits // 32, 1)
        lanes = {Space.WEIGHTS: slices, Space.NEURONS: config.multipliers}
        inputs = {
            **{space: getattr(dut, name).read_data for space, name in ports.items()}, Space.RINGS: dut.ring_word, Space.OUTPUT: dut.output.data,
        }  # fmt: skip
        for space, signal in inputs.items():
            ctx.set(signal, self.packed(space, lanes.get(space, 1), at[space][0]) if space != Space.MAPS else self.all_tables(at[space][0]))
        for name, strobe in zip(names, strobes, strict=True):
            self.strobes[name] += strobe
        for space, name in strobes_here.items():
            if strobes[names.index(name)]:
                offset, written = at[space]
                self.words[space][offset] = written & (1 << self.reference.width[space]) - 1
        return bool(ready), bool(valid), {"data": data, "error": Status(error)}

    async def request(self, write: bool, where: int, data: int, patience: int = 0) -> tuple[int, Status]:
        """The answer to one request, taken ``patience`` cycles after it is offered; it must come on time and stay."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.request.payload, {"write": write, "address": where, "data": data})
        ctx.set(dut.request.valid, 1)
        for cycle in range(LATENCY):
            ready, valid, _ = await self.cycle()
            assert not valid and ready == (cycle == LATENCY - 1), f"cycle {cycle}"
        ctx.set(dut.request.valid, 0)
        ctx.set(dut.request.payload, {"write": 1, "address": 0xFFFFFF, "data": 0xFFFFFFFF})
        answers = []
        for waited in range(patience + 1):
            ctx.set(dut.response.ready, waited == patience)
            _, valid, answer = await self.cycle()
            assert valid
            answers.append(answer)
        ctx.set(dut.response.ready, 0)
        assert all(answer == answers[0] for answer in answers)
        return answers[0]["data"], answers[0]["error"]

    async def settle(self) -> None:
        """Until the counters read as zero."""
        for _ in range(2 * len(COUNTERS) + 2):
            await self.cycle()


def run(config: Config, body, seed: int = 0) -> None:
    dut, rng = Host(config), random.Random(seed)

    async def bench(ctx):
        bench = Bench(ctx, dut, Reference(config, rng))
        await bench.settle()
        await body(bench, rng)

    simulate(dut, bench)


@pytest.mark.parametrize("config", [TINY, WIDE, BARE, MAPS, BARE_MAPS], ids=["tiny", "wide", "bare", "maps", "bare-maps"])
def test_random_requests(config: Config) -> None:
    async def body(bench: Bench, rng: random.Random) -> None:
        reference, ctx, dut = bench.reference, bench.ctx, bench.dut
        counters = {REGISTERS[name].offset for name in COUNTERS}
        for _ in range(500):
            if rng.random() < 0.2:
                for name in LIVE:
                    reference.live[name] = rng.getrandbits(len(port(dut, name)))
                    ctx.set(port(dut, name), reference.live[name])
            number = rng.choice([*Space, Space.REGISTERS, rng.randrange(16)])
            depth = reference.depth.get(number, 32)
            offset = rng.choice([rng.randrange(depth), rng.randrange(depth), depth - 1, depth, rng.getrandbits(20)])
            write, data = rng.random() < 0.5, rng.getrandbits(32)
            if number == Space.REGISTERS and write and offset == REGISTERS["control"].offset:
                data &= ~CONTROL_STOP
            if number == Space.REGISTERS and offset in counters and not write:
                continue  # what they count has a test of its own
            expected = reference.access(write, number << 20 | offset, data)
            actual = await bench.request(write, number << 20 | offset, data, rng.choice([0, 0, 1, 7]))
            assert actual == expected, f"{'write' if write else 'read'} {number}:{offset:#x}"
            for _ in range(rng.choice([0, 0, 1, 5])):
                await bench.cycle()
        assert bench.words == reference.words
        assert +bench.strobes == +reference.strobes

    run(config, body)


def test_written_registers_reach_the_core() -> None:
    async def body(bench: Bench, rng: random.Random) -> None:
        for name, register in REGISTERS.items():
            if register.access is Access.READ or name in ("control", "input_ring", *COUNTERS, *KEPT):
                continue
            signal = port(bench.dut, name)
            for value in (0xFFFFFFFF, 0, rng.getrandbits(32)):
                assert await bench.request(True, address(Space.REGISTERS, register.offset), value) == (0, Status.OK)
                assert bench.ctx.get(signal) == value & (1 << len(signal)) - 1, name
                assert await bench.request(False, address(Space.REGISTERS, register.offset), 0) == (value, Status.OK)

    run(TINY, body)


@pytest.mark.parametrize("config", [TINY, WIDE.replace(max_delay=63, window=16)], ids=["tiny", "long"])
def test_the_input_ring_register_holds_delay_uniformity_and_rows(config: Config) -> None:
    async def body(bench: Bench, rng: random.Random) -> None:
        where = address(Space.REGISTERS, REGISTERS["input_ring"].offset)
        dut, ctx = bench.dut, bench.ctx
        for uniform, delay, rows in ((1, 5, 7), (0, 5, config.max_ring_rows), (0, config.delay_entries - 1, 1), (1, config.max_delay, 8)):
            await bench.request(True, where, delay | uniform << 16 | rows << INPUT_RING_ROWS_SHIFT)
            assert (ctx.get(dut.input.uniform), ctx.get(dut.input.delay), ctx.get(dut.input.rows)) == (uniform, delay, rows)

    run(config, body)


def test_a_read_of_the_input_memory_is_announced_and_nothing_else_is() -> None:
    """The input writer leaves the memory's port to the host for as long as it reads."""

    async def body(bench: Bench, rng: random.Random) -> None:
        ctx, dut = bench.ctx, bench.dut
        for space, write in itertools.product((Space.INPUT, Space.WEIGHTS, Space.REGISTERS, Space.OUTPUT), (False, True)):
            ctx.set(dut.request.payload, {"write": write, "address": address(space, 7), "data": 1})
            ctx.set(dut.request.valid, 1)
            announced = []
            for _ in range(LATENCY):
                announced.append(ctx.get(dut.input_words.read))
                await bench.cycle()
            ctx.set(dut.request.valid, 0)
            ctx.set(dut.response.ready, 1)
            await bench.cycle()
            ctx.set(dut.response.ready, 0)
            assert announced == [0] + [space is Space.INPUT and not write] * (LATENCY - 1), (space, write)

    run(TINY, body)


def test_the_load_mark_is_zero_at_first_and_then_what_was_written() -> None:
    async def body(bench: Bench, rng: random.Random) -> None:
        where = address(Space.REGISTERS, REGISTERS["load_mark"].offset)
        assert await bench.request(False, where, 0) == (0, Status.OK)
        for value in (0xFFFFFFFF, rng.getrandbits(32), 0):
            await bench.request(True, where, value)
            bench.ctx.set(bench.dut.run.cleared, value & 1)  # a fresh run changes nothing
            await bench.cycle()
            bench.ctx.set(bench.dut.run.cleared, 0)
            await bench.settle()
            assert await bench.request(False, where, 0) == (value, Status.OK)

    run(TINY, body)


def test_counters_can_be_set_to_multiples_of_their_step() -> None:
    async def body(bench: Bench, rng: random.Random) -> None:
        for name in COUNTERS:
            value = rng.getrandbits(32) & -COUNTER_STEP
            await bench.request(True, address(Space.REGISTERS, REGISTERS[name].offset), value)
            assert await bench.request(False, address(Space.REGISTERS, REGISTERS[name].offset), 0) == (value, Status.OK)

    run(TINY, body)


def test_a_repeated_start_starts_nothing_and_a_running_core_is_not_started() -> None:
    async def body(bench: Bench, rng: random.Random) -> None:
        where = address(Space.REGISTERS, REGISTERS["control"].offset)
        starts = []
        for tag, running in ((1, 0), (1, 0), (2, 1), (2, 0), (3, 0), (0, 0)):
            bench.ctx.set(bench.dut.run.running, running)
            await bench.request(True, where, CONTROL_START | tag << CONTROL_TAG_SHIFT)
            starts.append(bench.strobes["start"])
            assert await bench.request(False, where, 0) == (tag << CONTROL_TAG_SHIFT, Status.OK)
        assert starts == [1, 1, 1, 1, 2, 3]

    run(TINY, body)


def test_stop_stays_until_the_run_has_ended() -> None:
    async def body(bench: Bench, rng: random.Random) -> None:
        bench.ctx.set(bench.dut.run.running, 1)
        await bench.request(True, address(Space.REGISTERS, REGISTERS["control"].offset), CONTROL_STOP)
        for _ in range(20):
            await bench.cycle()
            assert bench.ctx.get(bench.dut.run.stop)
        bench.ctx.set(bench.dut.run.running, 0)
        await bench.cycle()
        assert not bench.ctx.get(bench.dut.run.stop)

    run(TINY, body)


def test_the_clock_goes_on_as_the_last_write_of_control_says() -> None:
    async def body(bench: Bench, rng: random.Random) -> None:
        where = address(Space.REGISTERS, REGISTERS["control"].offset)
        for value in (CONTROL_CLOCK, CONTROL_CLOCK | CONTROL_DISCARD, CONTROL_DISCARD, CONTROL_START | CONTROL_CLOCK | 5 << CONTROL_TAG_SHIFT, CONTROL_STOP, 0):
            await bench.request(True, where, value)
            for _ in range(rng.randrange(4)):
                await bench.cycle()
            assert bench.ctx.get(bench.dut.run.clock) == bool(value & CONTROL_CLOCK)
            await bench.request(True, address(Space.REGISTERS, REGISTERS["period"].offset), 0xFFFFFFFF ^ value)
            assert bench.ctx.get(bench.dut.run.clock) == bool(value & CONTROL_CLOCK)

    run(TINY, body)


def test_discard_and_a_fresh_run_reset_the_positions() -> None:
    async def body(bench: Bench, rng: random.Random) -> None:
        dut, ctx = bench.dut, bench.ctx
        for name in ("input_count", "output_taken"):
            await bench.request(True, address(Space.REGISTERS, REGISTERS[name].offset), 77)
        await bench.request(True, address(Space.REGISTERS, REGISTERS["control"].offset), CONTROL_DISCARD)
        assert (ctx.get(dut.input.available), ctx.get(dut.output.taken)) == (0, 77)
        ctx.set(dut.run.cleared, 1)
        await bench.cycle()
        ctx.set(dut.run.cleared, 0)
        await bench.cycle()
        assert ctx.get(dut.output.taken) == 0

    run(TINY, body)


def test_cycles_are_counted_apart() -> None:
    """Each kind of cycle into its own counter, computing only while nothing stalls."""

    async def body(bench: Bench, rng: random.Random) -> None:
        dut, ctx = bench.dut, bench.ctx
        ctx.set(dut.run.cleared, 1)
        await bench.cycle()
        ctx.set(dut.run.cleared, 0)
        await bench.settle()
        wanted = {"busy_cycles": 300, "stall_input_cycles": 70, "stall_output_cycles": 65, "stall_period_cycles": 200, "overruns": 3}
        signals = dict(zip(wanted, (None, dut.run.stall_input, dut.run.stall_output, dut.run.stall_period, dut.run.overrun), strict=True))
        for name, count in wanted.items():
            for _ in range(count):
                ctx.set(dut.run.running, name != "overruns")
                if (signal := signals[name]) is not None:
                    ctx.set(signal, 1)
                await bench.cycle()
                if signal is not None:
                    ctx.set(signal, 0)
        ctx.set(dut.run.running, 0)
        await bench.cycle()
        for name, count in wanted.items():
            assert await bench.request(False, address(Space.REGISTERS, REGISTERS[name].offset), 0) == (count, Status.OK), name
        for clock in (CONTROL_CLOCK, 0):  # a fresh start in real time that goes on leaves them
            await bench.request(True, address(Space.REGISTERS, REGISTERS["control"].offset), clock)
            ctx.set(dut.run.cleared, 1)
            await bench.cycle()
            ctx.set(dut.run.cleared, 0)
            await bench.settle()
            for name, count in wanted.items():
                expected = count if clock else 0
                assert await bench.request(False, address(Space.REGISTERS, REGISTERS[name].offset), 0) == (expected, Status.OK), name

    run(TINY, body)
