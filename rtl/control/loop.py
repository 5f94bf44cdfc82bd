"""The loop of a program: its passes are executed for one step of the window after the other."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from ..streams import window_step


class Loop(wiring.Component):
    """Counts the steps of a loop. Loops follow each other, none is within another one.

    Members
    -------
    count : steps of the window; stays during the window.
    begin : one cycle, a loop begins, with the window's first step.
    ends : one cycle, its passes have been executed for a step.
    looping : level, from the cycle after ``begin`` to the last ``ends``.
    step : number in the window of the step that its passes are executed for; 0 outside of loops.
    again : level, meaningful with ``ends``: there is another step.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "count": In(range(config.window + 1)),
                "begin": In(1),
                "ends": In(1),
                "looping": Out(1),
                "step": Out(window_step(config)),
                "again": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        next_step = Signal.like(self.count)
        m.d.comb += [next_step.eq(self.step + 1), self.again.eq(next_step != self.count)]
        # Whether a loop begins is known late in a cycle: it is no condition for the register to be written.
        m.d.sync += self.looping.eq((self.looping & ~self.ends) | (self.ends & self.again) | self.begin)
        with m.If(self.ends):
            m.d.sync += self.step.eq(Mux(self.again, next_step, 0))
        return m
