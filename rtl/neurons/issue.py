"""Issues micro-operations: when, and on which row."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.timing import UPDATE_SPACING

from ..cells.add import sum_with_carry
from ..cells.decode import POPULATION_SHAPE
from .rows import Rows
from .stages import OPERATION_LAYOUT, Issued, Section


class Issue(wiring.Component):
    """Takes the operations of one step after ``go``: of the prologue, then of the update section for every row, one per cycle, then, where there is
    one, of the recording section for every row, each when the host has room and nothing else is on its way.

    Members
    -------
    population : In, the population's words, stable from ``load`` on.
    load : In, one cycle: a new population.
    go : In, one cycle, only while ``ready``, or while ``ending`` and ``again``: update one step.
    fresh : In, level during a step: it is the first one since the state was cleared.
    busy : Out, from the cycle after ``go`` to the one in which the step's last operation is issued.
    ready : Out, nothing is issued, and the first row may be read again.
    ending : Out, one cycle: the last cycle of ``busy``, or the next if rows were recorded.
    again : Out, while ``ending``: the first row may be read in the next cycle.
    operations : In, stream of :data:`~lifline.rtl.neurons.stages.OPERATION_LAYOUT`; ready for one that is issued.
    section : Out(:class:`~lifline.rtl.neurons.stages.Section`).
    issued : Out(:class:`~lifline.rtl.neurons.stages.Issued`).
    read_address : Out, the neuron word that the operation in hand reads.
    row : Out, number of its row.
    room : In, a row for the host fits.
    recorder_busy : In, no row is taken now.
    blocked : Out, the operation in hand waits for ``room`` only.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "population": In(POPULATION_SHAPE),
                "load": In(1),
                "go": In(1),
                "fresh": In(1),
                "busy": Out(1),
                "ready": Out(1),
                "ending": Out(1),
                "again": Out(1),
                "operations": In(stream.Signature(OPERATION_LAYOUT)),
                "section": Out(Section()),
                "issued": Out(Issued(config)),
                "read_address": Out(range(config.neuron_words)),
                "row": Out(range(config.max_rows)),
                "room": In(1),
                "recorder_busy": In(1),
                "blocked": Out(1),
            }
        )
        self.config = config

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.rows = rows = Rows(self.config)
        operation, issued, section = self.operations.payload, self.issued, self.section
        recording, recorded, changes, section_ends, issue = section.recording, Signal(), Signal(), Signal(), self.issued.valid

        # The operation in hand, and its row.
        m.d.comb += [
            rows.population.eq(self.population),
            rows.load.eq(self.load),
            rows.advance.eq(issue & operation.last),
            self.row.eq(rows.row),
            self.read_address.eq(sum_with_carry(Mux(operation.micro.periodic, rows.phase, rows.address), operation.micro.offset, operation.micro.fresh_next & self.fresh)),
            self.operations.ready.eq(issue),
            issued.micro.eq(operation.micro),
            issued.address.eq(rows.address),
            issued.last_row.eq(rows.last & rows.inside),
            issued.ends_row.eq(issue & operation.last & rows.inside),
        ]

        # Its section: with the last row's last operation it ends the step, or another section follows.
        m.d.comb += [
            section_ends.eq(operation.last & rows.inside & rows.last),
            changes.eq(section_ends & (recording | section.has_recording)),
            section.restart.eq(issue & changes),
            issued.ends_step.eq(issue & section_ends & (recording | ~section.has_recording)),
        ]
        with m.If(section.restart):
            m.d.sync += recording.eq(~recording)
        with m.If(issued.ends_step):
            m.d.sync += self.busy.eq(0)
        with m.If(self.go):
            m.d.sync += self.busy.eq(1)
        # Whether a recording operation is issued is known late in a cycle: its end is told in the next.
        m.d.sync += recorded.eq(issued.ends_step & recording)
        m.d.comb += self.ending.eq(recorded | (self.busy & self.operations.valid & section_ends & ~section.has_recording))

        # Whether it is issued: always, or if the host can take a row.
        cold, first_row = self.cool_down(m, rows.inside)
        m.d.comb += [self.ready.eq(cold & ~self.busy), self.again.eq(cold & ~first_row & ~section.has_recording)]
        with m.If(self.busy & self.operations.valid):
            with m.If(~recording):
                m.d.comb += issue.eq(1)
            with m.Else():
                can_record = cold & ~self.recorder_busy
                m.d.comb += issue.eq(can_record & (self.room | ~operation.needs_room))
                m.d.comb += self.blocked.eq(can_record & ~self.room & operation.needs_room)
        return m

    def cool_down(self, m: Module, inside: Signal) -> tuple[Signal, Signal]:
        """Whether the operations that another one would have to wait for are through, and whether the first row is still in hand.

        The first row of a step waits for the first row of the step before, and every recording operation for the one before it.
        """
        cool = Signal(UPDATE_SPACING - 1)  # as many ones as cycles to wait
        cold, first_row = Signal(), Signal()
        m.d.comb += cold.eq(~cool[0])
        m.d.sync += cool.eq(cool >> 1)
        with m.If(self.issued.ends_row):
            m.d.sync += first_row.eq(0)
            with m.If(first_row):
                m.d.sync += cool.eq((1 << (UPDATE_SPACING - 2)) - 1)
        with m.If(self.issued.valid & self.section.recording | self.section.restart):
            m.d.sync += cool.eq((1 << (UPDATE_SPACING - 1)) - 1)
        with m.If(self.go):
            m.d.sync += first_row.eq(1)
        return cold, first_row
