"""Fetch: the program counter, and the words of instructions, populations and rings as they arrive."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.layout import WORD_BITS
from lifline.arch.program import (
    FIRST_COUNTER,
    GATHER_WORDS,
    INSTRUCTION,
    MAX_RINGS,
    PASS_0,
    PASS_1,
    PASS_2,
    POPULATION_2,
    POPULATION_5,
    POPULATION_WORDS,
    RING_0,
    RING_1,
    RING_WORDS,
    WALK_WORDS,
    Opcode,
)

from ..cells.decode import GATHER_SHAPE, POPULATION_SHAPE, WALK_SHAPE, word_layout


class Fetch(wiring.Component):
    """Reads the program; the sequencer says what the word is that has just arrived.

    ``address`` advances, or resumes: at 0 between windows, else behind the pass, where either the next instruction or the population
    stands, and from the middle of the population on its counters. All strobes are meant for the cycle in which the word is in ``data``.

    Members
    -------
    address : of the word that ``data`` shows one cycle later; 0 between runs.
    data : the program memory's.
    read_on : level, ``address`` advances; else it resumes.
    first_window : level, heads of rings count as zero.
    at_instruction, at_weights : one cycle, ``data`` is word 0 or 2 of a PASS, or word 0 of END.
    at_pointer : one cycle, ``data`` is word 1 of a PASS, whose ring is read next, or of a REPEAT, which goes to an instruction.
    at_advanced : one cycle, ``data`` is word 0 of a ring that END advances.
    at_walk : one cycle, ``data`` is word 3 of a MAPPED_PASS, VECTOR_PASS or GATHER_PASS; its other words follow. Only in configurations with maps, like all that is about these.
    at_population : one cycle, ``data`` is word 0 of a population; its other words and its rings follow.
    over_microprogram : one cycle, ``address`` is the microprogram's one cycle later, and then moves behind it.
    is_pass, is_loop, is_repeat : with ``at_instruction``: it is any kind of pass, a LOOP, a REPEAT.
    is_mapped, is_vector : level, from the next cycle on: it is a MAPPED_PASS or VECTOR_PASS; it is the latter.
    walk : words 3 and further ones of such a pass, likewise until the next one's.   walk_complete : one cycle, with the last of them.
    is_gathered, gather : likewise of a GATHER_PASS, whose words take the place of those. Only in configurations that gather.
    is_last_ring : with ``at_advanced``: no further ring follows.
    ring : with ``at_advanced``, or in the second cycle after ``at_pointer``: word 0 of the ring.
    pass_0, pass_1, pass_2 : words of the pass, from the cycle after they have arrived until the next instruction's.
    population : words of the population but for its counters, likewise; ``ring_0``, ``ring_1`` : its rings.
    micro_base : program address of the population's microprogram, from two cycles after word 5 of the population has arrived.
    population_complete : one cycle, with the last word of a population's rings.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        program = range(config.program_words)
        members = {
            "address": Out(program),
            "data": In(WORD_BITS),
            "read_on": In(1),
            "first_window": In(1),
            "at_instruction": In(1),
            "at_pointer": In(1),
            "at_weights": In(1),
            "at_advanced": In(1),
            "at_population": In(1),
            "over_microprogram": In(1),
            "is_pass": Out(1),
            "is_loop": Out(1),
            "is_repeat": Out(1),
            "is_last_ring": Out(1),
            "ring": Out(word_layout(RING_0)),
            "pass_0": Out(word_layout(PASS_0)),
            "pass_1": Out(word_layout(PASS_1)),
            "pass_2": Out(word_layout(PASS_2)),
            "population": Out(POPULATION_SHAPE),
            "ring_0": Out(word_layout(RING_0)).array(MAX_RINGS),
            "ring_1": Out(word_layout(RING_1)).array(MAX_RINGS),
            "micro_base": Out(program),
            "population_complete": Out(1),
        }
        mapped = {"at_walk": In(1), "is_mapped": Out(1), "is_vector": Out(1), "walk": Out(WALK_SHAPE), "walk_complete": Out(1)}
        members |= mapped if config.map_words else {}
        super().__init__(members | ({"is_gathered": Out(1), "gather": Out(GATHER_SHAPE)} if config.gathers else {}))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._pass(m)
        arriving = self._population(m)
        passes_walk = self._walk(m) if self.config.map_words else Const(0)
        self._program_counter(m, to_ring=self.at_pointer | arriving[POPULATION_WORDS.index(POPULATION_5)], passes_walk=passes_walk)
        m.d.comb += self.population_complete.eq(arriving[-1])
        return m

    def _program_counter(self, m: Module, to_ring: Value, passes_walk: Value) -> None:
        """Behind a pointer it goes to the ring, and remembers where the pointer was; ``passes_walk``: it remembers the word behind that of this cycle."""
        pc, resume, next_pc = self.address, Signal.like(self.address), Signal.like(self.address)
        stride, pointer, leaves = Signal(POPULATION_2["micro_words"].width, init=1), Signal(word_layout(PASS_1)), Signal()
        m.d.comb += [pointer.eq(self.data), next_pc.eq(pc + stride), leaves.eq(to_ring)]
        m.d.sync += [
            pc.eq(Mux(leaves, pointer.ring, Mux(self.read_on, next_pc, resume))),
            stride.eq(1),
            self.micro_base.eq(resume + (len(POPULATION_WORDS) - FIRST_COUNTER)),
        ]
        with m.If(leaves | passes_walk):
            m.d.sync += resume.eq(next_pc)
        with m.If(self.at_advanced):
            m.d.sync += resume.eq(0)
        with m.If(self.over_microprogram):
            m.d.sync += stride.eq(self.population.population_2.micro_words)

    def _pass(self, m: Module) -> None:
        """Words of an instruction, and the rings of END."""
        instruction = Signal(word_layout(INSTRUCTION))
        rings_done = Signal(range(self.config.program_words // len(RING_WORDS)))
        passes = (Opcode.PASS, *self._mapped_passes, *((Opcode.GATHER_PASS,) if self.config.gathers else ()))
        m.d.comb += [
            instruction.eq(self.data),
            self.ring.eq(self.data),
            self.is_pass.eq(instruction.opcode.matches(*passes)),
            self.is_loop.eq(instruction.opcode == Opcode.LOOP),
            self.is_repeat.eq(instruction.opcode == Opcode.REPEAT),
            self.is_last_ring.eq(rings_done == self.pass_0.as_value()[: len(rings_done)]),
        ]
        for word, at in ((self.pass_0, self.at_instruction), (self.pass_1, self.at_pointer), (self.pass_2, self.at_weights)):
            with m.If(at):
                m.d.sync += word.eq(self.data)
        with m.If(self.at_instruction):
            m.d.sync += rings_done.eq(1)
        with m.If(self.at_advanced):
            m.d.sync += rings_done.eq(rings_done + 1)

    @property
    def _mapped_passes(self) -> tuple[Opcode, ...]:
        """Passes with the words of a walk that there are."""
        return (*((Opcode.MAPPED_PASS,) if self.config.map_words else ()), *((Opcode.VECTOR_PASS,) if self.config.vectors else ()))

    def _walk(self, m: Module) -> Value:
        """Words of a pass with maps, in the order of their arrival. What this returns is high while the last one is read."""
        arriving = Signal(len(WALK_WORDS))
        before_last, last = arriving[-2], arriving[-1]
        later = Signal(len(arriving) - 1)
        if self.config.gathers:
            count = len(GATHER_WORDS)
            m.d.comb += [
                self.is_gathered.eq(self.pass_0.opcode == Opcode.GATHER_PASS),
                self.gather.eq(self.walk.as_value()[: count * WORD_BITS]),
            ]
            before_last, last = (Mux(self.is_gathered, arriving[count - k], word) for k, word in ((2, before_last), (1, last)))
        m.d.comb += [
            arriving.eq(Cat(self.at_walk, later)),
            self.is_mapped.eq(self.pass_0.opcode.matches(*self._mapped_passes)),
            self.is_vector.eq((self.pass_0.opcode == Opcode.VECTOR_PASS) if self.config.vectors else 0),
            self.walk_complete.eq(last),
        ]
        m.d.sync += later.eq(arriving)
        for k, word in enumerate(WALK_WORDS):
            held = Signal(WORD_BITS, name=word.name)
            m.d.comb += self.walk[word.name].eq(held)
            with m.If(arriving[k]):
                m.d.sync += held.eq(self.data)
        return before_last

    def _population(self, m: Module) -> Signal:
        """Words of a population and its rings, in the order of their arrival: one bit for each, on when that word is there."""
        arriving = Signal(FIRST_COUNTER + MAX_RINGS * len(RING_WORDS))
        later = Signal(len(arriving) - 1)
        m.d.comb += arriving.eq(Cat(self.at_population, later))
        m.d.sync += later.eq(arriving)
        for k, word in enumerate(POPULATION_WORDS[:FIRST_COUNTER]):
            held = Signal(WORD_BITS, name=word.name)
            m.d.comb += self.population[word.name].eq(held)
            with m.If(arriving[k]):
                m.d.sync += held.eq(self.data)
        for ring in range(MAX_RINGS):
            first = FIRST_COUNTER + len(RING_WORDS) * ring
            with m.If(arriving[first]):
                m.d.sync += self.ring_0[ring].eq(self.data)
                with m.If(self.first_window):
                    m.d.sync += self.ring_0[ring].head.eq(0)
            with m.If(arriving[first + 1]):
                m.d.sync += self.ring_1[ring].eq(self.data)
        return arriving
