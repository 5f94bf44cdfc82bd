"""The one memory wrapper of the gateware: one read port, one write port, block RAM on every target."""

from __future__ import annotations

from amaranth.hdl import Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class Ram(wiring.Component):
    """A memory with a registered read port and a write port.

    ``read_data`` shows the word at ``read_address`` one cycle after ``read_enable`` and holds it until the next read.
    Nobody reads an address in the cycle in which it is written: users guarantee it, so synthesis may drop the
    collision logic.

    Parameters
    ----------
    width, depth : bits per word and words.
    slices : equal parts of a word with a write enable each, lowest bits first.
    style : value of the ``ram_style`` attribute, for targets where inference needs a hint.
    """

    def __init__(self, *, width: int, depth: int, slices: int = 1, style: str | None = None) -> None:
        if width % slices:
            raise ValueError(f"width={width} must be a multiple of slices={slices}")
        self.width, self.depth, self.slices, self.style = width, depth, slices, style
        super().__init__(
            {
                "read_address": In(range(depth)),
                "read_enable": In(1, init=1),
                "read_data": Out(width),
                "write_address": In(range(depth)),
                "write_enable": In(slices),
                "write_data": In(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        attrs = {"ram_style": self.style} if self.style else {}
        m.submodules.memory = memory = Memory(shape=unsigned(self.width), depth=self.depth, init=[], attrs=attrs)
        read, write = memory.read_port(), memory.write_port(granularity=self.width // self.slices)
        m.d.comb += [
            read.addr.eq(self.read_address),
            read.en.eq(self.read_enable),
            self.read_data.eq(read.data),
            write.addr.eq(self.write_address),
            write.en.eq(self.write_enable),
            write.data.eq(self.write_data),
        ]
        return m
