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
    i : In(stream of :func:`~lifline.rtl.synapses.gather_blocks.kernel_layout`).   o : Out(stream of :func:`segment_layout`), from registers, a gate behind them.
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
        m.submodules.row = row = StreamRegister(data.StructLayout({"segment": segment_layout(self.config), "any": 1}))
        self._drop_empty(m, row.o)
        place, columns, row_ends = Signal.like(self.address), Signal(COUNT_BITS + 1), Signal()
        begins, pointed = Signal(), Signal(len(self.address) + 1)
        m.d.comb += [
            pointed.eq(place + Mux(second, 0, columns)),
            begins.eq(going & ~second & ((pointed < self.known) | self.known[-1]) & (~arrived | row.i.ready)),
            self.address.eq(pointed),
            self.read.eq(begins | second),
            self.i.ready.eq(~going | (second & row_ends)),
            self.busy.eq(going | arrived | self.o.valid),
        ]
        m.d.sync += second.eq(begins)
        with m.If(row.i.ready):
            m.d.sync += arrived.eq(0)
        with m.If(second):
            m.d.sync += [arrived.eq(1), place.eq(place + self.words.gather_7.row_positions)]
        with m.If(self.i.ready):
            m.d.sync += [going.eq(self.i.valid), place.eq(self.i.payload.position), columns.eq(self.i.payload.columns)]
        m.d.comb += row.i.valid.eq(arrived)
        self._follow(m, row.i.payload, second, row_ends)
        return m

    def _drop_empty(self, m: Module, row: wiring.PureInterface) -> None:
        """Rows without an entry go no further than their register: the pointers come late, so that what depends on their difference waits for the next cycle."""
        entered, unused = Signal(), Signal()  # the rows of this block had no entry so far
        m.d.comb += [
            self.o.payload.eq(row.payload.segment),
            entered.eq(row.payload.segment.first | unused),
            self.o.payload.first.eq(entered),
            self.o.valid.eq(row.valid & row.payload.any),
            row.ready.eq(self.o.ready | ~row.payload.any),
        ]
        with m.If(row.valid & row.ready):
            m.d.sync += unused.eq(entered & ~row.payload.any)

    def _follow(self, m: Module, row: data.View, second: Signal, row_ends: Signal) -> None:
        """What goes with a row: its weight, its block, and whether that is new. ``row_ends`` : it is the kernel's last."""
        kernel, found = self.i.payload, row.segment
        weight, block, left, first = Signal.like(kernel.weight), Signal.like(kernel.block), Signal(signed(COUNT_BITS + 1)), Signal()
        end, arrived_first = Signal.like(self.pointer), Signal()
        arrived_weight, arrived_block = Signal.like(weight), Signal.like(block)
        m.d.comb += [
            row_ends.eq(left[-1]),
            row.any.eq(end != self.pointer),
            found.entry.eq(self.pointer),
            found.length.eq(end - self.pointer),
            found.weight.eq(arrived_weight),
            found.block.eq(arrived_block),
            found.first.eq(arrived_first),
        ]
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
