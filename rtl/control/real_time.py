"""Real time: a time step is due in every period, and what was due stays due until its window starts."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.registers import DUE_BITS, PERIOD_BITS


class RealTime(wiring.Component):
    """Counts the steps that are due.

    Members
    -------
    start : one cycle, a run begins; the first step is due one period later.
    running : level, from the cycle after ``start`` to the end of the run.
    clock : level, steps go on becoming due between runs; starts with ``start`` or where it rises, whichever comes first.
    period : cycles per time step, 0 for as fast as possible; stays from the cycle before ``start`` or ``clock`` as long as either lasts.
    count : steps of the next window; stays from two cycles before it starts until it has.
    window_starts : one cycle, only while ``due``: a window starts and takes its steps.
    due : level, the steps of the next window are due, or the run is not in real time.
    overrun : with ``window_starts``: more steps were due than the window's.
    waits : level, real time goes on without a run, and steps that become due are still counted.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "start": In(1),
                "running": In(1),
                "clock": In(1),
                "period": In(PERIOD_BITS),
                "count": In(range(config.window + 1)),
                "window_starts": In(1),
                "due": Out(1),
                "overrun": Out(1),
                "waits": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        timed, on = Signal(), Signal()
        credit, spare = Signal(DUE_BITS), Signal(signed(DUE_BITS + 1))  # steps that are due, and without the next window's
        elapsed, tick_over, tick = Signal(PERIOD_BITS), Signal(), Signal()
        m.d.comb += [
            on.eq(self.running | self.clock),
            tick_over.eq(elapsed >= self.period),
            tick.eq(tick_over & (self.window_starts | ~credit.all())),
            spare.eq(credit - self.count),
            self.due.eq(~timed | ~spare[-1]),
            self.overrun.eq(self.window_starts & timed & (spare != 0)),
            self.waits.eq(~self.running & self.clock & timed & ~credit.all()),
        ]
        with m.If(~on):
            m.d.sync += timed.eq(~tick_over)  # `elapsed` is zero before a run: is the period longer?
        m.d.sync += [elapsed.eq(elapsed + 1), credit.eq(Mux(self.window_starts, spare[:DUE_BITS], credit) + tick)]
        with m.If(tick_over):
            m.d.sync += elapsed.eq(1)
        with m.If(~on):
            m.d.sync += elapsed.eq(self.start)
        with m.If(~on | ~timed):
            m.d.sync += credit.eq(0)
        return m
