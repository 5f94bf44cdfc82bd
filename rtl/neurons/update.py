"""Neuron update: runs a population's microprogram over its rows, collects spikes, counts events, hands state to the recorder."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.program import Record

from ..streams import NeuronPort, ProgramRead, SlotRead, SpikeWords, StateRows, Trace, UpdateCommand
from .counts import PopulationCounts
from .exists import Existence
from .issue import Issue
from .lanes import UpdateLane
from .microprogram import Microprogram
from .pipeline import Pipeline
from .spikes import SpikeCollector
from .stages import MULTIPLY, WRITE


class Update(wiring.Component):
    """Issues the micro-operations of one step's rows, one per cycle, after ``command.go``; see :mod:`~lifline.rtl.neurons.stages`.

    Parameters
    ----------
    carry_cells : see :class:`~lifline.rtl.cells.carry.ChoosingAdder`.
    trace : show what is stored, and because of which sums; for simulation.

    Members
    -------
    command : In(:class:`~lifline.rtl.streams.UpdateCommand`).
    program : Out(:class:`~lifline.rtl.streams.ProgramRead`), for micro-operations.
    neurons : Out(:class:`~lifline.rtl.streams.NeuronPort`).
    slots : Out(:class:`~lifline.rtl.streams.SlotRead`), for the row of the operation in stage 0.
    words : Out(:class:`~lifline.rtl.streams.SpikeWords`), from registers, a cycle after the membranes were written.
    rows : Out(:class:`~lifline.rtl.streams.StateRows`), of recording operations (stage 6).
    trace : Out(:class:`~lifline.rtl.streams.Trace`), if asked for.
    """

    def __init__(self, config: Config, *, carry_cells: bool = False, trace: bool = False) -> None:
        self.config, self.carry_cells, self.traced = config, carry_cells, trace
        members = {
            "command": In(UpdateCommand(config)),
            "program": Out(ProgramRead(config)),
            "neurons": Out(NeuronPort(config)),
            "slots": Out(SlotRead(config)),
            "words": Out(SpikeWords(config)),
            "rows": Out(StateRows(config)),
        }
        super().__init__(members | ({"trace": Out(Trace(config))} if trace else {}))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, command = self.config, self.command
        m.submodules.microprogram = microprogram = Microprogram(config)
        m.submodules.issue = issue = Issue(config)
        m.submodules.pipeline = pipeline = Pipeline(config)
        wiring.connect(m, microprogram.program, wiring.flipped(self.program))
        wiring.connect(m, microprogram.operations, issue.operations)
        wiring.connect(m, issue.section, microprogram.section)
        wiring.connect(m, issue.issued, pipeline.issued)
        m.d.comb += [
            *(part.population.eq(command.population) for part in (microprogram, issue, pipeline)),
            *(part.load.eq(command.load) for part in (microprogram, issue)),
            *(part.fresh.eq(command.fresh) for part in (issue, pipeline)),
            microprogram.micro_base.eq(command.micro_base),
            issue.go.eq(command.go),
            *(getattr(command, name).eq(getattr(issue, name)) for name in ("busy", "ready", "ending", "again", "blocked")),
            *(getattr(command, name).eq(getattr(pipeline, name)) for name in ("settled", "counted")),
            self.slots.block.eq(issue.row // config.rows_per_block),
            self.slots.row.eq(issue.row % config.rows_per_block),
            self.slots.used.eq(pipeline.uses_slot),
            issue.room.eq(self.rows.room),
            issue.recorder_busy.eq(self.rows.busy),
            pipeline.discard.eq(self.neurons.quiet),
            pipeline.written.eq(self.neurons.written),
            self.neurons.read_address.eq(issue.read_address),
        ]
        last_of_block = Signal()
        m.d.comb += last_of_block.eq(self.slots.row == config.rows_per_block - 1)
        m.d.sync += self.slots.last.eq(last_of_block | issue.issued.last_row)
        m.submodules.existence = existence = Existence(config)
        m.d.comb += [
            existence.load.eq(command.load),
            existence.latch.eq(pipeline.latch_exists),
            existence.bits.eq(Cat(self.neurons.read_data.word_select(k, config.state_bits)[0] for k in range(config.multipliers))),
            existence.last_row.eq(pipeline.last_row),
            existence.last.eq(command.population.population_6.last_row),
        ]
        lanes = self.make_lanes(m, pipeline, existence)
        self.finish(m, pipeline, lanes, existence)
        if self.traced:
            self.show(m, pipeline, lanes)
        return m

    def make_lanes(self, m: Module, pipeline: Pipeline, existence: Existence) -> list[UpdateLane]:
        """One for each word of a row."""
        lanes = [UpdateLane(self.config, carry_cells=self.carry_cells) for _ in range(self.config.multipliers)]
        for k, lane in enumerate(lanes):
            m.submodules[f"lane{k}"] = lane
            wiring.connect(m, pipeline.control, lane.control)
            m.d.comb += [
                lane.word.eq(self.neurons.read_data.word_select(k, self.config.state_bits)),
                lane.slot.eq(self.slots.sums[k]),
                lane.exists.eq(existence.exists[k]),
            ]
        return lanes

    def finish(self, m: Module, pipeline: Pipeline, lanes: list[UpdateLane], existence: Existence) -> None:
        """Stage 6: write back, record, count, collect spikes."""
        m.submodules.collector = collector = SpikeCollector(self.config)
        m.submodules.counts = counts = PopulationCounts(self.config)
        finished, rows, spikes = pipeline.finished, self.rows, Cat(lane.spike for lane in lanes)
        wiring.connect(m, finished, collector.finished)
        wiring.connect(m, collector.words, wiring.flipped(self.words))
        m.d.comb += [
            self.neurons.write_address.eq(finished.address),
            self.neurons.write_enable.eq(finished.write),
            self.neurons.write_data.eq(Cat(lane.result for lane in lanes)),
            rows.valid.eq(finished.record != Record.NONE),
            rows.record.eq(finished.record),
            rows.index.eq(finished.row),
            *(rows.values[k].eq(lane.result) for k, lane in enumerate(lanes)),
            collector.spikes.eq(spikes),
            self.command.complete.eq(collector.words.complete),
            counts.clear.eq(self.command.load),
            counts.fired.eq(finished.fire),
            counts.crossings.eq(Cat(lane.crossing for lane in lanes)),
            counts.spikes.eq(spikes),
            counts.clipped.eq(finished.saturation),
            counts.saturations.eq(Cat(lane.saturated for lane in lanes) & existence.exists),
            *(mine.eq(own) for mine, own in zip(self.command.counts, counts.counts, strict=True)),
        ]

    def show(self, m: Module, pipeline: Pipeline, lanes: list[UpdateLane]) -> None:
        """The trace: sums come out of stage 2, and are shown with the word that is stored because of them."""
        sums = Cat(lane.sum for lane in lanes)
        for stage in range(MULTIPLY + 1, WRITE + 1):
            later = Signal(len(sums), name=f"sums{stage}")
            m.d.sync += later.eq(sums)
            sums = later
        m.d.comb += [
            self.trace.valid.eq(self.neurons.write_enable),
            self.trace.address.eq(self.neurons.write_address),
            self.trace.values.eq(self.neurons.write_data),
            self.trace.fired.eq(Cat(lane.spike for lane in lanes) & pipeline.finished.fire.replicate(len(lanes))),
            self.trace.sums.eq(sums),
        ]
