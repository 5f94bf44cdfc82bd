"""When the spikes of a step are routed: after its rows of state, before those of the next step are complete."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.limits import RING_BITS
from lifline.arch.program import POPULATION_0, POPULATION_1


class Routes(wiring.Component):
    """Remembers whether spikes wait for the router, and starts it.

    The next step may be updated while the spikes of this one are routed, but rows of state and of counts for the recorder go alone, and so do
    more spikes than two steps have room for: what is reserved must come to be free, or the update waits for ever.
    Otherwise the router goes after the scanner; but where the next scan waits for these spikes, it must not wait for that scan.

    Members
    -------
    begin : one cycle, a pass begins: nothing waits.
    record_rows : bits, any of them: rows of state or counts go to the recorder; stays during the pass.
    record_spikes : spikes go to the host; likewise.   rows : rows of neurons of the population; likewise.
    allowed : level, the population is being updated, step by step.
    recurrent : level, the next step is scanned after these spikes; stays during the pass.   scanned : level, the scans of this step and those ahead are finished.   scan_busy : level, the scanner has the rings.
    settled : level, no result of the update is on its way.   ending : one cycle, the update of a step has issued all.
    complete : one cycle, all spikes of that step are known.
    recorder_busy : level, it sends or compares a row.   router_busy : level.   needed : level, this population's spikes have to be routed.
    go : one cycle, the router starts.
    coming : level, from ``ending`` to ``complete``: it is not known yet whether spikes will wait.
    free : level, no spikes wait and the router is idle.
    overlap : level, steps overlap: no rows go to the recorder, and the spikes of two steps fit. From two cycles after ``record_rows`` and ``rows`` are known.
    recorded : level, all rows of the step before have been sent.
    reserve : words of output that spikes take: two for each 32 neurons, of two steps if they overlap.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "begin": In(1),
                "record_rows": In(POPULATION_1["record"].width + 1),
                "record_spikes": In(1),
                "rows": In(POPULATION_0["rows"].width),
                "allowed": In(1),
                "recurrent": In(1),
                "scanned": In(1),
                "scan_busy": In(1),
                "settled": In(1),
                "ending": In(1),
                "complete": In(1),
                "recorder_busy": In(1),
                "router_busy": In(1),
                "needed": In(1),
                "go": Out(1),
                "coming": Out(1),
                "free": Out(1),
                "overlap": Out(1),
                "recorded": Out(1),
                "reserve": Out(range(config.output_words + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        due = Signal()  # spikes wait
        row_words = RING_BITS // self.config.multipliers  # rows in a word of spikes
        words, two_steps_fit = Signal(range(self.config.max_groups + 1)), Signal()  # of spikes
        m.d.sync += self.overlap.eq((self.record_rows == 0) & two_steps_fit)
        m.d.comb += [
            words.eq((self.rows + (row_words - 1)) // row_words),
            two_steps_fit.eq(~self.record_spikes | (words <= self.config.overlapping_words)),
            self.recorded.eq(self.overlap | (self.settled & ~self.recorder_busy)),
            self.go.eq(self.allowed & due & self.recorded & (self.scanned | self.recurrent) & ~self.scan_busy & ~self.router_busy),
            self.free.eq(~due & ~self.router_busy),
            self.reserve.eq(Mux(self.record_spikes, words << 1 << self.overlap, 0)),
        ]
        with m.If(self.go):
            m.d.sync += due.eq(0)
        with m.If(self.complete):
            m.d.sync += [due.eq(self.needed), self.coming.eq(0)]
        with m.If(self.ending):
            m.d.sync += self.coming.eq(1)
        with m.If(self.begin):
            m.d.sync += due.eq(0)
        return m
