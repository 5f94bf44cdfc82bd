"""The map tables: in a run for the walk, between runs for the host."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from lifline.arch.config import Config
from lifline.arch.layout import WORD_BITS
from lifline.arch.maps import TABLES

from ..cells.memory import Ram
from ..streams import MapRead, host_maps


class MapMemory(wiring.Component):
    """A memory for each table, read together.

    Members
    -------
    running : In, level: a run is in progress.
    read : In(:class:`~lifline.rtl.streams.MapRead`), in a run.
    host : In(:func:`~lifline.rtl.streams.host_maps`), between runs: writes a word of one table, reads the same word of all.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__({"running": In(1), "read": In(MapRead(config)), "host": In(host_maps(config))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        read, host = self.read, self.host
        word = Signal(range(self.config.map_words))
        m.d.comb += word.eq(host.address)
        table = host.address[len(word) :]
        for k in range(TABLES):
            m.submodules[f"table{k}"] = memory = Ram(width=WORD_BITS, depth=self.config.map_words)
            m.d.comb += [
                memory.read_address.eq(Mux(self.running, read.addresses[k], word)),
                memory.read_enable.eq(read.enable | ~self.running),
                memory.write_address.eq(word),
                memory.write_data.eq(host.data),
                memory.write_enable.eq(host.write & (table == k)),
                read.words[k].eq(memory.read_data),
            ]
        m.d.comb += host.read_data.eq(Cat(read.words))
        return m
