"""Which neurons of a row there are."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config


class Existence(wiring.Component):
    """A bit per lane from the row's word, until another word is latched, and for the last row one from the population.

    Members
    -------
    load : In, one cycle: a new population; all neurons exist.
    latch : In (stage 1), the bits of this row come.
    bits : In (stage 1), with ``latch``: lowest bit of each lane's word.
    last_row : In (stage 4), the row is the population's last one.
    last : In, level: one bit per lane, it has a neuron in the last row.
    exists : Out (stage 5), one bit per lane, it has a neuron in this row; from a register.
    """

    def __init__(self, config: Config) -> None:
        lanes = config.multipliers
        super().__init__({"load": In(1), "latch": In(1), "bits": In(lanes), "last_row": In(1), "last": In(lanes), "exists": Out(lanes)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        row = Signal.like(self.bits, init=-1)
        with m.If(self.load | self.latch):
            m.d.sync += row.eq(Mux(self.load, -1, self.bits))
        m.d.sync += self.exists.eq(row & Mux(self.last_row, self.last, -1))
        return m
