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
    start : In, one cycle, a pass begins.   count : In, steps of this window.   last_block : In, number of the last block. Both stay for the pass.
    begin : In, one cycle, while not ``draining`` or in the last cycle of it: the sums leave from the next cycle on.
    partial : In, with ``begin``: more sums of this block follow.
    draining : Out, level: the sums of ``step`` and ``block`` leave. Else ``block`` is how many blocks are complete.
    continued : Out, with ``draining``: they are added to others of this block.
    last : Out, with ``draining``: it is the last block.
    """

    def __init__(self, config: Config) -> None:
        block = range(config.max_blocks + 1)
        super().__init__(
            {
                "start": In(1),
                "count": In(range(config.window + 1)),
                "last_block": In(block),
                "begin": In(1),
                "partial": In(1),
                "draining": Out(1),
                "step": Out(window_step(config)),
                "block": Out(block),
                "continued": Out(1),
                "last": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        last_step = Signal.like(self.step)
        partial = Signal()
        m.d.sync += last_step.eq(self.count - 1)
        m.d.comb += self.last.eq(self.block == self.last_block)
        with m.If(self.draining):
            m.d.sync += self.step.eq(self.step + 1)
            with m.If(self.step == last_step):
                m.d.sync += [self.draining.eq(0), self.block.eq(self.block + ~partial)]
        with m.If(self.begin):
            m.d.sync += [self.draining.eq(1), self.step.eq(0), partial.eq(self.partial), self.continued.eq(partial)]
        with m.If(self.start):
            m.d.sync += [self.block.eq(0), partial.eq(0)]
        return m
