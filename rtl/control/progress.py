"""How far a run is: the time of windows and steps, and the input that is there for them."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.records import AHEAD_BITS, RECORD
from lifline.arch.registers import POSITION_BITS

from ..streams import window_step


class Progress(wiring.Component):
    """Time in steps since the last fresh start, of the window and of the step that is updated, from one adder.

    Members
    -------
    fresh : one cycle, a run starts from step 0.
    between : level, no window is computed: the input's limit follows.
    may_go_ahead : level, between windows: more steps are to come, and the rings are ready for their input.
    ahead : steps from ``time`` on that may then be written.
    count : steps of the window, from the cycle after it was chosen.
    step : number in the window of the step that is updated; stays from ``begins`` to the cycle after it.
    begins : one cycle, a step's update begins.
    ends : one cycle, the window's last.
    input_steps : steps of input that are written, modulo ``2^AHEAD_BITS``.
    input_limit : steps that may be written, counted likewise; ``input_steps`` where no more may. One cycle late.
    input_ready : level: the input of ``count`` steps from ``time`` on is there. Input is seen one cycle late, in the cycle after ``ends`` two.
    time : first step of the window, from the cycle after ``ends`` on that of the next one.
    first_window : level, the window that starts at step 0 is still to be computed, or is.
    record_step : time of the step that is updated, for records: from two cycles after ``begins`` to the next.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "fresh": In(1),
                "between": In(1),
                "may_go_ahead": In(1),
                "ahead": In(range(2 * config.window + 1)),
                "count": In(range(config.window + 1)),
                "step": In(window_step(config)),
                "begins": In(1),
                "ends": In(1),
                "input_steps": In(AHEAD_BITS),
                "input_limit": Out(AHEAD_BITS),
                "input_ready": Out(1),
                "time": Out(POSITION_BITS),
                "first_window": Out(1),
                "record_step": Out(RECORD["step"].width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Time of the step whose update began in the cycle before; at the end of a window, that of the next one, else now.
        began, later = Signal(), Signal.like(self.time)
        m.d.comb += later.eq(self.time + Mux(began, self.step, Mux(self.ends, self.count, 0)))
        m.d.sync += began.eq(self.begins)
        with m.If(began):
            m.d.sync += self.record_step.eq(later)
        with m.If(self.ends):
            m.d.sync += [self.time.eq(later), self.first_window.eq(0)]
        with m.If(self.fresh):
            m.d.sync += [self.time.eq(0), self.first_window.eq(1)]

        input_steps, arrived = Signal(AHEAD_BITS), Signal(AHEAD_BITS)  # `arrived`: steps of input that are there and not used yet
        m.d.sync += [
            input_steps.eq(self.input_steps),
            arrived.eq(Mux(self.ends, input_steps, self.input_steps) - later),
        ]
        m.d.comb += self.input_ready.eq(arrived >= self.count)
        with m.If(self.between):
            m.d.sync += self.input_limit.eq(Mux(self.may_go_ahead, self.time + self.ahead, self.input_steps))
        return m
