"""Buffers for streams."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, ShapeLike, Signal
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


class StreamBuffer(wiring.Component):
    """Like :class:`StreamRegister`, and ``i.ready`` is a flip-flop, too: whoever sends does not wait for all who come behind.

    A second register takes what comes while the first one waits, and is emptied before anything else is taken: still one payload per cycle.

    Members
    -------
    i : In(stream of ``shape``), taken while the second register is empty.
    o : Out(stream of ``shape``), one cycle later if the first one is empty or being emptied; holds until taken, whatever ``i`` does.
    waits : Out, level: there is something in the second register.
    """

    def __init__(self, shape: ShapeLike) -> None:
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)), "waits": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        held, moves = Signal.like(self.i.payload), Signal()
        m.d.comb += [moves.eq(~self.o.valid | self.o.ready), self.i.ready.eq(~self.waits)]
        with m.If(~self.waits):
            m.d.sync += held.eq(self.i.payload)
        m.d.sync += self.waits.eq(~moves & (self.waits | self.i.valid))
        with m.If(moves):
            m.d.sync += [self.o.valid.eq(self.i.valid | self.waits), self.o.payload.eq(Mux(self.waits, held, self.i.payload))]
        return m
