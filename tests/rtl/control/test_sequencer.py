"""The sequencer alone: programs of random networks, with engines that take random times, against a plain reading of the program."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from lifline.arch.config import Config, preset
from lifline.arch.errors import CompileError
from lifline.arch.layout import WORD_BITS, Word
from lifline.arch.program import (
    FIRST_COUNTER,
    GATHER_WORDS,
    INSTRUCTION,
    PASS_0,
    PASS_1,
    PASS_WORDS,
    PASSES,
    POPULATION_1,
    POPULATION_2,
    POPULATION_5,
    POPULATION_WORDS,
    REPEAT_1,
    REPEAT_WORDS,
    RING_0,
    RING_1,
    RING_WORDS,
    WALK_WORDS,
    Mode,
    Opcode,
)
from lifline.arch.registers import Space
from lifline.arch.timing import UPDATE_SPACING, UPDATE_STAGES
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.rtl.control.sequencer import Sequencer
from lifline.rtl.streams import PROGRAM_SLICES
from lifline.sim.random.network import random_network

from ..bench import Memory, simulate

TINY = preset("tiny")
MAPS = TINY.replace(map_words=16, program_words=512)
EVENT_ONLY = TINY.replace(dense_lanes=0, early_exit=False, drain_cycles=1)
SLICE_BITS = WORD_BITS // PROGRAM_SLICES
MAPPED = (Opcode.MAPPED_PASS, Opcode.VECTOR_PASS)
COUNTERS = len(POPULATION_WORDS) - FIRST_COUNTER


def random_program(seed: int, config: Config) -> tuple[Program, list[int]]:
    """A program and its words, recording what a random user wants."""
    rng = np.random.default_rng(seed)
    while True:
        network = random_network(rng, config=config, recurrent=bool(rng.integers(2)), max_inputs=40, max_size=12)
        modes = {(p.source, p.target): Mode(int(rng.integers(2)) if config.dense_lanes else 0) for p in network.projections}
        try:
            program = compile_network(network, config, modes)
        except CompileError:
            continue
        words = [int(w) for w in program.images[Space.PROGRAM]]
        wanted = {p.name: {v for v in ("spikes", *p.record) if rng.random() < 0.3} for p in program.populations}
        for address, value in program.recording(wanted):
            words[address] = value
        return program, words


@dataclass
class Expected:
    """What the engines must be told, each kind in its own order."""

    passes: list[tuple[int, ...]] = field(default_factory=list)
    scans: list[tuple[int, ...]] = field(default_factory=list)
    loads: list[tuple[int, ...]] = field(default_factory=list)
    steps: list[tuple[int, int, int]] = field(default_factory=list)
    routes: list[int] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    walks: list[tuple[int, ...]] = field(default_factory=list)
    time: int = 0


def with_maps(words: list[int], rng: random.Random) -> list[int]:
    """The same program with some of its passes with maps, event passes mapped and dense ones gathering, by words that are noise, and taps of all rings that no
    population writes."""
    new: list[int] = []
    pointers: list[tuple[int, Word]] = []  # words that lead to rings
    written: set[int] = set()
    at = loop = 0
    while (opcode := INSTRUCTION.unpack(words[at])["opcode"]) != Opcode.END:
        if opcode == Opcode.LOOP:
            new.append(words[at])
            at, loop = at + 1, len(new)
            continue
        if opcode == Opcode.REPEAT:
            new += [words[at], REPEAT_1.pack(first=loop, reserved=0)]
            at += len(REPEAT_WORDS)
            continue
        head, behind = PASS_0.unpack(words[at]), at + len(PASS_WORDS)
        further = len(PASSES[Opcode(opcode)]) - len(PASS_WORDS)
        pointers.append((len(new) + 1, PASS_1))
        kind = (rng.choice(MAPPED) if head["mode"] == Mode.EVENT else Opcode.GATHER_PASS) if further or rng.random() < 0.6 else Opcode.PASS
        new += [PASS_0.pack(**head | {"opcode": kind}), *words[at + 1 : behind]]
        new += [rng.getrandbits(WORD_BITS) for _ in PASSES[kind][len(PASS_WORDS) :]]
        at = behind + further
        if head["update"]:
            first, rings = POPULATION_5.unpack(words[at + 5])["ring"], POPULATION_1.unpack(words[at + 1])["rings"]
            written |= {first + r * len(RING_WORDS) for r in range(rings)}
            end = at + len(POPULATION_WORDS) + POPULATION_2.unpack(words[at + 2])["micro_words"]
            pointers.append((len(new) + 5, POPULATION_5))
            new += words[at:end]
            at = end
    moved = len(new) - at
    for where, layout in pointers:
        pointer = layout.unpack(new[where])
        new[where] = layout.pack(**pointer | {"ring": pointer["ring"] + moved})
    for k in range(INSTRUCTION.unpack(words[at])["argument"]):
        ring_at = at + 1 + k * len(RING_WORDS)
        ring = RING_0.unpack(words[ring_at])
        if ring_at not in written:
            words[ring_at] = RING_0.pack(**ring | {"tap": 1, "base": rng.randrange(ring["rows"])})
    return new + words[at:]


def first_row(config: Config, ring: dict[str, int]) -> int:
    """Row of a fresh run's first step."""
    return ring["base"] if config.map_words and ring["tap"] else 0


