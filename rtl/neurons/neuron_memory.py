"""The neuron memory: in a run for the update, between runs for the host."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from lifline.arch.config import Config

from ..cells.memory import Ram
from ..streams import NeuronPort, host_neurons


class NeuronMemory(wiring.Component):
    """Rows of one word per multiplier. What the host writes passes the lanes of the update, which saves a multiplexer before the memory.

    Parameters
    ----------
    apart : of the memory, see :class:`~lifline.rtl.cells.memory.Ram`.

    Members
    -------
    running : In, level: a run is in progress.
    update : In(:class:`~lifline.rtl.streams.NeuronPort`), the engine's way, in a run; no register but that of the memory.
    host : In(:func:`~lifline.rtl.streams.host_neurons`), between runs: writes one neuron's word, reads whole rows.
    """

    def __init__(self, config: Config, *, apart: bool = False) -> None:
        self.config, self.apart = config, apart
        super().__init__({"running": In(1), "update": In(NeuronPort(config)), "host": In(host_neurons(config))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, host, update = self.config, self.host, self.update
        lanes = config.multipliers
        lane_bits = (lanes - 1).bit_length()
        m.submodules.memory = memory = Ram(width=lanes * config.state_bits, depth=config.neuron_words, slices=lanes, apart=self.apart)
        row = Signal(range(config.neuron_words))
        m.d.comb += [
            row.eq(host.address >> lane_bits),
            memory.read_address.eq(Mux(self.running, update.read_address, row)),
            memory.write_address.eq(Mux(self.running, update.write_address, row)),
            memory.write_data.eq(update.write_data),
            update.read_data.eq(memory.read_data),
            update.quiet.eq(~self.running),
            update.written.eq(host.data),
            host.read_data.eq(memory.read_data),
        ]
        for lane in range(lanes):
            chosen = host.write & (host.address[:lane_bits] == lane)
            m.d.comb += memory.write_enable[lane].eq(Mux(self.running, update.write_enable, chosen))
        return m
