"""What the program's memory is told: counters of populations grow, heads of rings move, and the host loads programs."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.layout import WORD_BITS
from lifline.arch.program import POPULATION_COUNTERS, RING_0
from lifline.arch.timing import COUNTER_DELAY

from ..cells.decode import word_layout
from ..streams import PROGRAM_SLICES

HEAD = RING_0.offsets["head"]
"""Lowest bit of a ring's head, which is the highest part of its word."""

SLICE_BITS = WORD_BITS // PROGRAM_SLICES

HEAD_SLICES = (1 << PROGRAM_SLICES) - (1 << HEAD // SLICE_BITS)
"""The parts that hold a ring's head, one bit for each."""

assert HEAD % SLICE_BITS == 0 and HEAD + RING_0["head"].width == WORD_BITS, "a ring's head is written alone: it must fill the highest parts of its word"


class Counters(wiring.Component):
    """One adder in front of the write port of the program memory.

    A word is read in one cycle, taken in the next, and its sum written in the one after, to the address of two cycles before.
    Words of counters count as zero in the first window. Between runs the sum is the host's data.

    Members
    -------
    count : steps of the window; stays while rings are advanced.
    first_window : level, words count as zero.
    fresh : one cycle, a run starts from step 0: forgets the overflow.
    running : level; between runs words count as zero.
    host_data : zero during a run.   host_write : one cycle: writes ``host_data`` of the next cycle to ``read_address`` of this one.
    counts : what the population has counted, in the order of its words; stays from two cycles after ``begin`` to ``done``.
    begin : one cycle; the population's first counter is read in the next one, the others follow.
    advance : one cycle, with word 0 of a ring in ``read_data``: its head moves by ``count``, in the first window from 0 or where a tap begins. Not in
    two cycles in a row.
    last_read : one cycle, the last counter is read.
    done : one cycle, the last counter is written.
    overflow : level, a counter has wrapped since the last fresh start.
    read_address, read_data : of the program memory, as they are.
    write_address, write_data, write_enable : of the program memory; an enable for each of :data:`~lifline.rtl.streams.PROGRAM_SLICES`.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        program = range(config.program_words)
        super().__init__(
            {
                "count": In(range(config.window + 1)),
                "first_window": In(1),
                "fresh": In(1),
                "running": In(1),
                "host_data": In(WORD_BITS),
                "host_write": In(1),
                "counts": In(WORD_BITS).array(len(POPULATION_COUNTERS)),
                "begin": In(1),
                "advance": In(1),
                "last_read": Out(1),
                "done": Out(1),
                "overflow": Out(1),
                "read_address": In(program),
                "read_data": In(WORD_BITS),
                "write_address": Out(program),
                "write_data": Out(WORD_BITS),
                "write_enable": Out(PROGRAM_SLICES),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        counters = len(self.counts)
        turn, writes = Signal(counters + COUNTER_DELAY), Signal()  # counter k is read in turn k, taken in turn k + 1, written in turn k + 2
        m.d.sync += turn.eq(Cat(self.begin, turn))
        m.d.comb += [writes.eq(turn[COUNTER_DELAY:].any()), self.last_read.eq(turn[counters - 1]), self.done.eq(turn[-1])]

        # One of these at a time.
        summands = [self.host_data, Mux(self.advance, self.count << HEAD, 0)]
        summands += [Mux(turn[k + 1], counter, 0) for k, counter in enumerate(self.counts)]
        increment, taken, total = self._registered(m, summands), Signal(WORD_BITS), Signal(WORD_BITS + 1)
        m.d.sync += taken.eq(self.read_data)
        with m.If(self.first_window | ~self.running):
            m.d.sync += taken.eq(0)
        if self.config.map_words:
            ring = Signal(word_layout(RING_0))
            m.d.comb += ring.eq(self.read_data)
            with m.If(self.first_window & self.advance & ring.tap):
                m.d.sync += taken[HEAD:].eq(ring.base)
        m.d.comb += total.eq(taken + increment)
        with m.If(writes & total[-1]):
            m.d.sync += self.overflow.eq(1)
        with m.If(self.fresh):
            m.d.sync += self.overflow.eq(0)

        # The head of an advanced ring is written back while the next ring is read.
        advancing, head = Signal(), Signal(WORD_BITS - HEAD)
        m.d.sync += advancing.eq(self.advance)
        m.d.comb += head.eq(self._within_ring(m, total[HEAD:WORD_BITS], taken[HEAD:], advancing))

        address, host_write = Signal.like(self.read_address), Signal(2)
        m.d.sync += [address.eq(self.read_address), self.write_address.eq(address), host_write.eq(Cat(self.host_write, host_write))]
        m.d.comb += [
            self.write_data.eq(Cat(total[:HEAD], head)),
            self.write_enable.eq((writes | host_write[-1]).replicate(PROGRAM_SLICES) | Mux(advancing, HEAD_SLICES, 0)),
        ]
        return m

    def _registered(self, m: Module, summands: list[Value]) -> Signal:
        """The OR of ``summands`` one cycle later: in a register for each where flip-flops are plenty, which are cleared while another one is
        meant, without a multiplexer."""
        result = Signal(WORD_BITS, name="increment")
        if self.config.memory_registers:
            registers = [Signal(WORD_BITS, name=f"summand{k}") for k in range(len(summands))]
            m.d.sync += [register.eq(summand) for register, summand in zip(registers, summands, strict=True)]
            m.d.comb += result.eq(reduce(or_, registers))
        else:
            m.d.sync += result.eq(reduce(or_, summands))
        return result

    def _within_ring(self, m: Module, moved: Value, head: Value, advancing: Signal) -> Value:
        """``moved``, or while ``advancing`` the ``head`` that has moved beyond its ring's rows and starts again."""
        ring, advance, beyond = Signal(word_layout(RING_0)), Signal(signed(len(head) + 1)), Signal(signed(len(head) + 1))
        m.d.comb += [ring.eq(self.read_data), beyond.eq(head + advance)]
        m.d.sync += advance.eq(self.count - ring.rows)
        return Mux(advancing & ~beyond[-1], beyond[:-1], moved)
