"""A queue of a stream's payloads."""

from __future__ import annotations

from amaranth.hdl import Module, Shape, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .memory import Ram


class StreamQueue(wiring.Component):
    """A stream's payloads wait in a block RAM: ``depth`` of them, the one that is offered included. What comes is offered two cycles later at the earliest.

    Parameters
    ----------
    depth : a power of two.

    Members
    -------
    i : In(stream of ``shape``), taken while there is room.   o : Out(stream of ``shape``), in the same order; holds until taken.
    """

    def __init__(self, shape: ShapeLike, depth: int) -> None:
        if depth < 2 or depth & (depth - 1):
            raise ValueError(f"depth={depth} must be a power of two, at least 2")
        self.shape, self.depth = shape, depth
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Ram(width=Shape.cast(self.shape).width, depth=self.depth)
        # Equal positions: empty. So one word stays free, and what is offered waits in the memory's output.
        written, read, following = (Signal(range(self.depth), name=name) for name in ("written", "read", "following"))
        fetch = Signal()
        m.d.comb += [
            following.eq(written + 1),
            self.i.ready.eq(following != read),
            memory.write_enable.eq(self.i.valid & self.i.ready),
            memory.write_address.eq(written),
            memory.write_data.eq(self.i.payload),
            fetch.eq((written != read) & (~self.o.valid | self.o.ready)),
            memory.read_enable.eq(fetch),
            memory.read_address.eq(read),
            memory.used.eq(self.o.valid),
            self.o.payload.eq(memory.read_data),
        ]
        with m.If(memory.write_enable):
            m.d.sync += written.eq(following)
        with m.If(fetch):
            m.d.sync += read.eq(read + 1)
        with m.If(fetch | self.o.ready):
            m.d.sync += self.o.valid.eq(fetch)
        return m
