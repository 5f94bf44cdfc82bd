"""Fetch of micro-operations: prologue once, sections again and again, restarts."""

from __future__ import annotations

import random

import pytest

from lifline.arch.config import preset
from lifline.arch.program import MICRO, Record
from lifline.rtl.neurons.microprogram import Microprogram

from ..bench import Memory, simulate

CONFIG = preset("tiny").replace(early_exit=True)
MICRO_BASE = 11
RESTART_CYCLES = 4
"""From an operation with a restart to the next operation: a register, the address, the memory, the register of what is offered."""


class Bench:
    """Operations are numbered through; the consumer takes them with gaps, or in every cycle."""

    def __init__(self, ctx, dut: Microprogram, rng: random.Random, gaps: bool) -> None:
        self.ctx, self.dut, self.rng, self.gaps = ctx, dut, rng, gaps
        self.words = [rng.getrandbits(sum(f.width for f in MICRO.fields if f.name != "reserved")) for _ in range(CONFIG.program_words)]
        self.program = Memory(32, self.words, rng)
        self.waited = 0

    async def cycle(self) -> None:
        port = self.dut.program
        *_, address, enable = await self.ctx.tick().sample(port.address, port.enable)
        self.ctx.set(port.data, self.program.cycle(address, enable))

    async def load(self, prologue: int, update: int, record: int, exit_check: int) -> None:
        ctx, dut = self.ctx, self.dut
        lengths = {"prologue": prologue, "update": update, "record": record}
        ctx.set(dut.population, {"population_1": lengths, "population_5": {"exit_check": exit_check}})
        ctx.set(dut.micro_base, MICRO_BASE)
        ctx.set(dut.load, 1)
        await self.cycle()
        ctx.set(dut.load, 0)

    async def take(self, number: int, last: bool, restart: bool = False) -> None:
        """Wait for the operation at ``number`` behind the base and take it, maybe with a restart."""
        ctx, dut = self.ctx, self.dut
        waited = 0
        while not ctx.get(dut.operations.valid):
            await self.cycle()
            waited += 1
            assert waited < 20, f"operation {number} does not come"
        self.waited = waited
        for _ in range(self.rng.choice([0, 1, 3]) if self.gaps else 0):
            await self.cycle()
        operation = ctx.get(dut.operations.payload)
        word = self.words[MICRO_BASE + number]
        assert operation.micro.as_bits() == word and operation.last == last
        assert operation.needs_room == (MICRO.unpack(word)["record"] != Record.COUNT)
        ctx.set(dut.operations.ready, 1)
        ctx.set(dut.section.restart, restart)
        await self.cycle()
        ctx.set(dut.operations.ready, 0)
        if restart:
            ctx.set(dut.section.restart, 0)
            ctx.set(dut.section.recording, ~ctx.get(dut.section.recording) & 1)
            await self.cycle()  # what is still shown is not taken


@pytest.mark.parametrize("gaps", [False, True], ids=["every-cycle", "gaps"])
@pytest.mark.parametrize("prologue", [0, 1, 4])
@pytest.mark.parametrize("update", [1, 2, 9])
@pytest.mark.parametrize(("record", "exit_check"), [(0, 0), (1, 0), (0, 1), (2, 1)])
def test_sections_come_in_order(prologue: int, update: int, record: int, exit_check: int, gaps: bool) -> None:
    dut = Microprogram(CONFIG)

    async def body(ctx):
        bench = Bench(ctx, dut, random.Random(7), gaps)
        recording = record + exit_check
        for rows in (3, 1):
            await bench.load(prologue, update, record, exit_check)
            for k in range(prologue):
                await bench.take(k, k == prologue - 1)
            for _ in range(2):  # steps
                for row in range(rows):
                    for k in range(update):
                        restart = row == rows - 1 and k == update - 1 and recording > 0
                        await bench.take(prologue + k, k == update - 1, restart)
                        assert gaps or bench.waited == 0 or k == 0, "one in every cycle"
                assert ctx.get(dut.section.has_recording) == (recording > 0)
                for row in range(rows if recording else 0):
                    for k in range(recording):
                        await bench.take(prologue + update + k, k == recording - 1, row == rows - 1 and k == recording - 1)
                        assert row or k or bench.waited == RESTART_CYCLES - 2

    simulate(dut, body)


def test_a_load_drops_what_was_fetched() -> None:
    dut = Microprogram(CONFIG)

    async def body(ctx):
        for cycles in range(6):
            bench = Bench(ctx, dut, random.Random(cycles), gaps=False)
            await bench.load(2, 3, 0, 0)
            for _ in range(cycles):
                await bench.cycle()
            await bench.load(0, 2, 1, 0)
            for k in (0, 1, 0, 1, 0):
                await bench.take(k, k == 1)

    simulate(dut, body)