def needs_route(word: int, first_ring: int) -> bool:
    population, uniform = POPULATION_1.unpack(word), RING_1.unpack(first_ring)["uniform"]
    direct = population["rings"] == 1 and uniform and not population["record_spikes"]
    return bool(population["record_spikes"] or (population["rings"] and not direct))


def read_program(config: Config, words: list[int], windows: list[int], fresh: bool, time: int, counters: random.Random) -> Expected:
    """Run the program once per window, as ``lifline.arch.program`` describes it."""
    found = Expected(words=list(words), time=time)
    words = found.words
    for number, count in enumerate(windows):
        first = fresh and number == 0
        pc, loop_step = 0, None
        while True:
            instruction = INSTRUCTION.unpack(words[pc])
            if instruction["opcode"] == Opcode.END:
                for k in range(instruction["argument"]):
                    at = pc + 1 + k * len(RING_WORDS)
                    ring = RING_0.unpack(words[at])
                    words[at] = RING_0.pack(**ring | {"head": ((first_row(config, ring) if first else ring["head"]) + count) % ring["rows"]})
                found.time += count
                break
            if instruction["opcode"] == Opcode.LOOP:
                pc, loop_step = pc + 1, 0
                continue
            if instruction["opcode"] == Opcode.REPEAT:
                loop_step = None if loop_step == count - 1 else loop_step + 1
                pc = pc + 2 if loop_step is None else REPEAT_1.unpack(words[pc + 1])["first"]
                continue
            steps = range(count) if loop_step is None else range(loop_step, loop_step + 1)
            pass_0, pass_1, pass_2 = (layout.unpack(words[pc + k]) for k, layout in enumerate(PASS_WORDS))
            found.passes.append((pass_0["mode"], pass_0["blocks"], pass_2["weight_base"], pass_2["fan_in"], len(steps)))
            ring = RING_0.unpack(words[pass_1["ring"]])
            head, rows = (first_row(config, ring) if first else ring["head"]), ring["rows"]
            scans = [(head + step) % rows for step in (steps[:1] if pass_0["mode"] == Mode.DENSE else steps)]
            each = len(steps) if pass_0["mode"] == Mode.DENSE else 1
            found.scans += [(pass_0["source_words"], each, pass_1["ring_base"], rows, row, pass_0["clear"]) for row in scans]
            pc += len(PASS_WORDS)
            further = words[pc : pc + len(PASSES[Opcode(instruction["opcode"])]) - len(PASS_WORDS)]
            if further:
                found.walks.append((instruction["opcode"], *further))
                pc += len(further)
            if not pass_0["update"]:
                continue
            ring_at = POPULATION_5.unpack(words[pc + 5])["ring"]
            found.loads.append((steps[0], pc + len(POPULATION_WORDS), *words[pc : pc + FIRST_COUNTER]))
            for step in steps:
                found.steps.append((step, int(first and step == 0), found.time + step))
                if needs_route(words[pc + 1], words[ring_at + 1]):
                    found.routes.append(found.time + step)
            for k in range(COUNTERS):
                at = pc + FIRST_COUNTER + k
                words[at] = (0 if first and steps[0] == 0 else words[at]) + counters.getrandbits(20)
            pc += len(POPULATION_WORDS) + POPULATION_2.unpack(words[pc + 2])["micro_words"]
    return found


