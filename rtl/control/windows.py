"""How long windows are, and which of them end with a comparison for early exit."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.records import RECORD
from lifline.arch.registers import EXIT_BITS

from ..cells.select import at_most, is_above


class Windows(wiring.Component):
    """Divides a run into windows: each as long as the configuration's, or shorter before the end and before a comparison.

    Members
    -------
    idle : level, there is no run: takes ``steps``.
    fresh : one cycle, a run starts from step 0; the steps to the next comparison begin anew.
    steps : time steps of the run.
    exit_every : steps between two comparisons, 0 for none; stays during a run.
    exit_margin : the run is over at a lead of more than this; stays during a run.
    leading, second : the two highest spike counts; final two cycles before the end of a window.
    choose : one cycle, the next window's length is chosen.
    starts : one cycle, the chosen window starts.
    count : steps of the window, from the cycle after ``choose`` until the next one.
    over : level, no step is left beside those of windows that have started.
    ahead : steps, from the start of the next window, that the input may be written ahead: two windows, but not beyond a comparison.
    decided : level, meaningful at the end of a window: it ends with a comparison, and the leader leads by more than the margin.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "idle": In(1),
                "fresh": In(1),
                "steps": In(RECORD["step"].width),
                "exit_every": In(EXIT_BITS),
                "exit_margin": In(config.state_bits),
                "leading": In(config.state_bits),
                "second": In(config.state_bits),
                "choose": In(1),
                "starts": In(1),
                "count": Out(range(config.window + 1)),
                "over": Out(1),
                "ahead": Out(range(2 * config.window + 1)),
                "decided": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        window, state_bits = self.config.window, self.config.state_bits
        remaining, to_check = Signal.like(self.steps), Signal(EXIT_BITS)  # both without the window that is being computed
        checks, check_due = Signal(), Signal()  # there are comparisons; this window ends with one
        m.d.comb += [
            checks.eq(self.exit_every != 0),
            self.over.eq(remaining == 0),
            self.ahead.eq(Mux(checks, at_most(to_check, 2 * window), 2 * window)),
        ]
        with m.If(self.starts):
            m.d.sync += [remaining.eq(remaining - self.count), to_check.eq(to_check - self.count)]
        with m.If(self.idle):
            m.d.sync += remaining.eq(self.steps)
        with m.If(self.fresh | (self.starts & check_due)):
            m.d.sync += to_check.eq(self.exit_every)

        # The next window is as long as steps are left, but ends with a comparison.
        part, checked, check_first = Signal.like(self.count), Signal.like(self.count), Signal()
        m.d.comb += [
            part.eq(at_most(remaining, window)),
            checked.eq(at_most(to_check, window)),
            check_first.eq(checks & (checked <= part)),
        ]
        with m.If(self.choose):
            m.d.sync += [self.count.eq(Mux(check_first, checked, part)), check_due.eq(check_first & ~is_above(to_check, window))]

        missing, leads = Signal(signed(state_bits + 1)), Signal()
        m.d.comb += [missing.eq(self.exit_margin - (self.leading - self.second)[:state_bits]), self.decided.eq(check_due & leads)]
        m.d.sync += leads.eq(missing[-1])
        return m
