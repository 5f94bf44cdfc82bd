"""Where the slots of a step begin."""

from __future__ import annotations

from amaranth.hdl import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config


class SlotBase(wiring.Component):
    """Slots of a step lie together, block by block; those of the next step behind them, or, with ``one_slot``, they are the same.

    The compiler proves that they fit: addresses never wrap.

    Members
    -------
    start : In, one cycle, a pass begins.   blocks, one_slot : In, the pass's words; they stay for the pass.
    advance : In, one cycle: in the next one it is the next step's turn.
    base : Out, slot of block 0 in the step whose turn it is.   stride : Out, from a step's slot to the next step's, from a register.
    """

    def __init__(self, config: Config) -> None:
        slot = range(config.slot_words)
        super().__init__(
            {
                "start": In(1),
                "blocks": In(range(config.max_blocks + 1)),
                "one_slot": In(1),
                "advance": In(1),
                "base": Out(slot),
                "stride": Out(slot),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.stride.eq(Mux(self.one_slot, 0, self.blocks))
        with m.If(self.advance):
            m.d.sync += self.base.eq(self.base + self.stride)
        with m.If(self.start):
            m.d.sync += self.base.eq(0)
        return m
