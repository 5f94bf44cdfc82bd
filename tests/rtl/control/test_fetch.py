"""Fetch alone, led through programs as the sequencer leads it, against a plain reading of their words."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lifline.arch.config import Config, preset
from lifline.arch.layout import WORD_BITS
from lifline.arch.program import (
    FIRST_COUNTER,
    INSTRUCTION,
    MAX_RINGS,
    PASS_0,
    PASS_1,
    PASS_2,
    PASS_WORDS,
    POPULATION_2,
    POPULATION_5,
    POPULATION_COUNTERS,
    POPULATION_WORDS,
    REPEAT_1,
    RING_0,
    RING_1,
    RING_WORDS,
    Opcode,
)
from lifline.arch.program import PASSES as PASSES_BY_OPCODE
from lifline.rtl.control.fetch import Fetch

from ..bench import Memory, simulate

TINY = preset("tiny")
MAPS = TINY.replace(map_words=16)
PASSES = 4


def made_up(rng: random.Random, *, maps: bool) -> list[int]:
    """Words of passes with a population each, of END and of its rings; everything that fetch does not use is noise."""
    words: list[int] = []
    noise = lambda layout, **fixed: layout.pack(**{**layout.unpack(rng.getrandbits(WORD_BITS)), **fixed})  # noqa: E731
    rings = 180
    for _ in range(PASSES):
        opcode = rng.choice(list(PASSES_BY_OPCODE)) if maps else Opcode.PASS
        words += [noise(PASS_0, opcode=opcode), noise(PASS_1, ring=rings + 2 * rng.randrange(8)), rng.getrandbits(WORD_BITS)]
        words += [rng.getrandbits(WORD_BITS) for _ in PASSES_BY_OPCODE[Opcode(opcode)][len(PASS_WORDS) :]]
        population = [rng.getrandbits(WORD_BITS) for _ in POPULATION_WORDS]
        micro = rng.randint(1, 20)
        population[2] = noise(POPULATION_2, micro_words=micro)
        population[5] = noise(POPULATION_5, ring=rings + 2 * rng.randrange(8))
        words += population + [rng.getrandbits(WORD_BITS) for _ in range(micro)]
    words += [INSTRUCTION.pack(argument=0, opcode=Opcode.LOOP, flag=0)]
    words += [INSTRUCTION.pack(argument=0, opcode=Opcode.REPEAT, flag=0), noise(REPEAT_1, first=len(words))]
    words += [INSTRUCTION.pack(argument=8, opcode=Opcode.END, flag=0)]
    assert len(words) < rings
    words += [rng.getrandbits(WORD_BITS) for _ in range(TINY.program_words - len(words))]
    return words


class Led:
    """The component with its memory, and what the sequencer asks of it, a cycle at a time."""

    def __init__(self, ctx: Any, dut: Fetch, words: list[int]) -> None:
        self.ctx, self.dut, self.memory = ctx, dut, Memory(WORD_BITS, list(words))

    async def cycle(self, *strobes: str) -> None:
        for name in strobes:
            self.ctx.set(getattr(self.dut, name), 1)
        word = self.memory.cycle(self.ctx.get(self.dut.address))
        await self.ctx.tick()
        self.ctx.set(self.dut.data, word)
        for name in strobes:
            self.ctx.set(getattr(self.dut, name), 0)

    def shows(self, layout: Any, port: str, word: int) -> None:
        unsigned = {f.name: word >> layout.offsets[f.name] & (1 << f.width) - 1 for f in layout.fields}
        view = getattr(self.dut, port)
        assert {name: self.ctx.get(view[name].as_value() if hasattr(view[name], "as_value") else view[name]) for name in unsigned} == unsigned


@pytest.mark.parametrize("config", [TINY, MAPS], ids=["tiny", "maps"])
@pytest.mark.parametrize("first_window", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_words_are_found_in_their_places(seed: int, first_window: bool, config: Config) -> None:
    rng, dut = random.Random(seed), Fetch(config)
    words = made_up(rng, maps=config.map_words > 0)

    async def body(ctx: Any) -> None:
        led = Led(ctx, dut, words)
        ctx.set(dut.first_window, first_window)
        for _ in range(2):  # windows
            at = 0
            await led.cycle()
            await led.cycle("read_on")
            for _ in range(PASSES):
                assert ctx.get(dut.is_pass)
                await led.cycle("read_on", "at_instruction")
                await led.cycle("at_pointer")
                await led.cycle("at_weights")
                ring = words[PASS_1.unpack(words[at + 1])["ring"]]
                assert ctx.get(dut.ring.as_value()) == ring
                await led.cycle("read_on")
                for k, port in enumerate((dut.pass_0, dut.pass_1, dut.pass_2)):
                    assert ctx.get(port.as_value()) == words[at + k]
                at += len((PASS_0, PASS_1, PASS_2))
                opcode = PASS_0.unpack(words[at - 3])["opcode"]
                if config.map_words:
                    seen = [ctx.get(level) for level in (dut.is_mapped, dut.is_vector, dut.is_gathered)]
                    assert seen == [opcode in (Opcode.MAPPED_PASS, Opcode.VECTOR_PASS), opcode == Opcode.VECTOR_PASS, opcode == Opcode.GATHER_PASS]
                    further = PASSES_BY_OPCODE[Opcode(opcode)][len(PASS_WORDS) :]
                    for k in range(len(further)):
                        ctx.set(dut.at_walk, k == 0)
                        assert ctx.get(dut.walk_complete) == (k == len(further) - 1)
                        await led.cycle("read_on")
                    ctx.set(dut.at_walk, 0)
                    for k, word in enumerate(further):
                        held = dut.gather if opcode == Opcode.GATHER_PASS else dut.walk
                        assert ctx.get(held[word.name].as_value()) == words[at + k]
                    at += len(further)
                if rng.random() < 0.5:  # as behind a pass that does not update: what follows is read when it has ended
                    for _ in range(rng.randint(1, 3)):
                        await led.cycle()
                        assert ctx.get(dut.address) == at
                    await led.cycle("read_on")
                await led.cycle("read_on", "at_population")
                for _ in range(FIRST_COUNTER + MAX_RINGS * len(RING_WORDS) - 2):
                    assert not ctx.get(dut.population_complete)
                    await led.cycle("read_on")
                assert ctx.get(dut.population_complete)
                await led.cycle("read_on")
                for k, word in enumerate(POPULATION_WORDS[:FIRST_COUNTER]):
                    assert ctx.get(dut.population[word.name].as_value()) == words[at + k]
                first = POPULATION_5.unpack(words[at + 5])["ring"]
                for r in range(MAX_RINGS):
                    ring_0, ring_1 = words[first + 2 * r : first + 2 * r + 2]
                    assert ctx.get(dut.ring_0[r].as_value()) == (RING_0.pack(**RING_0.unpack(ring_0) | {"head": 0}) if first_window else ring_0)
                    assert ctx.get(dut.ring_1[r].as_value()) == ring_1 and RING_1.unpack(ring_1)
                assert ctx.get(dut.micro_base) == at + len(POPULATION_WORDS)
                await led.cycle()  # on the counters now, as long as the pass takes
                for _ in range(rng.randint(0, 3)):
                    assert ctx.get(dut.address) == at + FIRST_COUNTER
                    await led.cycle()
                await led.cycle("read_on")  # the cycle in which the last step has settled reads on: counter 0 is read here
                for k in range(1, len(POPULATION_COUNTERS)):
                    assert ctx.get(dut.address) == at + FIRST_COUNTER + k
                    await led.cycle("read_on", *(["over_microprogram"] if k == len(POPULATION_COUNTERS) - 1 else []))
                at += len(POPULATION_WORDS)
                assert ctx.get(dut.address) == at, "the microprogram"
                await led.cycle("read_on")
                at += POPULATION_2.unpack(words[at - len(POPULATION_WORDS) + 2])["micro_words"]
                assert ctx.get(dut.address) == at, "the next instruction"
                await led.cycle("read_on")
            assert ctx.get(dut.is_loop)
            await led.cycle("read_on", "at_instruction")
            for _ in range(3):  # from REPEAT back to the instruction behind LOOP, which is itself
                assert ctx.get(dut.is_repeat) and not ctx.get(dut.is_loop)
                await led.cycle("read_on", "at_instruction")
                await led.cycle("at_pointer")
                await led.cycle("read_on")
            assert ctx.get(dut.is_repeat)
            await led.cycle("read_on", "at_instruction")
            await led.cycle("read_on")
            at += 3
            at += 0
            assert not ctx.get(dut.is_pass) and not ctx.get(dut.is_loop) and not ctx.get(dut.is_repeat)
            await led.cycle("read_on", "at_instruction")
            for k in range(8):
                assert ctx.get(dut.ring.as_value()) == words[at + 1 + 2 * k]
                assert ctx.get(dut.is_last_ring) == (k == 7)
                await led.cycle("read_on", "at_advanced")
                if k < 7:
                    await led.cycle("read_on")
            await led.cycle()
            assert ctx.get(dut.address) == 0

    simulate(dut, body)
