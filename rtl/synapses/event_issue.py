"""Event mode: every active presynaptic neuron visits all blocks of its target, one after the other."""

from __future__ import annotations

from amaranth.hdl import Assert, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.timing import ACCUMULATE_SPACING

from ..cells.memory import Check


class EventIssue(wiring.Component):
    """Issues one block per cycle; an entry takes ``max(blocks, ACCUMULATE_SPACING)`` cycles, which protects the slots' read-modify-write.

    Members
    -------
    start : In, one cycle, a pass begins, nothing being issued.   blocks : In, stays for the pass.
    ready : In, level: an entry is in hand that may be taken now.
    hold : In, level: what is issued in this cycle was not taken, and is repeated.
    take : Out, one cycle, only while ``ready`` and not ``hold``: the entry in hand is used, from the next cycle on.
    issue, block : Out, level: the weights of ``block`` are wanted.
    ending : Out, level: nothing is issued, or what is issued in this cycle is the last of its entry.
    """

    def __init__(self, config: Config) -> None:
        block = range(config.max_blocks + 1)
        super().__init__(
            {
                "start": In(1),
                "blocks": In(block),
                "ready": In(1),
                "hold": In(1),
                "take": Out(1),
                "issue": Out(1),
                "block": Out(block),
                "ending": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        active, last = Signal(), Signal()
        before_final = Signal.like(self.blocks, init=ACCUMULATE_SPACING - 2)  # the last cycle but one of an entry
        m.d.comb += [
            self.ending.eq(~active | last),
            self.take.eq(self.ready & self.ending & ~self.hold),
            self.issue.eq(active & (self.block < self.blocks)),
        ]
        with m.If(self.take):
            m.d.sync += [active.eq(1), self.block.eq(0), last.eq(0)]
        with m.Elif(last & ~self.hold):
            m.d.sync += active.eq(0)
        with m.If(active & ~last & ~self.hold):
            m.d.sync += [self.block.eq(self.block + 1), last.eq(self.block == before_final)]
        with m.If(self.start):
            m.d.sync += before_final.eq(self.blocks - 2)
            with m.If(self.blocks < ACCUMULATE_SPACING):
                m.d.sync += before_final.eq(ACCUMULATE_SPACING - 2)
        if platform is Check.ASSERT:  # what an induction needs to know
            final = Signal.like(before_final)
            m.d.comb += [
                final.eq(before_final + 1),
                Assert(final >= ACCUMULATE_SPACING - 1),
                Assert(~active | ((self.block <= final) & (last == (self.block == final)))),
            ]
        return m
