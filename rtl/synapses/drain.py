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
    start : In, one cycle, a pass begins.   count : In, steps of this window.   stride : In, from a step's slot to the next step's. Both stay for the pass.
    begin : In, one cycle, while not ``draining`` or in the last cycle of it: the sums leave from the next cycle on.
    partial : In, with ``begin``: more sums of this block follow.
    draining : Out, level: the sums of ``step`` leave, to ``slot``.
    block : Out, how many blocks are complete.
    """

    def __init__(self, config: Config) -> None:
        slot = range(config.slot_words)
        super().__init__(
            {
                "start": In(1),
                "count": In(range(config.window + 1)),
                "stride": In(slot),
                "begin": In(1),
                "partial": In(1),
                "draining": Out(1),
                "step": Out(window_step(config)),
                "slot": Out(slot),
                "block": Out(range(config.max_blocks + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        last_step, next_block = Signal.like(self.step), Signal.like(self.block)
        partial = Signal()
        m.d.sync += [last_step.eq(self.count - 1), self.block.eq(next_block)]
        m.d.comb += next_block.eq(self.block)
        with m.If(self.draining):
            m.d.sync += [self.step.eq(self.step + 1), self.slot.eq(self.slot + self.stride)]
            with m.If(self.step == last_step):
                m.d.sync += self.draining.eq(0)
                m.d.comb += next_block.eq(self.block + ~partial)
        with m.If(self.begin):  # in the last cycle of the drain before, it is for the block that will be next then
            m.d.sync += [self.draining.eq(1), self.step.eq(0), partial.eq(self.partial), self.slot.eq(next_block)]
        with m.If(self.start):
            m.d.sync += [self.block.eq(0), partial.eq(0)]
        return m
