"""The gather: from the blocks of a pass to the entries of the list that reach them."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from ..cells.decode import GATHER_SHAPE
from ..streams import MapRead
from .gather_blocks import GatherBlocks
from .gather_pointers import Pointers
from .gather_segments import Segments


class Gather(wiring.Component):
    """Leads the list through the segments of a block, an entry per cycle, also from one segment to the next as far as they come fast enough.

    While the scanner lists entries, their pointers are written (:class:`~lifline.rtl.synapses.gather_pointers.Pointers`); what the kernel of a block covers
    (:class:`~lifline.rtl.synapses.gather_blocks.GatherBlocks`) becomes segments as soon as its pointers are there
    (:class:`~lifline.rtl.synapses.gather_segments.Segments`). Of these one is in hand here, and two wait behind it. A block that nothing reaches is none.

    Members
    -------
    start : In, one cycle, a pass begins.   active : In, level, it is a gather pass; stays for the pass.
    enable : In, level: accumulate now; from then on all words of the pass are there.
    words : In, words 3 and further ones of the pass.   weight_base, last_block : In, of the pass.
    valid, index, scanned : In, what goes into the list.   ready : Out, whether more may; see :class:`~lifline.rtl.synapses.gather_pointers.Pointers`.
    maps : Out(:class:`~lifline.rtl.streams.MapRead`), the table memories.
    take : In, one cycle, only while ``available``: the entry in hand is used.
    available : Out, level: the list has an entry of this block in hand.
    ended : Out, level: all entries of this block are used.   final : Out, with it: there is no other block.   silent : Out, with it: nor was there any.
    drain : In, one cycle, only while ``ended`` and not ``silent``: go on with the next block.
    block : Out, number of this block.
    jump : Out, one cycle: in the next one the list has entry ``entry`` in hand, whose weight word is ``weight`` and its index; both Out, with ``jump``.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        index, weight = range(config.list_entries), range(config.weight_words)
        super().__init__(
            {
                "start": In(1),
                "active": In(1),
                "enable": In(1),
                "words": In(GATHER_SHAPE),
                "weight_base": In(weight),
                "last_block": In(range(config.max_blocks + 1)),
                "valid": In(1),
                "index": In(index),
                "scanned": In(1),
                "ready": Out(1),
                "maps": Out(MapRead(config)),
                "take": In(1),
                "available": Out(1),
                "ended": Out(1),
                "final": Out(1),
                "silent": Out(1),
                "drain": In(1),
                "block": Out(range(config.max_blocks)),
                "jump": Out(1),
                "entry": Out(index),
                "weight": Out(weight),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.pointers = pointers = Pointers(self.config)
        blocks, segments = GatherBlocks(self.config), Segments(self.config)
        m.submodules.blocks = ResetInserter(self.start)(blocks)  # a pass in which nothing is active ends before they do
        m.submodules.segments = ResetInserter(self.start)(segments)
        wiring.connect(m, blocks.o, segments.i)
        wiring.connect(m, blocks.maps, wiring.flipped(self.maps))
        due, begun = Signal(), Signal()
        m.d.comb += [
            pointers.start.eq(self.start),
            pointers.active.eq(self.active),
            pointers.channels.eq(self.words.gather_3.channels),
            pointers.valid.eq(self.valid),
            pointers.index.eq(self.index),
            pointers.scanned.eq(self.scanned),
            pointers.read.eq(segments.read),
            pointers.address.eq(segments.address),
            self.ready.eq(pointers.ready),
            segments.words.eq(self.words),
            segments.known.eq(pointers.known),
            segments.pointer.eq(pointers.pointer),
            blocks.begin.eq(due & self.enable),
            blocks.words.eq(self.words),
            blocks.weight_base.eq(self.weight_base),
            blocks.last_block.eq(self.last_block),
        ]
        with m.If(blocks.begin):
            m.d.sync += [due.eq(0), begun.eq(1)]
        with m.If(self.start):
            m.d.sync += [due.eq(self.active), begun.eq(0)]
        self._lead(m, segments, over=begun & ~blocks.busy & ~segments.busy)
        return m

    def _lead(self, m: Module, segments: Segments, over: object) -> None:
        """The segment in hand, and the one that follows. ``over`` : none does."""
        segment = segments.o.payload
        held, last, left, block = Signal(), Signal(), Signal.like(segment.length), Signal.like(self.block)
        m.d.comb += [
            segments.o.ready.eq(~held | (self.take & last)),
            self.jump.eq(segments.o.valid & segments.o.ready),
            self.entry.eq(segment.entry),
            self.weight.eq(segment.weight),
            self.available.eq(held & ~self.ended),
        ]
        with m.If(self.take):
            m.d.sync += [left.eq(left - 1), last.eq(left == 2), held.eq(~last)]
        with m.If(self.drain):
            m.d.sync += [self.ended.eq(0), self.block.eq(block)]
        with m.If(self.jump):
            m.d.sync += [
                held.eq(1),
                left.eq(segment.length),
                last.eq(segment.length == 1),
                block.eq(segment.block),
                self.block.eq(Mux(self.silent, segment.block, self.block)),
                self.ended.eq(segment.first & ~self.silent),
                self.silent.eq(0),
            ]
        with m.If(over & ~held & ~self.ended & ~self.final):
            m.d.sync += [self.ended.eq(1), self.final.eq(1)]
        with m.If(self.start):
            m.d.sync += [held.eq(0), self.ended.eq(0), self.final.eq(0), self.silent.eq(1)]
