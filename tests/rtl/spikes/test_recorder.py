"""The recorder against a list of words: records, room, the host's view, the two highest counts."""

from __future__ import annotations

import random

import pytest

from lifline.arch.config import Config, preset
from lifline.arch.layout import WORD_BITS
from lifline.arch.program import Record
from lifline.arch.records import RECORD
from lifline.rtl.spikes.recorder import Recorder

from ..bench import simulate

TINY = preset("tiny").replace(output_words=16)
WIDE = TINY.replace(multipliers=4, state_bits=12, output_words=32)
NO_EXIT = TINY.replace(early_exit=False)


def ref_row(kind: Record, values: list[int], index: int, population: int, step: int) -> list[int]:
    """Words of a row that is sent: header, then one per multiplier, sign-extended."""
    return [RECORD.pack(kind=int(kind), population=population, index=index, step=step), *(v & 0xFFFFFFFF for v in values)]


def ref_two_highest(counts: list[int]) -> tuple[int, int]:
    ranked = sorted(counts + [0, 0], reverse=True)
    return ranked[0], ranked[1]


class Bench:
    """Drives a recorder and keeps what it must have written, and what has been read back."""

    def __init__(self, config: Config, ctx, dut: Recorder, rng: random.Random) -> None:
        self.config, self.ctx, self.dut, self.rng = config, ctx, dut, rng
        self.expected: list[int] = []
        self.read_back: list[int] = []
        self.taken = 0
        self.counts: list[int] = []
        self.asked: int | None = None
        self.needed = self.needed_before = self.taken_before = 0  # what is asked for and what is freed count a cycle later

    async def cycle(self) -> bool:
        """One clock cycle in which the host may read and free a word; whether the recorder was busy."""
        ctx, dut, depth = self.ctx, self.dut, self.config.output_words
        waiting = ctx.get(dut.output.count) - self.taken & 0xFFFF
        self.asked = self.rng.randrange(waiting) if waiting and self.rng.random() < 0.5 else None
        if self.asked is not None:
            ctx.set(dut.output.address, (self.taken + self.asked) % depth)
        in_use = ctx.get(dut.output.count) - self.taken_before & 0xFFFF
        fits = [in_use + self.needed_before + more <= depth for more in (0, self.config.multipliers + 1)]
        _, _, busy = await ctx.tick().sample(dut.command.busy)
        assert [ctx.get(dut.command.room), ctx.get(dut.rows.room)] == fits
        self.needed_before, self.taken_before = self.needed, self.taken
        if self.asked is not None:
            position = self.taken + self.asked
            assert ctx.get(dut.output.data) == self.expected[position], f"word {position}"
            if self.asked == 0:
                self.read_back.append(ctx.get(dut.output.data))
                self.taken += 1
                ctx.set(dut.output.taken, self.taken & 0xFFFF)
        return bool(busy)

    def free(self) -> int:
        return self.config.output_words - (self.ctx.get(self.dut.output.count) - self.taken & 0xFFFF)

    async def word(self) -> None:
        ctx, dut = self.ctx, self.dut
        while not self.free():
            await self.cycle()
        value = self.rng.getrandbits(WORD_BITS)
        ctx.set(dut.words.payload, value)
        ctx.set(dut.words.valid, 1)
        self.expected.append(value)
        await self.cycle()
        ctx.set(dut.words.valid, 0)
        ctx.set(dut.words.payload, self.rng.getrandbits(WORD_BITS))

    async def row(self, kind: Record, values: list[int]) -> None:
        ctx, dut, rng = self.ctx, self.dut, self.rng
        index, population, step = (rng.randrange(1 << RECORD[name].width) for name in ("index", "population", "step"))
        sent = kind is not Record.COUNT
        while sent and not ctx.get(dut.rows.room):
            await self.cycle()
        for k, value in enumerate(values):
            ctx.set(dut.rows.values[k], value)
        ctx.set(dut.rows.record, kind)
        ctx.set(dut.rows.index, index)
        ctx.set(dut.command.population, population)
        ctx.set(dut.command.step, step)
        ctx.set(dut.rows.valid, 1)
        before = ctx.get(dut.output.count)
        if sent:
            self.expected += ref_row(kind, values, index, population, step)
        else:
            self.counts += values
        assert not await self.cycle()
        ctx.set(dut.rows.valid, 0)
        for k in range(len(values)):
            ctx.set(dut.rows.values[k], rng.getrandbits(self.config.state_bits - 1))
        ctx.set(dut.rows.index, rng.randrange(1 << RECORD["index"].width))
        busy_for = 0
        while await self.cycle():
            busy_for += 1
            if sent and busy_for <= len(values) + 1:
                assert ctx.get(dut.output.count) - before & 0xFFFF == busy_for, "one word per cycle, header first"
        assert busy_for == len(values) + 1 + sent, "and one cycle until `room` knows"

    def check_counts(self) -> None:
        assert (self.ctx.get(self.dut.command.leading), self.ctx.get(self.dut.command.second)) == ref_two_highest(self.counts)


