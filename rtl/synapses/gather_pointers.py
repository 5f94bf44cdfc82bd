"""Where the entries of every source position stand in the list, written while they come."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.program import GATHER_3

from ..cells.memory import Ram


class Pointers(wiring.Component):
    """Pointer ``p``: entries of all positions before ``p``. The entries of position ``p`` are those from pointer ``p`` on, up to pointer ``p + 1``.

    An entry is counted when all pointers up to that of its position are written, one per cycle; the last one in the cycle in which it is counted.
    So one that comes while nothing waits and whose position is that of the entry before it, or the next one, takes a cycle; else it waits here, and one
    more that may come behind it. When the last entry of the scan has come, the other pointers follow, one per cycle.

    Members
    -------
    start : In, one cycle, a pass begins.   active : In, level, it is a gather pass; stays for the pass.
    channels : In, presynaptic neurons of a position, from two cycles after ``start`` on.
    valid, index : In, an entry that goes into the list in this cycle; the first one at least three cycles after ``start``.
    scanned : In, level: all entries of the pass have come.
    ready : Out, level, from a register: in the next cycle an entry may come.
    known : Out, how many pointers there are, from the first one on.
    read, address : In, one cycle: a pointer is read, of those that there are.   pointer : Out, one cycle later and until the next read.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        index = range(config.list_entries)
        super().__init__(
            {
                "start": In(1),
                "active": In(1),
                "channels": In(GATHER_3["channels"].width),
                "valid": In(1),
                "index": In(index),
                "scanned": In(1),
                "ready": Out(1, init=1),
                "known": Out(range(config.list_entries + 1)),
                "read": In(1),
                "address": In(index),
                "pointer": Out(range(config.list_entries + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Ram(width=len(self.pointer), depth=self.config.list_entries)
        counted = Signal.like(self.pointer)
        first, following = Signal(len(self.index) + 2), Signal(len(self.index) + 2)  # of the position whose pointer is next, and of the one behind it
        waiting, index, begins, beyond = Signal(), Signal.like(self.index), Signal(), Signal()
        self._wait(m, waiting, index, counts := Signal())
        advances = Signal()  # to the next position
        there = waiting | (self.valid & self.active)
        m.d.comb += [
            following.eq(first + self.channels[: len(first)]),
            begins.eq(index >= first),
            beyond.eq(index >= following),
            counts.eq(there & ~beyond),
            advances.eq(Mux(there, begins, self.active & self.scanned)),
            memory.write_address.eq(self.known),
            memory.write_data.eq(counted),
            memory.write_enable.eq(advances & ~self.known[-1]),
            memory.read_address.eq(self.address),
            memory.read_enable.eq(self.read),
            self.pointer.eq(memory.read_data),
        ]
        with m.If(advances):
            m.d.sync += first.eq(following)
        m.d.sync += [self.known.eq(self.known + memory.write_enable), counted.eq(counted + counts)]
        with m.If(self.start):
            m.d.sync += [first.eq(0), self.known.eq(0), counted.eq(0)]
        return m

    def _wait(self, m: Module, waiting: Signal, index: Signal, counts: Signal) -> None:
        """Entries whose pointers are not all there: one, and the one that was on its way when ``ready`` went low. ``index`` : of the first of all."""
        held, behind, more = Signal.like(self.index), Signal.like(self.index), Signal()
        comes, stays = Signal(), Signal()
        m.d.comb += [
            comes.eq(self.valid & self.active),
            index.eq(Mux(waiting, held, self.index)),
            stays.eq((waiting & (more | comes | ~counts)) | (comes & ~counts)),
        ]
        m.d.sync += [waiting.eq(stays), self.ready.eq(~stays), more.eq(waiting & ~counts & (more | comes))]
        with m.If(~more):
            m.d.sync += behind.eq(self.index)
        with m.If(~waiting | counts):
            m.d.sync += held.eq(Mux(more, behind, self.index))
        with m.If(self.start):
            m.d.sync += [waiting.eq(0), self.ready.eq(1), more.eq(0)]
