"""Buffers for streams."""

from __future__ import annotations

from amaranth.hdl import Module, ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class StreamRegister(wiring.Component):
    """Valid and payload of a stream leave from flip-flops. One payload per cycle; ``ready`` passes through without a register.

    Members
    -------
    i : In(stream of ``shape``), taken while the register is empty or being emptied.
    o : Out(stream of ``shape``), one cycle later; holds until taken, whatever ``i`` does.
    """

    def __init__(self, shape: ShapeLike) -> None:
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
        with m.If(self.i.ready):
            m.d.sync += [self.o.valid.eq(self.i.valid), self.o.payload.eq(self.i.payload)]
        return m
