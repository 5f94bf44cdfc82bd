"""The memory of axonal delays, one for each presynaptic neuron, and who may read it when."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from lifline.arch.config import Config

from ..cells.memory import Ram
from ..streams import DelayRead, HostAccess, delay_bits


class Delays(wiring.Component):
    """Owns the delays: one read per cycle, in a run for the earliest reader that asks, between runs for the host, who alone writes.

    Members
    -------
    running : In, level: a run is in progress.
    readers : In(:class:`~lifline.rtl.streams.DelayRead`), the engines, the first to be served first. No register but that of the memory.
    host : In(:class:`~lifline.rtl.streams.HostAccess`), between runs only; it reads whenever there is no run.
    """

    def __init__(self, config: Config, readers: int) -> None:
        self.config = config
        host = HostAccess(config.delay_entries, delay_bits(config))
        super().__init__({"running": In(1), "readers": In(DelayRead(config)).array(readers), "host": In(host)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Ram(width=delay_bits(self.config), depth=self.config.delay_entries)
        m.d.comb += [
            memory.write_address.eq(self.host.address),
            memory.write_data.eq(self.host.data),
            memory.write_enable.eq(self.host.write),
            self.host.read_data.eq(memory.read_data),
        ]
        m.d.comb += memory.read_address.eq(self.readers[-1].address)
        for reader in reversed(list(self.readers)[:-1]):
            with m.If(reader.enable):
                m.d.comb += memory.read_address.eq(reader.address)
        with m.If(~self.running):
            m.d.comb += memory.read_address.eq(self.host.address)
        free = self.running
        for k, reader in enumerate(self.readers):
            m.d.comb += [reader.free.eq(free), reader.data.eq(memory.read_data)]
            left = Signal(name=f"left{k}")
            m.d.comb += left.eq(free & ~reader.enable)
            free = left
        return m