@pytest.mark.parametrize("config", [TINY, WIDE, NO_EXIT], ids=["tiny", "four-lanes", "no-early-exit"])
@pytest.mark.parametrize("seed", range(2))
def test_random_records_with_a_slow_host(config: Config, seed: int) -> None:
    dut, rng = Recorder(config), random.Random(seed)

    async def body(ctx):
        bench = Bench(config, ctx, dut, rng)
        await bench.cycle()
        for _ in range(250):
            action = rng.random()
            limit = config.state_max
            if action < 0.4:
                await bench.word()
            elif action < 0.6:
                values = [rng.choice([-limit, limit, 0, -1, rng.randint(-limit, limit)]) for _ in range(config.multipliers)]
                await bench.row(rng.choice([Record.V, Record.CURRENT]), values)
            elif action < 0.8 and config.early_exit:  # else nobody asks for counts
                await bench.row(Record.COUNT, [rng.choice([0, 1, 2, limit, rng.randrange(limit)]) for _ in range(config.multipliers)])
                bench.check_counts()
            elif action < 0.85:
                ctx.set(dut.command.check, 1)
                bench.counts = []
                await bench.cycle()
                ctx.set(dut.command.check, 0)
                bench.check_counts()
            elif action < 0.9:
                bench.needed = rng.randrange(config.output_words)
                ctx.set(dut.command.needed, bench.needed)
                await bench.cycle()
                await bench.cycle()  # the core asks long before it writes
                if bench.needed + config.multipliers + 1 > config.output_words:
                    bench.needed = 0
                    ctx.set(dut.command.needed, 0)
                    await bench.cycle()
            else:
                await bench.cycle()
        bench.needed = 0
        ctx.set(dut.command.needed, 0)
        while len(bench.read_back) < len(bench.expected):
            await bench.cycle()
        assert bench.read_back == bench.expected and len(bench.expected) > 200

    simulate(dut, body)


@pytest.mark.parametrize(
    ("rows", "highest"),
    [
        ([[0, 0]], (0, 0)),
        ([[5, 5]], (5, 5)),
        ([[5, 3], [4, 5]], (5, 5)),
        ([[1, 2], [3, 4]], (4, 3)),
        ([[4, 3], [2, 1]], (4, 3)),
        ([[7, 0], [0, 6], [6, 0]], (7, 6)),
        ([[32767, 32766]], (32767, 32766)),
    ],
)
def test_two_highest_counts(rows: list[list[int]], highest: tuple[int, int]) -> None:
    dut = Recorder(TINY)

    async def body(ctx):
        bench = Bench(TINY, ctx, dut, random.Random(1))
        for values in rows:
            await bench.row(Record.COUNT, values)
        assert (ctx.get(dut.command.leading), ctx.get(dut.command.second)) == highest == ref_two_highest(bench.counts)
        assert ctx.get(dut.output.count) == 0, "counts are compared, not sent"

    simulate(dut, body)


def test_clear_forgets_what_was_written_and_a_row_on_its_way() -> None:
    dut = Recorder(TINY)

    async def body(ctx):
        bench = Bench(TINY, ctx, dut, random.Random(1))
        await bench.cycle()
        await bench.word()
        ctx.set(dut.rows.record, Record.V)
        ctx.set(dut.rows.valid, 1)
        await ctx.tick()
        ctx.set(dut.rows.valid, 0)
        ctx.set(dut.command.clear, 1)
        await ctx.tick()
        ctx.set(dut.command.clear, 0)
        await ctx.tick()
        assert (ctx.get(dut.output.count), ctx.get(dut.command.busy)) == (0, 0)

    simulate(dut, body)
