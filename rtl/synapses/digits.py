"""From an index to the three words of the map tables that say what it visits."""

from __future__ import annotations

from amaranth.hdl import Module, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.maps import TABLES

from ..cells.buffers import StreamBuffer, StreamRegister
from ..cells.decode import WALK_SHAPE
from ..cells.divide import quotient
from ..streams import index_bits, vector_lanes


def indices(config: Config) -> stream.Signature:
    """Indices within the pass, with the mask of :func:`~lifline.rtl.streams.entry_layout`, which goes through all stages untouched."""
    return stream.Signature(data.StructLayout({"index": index_bits(config), "mask": vector_lanes(config)}))


def table_addresses(config: Config) -> stream.Signature:
    """A word of every table, and the mask."""
    return stream.Signature(data.StructLayout({"words": data.ArrayLayout(range(config.map_words), TABLES), "mask": vector_lanes(config)}))


class Digits(wiring.Component):
    """Divides twice, and adds every digit to where its table begins; see :mod:`lifline.arch.maps`.

    Four stages, one index per cycle: the index; its quotient by radix 0; digit 0 and the quotient of that by radix 1; digits 1 and 2. A digit is what
    the quotient times its radix leaves. A place before the first stage takes an index while that waits, so that taking one from the list is no matter of all that
    comes behind. Tables are at most as long as their memories: of digits and quotients that are no dividend only so many bits count.

    Members
    -------
    words : In, words 3 and further ones of the pass; they stay while there is an index.
    i : In(stream), indices within the pass.   o : Out(stream), words of the three tables, from registers.
    busy : Out, level: there is an index in one of the stages.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {"words": In(WALK_SHAPE), "i": In(indices(config)), "o": Out(table_addresses(config)), "busy": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        words, bits, address_bits = self.words, index_bits(self.config), (self.config.map_words - 1).bit_length()
        mask = unsigned(vector_lanes(self.config))
        first, second, tables = words.pass_3, words.pass_4, words.pass_5
        quotients = data.StructLayout({"quotient": unsigned(bits), "sum": unsigned(address_bits), "mask": mask})
        last_quotients = data.StructLayout({"digit": unsigned(address_bits), "quotient": unsigned(address_bits), "sum": unsigned(address_bits), "mask": mask})
        m.submodules.index = index = StreamBuffer(self.i.payload.shape())
        m.submodules.divided = divided = StreamRegister(quotients)
        m.submodules.divided_twice = divided_twice = StreamRegister(last_quotients)
        m.submodules.addresses = addresses = StreamRegister(self.o.payload.shape())
        stages = (index, divided, divided_twice, addresses)
        wiring.connect(m, wiring.flipped(self.i), index.i)
        wiring.connect(m, addresses.o, wiring.flipped(self.o))
        for stage, following in zip(stages, stages[1:], strict=False):
            m.d.comb += [following.i.valid.eq(stage.o.valid), stage.o.ready.eq(following.i.ready)]
        number, once, twice = (stage.o.payload for stage in stages[:3])
        found = addresses.i.payload
        m.d.comb += [
            self.busy.eq(index.waits | index.o.valid | divided.o.valid | divided_twice.o.valid | addresses.o.valid),
            divided.i.payload.quotient.eq(quotient(number.index, first.reciprocal_0, first.shift_0, bits)),
            divided.i.payload.sum.eq(number.index + tables.table_0),
            divided_twice.i.payload.digit.eq(once.sum - once.quotient[:address_bits] * first.radix_0[:address_bits]),
            divided_twice.i.payload.quotient.eq(quotient(once.quotient, second.reciprocal_1, second.shift_1, address_bits)),
            divided_twice.i.payload.sum.eq(once.quotient + tables.table_1),
            found.words[0].eq(twice.digit),
            found.words[1].eq(twice.sum - twice.quotient * second.radix_1[:address_bits]),
            found.words[2].eq(twice.quotient + tables.table_2),
        ]
        m.d.comb += [following.i.payload.mask.eq(stage.o.payload.mask) for stage, following in zip(stages, stages[1:], strict=False)]
        return m
