"""From what a kernel covers to parts of the list."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from ..cells.buffers import StreamRegister
from ..cells.decode import GATHER_SHAPE
from .gather_blocks import COUNT_BITS, kernel_layout


def segment_layout(config: Config) -> data.StructLayout:
    """Entries of a row of a kernel, which follow each other in the list.

    Members
    -------
    entry : the first one.   length : how many, at least 1.   weight : weight word of the pass's first presynaptic neuron, if it were in this row.
    block : number of the block.   first : no segment of this block came before.
    """
    return data.StructLayout(
        {
            "entry": range(config.list_entries),
            "length": range(config.list_entries + 1),
            "weight": range(config.weight_words),
            "block": range(config.max_blocks),
            "first": 1,
        }
    )


class Segments(wiring.Component):
    """Reads the two pointers of every row of a kernel, a row in two cycles; drops rows without an entry.

    The end of a row is read first, and waits until its pointer is there, or all that there can be are; then its beginning. One cycle later both are known, and wait, if they must, in the
    memory's register; the next row follows when they have gone on.

    Members
    -------
    words : In, words 3 and further ones of the pass.
    i : In(stream of :func:`~lifline.rtl.synapses.gather_blocks.kernel_layout`).   o : Out(stream of :func:`segment_layout`), from registers.
    known, read, address, pointer : of :class:`~lifline.rtl.synapses.gather_pointers.Pointers`.
    busy : Out, level: there is a row, or a segment.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        pointer = range(config.list_entries + 1)
        super().__init__(
            {
                "words": In(GATHER_SHAPE),
                "i": In(stream.Signature(kernel_layout(config))),
                "o": Out(stream.Signature(segment_layout(config))),
                "known": In(pointer),
                "read": Out(1),
                "address": Out(range(config.list_entries)),
                "pointer": In(pointer),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        going, second, arrived = Signal(), Signal(), Signal()  # a row is in hand; its beginning is read; both pointers have arrived
        m.submodules.segment = segment = StreamRegister(segment_layout(self.config))
        wiring.connect(m, segment.o, wiring.flipped(self.o))
        place, columns, row_ends = Signal.like(self.address), Signal(COUNT_BITS + 1), Signal()
        begins, pointed = Signal(), Signal(len(self.address) + 1)
        m.d.comb += [
            pointed.eq(place + Mux(second, 0, columns)),
            begins.eq(going & ~second & ((pointed < self.known) | self.known[-1]) & (~arrived | segment.i.ready)),
            self.address.eq(pointed),
            self.read.eq(begins | second),
            self.i.ready.eq(~going | (second & row_ends)),
            self.busy.eq(going | arrived | self.o.valid),
        ]
        m.d.sync += second.eq(begins)
        with m.If(segment.i.ready):
            m.d.sync += arrived.eq(0)
        with m.If(second):
            m.d.sync += [arrived.eq(1), place.eq(place + self.words.gather_7.row_positions)]
        with m.If(self.i.ready):
            m.d.sync += [going.eq(self.i.valid), place.eq(self.i.payload.position), columns.eq(self.i.payload.columns)]
        self._follow(m, segment.i, second, arrived, row_ends)
        return m

    def _follow(self, m: Module, segment: wiring.PureInterface, second: Signal, arrived: Signal, row_ends: Signal) -> None:
        """What goes with a row: its weight, its block, and whether that is new. ``row_ends`` : it is the kernel's last."""
        kernel, found = self.i.payload, segment.payload
        weight, block, left, first = Signal.like(kernel.weight), Signal.like(kernel.block), Signal(signed(COUNT_BITS + 1)), Signal()
        end, arrived_first, unused = Signal.like(self.pointer), Signal(), Signal()
        arrived_weight, arrived_block = Signal.like(weight), Signal.like(block)
        m.d.comb += [
            row_ends.eq(left[-1]),
            segment.valid.eq(arrived & (end != self.pointer)),
            found.entry.eq(self.pointer),
            found.length.eq(end - self.pointer),
            found.weight.eq(arrived_weight),
            found.block.eq(arrived_block),
            found.first.eq(arrived_first | unused),
        ]
        with m.If(arrived & segment.ready):
            m.d.sync += unused.eq(found.first & ~segment.valid)  # the first row had no entry: the next one is the first
        with m.If(second):
            m.d.sync += [
                end.eq(self.pointer),
                arrived_weight.eq(weight),
                arrived_block.eq(block),
                arrived_first.eq(first),
                weight.eq(weight + self.words.gather_6.row_step),
                left.eq(left - 1),
                first.eq(0),
            ]
        with m.If(self.i.ready):
            m.d.sync += [weight.eq(kernel.weight + kernel.offset), block.eq(kernel.block), left.eq(kernel.rows - 1), first.eq(1)]
