"""Event mode: every active presynaptic neuron visits all blocks of its target, one after the other."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config


class EventIssue(wiring.Component):
    """Issues one block per cycle, unless its slot is still on its way from its last use: then it waits.

    In a mapped pass every pair of the walk is an entry that visits one block, its own.

    Members
    -------
    last_block : In, number of the last block, stays for the pass.   base : In, slot of block 0, counts with ``take``.
    ready : In, level: an entry is in hand that may be taken now.
    hold : In, level: what is issued in this cycle was not taken, and is repeated.
    conflict : In, level: nothing may be issued in this cycle; what was ``next_slot`` in the cycle before is on its way.
    take : Out, one cycle, only while ``ready`` and not ``hold``: the entry in hand is used, from the next cycle on.
    issue : Out, level: the weights of a block are wanted, for ``slot``.
    active : Out, level: there is a block for which they are, or will be.
    slot : Out, with ``active``: its slot.   next_slot : Out: what ``slot`` is in the next cycle.
    ending : Out, level: nothing is issued, or what is issued in this cycle is the last of its entry.
    """

    def __init__(self, config: Config) -> None:
        slot = range(config.slot_words)
        super().__init__(
            {
                "last_block": In(range(config.max_blocks + 1)),
                "base": In(slot),
                "ready": In(1),
                "hold": In(1),
                "conflict": In(1),
                "take": Out(1),
                "issue": Out(1),
                "active": Out(1),
                "slot": Out(slot),
                "next_slot": Out(slot),
                "ending": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block, last, accepted, only_block = Signal.like(self.last_block), Signal(), Signal(), Signal()  # `block` is the one behind that in hand
        m.d.sync += only_block.eq(self.last_block == 0)
        m.d.comb += [
            self.issue.eq(self.active & ~self.conflict),
            accepted.eq(self.issue & ~self.hold),
            self.ending.eq(~self.active | (self.issue & last)),
            self.take.eq(self.ready & self.ending & ~self.hold),
            self.next_slot.eq(Mux(self.take, self.base, Mux(accepted, self.slot + 1, self.slot))),
        ]
        m.d.sync += self.slot.eq(self.next_slot)
        with m.If(self.take):
            m.d.sync += [self.active.eq(1), block.eq(1), last.eq(only_block)]
        with m.Elif(accepted):
            m.d.sync += [self.active.eq(~last), block.eq(block + 1), last.eq(block == self.last_block)]
        return m
