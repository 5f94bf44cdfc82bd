"""Collects the rows of a group of presynaptic neurons while those of the group before it are emitted."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.limits import RING_BITS

from ..streams import rows_per_scan


class Capture(wiring.Component):
    """Registers for the rows of one group.

    The word that is read in a cycle arrives in the next one. A group's first row waits, in the memory's register, while the group
    before it is still here.

    Members
    -------
    start : In, one cycle: forget all rows.
    fetching, first, last, address : In, what is read in this cycle, see :class:`~lifline.rtl.synapses.fetch.Fetch`.
    data : In, the word read in the cycle before, and until the next read.
    hold : Out, level: the word that arrives has to wait, and so has the next read.
    arriving, arriving_address : Out, in the cycle after a read that counted: it is one of the scan's, and its address; while ``hold`` the same again.
    rows : Out, the group's rows, valid while ``full``; those behind the scan's count are zero.   active : Out, with ``rows``: all of them joined.
    full : Out, level: a whole group is here.   take : In, one cycle, only while ``full``: it has been copied.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        address = range(config.ring_words)
        super().__init__(
            {
                "start": In(1),
                "fetching": In(1),
                "first": In(1),
                "last": In(1),
                "address": In(address),
                "data": In(RING_BITS),
                "hold": Out(1),
                "arriving": Out(1),
                "arriving_address": Out(address),
                "rows": Out(RING_BITS).array(rows_per_scan(config)),
                "active": Out(RING_BITS),
                "full": Out(1),
                "take": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        arriving_row = Signal(len(self.rows))  # one bit is set, if any
        arriving_last = Signal()
        m.d.comb += self.hold.eq(arriving_row[0] & self.full & ~self.take)
        with m.If(~self.hold):
            m.d.sync += [
                self.arriving.eq(self.fetching),
                arriving_row.eq(Cat(self.fetching & self.first, arriving_row)),
                arriving_last.eq(self.last),
                self.arriving_address.eq(self.address),
            ]
        with m.If(arriving_last):  # what comes next, if anything, is a first row
            m.d.sync += arriving_row[1:].eq(0)
        with m.If(self.take):
            m.d.sync += self.full.eq(0)
        with m.If(self.arriving & ~self.hold & arriving_last):
            m.d.sync += self.full.eq(1)
        for w, row in enumerate(self.rows):
            # Only the first row of a group can find the registers still full.
            with m.If(arriving_row[w] & (1 if w else ~self.hold)):
                m.d.sync += [row.eq(self.data), self.active.eq(self.data | (self.active if w else 0))]
        with m.If(self.start):
            m.d.sync += [row.eq(0) for row in self.rows]
        return m
