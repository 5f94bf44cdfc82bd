"""Fetches the micro-operations of a population: its prologue once, then section after section."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.program import POPULATION_1, Record

from ..cells.decode import POPULATION_SHAPE
from ..streams import ProgramRead
from .stages import MICRO_LAYOUT, OPERATION_LAYOUT, Section

SECTION_BITS = max(POPULATION_1["prologue"].width, POPULATION_1["update"].width, POPULATION_1["record"].width + 1)
"""Of the number of operations in a section; the recording section may have one more than its field says, for early exit."""


class Microprogram(wiring.Component):
    """Reads micro-operations two cycles ahead of their issue.

    The prologue comes once, then the update section again and again, one operation per cycle; a restart jumps to the recording section and back.
    Sections lie one behind the other in program memory, so that the end of one is the start of the next.

    Members
    -------
    program : Out(ProgramRead).
    population : In, the population's words; they stay from ``load`` on while operations are taken.
    micro_base : In (with ``load``), program address of the prologue.
    load : In, one cycle: start with the prologue, or with the update section where there is none.
    section : In(:class:`~lifline.rtl.neurons.stages.Section`).
    operations : Out, stream of :data:`~lifline.rtl.neurons.stages.OPERATION_LAYOUT` from a register; holds until taken, or until dropped,
        in the cycle after ``load`` or in the second one after a restart.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "program": Out(ProgramRead(config)),
                "population": In(POPULATION_SHAPE),
                "micro_base": In(range(config.program_words)),
                "load": In(1),
                "section": In(Section()),
                "operations": Out(stream.Signature(OPERATION_LAYOUT)),
            }
        )
        self.config = config

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lengths, operations = self.population.population_1, self.operations
        advance, restarts, has_prologue = Signal(), Signal(), Signal()
        m.d.comb += [advance.eq(operations.ready | ~operations.valid), has_prologue.eq(lengths.prologue != 0)]
        m.d.sync += restarts.eq(self.section.restart)  # it is known late in a cycle; in the next, no operation is taken

        # Where to read: an address, and how many operations the section has left.
        fetch, left, in_prologue = Signal.like(self.micro_base), Signal(SECTION_BITS), Signal()
        update_start, record_start, following = Signal.like(fetch), Signal.like(fetch), Signal.like(fetch)
        record_length, ends = Signal(SECTION_BITS), Signal()
        recording = self.section.recording
        exit_check = self.population.population_5.exit_check if self.config.early_exit else 0
        m.d.comb += [self.program.address.eq(fetch), self.program.enable.eq(advance), ends.eq(left == 1), following.eq(fetch + 1)]
        m.d.sync += [self.section.has_recording.eq(record_length != 0), record_length.eq(lengths.record + exit_check)]
        with m.If(advance):
            m.d.sync += [fetch.eq(following), left.eq(left - 1)]
            with m.If(ends):
                m.d.sync += in_prologue.eq(0)
                with m.If(in_prologue):
                    m.d.sync += update_start.eq(following)
                with m.Elif(~recording):
                    m.d.sync += record_start.eq(following)
        with m.If(restarts | self.load | (advance & ends)):
            m.d.sync += left.eq(Mux(self.load & has_prologue, lengths.prologue, Mux(recording, record_length, lengths.update)))
        with m.If(restarts | (advance & ends & ~in_prologue)):
            m.d.sync += fetch.eq(Mux(recording, record_start, update_start))
        with m.If(self.load):
            m.d.sync += [fetch.eq(self.micro_base), update_start.eq(self.micro_base), in_prologue.eq(has_prologue)]

        # What comes out of the memory, a cycle later, and what is offered, another one later.
        arriving, arriving_last, word = Signal(), Signal(), Signal(MICRO_LAYOUT)
        m.d.comb += word.eq(self.program.data)
        with m.If(advance):
            m.d.sync += [
                arriving.eq(1),
                arriving_last.eq(ends),
                operations.valid.eq(arriving),
                operations.payload.micro.eq(word),
                operations.payload.last.eq(arriving_last),
                operations.payload.needs_room.eq(word.record != Record.COUNT),
            ]
        with m.If(restarts | self.load):
            m.d.sync += [arriving.eq(0), operations.valid.eq(0)]
        return m
