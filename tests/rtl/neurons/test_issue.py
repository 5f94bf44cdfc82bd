"""Issue of micro-operations: their order, rows and addresses, and the cycles between them."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from lifline.arch.config import preset
from lifline.arch.timing import UPDATE_SPACING
from lifline.rtl.neurons.issue import Issue

from ..bench import simulate

CONFIG = preset("tiny")
BASE, ROW_WORDS = 5, 3


@dataclass(frozen=True)
class Case:
    """Operations of every section, and rows."""

    prologue: int
    update: int
    record: int
    rows: int

    def step(self, number: int) -> list[tuple[str, int, int]]:
        """(section, its operation, row) in their order."""
        first = [("prologue", k, 0) for k in range(self.prologue)] if number == 0 else []
        sections = {"update": self.update, "record": self.record}
        return first + [(name, k, row) for name, length in sections.items() for row in range(self.rows) for k in range(length)]


@dataclass
class Seen:
    """What was issued: the cycle, and all that is said about it."""

    cycle: int
    offset: int
    address: int
    row: int
    ends_row: bool
    last_row: bool
    ends_step: bool
    restarts: bool


class Bench:
    """Offers operations like the fetch of a microprogram, and a host that has room now and then."""

    def __init__(self, ctx, dut: Issue, case: Case, rng: random.Random, stalls: bool) -> None:
        self.ctx, self.dut, self.case, self.rng, self.stalls = ctx, dut, case, rng, stalls
        self.cycles, self.seen, self.dropped = 0, [], 0
        self.section, self.position = ("prologue" if case.prologue else "update"), 0
        self.offered, self.needs_room, self.fresh_next, self.blocked = False, 1, 0, 0
        self.going, self.ended = False, False

    def offset(self) -> int:
        return {"prologue": 0, "update": 1, "record": 2}[self.section] + self.position

    async def cycle(self, chain: bool = False) -> None:
        """Offer an operation, look whether it is issued, go on to the next; with ``chain`` start a step in the last cycle of this one."""
        ctx, dut, issued, rng = self.ctx, self.dut, self.dut.issued, self.rng
        valid = self.offered = self.offered or self.dropped == 0 and (not self.stalls or rng.random() < 0.8)
        last = self.position == getattr(self.case, self.section) - 1
        micro = {"offset": self.offset(), "fresh_next": self.fresh_next}
        ctx.set(dut.operations.valid, valid)
        ctx.set(dut.operations.payload, {"micro": micro, "last": last, "needs_room": self.needs_room})
        room, busy, fresh = (rng.random() < 0.7 or not self.stalls), (self.stalls and rng.random() < 0.3), rng.getrandbits(1)
        ctx.set(dut.room, room)
        ctx.set(dut.recorder_busy, busy)
        ctx.set(dut.fresh, fresh)
        taken, restart = ctx.get(issued.valid), ctx.get(dut.section.restart)
        assert ctx.get(dut.operations.ready) == taken and not (taken and (not valid or not ctx.get(dut.busy)))
        if ctx.get(dut.blocked):
            self.blocked += 1
            assert not taken and not room and not busy and self.section == "record" and self.needs_room
        self.dropped = max(self.dropped - 1, 0)
        if taken:
            assert self.section != "record" or not busy and (room or not self.needs_room)
            address, read_address = ctx.get(issued.address), ctx.get(dut.read_address)
            assert read_address == address + micro["offset"] + (self.fresh_next & fresh)
            flags = (bool(ctx.get(flag)) for flag in (issued.ends_row, issued.last_row, issued.ends_step))
            self.seen.append(Seen(self.cycles, micro["offset"], address, ctx.get(dut.row), *flags, bool(restart)))
            self.position += 1
            if restart:
                self.section, self.position, self.dropped = ("update" if self.section == "record" else "record"), 0, 3
            elif last:
                self.section, self.position = ("update" if self.section == "prologue" else self.section), 0
            self.offered, self.needs_room, self.fresh_next = False, rng.getrandbits(1), rng.getrandbits(1)
        if ctx.get(dut.ending):
            self.ended, self.going = True, chain and bool(ctx.get(dut.again))
            ctx.set(dut.go, self.going)
        await ctx.tick()
        self.cycles += 1
        if self.going:
            ctx.set(dut.go, 0)
        assert ctx.get(dut.section.recording) == (self.section == "record")

    async def load(self) -> None:
        ctx, dut, case = self.ctx, self.dut, self.case
        ctx.set(dut.population.population_0, {"rows": case.rows, "neuron_base": BASE})
        ctx.set(dut.population.population_5, {"row_words": ROW_WORDS})
        ctx.set(dut.population.population_1, {"prologue": case.prologue, "update": case.update, "record": case.record})
        ctx.set(dut.section.has_recording, case.record > 0)
        ctx.set(dut.load, 1)
        await ctx.tick()
        ctx.set(dut.load, 0)

    async def step(self, chain: bool) -> None:
        """One step to its end; with ``chain`` the next one starts as soon as it may."""
        ctx, dut = self.ctx, self.dut
        if not self.going:
            while not ctx.get(dut.ready):
                await self.cycle()
            ctx.set(dut.go, 1)
            await self.cycle()
            ctx.set(dut.go, 0)
        self.going, self.ended = False, False
        while not self.ended:
            assert self.cycles < 20_000
            await self.cycle(chain)
        assert not ctx.get(dut.busy) or self.going


CASES = [Case(0, 1, 0, 1), Case(0, 2, 0, 2), Case(2, 4, 0, 1), Case(1, 3, 0, 5), Case(3, 2, 1, 1), Case(0, 5, 2, 4), Case(4, 9, 3, 3)]


@pytest.mark.parametrize("stalls", [False, True], ids=["no-stalls", "stalls"])
@pytest.mark.parametrize("chain", [False, True], ids=["one-by-one", "chained"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_operations_are_issued_in_order_and_no_word_is_used_too_early(case: Case, chain: bool, stalls: bool) -> None:
    dut, steps = Issue(CONFIG), 3
    found: list[Seen] = []

    async def body(ctx):
        bench = Bench(ctx, dut, case, random.Random(5), stalls)
        await bench.load()
        for number in range(steps):
            await bench.step(chain and number + 1 < steps)
        found.extend(bench.seen)
        assert bench.blocked if stalls and case.record * case.rows > 2 else not bench.blocked or stalls

    simulate(dut, body)
    expected = [(number, *operation) for number in range(steps) for operation in case.step(number)]
    assert len(found) == len(expected)
    for seen, (_, section, k, row) in zip(found, expected, strict=True):
        inside, ends = section != "prologue", k == getattr(case, section) - 1
        assert seen.offset == {"prologue": 0, "update": 1, "record": 2}[section] + k
        assert seen.address == (BASE + case.prologue + row * ROW_WORDS if inside else BASE) and seen.row == row
        last = inside and row == case.rows - 1
        assert (seen.ends_row, seen.last_row) == (inside and ends, last)
        assert seen.ends_step == (last and ends and section == ("record" if case.record else "update"))
        assert seen.restarts == (last and ends and case.record > 0)
    check_cycles(case, list(zip(found, expected, strict=True)), chain, stalls)


def check_cycles(case: Case, issued: list[tuple[Seen, tuple[int, str, int, int]]], chain: bool, stalls: bool) -> None:
    """Recording operations wait for the one before, and the first row of a step for that of the step before; no other operation waits."""
    for (before, _), (after, (_, section, *_)) in zip(issued, issued[1:], strict=False):
        distance = after.cycle - before.cycle
        if section == "record":
            assert distance >= UPDATE_SPACING
        elif not stalls and not before.ends_step:
            assert distance == 1
        elif not stalls and chain and not case.record and (case.rows - 1) * case.update >= UPDATE_SPACING - 1:
            assert distance == 1, "steps are back to back"
    steps = range(issued[-1][1][0] + 1)
    first_rows = [[seen.cycle for seen, (number, section, _, row) in issued if (number, section, row) == (step, "update", 0)] for step in steps]
    for earlier, later in zip(first_rows, first_rows[1:], strict=False):
        distance = later[0] - earlier[-1]
        assert distance >= UPDATE_SPACING
        if not stalls and case.rows == 1 and not case.record:
            assert distance == UPDATE_SPACING
