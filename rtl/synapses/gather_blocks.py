"""Goes through the blocks of a gather pass, and says what their kernels cover."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.maps import MAP

from ..cells.buffers import StreamRegister
from ..cells.decode import GATHER_SHAPE, word_layout
from ..streams import MapRead

COUNT_BITS = MAP["count"].width


def kernel_layout(config: Config) -> data.StructLayout:
    """What a block's kernel covers.

    Members
    -------
    position : the first source position.   columns : how many neighbours of it.   rows : source rows, less one.
    weight, offset : weight word of the pass's first presynaptic neuron, if it were in the first row: their sum.   block : number of the block.
    """
    return data.StructLayout(
        {
            "position": range(config.list_entries),
            "columns": COUNT_BITS + 1,
            "rows": COUNT_BITS,
            "weight": range(config.weight_words),
            "offset": range(config.weight_words),
            "block": range(config.max_blocks),
        }
    )


class GatherBlocks(wiring.Component):
    """Reads the two map words of every block, groups innermost, then columns, then rows; drops blocks of which one does not exist.

    Two stages, a block per cycle: the memories, whose register holds the words while they have to wait; sums.

    Members
    -------
    begin : In, one cycle: a pass begins.   words : In, words 3 and further ones of the pass.   weight_base : In, of the pass.   last_block : In, number of
    the last block. These stay until the last block has been taken.
    maps : Out(:class:`~lifline.rtl.streams.MapRead`), the table memories, of which table 0 is not used.
    o : Out(stream of :func:`kernel_layout`), from registers.
    busy : Out, level: there is a block, or one comes.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "begin": In(1),
                "words": In(GATHER_SHAPE),
                "weight_base": In(range(config.weight_words)),
                "last_block": In(range(config.max_blocks + 1)),
                "maps": Out(MapRead(config)),
                "o": Out(stream.Signature(kernel_layout(config))),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        running, read = Signal(), Signal()  # blocks are left to look up; the memories hold the words of one
        m.submodules.kernels = kernels = StreamRegister(kernel_layout(self.config))
        wiring.connect(m, kernels.o, wiring.flipped(self.o))
        m.d.comb += [self.maps.enable.eq(~read | kernels.i.ready), self.busy.eq(running | read | self.o.valid)]
        with m.If(self.maps.enable):
            m.d.sync += read.eq(running)
        group_ends = self._look_up(m, running & self.maps.enable)
        taken = Signal()
        m.d.comb += taken.eq(read & kernels.i.ready)
        self._add(m, kernels.i, read)
        block, offset = kernels.i.payload.block, kernels.i.payload.offset
        next_block, next_offset = Signal.like(self.last_block), Signal.like(offset)
        m.d.comb += [block.eq(next_block), offset.eq(next_offset)]
        with m.If(taken):
            m.d.sync += [
                next_block.eq(next_block + 1),
                next_offset.eq(Mux(group_ends, self.weight_base, next_offset + self.words.gather_6.group_step)),
            ]
            with m.If(next_block == self.last_block):  # one more was read, which is none of the pass
                m.d.sync += [running.eq(0), read.eq(0)]
        with m.If(self.begin):
            m.d.sync += [running.eq(1), next_block.eq(0), next_offset.eq(self.weight_base)]
        return m

    def _look_up(self, m: Module, advances: Value) -> Signal:
        """Addresses of map words. Returns, one cycle later: the block was its position's last one."""
        words, tables = self.words, self.words.gather_5
        column_at, row_at = (Signal(range(self.config.map_words), name=name) for name in ("column_at", "row_at"))
        column, group = Signal(range(self.config.map_words + 1)), Signal(range(self.config.max_blocks + 1))
        next_column, next_group = Signal.like(column), Signal.like(group)
        row_ends, group_ends, ended = Signal(), Signal(), Signal()
        m.d.comb += [
            self.maps.addresses[1].eq(column_at),
            self.maps.addresses[2].eq(row_at),
            next_column.eq(column + 1),
            next_group.eq(group + 1),
            row_ends.eq(next_column == words.gather_4.columns),
            group_ends.eq(next_group == words.gather_4.groups),
        ]
        with m.If(advances):
            m.d.sync += [group.eq(next_group), ended.eq(group_ends)]
            with m.If(group_ends):
                m.d.sync += [group.eq(0), column.eq(next_column), column_at.eq(column_at + 1)]
                with m.If(row_ends):
                    m.d.sync += [column.eq(0), column_at.eq(tables.table_1), row_at.eq(row_at + 1)]
        with m.If(self.begin):
            m.d.sync += [group.eq(0), column.eq(0), column_at.eq(tables.table_1), row_at.eq(tables.table_2)]
        return ended

    def _add(self, m: Module, kernel: wiring.PureInterface, read: Signal) -> None:
        """Both words together."""
        column, row = (Signal(word_layout(MAP), name=name) for name in ("column_word", "row_word"))
        m.d.comb += [
            column.eq(self.maps.words[1]),
            row.eq(self.maps.words[2]),
            kernel.valid.eq(read & column.exists & row.exists),
            kernel.payload.position.eq(column.slot + row.slot),
            kernel.payload.columns.eq(column.count + 1),
            kernel.payload.rows.eq(row.count),
            kernel.payload.weight.eq(column.weight + row.weight),
        ]
