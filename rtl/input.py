"""Input spikes: from the host's circular memory into the input's delay ring, one window ahead of the computation."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import RING_BITS, Config
from lifline.arch.records import INPUT_BITS, INPUT_END_OF_STEP
from lifline.arch.registers import POSITION_BITS

from .memory import Ram
from .route import wrapped

STEP_BITS = 6
"""The writer is at most two windows of 16 steps ahead of the computation, so that steps modulo 64 are enough."""


class InputWriter(wiring.Component):
    """Writes each input spike at the row of its arrival; uses ring and delay memory only in cycles left free by others.

    Members
    -------
    discard : In, forget unread words.
    available : In, words the host has written.   taken : Out, words consumed.   steps : Out, whole steps consumed.
    limit : In, steps that may be consumed, modulo ``2^STEP_BITS`` like ``steps``.   out_of_range : Out, sticky: an index named no input neuron.
    base, rows, delay, uniform, neurons : In, the input's ring.
    read_free, write_free, delay_free : In, the port is not used by anybody else in this cycle.
    host_* : the host's view of the memory.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        address = range(config.ring_words)
        super().__init__(
            {
                "discard": In(1),
                "available": In(POSITION_BITS),
                "taken": Out(POSITION_BITS),
                "steps": Out(STEP_BITS),
                "limit": In(STEP_BITS),
                "out_of_range": Out(1),
                "base": In(address),
                "rows": In(8),
                "delay": In(16),
                "uniform": In(1),
                "neurons": In(16),
                "read_free": In(1),
                "write_free": In(1),
                "delay_free": In(1),
                "read_address": Out(address),
                "read_enable": Out(1),
                "read_data": In(RING_BITS),
                "write_address": Out(address),
                "write_enable": Out(1),
                "write_data": Out(RING_BITS),
                "delay_address": Out(range(config.delay_entries)),
                "delay_enable": Out(1),
                "delay_data": In(range(config.max_delay + 1)),
                "host_address": In(range(config.input_words)),
                "host_read_data": Out(INPUT_BITS),
                "host_write_data": In(INPUT_BITS),
                "host_write_enable": In(1),
                "host_read": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Ram(width=INPUT_BITS, depth=self.config.input_words)
        m.d.comb += [
            memory.read_address.eq(Mux(self.host_read, self.host_address, self.taken)),
            memory.write_address.eq(self.host_address),
            memory.write_data.eq(self.host_write_data),
            memory.write_enable.eq(self.host_write_enable),
            self.host_read_data.eq(memory.read_data),
        ]
        row = Signal(8)
        column, group = Signal.like(self.read_address), Signal(INPUT_BITS - 5)
        word = Signal(INPUT_BITS)
        delay = Signal(8)
        address = Signal.like(self.read_address)
        index, bit = word[:-1], word[:5]
        m.d.comb += [
            self.delay_address.eq(self.delay + index),
            self.read_address.eq(address),
            self.write_address.eq(address),
        ]
        held = Signal(RING_BITS)
        with m.FSM():
            with m.State("Begin"):
                m.d.sync += column.eq(self.base)
                m.next = "Wait"
            with m.State("Wait"):
                with m.If((self.taken != self.available) & (self.steps != self.limit) & ~self.host_read):
                    m.next = "Take"
            with m.State("Take"):
                m.d.sync += [word.eq(memory.read_data), self.taken.eq(self.taken + 1)]
                m.next = "Decode"
            with m.State("Decode"):
                m.next = "Wait"
                with m.If(word == INPUT_END_OF_STEP):
                    m.d.sync += [
                        self.steps.eq(self.steps + 1),
                        row.eq(wrapped(row + 1, self.rows)),
                        column.eq(self.base),
                        group.eq(0),
                    ]
                with m.Elif(word >= self.neurons):
                    m.d.sync += self.out_of_range.eq(1)
                with m.Elif(index[5:] < group):
                    m.d.sync += [column.eq(self.base), group.eq(0)]
                    m.next = "Decode"
                with m.Elif(index[5:] != group):
                    m.d.sync += [column.eq(column + self.rows), group.eq(group + 1)]
                    m.next = "Decode"
                with m.Elif(self.uniform):
                    m.d.sync += delay.eq(self.delay)
                    m.next = "Arrive"
                with m.Else():
                    m.d.comb += self.delay_enable.eq(1)
                    m.next = "Decode"
                    with m.If(self.delay_free):
                        m.next = "Delay"
            with m.State("Delay"):
                m.d.sync += delay.eq(self.delay_data)
                m.next = "Arrive"
            with m.State("Arrive"):
                m.d.sync += address.eq(column + wrapped(row + delay, self.rows))
                m.next = "Read"
            with m.State("Read"):
                m.d.comb += self.read_enable.eq(1)
                with m.If(self.read_free):
                    m.next = "Hold"
            with m.State("Hold"):
                m.d.sync += held.eq(self.read_data)
                m.next = "Write"
            with m.State("Write"):
                m.d.comb += [self.write_enable.eq(1), self.write_data.eq(held | (1 << bit))]
                with m.If(self.write_free):
                    m.next = "Wait"
        with m.If(self.discard):
            m.d.sync += self.taken.eq(0)
        return m
