"""Sequencer: runs the program once per window and leads every pass through its steps."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.program import Mode
from lifline.arch.states import SEQUENCER, WITHOUT_MAPS

from ..cells.states import States
from ..streams import (
    InputProgress,
    PassCommand,
    ProgramLoad,
    ProgramPort,
    ProgramRead,
    RecordCommand,
    RingClear,
    RouteCommand,
    RunControl,
    ScanCommand,
    UpdateCommand,
)
from .counters import Counters
from .fetch import Fetch
from .loop import Loop
from .machine import between_windows, instructions, populations, steps
from .progress import Progress
from .real_time import RealTime
from .routes import Routes
from .steps import Steps
from .windows import Windows


class Sequencer(wiring.Component):
    """Control of the whole core; every engine is started here and nowhere else.

    A run is a number of windows. A window waits for its input, executes the program, and advances time. A pass scans
    its source ring and accumulates (phase A); an updating pass then alternates, step by step, between phase A and the
    neuron update (phase B). Ring memory belongs to the scanner first, then to the router, within phase A.

    One state machine decides when (:mod:`lifline.rtl.control.machine`). Each component beside it knows one thing: how long windows are
    (:class:`Windows`), how far the run and its input are (:class:`Progress`), what is due in real time (:class:`RealTime`), what the
    program says (:class:`Fetch`), what is written back (:class:`Counters`), which step a loop is at (:class:`Loop`), which step and row it is (:class:`Steps`), and whether
    spikes wait (:class:`Routes`). Here they are joined.

    Members
    -------
    run : In(:class:`~lifline.rtl.streams.RunControl`), the host's.   host : In(:class:`~lifline.rtl.streams.ProgramLoad`), likewise.
    input : Out(:class:`~lifline.rtl.streams.InputProgress`)
    clear : Out(:class:`~lifline.rtl.streams.RingClear`)
    scan : Out(:class:`~lifline.rtl.streams.ScanCommand`)
    accumulation : Out(:class:`~lifline.rtl.streams.PassCommand`)
    update : Out(:class:`~lifline.rtl.streams.UpdateCommand`)
    route : Out(:class:`~lifline.rtl.streams.RouteCommand`)
    record : Out(:class:`~lifline.rtl.streams.RecordCommand`)
    program : Out(:class:`~lifline.rtl.streams.ProgramPort`), the program memory.
    update_read : In(:class:`~lifline.rtl.streams.ProgramRead`), which has the memory from the cycle after ``update.load`` until counters are read.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.windows, self.progress, self.real_time = Windows(config), Progress(config), RealTime(config)
        self.fetch, self.counters = Fetch(config), Counters(config)
        self.loop, self.steps, self.routes = Loop(config), Steps(config), Routes(config)
        self.to_update = Signal()  # the program memory is the update's
        super().__init__(
            {
                "run": In(RunControl(config)),
                "host": In(ProgramLoad(config)),
                "input": Out(InputProgress()),
                "clear": Out(RingClear(config)),
                "scan": Out(ScanCommand(config)),
                "accumulation": Out(PassCommand(config)),
                "update": Out(UpdateCommand(config)),
                "route": Out(RouteCommand(config)),
                "record": Out(RecordCommand(config)),
                "program": Out(ProgramPort(config)),
                "update_read": In(ProgramRead(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name in ("windows", "progress", "real_time", "fetch", "counters", "loop", "steps", "routes"):
            m.submodules[name] = getattr(self, name)
        self._join_run(m)
        self._join_program(m)
        self._join_pass(m)
        self._join_update(m)
        states = States(m, *(SEQUENCER if self.config.map_words else WITHOUT_MAPS))
        for describe in (between_windows, instructions, populations, steps):
            describe(self, m, states)
        return m

    @property
    def _window_step(self) -> Value:
        """Number in the window of the step that is accumulated or updated: in a loop passes have one step, without it is at its first."""
        return self.loop.step | self.steps.step

    def _join_run(self, m: Module) -> None:
        """Run control: windows, progress, real time."""
        run, windows, progress, real_time = self.run, self.windows, self.progress, self.real_time
        m.d.comb += [
            windows.steps.eq(run.steps),
            windows.exit_every.eq(run.exit_every if self.config.early_exit else 0),
            windows.exit_margin.eq(run.exit_margin),
            windows.leading.eq(self.record.leading),
            windows.second.eq(self.record.second),
            windows.fresh.eq(progress.fresh),
            progress.may_go_ahead.eq(run.running & ~self.clear.clearing & ~windows.over),
            progress.ahead.eq(windows.ahead),
            progress.count.eq(windows.count),
            progress.step.eq(self._window_step),
            progress.begins.eq(self.update.go),
            progress.input_steps.eq(self.input.steps),
            self.input.limit.eq(progress.input_limit),
            real_time.start.eq(run.start),
            real_time.running.eq(run.running),
            real_time.clock.eq(run.clock),
            real_time.period.eq(run.period),
            real_time.count.eq(windows.count),
            real_time.window_starts.eq(windows.starts),
            run.overrun.eq(real_time.overrun),
            run.stall_input.eq(real_time.waits),  # in a run the state machine knows
            run.time.eq(progress.time),
            run.counter_overflow.eq(self.counters.overflow),
            self.record.clear.eq(run.cleared),
        ]
        m.d.sync += run.cleared.eq(progress.fresh)

    def _join_program(self, m: Module) -> None:
        """Everybody reads the program memory; fetch and host do at 0 while they do not mean it, so that an OR joins them."""
        fetch, counters, program = self.fetch, self.counters, self.program
        m.d.comb += [
            program.read_address.eq(self.host.address | Mux(self.to_update, self.update_read.address, fetch.address)),
            program.read_enable.eq(~self.to_update | self.update_read.enable),
            self.update_read.data.eq(program.read_data),
            self.host.read_data.eq(program.read_data),
            fetch.data.eq(program.read_data),
            fetch.first_window.eq(self.progress.first_window),
            counters.count.eq(self.windows.count),
            counters.first_window.eq(self.progress.first_window & (self.loop.step == 0)),
            counters.fresh.eq(self.progress.fresh),
            counters.running.eq(self.run.running),
            counters.host_data.eq(self.host.data),
            counters.host_write.eq(self.host.write),
            counters.advance.eq(fetch.at_advanced),
            counters.read_address.eq(program.read_address),
            counters.read_data.eq(program.read_data),
            program.write_address.eq(counters.write_address),
            program.write_data.eq(counters.write_data),
            program.write_enable.eq(counters.write_enable),
            fetch.over_microprogram.eq(counters.last_read),
        ]
        m.d.comb += [own.eq(count) for own, count in zip(counters.counts, self.update.counts, strict=True)]

    def _join_pass(self, m: Module) -> None:
        """Words of the pass for scanner and accumulation."""
        fetch, loop, steps = self.fetch, self.loop, self.steps
        first_row = Mux(fetch.ring.tap, fetch.ring.base, 0) if self.config.map_words else 0
        count = Mux(loop.looping, 1, self.windows.count)
        if self.config.vectors:
            m.d.comb += [self.scan.vector.eq(fetch.is_vector), self.accumulation.vector.eq(fetch.is_vector)]
        m.d.comb += [
            loop.count.eq(self.windows.count),
            steps.looping.eq(loop.looping),
            steps.first.eq(loop.step),
            steps.ring_rows.eq(fetch.ring.rows),
            steps.head.eq(Mux(self.progress.first_window, first_row, fetch.ring.head)),
            steps.dense.eq((fetch.pass_0.mode == Mode.DENSE) if self.config.dense_lanes else 0),
            steps.ahead.eq((self.scan.words >> self.config.words_ahead.bit_length() == 0) & ~fetch.pass_0.recurrent),
            steps.count.eq(count),
            # Spike words of the last update may still be on their way into a ring: the scanner waits for the write port.
            # In a recurrent pass also for spikes that wait for the router.
            steps.rings_free.eq(self.update.settled & Mux(fetch.pass_0.recurrent, self.routes.free & ~self.routes.coming, ~self.route.busy)),
            steps.scan_busy.eq(self.scan.busy),
            steps.rows_done.eq(self.accumulation.rows_done),
            self.scan.start.eq(steps.scan_start),
            self.scan.words.eq(fetch.pass_0.source_words),
            self.scan.count.eq(steps.scan_count),
            self.scan.base.eq(fetch.pass_1.ring_base),
            self.scan.ring_rows.eq(steps.scan_ring_rows),
            self.scan.row.eq(steps.scan_row),
            self.scan.clear.eq(fetch.pass_0.clear),
            self.accumulation.start.eq(steps.begin),
            self.accumulation.mode.eq(fetch.pass_0.mode),
            self.accumulation.blocks.eq(fetch.pass_0.blocks),
            self.accumulation.weight_base.eq(fetch.pass_2.weight_base),
            self.accumulation.fan_in.eq(fetch.pass_2.fan_in),
            self.accumulation.count.eq(count),
            self.accumulation.one_slot.eq(fetch.pass_0.one_slot),
            self.accumulation.step.eq(steps.step),
            self.accumulation.advance.eq(steps.advance),
        ]
        if self.config.map_words:
            m.d.comb += [self.accumulation.mapped.eq(fetch.is_mapped), self.accumulation.walk.eq(fetch.walk)]
        if self.config.gathers:
            m.d.comb += [
                self.accumulation.gathered.eq(fetch.is_gathered),
                self.accumulation.gather.eq(fetch.gather),
                self.scan.clear_words.eq(Mux(fetch.is_gathered, fetch.gather.gather_3.clear_words, self.scan.words)),
            ]

    def _join_update(self, m: Module) -> None:
        """Words of the population for update, router and recorder."""
        fetch, routes, update = self.fetch, self.routes, self.update
        population = fetch.population
        exit_check = population.population_5.exit_check if self.config.early_exit else Const(0)
        m.d.comb += [
            update.population.eq(population),
            update.micro_base.eq(fetch.micro_base),
            routes.begin.eq(self.steps.begin),
            routes.record_rows.eq(Cat(population.population_1.record, exit_check)),
            routes.record_spikes.eq(population.population_1.record_spikes),
            routes.rows.eq(population.population_0.rows),
            routes.recurrent.eq(fetch.pass_0.recurrent),
            routes.scanned.eq(self.steps.scanned),
            routes.scan_busy.eq(self.scan.busy),
            routes.settled.eq(update.settled),
            routes.ending.eq(update.ending),
            routes.complete.eq(update.complete),
            routes.recorder_busy.eq(self.record.busy),
            routes.router_busy.eq(self.route.busy),
            routes.needed.eq(self.route.needed),
            self.route.load.eq(update.load),
            self.route.first.eq(self.loop.step),
            self.route.population.eq(population.population_1),
            self.route.begin.eq(update.go),
            self.route.step.eq(self.progress.record_step),
            self.route.go.eq(routes.go),
            self.record.needed.eq(routes.reserve),
            self.record.population.eq(population.population_1.population),
            self.record.step.eq(self.progress.record_step),
        ]
        m.d.sync += [
            # From a register, as it decides on an address: no step begins in the cycle after its pass, and none but a pass's first is step 0.
            update.fresh.eq(self.progress.first_window & (self._window_step == 0) & ~self.steps.advance),
            self.record.check.eq(update.go & exit_check),
        ]
        for own, ring in ((self.route.ring_0, fetch.ring_0), (self.route.ring_1, fetch.ring_1)):
            m.d.comb += [own[r].eq(ring[r]) for r in range(len(own))]
