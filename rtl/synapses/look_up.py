"""From words of the map tables to where a walk starts."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.maps import MAP, TABLES

from ..cells.buffers import StreamRegister
from ..cells.decode import word_layout
from ..streams import MapRead, vector_lanes
from .digits import table_addresses

COUNT_BITS = MAP["count"].width


def starts(config: Config) -> stream.Signature:
    """Where a walk starts: the first weight word, without the pass's base, the first slot, and repetitions less one of each loop; and its mask."""
    counts = data.ArrayLayout(COUNT_BITS, TABLES)
    return stream.Signature(
        data.StructLayout({"weight": range(config.weight_words), "slot": range(config.slot_words), "counts": counts, "mask": vector_lanes(config)})
    )


class LookUp(wiring.Component):
    """Reads a word of each table, and adds them; an index of which one does not exist reaches nothing, and is dropped.

    Three stages, one index per cycle: the memories, whose register holds the words while they have to wait; sums of two, in pairs; their sums. What is
    dropped disappears on its way from the first to the second: it takes the cycle that it would have taken, and nothing more.

    Members
    -------
    base : In, slot of block 0 in this step; stays while there is an index.
    i : In(stream), words of the three tables.   o : Out(stream), see :func:`starts`; from registers.
    maps : Out(:class:`~lifline.rtl.streams.MapRead`), the table memories.
    busy : Out, level: there is an index in one of the stages.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {"base": In(range(config.slot_words)), "i": In(table_addresses(config)), "o": Out(starts(config)), "maps": Out(MapRead(config)), "busy": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Only as many bits as count: addresses wrap around their memories. A register between two sums: yosys makes more of a sum of three.
        weight, slot = range(self.config.weight_words), range(self.config.slot_words)
        halves = {"weight": weight, "other_weight": weight, "slot": slot, "other_slot": slot, "counts": self.o.payload.counts.shape(), "mask": vector_lanes(self.config)}
        m.submodules.words = words = StreamRegister(data.StructLayout(halves))
        m.submodules.sums = sums = StreamRegister(self.o.payload.shape())
        read, mask = Signal(), Signal(vector_lanes(self.config))  # the memories hold words of an index; its mask
        found = [Signal(word_layout(MAP), name=f"word{k}") for k in range(TABLES)]
        m.d.comb += [
            self.i.ready.eq(~read | words.i.ready),
            self.maps.enable.eq(self.i.ready),
            words.i.valid.eq(read & found[0].exists & found[1].exists & found[2].exists),
            self.busy.eq(read | words.o.valid | sums.o.valid),
        ]
        with m.If(self.i.ready):
            m.d.sync += [read.eq(self.i.valid), mask.eq(self.i.payload.mask)]
        for k, word in enumerate(found):
            m.d.comb += [
                self.maps.addresses[k].eq(self.i.payload.words[k]),
                word.eq(self.maps.words[k]),
                words.i.payload.counts[k].eq(word.count),
            ]
        first, second, third = found
        half = words.o.payload
        m.d.comb += [
            words.i.payload.weight.eq(first.weight + second.weight),
            words.i.payload.other_weight.eq(third.weight),
            words.i.payload.slot.eq(first.slot + second.slot),
            words.i.payload.other_slot.eq(third.slot + self.base),
            words.i.payload.mask.eq(mask),
            sums.i.valid.eq(words.o.valid),
            words.o.ready.eq(sums.i.ready),
            sums.i.payload.weight.eq(half.weight + half.other_weight),
            sums.i.payload.slot.eq(half.slot + half.other_slot),
            sums.i.payload.counts.eq(half.counts),
            sums.i.payload.mask.eq(half.mask),
        ]
        wiring.connect(m, sums.o, wiring.flipped(self.o))
        return m
