"""The program memory; the sequencer alone knows its way, see :class:`~lifline.rtl.control.fetch.Fetch`."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from lifline.arch.config import Config
from lifline.arch.layout import WORD_BITS

from ..cells.memory import Ram
from ..streams import PROGRAM_SLICES, ProgramPort


class ProgramMemory(wiring.Component):
    """Instructions, descriptors and counters.

    Parameters
    ----------
    apart : of the memory, see :class:`~lifline.rtl.cells.memory.Ram`.

    Members
    -------
    port : In(:class:`~lifline.rtl.streams.ProgramPort`), no register but that of the memory.
    """

    def __init__(self, config: Config, *, apart: bool = False) -> None:
        self.config, self.apart = config, apart
        super().__init__({"port": In(ProgramPort(config))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Ram(width=WORD_BITS, depth=self.config.program_words, slices=PROGRAM_SLICES, apart=self.apart)
        m.d.comb += [
            memory.read_address.eq(self.port.read_address),
            memory.read_enable.eq(self.port.read_enable),
            self.port.read_data.eq(memory.read_data),
            memory.write_address.eq(self.port.write_address),
            memory.write_data.eq(self.port.write_data),
            memory.write_enable.eq(self.port.write_enable),
        ]
        return m
