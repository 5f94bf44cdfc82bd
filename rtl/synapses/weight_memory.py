"""The weight memory: in a run for the accumulation, between runs for the host."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from ..cells.memory import Ram
from ..streams import host_weights, weight_request, weight_word


class WeightMemory(wiring.Component):
    """One weight per lane in every word. A request is answered in the next cycle, always: nobody waits.

    Parameters
    ----------
    style, apart : of the memory, see :class:`~lifline.rtl.cells.memory.Ram`.

    Members
    -------
    running : In, level: a run is in progress.
    request : In(:func:`~lifline.rtl.streams.weight_request`), in a run; always ready.   word : Out(:func:`~lifline.rtl.streams.weight_word`), from the memory's
    register; ``valid`` all the time, which is right since every request is answered at once.
    host : In(:func:`~lifline.rtl.streams.host_weights`), between runs: writes parts of words, reads whole ones.
    """

    def __init__(self, config: Config, *, style: str | None = None, apart: bool = False) -> None:
        self.config, self.style, self.apart = config, style, apart
        members = {"running": In(1), "request": In(weight_request(config)), "word": Out(weight_word(config)), "host": In(host_weights(config))}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, host = self.config, self.host
        parts = config.weight_word_bits // len(host.data)
        part_bits = (parts - 1).bit_length()
        m.submodules.memory = memory = Ram(width=config.weight_word_bits, depth=config.weight_words, slices=parts, style=self.style, apart=self.apart)
        address = Signal(range(config.weight_words))  # of reads and writes: some chips have one port for both
        m.d.comb += [
            address.eq(Mux(self.running, self.request.payload, host.address >> part_bits)),
            memory.read_address.eq(address),
            memory.read_enable.eq(~memory.write_enable.any()),
            memory.write_address.eq(address),
            memory.write_data.eq(host.data.replicate(parts)),
            host.read_data.eq(memory.read_data),
            self.request.ready.eq(1),
            self.word.valid.eq(1),
            self.word.payload.eq(memory.read_data),
        ]
        for part in range(parts):
            m.d.comb += memory.write_enable[part].eq(host.write & (host.address[:part_bits] == part))
        return m


