"""Memory of the host's registers: those that it writes, and the event counters, which share one adder."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.layout import WORD_BITS
from lifline.arch.registers import COUNTER_STEP, COUNTERS, REGISTERS, STORED_OFFSET, STORED_WORDS

from ..cells.memory import Ram

LOW_BITS = COUNTER_STEP.bit_length() - 1
"""The low bits of every counter count in a register of their own; the memory takes their carry within ``2^LOW_BITS`` cycles."""

COUNTER_OFFSET = REGISTERS[COUNTERS[0]].offset


class RegisterMemory(wiring.Component):
    """Registers from ``STORED_OFFSET`` on, read one cycle after ``index``.

    One counter after another is updated, in two cycles each, while the host makes no access. An access takes at most
    five cycles and is followed by a cycle without, so that every counter's turn comes before its next carry.

    Members
    -------
    index : In, offset of the register modulo the depth.   data : Out.   write, write_data : In; a counter takes the bits above its low ones.
    free : In, the host uses neither port in this cycle and does not write in the next.
    increments : In, events of :data:`~lifline.arch.registers.COUNTERS` in this cycle.   overflow : Out, sticky: a counter wrapped.
    clear : In, counters restart from zero.   clearing : Out, they do not read as zero yet.
    """

    index: In(range(STORED_WORDS))
    data: Out(WORD_BITS)
    write: In(1)
    write_data: In(WORD_BITS)
    free: In(1)
    increments: In(len(COUNTERS))
    overflow: Out(1)
    clear: In(1)
    clearing: Out(1, init=1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Ram(width=WORD_BITS, depth=STORED_WORDS)
        turn, take, updating = Signal(range(len(COUNTERS))), Signal(), Signal()
        low = [Signal(LOW_BITS, name=f"low{k}") for k in range(len(COUNTERS))]
        carry = [Signal(name=f"carry{k}") for k in range(len(COUNTERS))]
        turn_address = Cat(turn, Const(COUNTER_OFFSET >> len(turn), len(self.index) - len(turn)))
        high = self.show(m, memory, low, carry, take)
        m.d.comb += [
            memory.read_address.eq(Mux(self.free, turn_address, self.index)),
            memory.read_enable.eq(~updating),
            memory.write_address.eq(Mux(updating, turn_address, self.index)),
            memory.write_data.eq(Mux(updating, Cat(Const(0, LOW_BITS), Mux(self.clearing, 0, high[:-1])), self.write_data)),
            memory.write_enable.eq(updating | self.write),
            take.eq(self.free & ~updating),
        ]
        after_write = Signal()  # nobody looks at the word that the host has just written
        m.d.sync += after_write.eq(self.write)
        m.d.comb += memory.used.eq(~after_write)
        self.count(m, low, carry)
        self.carry_on(m, turn, take, updating, high[-1])
        with m.If(self.clear):
            m.d.sync += [turn.eq(0), updating.eq(0), self.overflow.eq(0), self.clearing.eq(1), Cat(*low, *carry).eq(0)]
        return m

    def show(self, m: Module, memory: Ram, low: list[Signal], carry: list[Signal], take: Signal) -> Signal:
        """A word as read, plus the carry that had not reached it, is both what the host sees and the new word of a counter; returns its high part.

        Each counter's low part and carry are kept, and zero unless the word is that counter: an OR is less than a multiplexer.
        """
        shown = [Signal(LOW_BITS + 1, name=f"shown{k}") for k in range(len(COUNTERS))]
        shown_low, shown_carry = Signal(LOW_BITS), Signal()
        high = Signal(WORD_BITS - LOW_BITS + 1)
        for k, name in enumerate(COUNTERS):
            m.d.sync += shown[k].eq(0)
            with m.If(memory.read_address == REGISTERS[name].offset % STORED_WORDS):
                m.d.sync += shown[k].eq(Cat(low[k], carry[k]))
                with m.If(take):
                    m.d.sync += carry[k].eq(0)
        m.d.comb += [
            Cat(shown_low, shown_carry).eq(reduce(or_, shown)),
            high.eq(memory.read_data[LOW_BITS:] + shown_carry),
            self.data.eq(Cat(memory.read_data[:LOW_BITS] | shown_low, high[:-1])),
        ]
        return high

    def count(self, m: Module, low: list[Signal], carry: list[Signal]) -> None:
        """The low parts count at any time, and leave a carry."""
        for k in range(len(COUNTERS)):
            with m.If(self.increments[k]):
                m.d.sync += low[k].eq(low[k] + 1)
                with m.If(low[k].all()):
                    m.d.sync += carry[k].eq(1)

    def carry_on(self, m: Module, turn: Signal, take: Signal, updating: Signal, wraps: Value) -> None:
        """One counter after the other is read and written with its carry, whenever the host leaves the memory free."""
        m.d.sync += updating.eq(take)
        with m.If(updating):
            m.d.sync += turn.eq(turn + 1)
            with m.If(turn == len(COUNTERS) - 1):
                m.d.sync += [turn.eq(0), self.clearing.eq(0)]
            with m.If(wraps):
                m.d.sync += self.overflow.eq(1)


def _check_table() -> None:
    """The memory's addressing relies on the order of the table."""
    offsets = [register.offset for register in REGISTERS.values()]
    counters = [REGISTERS[name].offset for name in COUNTERS]
    if offsets[-1] >= STORED_OFFSET + STORED_WORDS or counters != list(range(STORED_OFFSET, STORED_OFFSET + len(COUNTERS))):
        raise ValueError(f"registers from {STORED_OFFSET} on must be the counters and at most {STORED_WORDS - len(COUNTERS)} others")


_check_table()
