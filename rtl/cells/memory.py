"""The one memory wrapper of the gateware: one read port, one write port, block RAM on every target."""

from __future__ import annotations

import enum

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class Check(enum.Enum):
    """Platforms for which a memory checks that nobody uses a word that a collision has made undefined."""

    POISON = enum.auto()
    """Simulation: such a word, and any word that its user says it does not use, shows its complement."""
    ASSERT = enum.auto()
    """Formal proofs: an assertion in every memory."""


class Ram(wiring.Component):
    """A memory with a registered read port and a write port.

    ``read_data`` shows the word at ``read_address`` one cycle after ``read_enable`` and holds it until the next read.
    A word that is read in the cycle in which it is written is undefined until the next read, so that synthesis may drop the
    collision logic: users guarantee that nothing depends on such a word. ``used`` says when something does; it exists
    for the checks of :class:`Check` only.

    Parameters
    ----------
    width, depth : bits per word and words.
    slices : equal parts of a word with a write enable each, lowest bits first.
    style : value of the ``ram_style`` attribute, for targets where inference needs a hint.
    apart : a memory for each slice, for targets whose synthesis never lets two write enables share a block.
    """

    def __init__(self, *, width: int, depth: int, slices: int = 1, style: str | None = None, apart: bool = False) -> None:
        if width % slices:
            raise ValueError(f"width={width} must be a multiple of slices={slices}")
        self.width, self.depth, self.slices, self.style = width, depth, slices, style
        self.memories = slices if apart else 1
        super().__init__(
            {
                "read_address": In(range(depth)),
                "read_enable": In(1, init=1),
                "read_data": Out(width),
                "used": In(1, init=1),
                "write_address": In(range(depth)),
                "write_enable": In(slices),
                "write_data": In(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        attrs = {"ram_style": self.style} if self.style else {}
        read_data = [self._add_memory(m, k, attrs) for k in range(self.memories)]
        m.d.comb += self.read_data.eq(Cat(read_data))
        if isinstance(platform, Check):
            undefined = Signal()
            with m.If(self.read_enable):
                m.d.sync += undefined.eq(self.write_enable.any() & (self.read_address == self.write_address))
            if platform is Check.POISON:
                m.d.comb += self.read_data.eq(Mux(undefined | ~self.used, ~Cat(read_data), Cat(read_data)))
            else:
                m.d.comb += Assert(~(undefined & self.used))
        return m

    def _add_memory(self, m: Module, k: int, attrs: dict[str, str]) -> Value:
        """The memory of the ``k``-th part of every word; what it reads."""
        bits, enables = self.width // self.memories, self.slices // self.memories
        memory = Memory(shape=unsigned(bits), depth=self.depth, init=[], attrs=attrs)
        m.submodules["memory" if self.memories == 1 else f"memory{k}"] = memory
        read, write = memory.read_port(), memory.write_port(granularity=bits // enables)
        m.d.comb += [
            read.addr.eq(self.read_address),
            read.en.eq(self.read_enable),
            write.addr.eq(self.write_address),
            write.en.eq(self.write_enable[k * enables : (k + 1) * enables]),
            write.data.eq(self.write_data[k * bits : (k + 1) * bits]),
        ]
        return read.data
