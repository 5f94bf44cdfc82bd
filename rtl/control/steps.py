"""The steps of a pass: which one is accumulated or updated, and which row of its ring is scanned for it."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from ..cells.select import wrapped
from ..streams import rows_per_scan, window_step


class Steps(wiring.Component):
    """Counts steps, and starts scans: one of all rows for a dense pass, one per row for an event pass, a step ahead where that is allowed.

    A scan holds the rings until it ends, and the next step waits for it: it may go ahead of the step that empties the list only if all that it can
    find fits there. A pass of a loop has a single step, and scans the row of that one: a cycle later, as it is not the ring's first.

    Members
    -------
    begin : one cycle, a pass begins, with a scan in the next cycle, or in a loop in the one after it.   looping : level, it is one of a loop; stays
    during the pass.   first : number in the window of the pass's first step, less than the rows of the ring; likewise.   ring_rows, head : with ``begin``, rows of its ring and the first one.
    dense : level, mode of the pass; stays during the pass.   ahead : level, the next step's row is scanned, too (event); likewise.   count : steps of the pass; likewise.
    advance : one cycle: the next step.
    allowed : level, scans may start.   rings_free : level, no spikes are on their way into the rings.   scan_busy : level, the scanner's.
    rows_done : finished scans of this pass.
    step : from the cycle after ``begin`` on, counted from the first one.   last : level, it is the pass's last.
    scanned : level, all scans that this step needs, and those ahead, are finished.
    scan_start : one cycle, a scan starts.   scan_count : rows that it takes.   scan_ring_rows : rows of the ring.   scan_row : the first row to scan.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        count, rows = range(config.window + 1), range(config.max_ring_rows + 1)
        super().__init__(
            {
                "begin": In(1),
                "looping": In(1),
                "first": In(window_step(config)),
                "ring_rows": In(rows),
                "head": In(rows),
                "dense": In(1),
                "ahead": In(1),
                "count": In(count),
                "advance": In(1),
                "allowed": In(1),
                "rings_free": In(1),
                "scan_busy": In(1),
                "rows_done": In(range(config.window + 2)),
                "step": Out(window_step(config)),
                "last": Out(1),
                "scanned": Out(1),
                "scan_start": Out(1),
                "scan_count": Out(range(rows_per_scan(config) + 1), init=1),
                "scan_ring_rows": Out(rows),
                "scan_row": Out(rows),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        last_index, next_step = Signal.like(self.step), Signal.like(self.step)
        started, needed = Signal.like(self.rows_done), Signal.like(self.rows_done)  # scans of this pass
        later, next_row = Signal(), Signal.like(self.scan_row)
        m.d.sync += [last_index.eq(self.count - 1), self.scan_count.eq(Mux(self.dense, self.count, 1)), self.scan_start.eq(0), later.eq(0)]
        m.d.comb += [
            self.scanned.eq(self.rows_done == needed),
            next_step.eq(self.step + 1),
            next_row.eq(wrapped(self.scan_row + Mux(later, self.first, 1), self.scan_ring_rows)),
        ]
        with m.If(self.allowed & self.rings_free & (started == self.rows_done) & (started != needed) & ~self.scan_busy):
            m.d.sync += [self.scan_start.eq(1), started.eq(started + 1), self.scan_row.eq(next_row)]
        with m.If(later):
            m.d.sync += [self.scan_start.eq(1), self.scan_row.eq(next_row)]
        with m.If(self.advance):
            m.d.sync += [self.step.eq(next_step), self.last.eq(next_step == last_index)]
            with m.If(~self.dense & (needed != self.count)):
                m.d.sync += needed.eq(needed + 1)
        with m.If(self.begin):
            m.d.sync += [
                self.step.eq(0),
                self.last.eq(last_index == 0),
                self.scan_ring_rows.eq(self.ring_rows),
                self.scan_row.eq(self.head),
                self.scan_start.eq(~self.looping),
                later.eq(self.looping),
                started.eq(1),
                needed.eq(Mux(self.dense | ~self.ahead | (last_index == 0), 1, 2)),
            ]
        return m
