"""The streams against a host with two circular memories: no word lost, doubled or overwritten, also when positions wrap and when runs start afresh."""

from __future__ import annotations

import random

import pytest

from lifline.arch.config import Config, preset
from lifline.arch.records import RECORD, RecordKind
from lifline.arch.registers import CONTROL_DISCARD, REGISTERS, Space
from lifline.rtl.buses import axi_stream
from lifline.rtl.buses.axi_stream import AxiStream

from ..bench import simulate

CONFIG = preset("tiny").replace(input_words=16, output_words=16)
FEW_BITS = 6
"""Of positions, so that they wrap soon."""


class Host:
    """The core's side of the bus: input words are taken and records made now and then."""

    def __init__(self, config: Config, rng: random.Random) -> None:
        self.config, self.rng = config, rng
        self.modulus = 1 << FEW_BITS
        self.input, self.received = [0] * config.input_words, []  # what has been taken out of the memory
        self.input_count = self.taken = 0
        self.output, self.made, self.freed = [0] * config.output_words, 0, 0
        self.run = 0

    def access(self, write: int, where: int, data: int) -> int:
        space, offset = Space(where >> 20), where & 0xFFFFF
        if space is Space.INPUT:
            assert write and (offset - self.taken) % self.config.input_words == (self.input_count - self.taken) % self.config.input_words
            assert (self.input_count - self.taken) % self.modulus < self.config.input_words, "a word that was not taken is written over"
            self.input[offset] = data & 0xFFFF
            return 0
        if space is Space.OUTPUT:
            return self.output[offset]
        name = next(n for n, r in REGISTERS.items() if r.offset == offset)
        if write:
            if name == "input_count":
                self.input_count = data
            else:
                assert name == "output_taken" and (self.made - data) % self.modulus <= self.config.output_words, "more is freed than was made"
                self.freed = data
        return {"input_taken": self.taken, "output_count": self.made % self.modulus}.get(name, 0)

    def cycle(self) -> None:
        if self.input_count != self.taken and self.rng.random() < 0.015:
            self.received.append(self.input[self.taken % self.config.input_words])
            self.taken = (self.taken + 1) % self.modulus
        if (self.made - self.freed) % self.modulus <= self.config.output_words - 2 and self.rng.random() < 0.1:
            header = RECORD.pack(step=self.made % 4096, index=0, population=self.run, kind=RecordKind.SPIKES)
            for word in (header, 1000 * self.run + self.made):
                self.output[self.made % self.config.output_words] = word
                self.made += 1

    def fresh(self) -> None:
        self.made = self.freed = 0
        self.run += 1


def run(seed: int, cycles: int, fresh_share: float, monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], list[int], list[list[tuple[int, int]]]]:
    """Words that were offered and taken as input, those that arrived, and words with ``tlast`` by run."""
    monkeypatch.setattr(axi_stream, "POSITION_BITS", FEW_BITS)
    dut, rng = AxiStream(CONFIG), random.Random(seed)
    host, offered, out = Host(CONFIG, rng), [], [[]]

    async def bench(ctx):
        pending, wait, word, offering = None, 0, 0, False
        for _ in range(cycles):
            offering = offering or rng.random() < 0.5
            ctx.set(dut.s_axis_tvalid, offering)
            ctx.set(dut.s_axis_tdata, word)
            ctx.set(dut.m_axis_tready, rng.random() < 0.7)
            fresh = pending is None and rng.random() < fresh_share  # while the bus is another master's, who started the run
            ctx.set(dut.cleared, fresh)
            if pending is None:
                ctx.set(dut.request.ready, not fresh and rng.random() < 0.5)
                ctx.set(dut.response.valid, 0)
            else:
                wait -= 1
                ctx.set(dut.request.ready, 0)
                ctx.set(dut.response.valid, wait <= 0)
                if wait == 0:
                    ctx.set(dut.response.payload.data, host.access(*pending))
            _, _, request, ready, answered, payload, taken, sent, data, last = await ctx.tick().sample(
                dut.request.valid, dut.request.ready, dut.response.ready, dut.request.payload, dut.s_axis_tready,
                dut.m_axis_tvalid & dut.m_axis_tready, dut.m_axis_tdata, dut.m_axis_tlast,
            )  # fmt: skip
            if taken and offering:
                offered.append(word)
                word, offering = (word + 1) & 0xFFFF, False
            if sent:
                out[-1].append((data, last))
            if pending is not None and wait <= 0 and answered:
                pending = None
            elif pending is None and request and ready:
                pending, wait = (payload.write, payload.address, payload.data), rng.randrange(1, 6)
            if fresh:
                host.fresh()
                out.append([])
            host.cycle()
        assert not ctx.get(dut.error)

    simulate(dut, bench)
    return offered, host.received, out


@pytest.mark.parametrize("seed", range(3))
def test_words_arrive_in_order_although_positions_wrap(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    offered, received, (words,) = run(seed, 24_000, 0.0, monkeypatch)
    assert len(received) > 4 << FEW_BITS and received == offered[: len(received)] and len(offered) - len(received) <= CONFIG.input_words
    assert len(words) > 4 << FEW_BITS
    assert [last for _, last in words] == [k % 2 for k in range(len(words))], "every record is a frame"
    assert [data for data, last in words if last] == list(range(0, len(words) - len(words) % 2, 2)), "all of them, in order"


@pytest.mark.parametrize("seed", range(6))
def test_a_fresh_run_is_followed_by_its_own_records_and_one_older_word_at_most(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, runs = run(seed, 8_000, 0.01, monkeypatch)
    assert len(runs) > 20
    for number, words in enumerate(runs):
        if words and RECORD.unpack(words[0][0])["population"] != number % 64 or (words and words[0][1]):
            words = words[1:]  # it was offered already
        for k, (data, last) in enumerate(words):
            expected = RECORD.unpack(data)["step"] == k if k % 2 == 0 else data == 1000 * number + k - 1
            assert expected and last == k % 2, (number, k)


def test_discarded_input_begins_at_the_first_word(monkeypatch: pytest.MonkeyPatch) -> None:
    dut, seen = AxiStream(CONFIG), []

    async def bench(ctx):
        ctx.set(dut.s_axis_tvalid, 1)
        ctx.set(dut.request.ready, 1)
        ctx.set(dut.response.valid, 1)
        for cycle in range(60):
            ctx.set(dut.watched, cycle == 30)
            ctx.set(dut.watched_data, CONTROL_DISCARD)
            _, _, valid, payload = await ctx.tick().sample(dut.request.valid, dut.request.payload)
            if valid and payload.address >> 20 == Space.INPUT:
                seen.append(payload.address & 0xFFFFF)

    simulate(dut, bench)
    again = seen.index(0, 1)
    assert seen[:again] == list(range(again)) and seen[again:] == list(range(len(seen) - again))
