"""The way of the dense sums into the accumulator memory, while the next ones accumulate."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from ..streams import window_step


class Drain(wiring.Component):
    """Goes through the steps of a window, one per cycle, without pause: the shift registers of the dense lanes move meanwhile.

    Members
    -------
    count : In, steps of this window.   stride : In, from a step's slot to the next step's. Both stay for the pass.
    begin : In, one cycle, while not ``draining`` or in the last cycle of it: the sums of ``block``, In, leave from the next cycle on.
    draining : Out, level: the sums of ``step`` leave, to ``slot``.
    """

    def __init__(self, config: Config) -> None:
        slot = range(config.slot_words)
        super().__init__(
            {
                "count": In(range(config.window + 1)),
                "stride": In(slot),
                "begin": In(1),
                "block": In(range(config.max_blocks)),
                "draining": Out(1),
                "step": Out(window_step(config)),
                "slot": Out(slot),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        last_step = Signal.like(self.step)
        m.d.sync += last_step.eq(self.count - 1)
        with m.If(self.draining):
            m.d.sync += [self.step.eq(self.step + 1), self.slot.eq(self.slot + self.stride)]
            with m.If(self.step == last_step):
                m.d.sync += self.draining.eq(0)
        with m.If(self.begin):
            m.d.sync += [self.draining.eq(1), self.step.eq(0), self.slot.eq(self.block)]
        return m