class Engines:
    """Scanner, accumulation, update, router and recorder as the sequencer sees them, each as slow as chance wants."""

    def __init__(self, config: Config, ctx: Any, dut: Sequencer, words: list[int], rng: random.Random, counters: random.Random) -> None:
        self.config, self.ctx, self.dut, self.rng, self.counters = config, ctx, dut, rng, counters
        self.memory = Memory(WORD_BITS, words, rng)
        self.data = 0
        self.found = Expected()
        self.scan_left = self.rows_done = self.scan_ended = 0
        self.work: dict[int, int] = {}
        self.issue_left = self.first_row_left = self.cooling = self.route_left = self.recorder_left = self.recorded = 0
        self.on_their_way: list[int] = []  # cycles until the results of a step have arrived
        self.completed = 0  # steps whose spikes wait for the router
        self.needed = self.records = False
        self.totals = [0] * COUNTERS
        self.began: int | None = None
        self.row_cycles = self.step_cycles = 1
        self.record_steps: list[int] = []
        self.input_steps = 0
        self.begun = False

    def is_accumulated(self) -> bool:
        ctx, dut = self.ctx, self.dut
        step = 0 if ctx.get(dut.accumulation.mode) == Mode.DENSE else ctx.get(dut.accumulation.step)
        return self.rows_done > step and self.work.get(step, 1) == 0

    def show(self) -> None:
        """Inputs of this cycle that do not depend on the sequencer's outputs, then those that do."""
        ctx, dut, rng = self.ctx, self.dut, self.rng
        ending = self.issue_left == 1
        update = dut.update
        for port, value in (
            (dut.program.read_data, self.data), (dut.scan.busy, self.scan_left > 0), (dut.accumulation.rows_done, self.rows_done), (update.ending, ending),
            (update.complete, 1 in self.on_their_way), (update.ready, not self.issue_left and not self.cooling),
            (update.again, not self.first_row_left and not self.cooling and not self.records and rng.random() < 0.8),
            (update.settled, not self.issue_left and not self.on_their_way),
            (update.counted, not self.issue_left and all(left < 3 for left in self.on_their_way)),
            (update.blocked, 0), (dut.record.busy, self.recorder_left > 0), (dut.route.busy, self.route_left > 0), (dut.route.needed, self.needed),
            (dut.record.room, rng.random() < 0.8), (dut.input.steps, self.input_steps),
        ):  # fmt: skip
            ctx.set(port, int(value))
        for k, value in enumerate(self.totals):
            ctx.set(update.counts[k], value)
        ctx.set(dut.accumulation.done, int(self.is_accumulated()))

    def listen(self) -> None:
        """What the sequencer asks for in this cycle, and what the engines have done by the next."""
        ctx, dut, rng, found = self.ctx, self.dut, self.rng, self.found
        get, program, accumulation = ctx.get, dut.program, dut.accumulation
        waiting = self.completed, self.route_left  # what the sequencer knows of routing in this cycle
        to_update = get(dut.to_update)
        write = get(program.write_enable)
        mask = sum(((1 << SLICE_BITS) - 1) << k * SLICE_BITS for k in range(PROGRAM_SLICES) if write >> k & 1)
        at = get(program.write_address)
        merged = self.memory.words[at] & ~mask | get(program.write_data) & mask
        self.data = self.memory.cycle(get(program.read_address), 1, at, int(write != 0), merged, free=not to_update)

        self.recorded += bool(self.record_steps)
        if self.recorded == 2:  # the time of a step is there two cycles after it has begun
            assert get(dut.record.step) == self.record_steps.pop(0)
            self.recorded = 0
        if get(accumulation.start):
            assert not self.scan_left and not self.route_left and not self.issue_left and not self.completed
            self.rows_done, self.work, self.scan_ended, self.begun = 0, {}, 0, True
            found.passes.append(tuple(get(getattr(accumulation, name)) for name in ("mode", "blocks", "weight_base", "fan_in", "count")))
        if self.begun and get(accumulation.enable):
            self.begun = False
            if self.config.map_words and get(accumulation.mapped):
                assert get(accumulation.vector) == get(dut.scan.vector)
                found.walks.append((MAPPED[get(accumulation.vector)], *(get(accumulation.walk[word.name].as_value()) for word in WALK_WORDS)))
            if self.config.gathers:
                clear_words = get(dut.scan.words)
                if get(accumulation.gathered):
                    found.walks.append((Opcode.GATHER_PASS, *(get(accumulation.gather[word.name].as_value()) for word in GATHER_WORDS)))
                    clear_words = get(accumulation.gather.gather_3.clear_words)
                assert get(dut.scan.clear_words) == clear_words % (1 << len(dut.scan.clear_words))
        if self.began is not None:
            found.steps.append((get(dut.accumulation.step) + get(dut.loop.step), get(dut.update.fresh), self.began))
            self.began = None
        if self.scan_ended:
            self.scan_ended -= 1
            self.rows_done += self.scan_ended == 0
        if self.scan_left:
            self.scan_left -= 1
            if self.scan_left == 0:
                self.scan_ended = 2
        if get(dut.scan.start):
            assert not self.scan_left and not self.scan_ended and not self.route_left, "the ring memory has one user"
            assert not self.issue_left and not self.on_their_way, "no spike word is on its way to a ring"
            assert not (get(dut.fetch.pass_0.recurrent) and waiting[0]), "and here none waits to be routed"
            found.scans.append(tuple(get(getattr(dut.scan, name)) for name in ("words", "count", "base", "ring_rows", "row", "clear")))
            self.scan_left = rng.randint(1, 6)
        step = 0 if get(accumulation.mode) == Mode.DENSE else get(accumulation.step)
        if get(accumulation.enable) and self.rows_done > step:
            self.work[step] = self.work.get(step, rng.randint(1, 6)) - (self.work.get(step, 1) > 0)

        self.cooling = max(self.cooling - 1, 0)
        if self.first_row_left:
            self.first_row_left -= 1
            self.cooling = 0 if self.first_row_left else UPDATE_SPACING - 2  # the next step reads this row again
        self.recorder_left = max(self.recorder_left - 1, 0)
        if 1 in self.on_their_way and self.needed:
            assert not self.completed, "the spikes of a step have been routed when those of the next are complete"
            self.completed += 1
        if 1 in self.on_their_way and self.records:
            self.recorder_left = rng.randint(1, 5)
        self.on_their_way = [left - 1 for left in self.on_their_way if left > 1]
        if self.issue_left:
            self.issue_left -= 1
            if not self.issue_left:
                self.on_their_way.append(UPDATE_STAGES)
        if get(dut.update.load):
            words = [get_population(ctx, dut, k) for k in range(FIRST_COUNTER)]
            found.loads.append((get(dut.route.first), get(dut.update.micro_base), *words))
            first_ring = self.memory.words[POPULATION_5.unpack(words[5])["ring"] + 1]
            self.needed = needs_route(words[1], first_ring)
            exit_check = self.config.early_exit and POPULATION_5.unpack(words[5])["exit_check"]
            self.records = bool(POPULATION_1.unpack(words[1])["record"] or exit_check)
            self.row_cycles = rng.randint(1, 4)
            self.step_cycles = self.row_cycles * rng.randint(1, 8)
            self.totals = [self.counters.getrandbits(20) for _ in range(COUNTERS)]
        if get(dut.route.go):
            assert self.completed and not self.route_left and not self.scan_left
            assert not self.records or not (self.recorder_left or self.on_their_way), "records leave in order"
            self.completed -= 1
            self.route_left = rng.randint(1, 6)
            found.routes.append(self.completed)
        else:
            self.route_left = max(self.route_left - 1, 0)
        if get(dut.update.go):
            assert self.issue_left == 0 and self.is_accumulated()
            assert waiting == (0, 0), "the spikes of the step before have been routed, or are not complete"
            assert not self.records or not self.recorder_left, "and its rows have been sent"
            self.issue_left, self.first_row_left = self.step_cycles, self.row_cycles
            self.began = get(dut.run.time) + get(dut.loop.step) + get(accumulation.step) + get(dut.update.ending)  # a step that follows at once is one further
            self.record_steps.append(self.began)


