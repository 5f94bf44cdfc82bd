"""The write port of the program memory alone: counters, heads of rings, the host's words."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lifline.arch.config import Config, preset
from lifline.arch.layout import WORD_BITS
from lifline.arch.program import POPULATION_COUNTERS, RING_0
from lifline.rtl.control.counters import Counters
from lifline.rtl.streams import PROGRAM_SLICES

from ..bench import Memory, simulate

TINY = preset("tiny")
MAPS = TINY.replace(map_words=16)
NO_REGISTERS = TINY.replace(dense_lanes=0, early_exit=False, drain_cycles=1, memory_registers=False)
MOST = (1 << WORD_BITS) - 1
SLICE = (1 << WORD_BITS // PROGRAM_SLICES) - 1


class Program:
    """The program memory around the component, a cycle at a time."""

    def __init__(self, ctx: Any, dut: Counters, words: list[int]) -> None:
        self.ctx, self.dut, self.memory = ctx, dut, Memory(WORD_BITS, words)

    async def cycle(self, address: int, *strobes: Any) -> None:
        """One cycle that reads ``address``, with ``strobes``."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.read_address, address)
        for signal in strobes:
            ctx.set(signal, 1)
        enable, at, word = ctx.get(dut.write_enable), ctx.get(dut.write_address), ctx.get(dut.write_data)
        mask = sum(SLICE << k * WORD_BITS // PROGRAM_SLICES for k in range(PROGRAM_SLICES) if enable >> k & 1)
        read = self.memory.cycle(address, 1, at, enable != 0, self.memory.words[at] & ~mask | word & mask)
        await ctx.tick()
        ctx.set(dut.read_data, read)
        for signal in strobes:
            ctx.set(signal, 0)


def reset(ctx: Any, dut: Counters, first_window: bool) -> None:
    ctx.set(dut.running, 1)
    ctx.set(dut.first_window, first_window)


@pytest.mark.parametrize("config", [TINY, NO_REGISTERS], ids=["registers", "no-registers"])
@pytest.mark.parametrize("first_window", [False, True])
def test_counters_grow_and_an_overflow_is_remembered_until_a_fresh_start(config: Config, first_window: bool) -> None:
    rng = random.Random(1)
    words = [rng.getrandbits(WORD_BITS) for _ in range(config.program_words)]
    dut = Counters(config)

    async def body(ctx: Any) -> None:
        program, wrapped = Program(ctx, dut, list(words)), False
        reset(ctx, dut, first_window)
        for _ in range(60):
            base = rng.randrange(config.program_words - len(POPULATION_COUNTERS) - 2)
            counts = [rng.choice([0, 1, MOST, rng.getrandbits(8), MOST + 1 - (words[base + k] or 1)]) for k in range(len(POPULATION_COUNTERS))]
            await program.cycle(0, dut.begin)
            for k, count in enumerate(counts):
                ctx.set(dut.counts[k], count)
            for k in range(len(counts) + 2):
                assert (ctx.get(dut.last_read), ctx.get(dut.done)) == (k == len(counts) - 1, k == len(counts) + 1)
                await program.cycle(base + k if k < len(counts) else 0)
            for k, count in enumerate(counts):
                total = (0 if first_window else words[base + k]) + count
                wrapped, words[base + k] = wrapped or total > MOST, total & MOST
            assert program.memory.words == words and ctx.get(dut.overflow) == wrapped
            if rng.random() < 0.3:
                await program.cycle(0, dut.fresh)
                wrapped = False
                assert not ctx.get(dut.overflow)

    simulate(dut, body)


@pytest.mark.parametrize("config", [TINY, NO_REGISTERS, MAPS], ids=["registers", "no-registers", "maps"])
@pytest.mark.parametrize("first_window", [False, True])
def test_heads_of_rings_move_and_start_again_behind_the_last_row(config: Config, first_window: bool) -> None:
    """Every head of the largest ring and of the smallest, and nothing but the head is written."""
    cases = [(rows, head, count) for count in range(1, config.window + 1) for rows in (config.window, 127) for head in range(rows)]
    dut = Counters(config)

    async def body(ctx: Any) -> None:
        reset(ctx, dut, first_window)
        for at in range(0, len(cases), 60):
            part = [case for case in cases[at : at + 60] if case[2] == cases[at][2]]
            ctx.set(dut.count, part[0][2])
            words = [RING_0.pack(base=k * 999 % (rows if k % 2 else 65536), rows=rows, tap=k % 2, head=head) for k, (rows, head, _) in enumerate(part)]
            program = Program(ctx, dut, [w for word in words for w in (word, 77)])
            await program.cycle(0)
            for k in range(len(part)):
                await program.cycle(2 * k + 1, dut.advance)
                await program.cycle((2 * k + 2) % (2 * len(part)))
            await program.cycle(0)
            await program.cycle(0)
            for word, old, (rows, head, count) in zip(program.memory.words[::2], words, part, strict=True):
                ring = RING_0.unpack(old)
                first = ring["base"] if config.map_words and ring["tap"] else 0
                assert RING_0.unpack(word) == ring | {"head": ((first if first_window else head) + count) % rows}
            assert set(program.memory.words[1::2]) == {77}

    simulate(dut, body)


@pytest.mark.parametrize("config", [TINY, NO_REGISTERS], ids=["registers", "no-registers"])
def test_the_host_writes_between_runs(config: Config) -> None:
    rng = random.Random(2)
    dut = Counters(config)

    async def body(ctx: Any) -> None:
        words = [rng.getrandbits(WORD_BITS) for _ in range(config.program_words)]
        program = Program(ctx, dut, list(words))
        for _ in range(100):
            address, words[address] = (at := rng.randrange(config.program_words)), rng.getrandbits(WORD_BITS)
            ctx.set(dut.host_data, words[at])
            await program.cycle(at, dut.host_write)
            await program.cycle(at)
            ctx.set(dut.host_data, 0)
            await program.cycle(rng.randrange(config.program_words))
        assert program.memory.words == words and not ctx.get(dut.overflow)

    simulate(dut, body)