def get_population(ctx: Any, dut: Sequencer, k: int) -> int:
    return ctx.get(getattr(dut.update.population, POPULATION_WORDS[k].name).as_value())


def windows_of(config: Config, steps: int, exit_every: int, to_check: int) -> list[int]:
    """Steps of every window: a comparison for early exit ends one."""
    windows = []
    while steps:
        windows.append(min(config.window, steps, to_check if exit_every else steps))
        steps -= windows[-1]
        to_check -= windows[-1]
        to_check = to_check or exit_every
    return windows


@pytest.mark.parametrize(
    ("config", "exit_every"), [(TINY, 0), (TINY, 3), (TINY, 6), (EVENT_ONLY, 0), (MAPS, 0)], ids=["tiny", "check-in-3", "check-in-6", "event-only", "maps"]
)
@pytest.mark.parametrize("seed", range(10))
def test_programs_are_executed_as_they_are_written(config: Config, exit_every: int, seed: int) -> None:
    rng = random.Random(seed)
    _, words = random_program(seed, config)
    words = with_maps(words, rng) if config.map_words else words
    dut = Sequencer(config)

    async def body(ctx: Any) -> None:
        engines = Engines(config, ctx, dut, words, rng, random.Random(seed))
        counters, time, to_check = random.Random(seed), 0, exit_every
        ctx.set(dut.run.exit_every, exit_every)
        ctx.set(dut.run.exit_margin, 10)
        for run in range(3):  # the second continues the first, the last is fresh again and stops at the first comparison
            fresh, leads = run != 1, run == 2 and exit_every > 0
            steps = rng.randint(1, 3 * config.window) + (exit_every if leads else 0)
            if fresh:
                time, engines.input_steps, to_check = 0, 0, exit_every
            windows = windows_of(config, steps, exit_every, to_check)
            if leads:
                windows = windows[: next(k for k in range(1, len(windows) + 1) if sum(windows[:k]) == exit_every)]
            expected = read_program(config, engines.memory.words, windows, fresh, time, counters)
            engines.found = found = Expected()
            clear_words = rng.choice([0, 5])
            ctx.set(dut.record.leading, 31)
            ctx.set(dut.record.second, 20 if leads else 21)
            for name, value in (("start", 1), ("fresh", int(fresh)), ("steps", steps), ("ring_clear_words", clear_words)):
                ctx.set(getattr(dut.run, name), value)
            cleared = []
            for cycle in range(20_000):
                engines.show()
                engines.listen()
                cleared += [ctx.get(dut.clear.address)] if ctx.get(dut.clear.clearing) else []
                await ctx.tick()
                ctx.set(dut.run.start, 0)
                if rng.random() < 0.3:
                    engines.input_steps = min(engines.input_steps + rng.randint(0, config.window), time + steps)
                if cycle and not ctx.get(dut.run.running):
                    break
            else:
                raise AssertionError("the run does not end")
            assert cleared == (list(range(clear_words)) if fresh else [])
            assert found.passes == expected.passes
            assert found.scans == expected.scans
            assert found.walks == expected.walks
            assert found.loads == expected.loads
            assert found.steps == expected.steps
            assert len(found.routes) == len(expected.routes)
            assert engines.memory.words == expected.words
            assert (ctx.get(dut.run.time), ctx.get(dut.run.exited)) == (expected.time, int(leads))
            time = expected.time
            to_check = exit_every and exit_every - time % exit_every

    simulate(dut, body)
