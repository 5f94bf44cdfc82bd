"""Input spikes: from the host's circular memory into the input's delay ring, one window ahead of the computation."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import RING_BITS, Config
from lifline.arch.records import AHEAD_BITS, INPUT_BITS, INPUT_END_OF_STEP
from lifline.arch.registers import POSITION_BITS

from ..cells.memory import Ram
from ..streams import spike_write
from .router import wrapped


class InputWriter(wiring.Component):
    """Writes each input spike at the row of its arrival; uses ring and delay memory only in cycles left free by others.

    Members
    -------
    discard : In, forget unread words.
    available : In, words the host has written.   taken : Out, words consumed.   steps : Out, whole steps consumed.
    limit : In, steps that may be consumed, modulo ``2^AHEAD_BITS`` like ``steps``.   out_of_range : Out, sticky: an index named no input neuron.
    base, rows, delay, uniform, neurons : In, the input's ring.
    write : Out(:func:`~lifline.rtl.streams.spike_write`), a bit at a time.
    delay_free : In, the port is not used by anybody else in this cycle.
    host_* : the host's view of the memory.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        address, rows = range(config.ring_words), range(config.max_ring_rows + 1)
        super().__init__(
            {
                "discard": In(1),
                "available": In(POSITION_BITS),
                "taken": Out(POSITION_BITS),
                "steps": Out(AHEAD_BITS),
                "limit": In(AHEAD_BITS),
                "out_of_range": Out(1),
                "base": In(address),
                "rows": In(rows),
                "delay": In(range(config.delay_entries)),
                "uniform": In(1),
                "neurons": In(range(config.max_input_neurons + 1)),
                "delay_free": In(1),
                "write": Out(spike_write(config)),
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
        # Fetch: one word in hand.
        fetching, word, word_valid, consume = Signal(), Signal(INPUT_BITS), Signal(), Signal()
        m.d.comb += memory.used.eq(fetching | self.host_read)
        m.d.sync += fetching.eq((~word_valid | consume) & ~fetching & (self.taken != self.available) & ~self.host_read)
        with m.If(consume):
            m.d.sync += word_valid.eq(0)
        with m.If(fetching):
            m.d.sync += [word.eq(memory.read_data), word_valid.eq(1), self.taken.eq(self.taken + 1)]

        # Decode: look up the delay, find the ring's column of 32 neurons.
        row, next_row = Signal.like(self.rows), Signal.like(self.rows)
        index, group = word[:-1], word[5 : len(self.neurons)]
        looked_up, located, writing = Signal(), Signal(), Signal()
        product = Signal(len(group) + len(self.rows))
        bits = [Signal(range(RING_BITS), name=f"bit{k}") for k in range(2)]
        free, stepping = Signal(), Signal()
        m.d.comb += [
            next_row.eq(row + 1),
            self.delay_address.eq(self.delay + index),
            self.delay_enable.eq(free & word_valid & ~self.uniform),
            free.eq(~looked_up & ~located & (self.steps != self.limit)),
        ]
        with m.If(word_valid & free):
            with m.If(word == INPUT_END_OF_STEP):
                # The step counts as complete only when its last spike is in the ring.
                with m.If(~writing):
                    m.d.comb += [consume.eq(1), stepping.eq(1)]
            with m.Elif(word >= self.neurons):
                m.d.comb += consume.eq(1)
                m.d.sync += self.out_of_range.eq(1)
            with m.Elif(self.uniform | self.delay_free):
                m.d.comb += consume.eq(1)
                m.d.sync += [product.eq(group * self.rows), bits[0].eq(word), looked_up.eq(1)]
        with m.If(stepping):
            m.d.sync += [self.steps.eq(self.steps + 1), row.eq(next_row)]
        with m.If(stepping & (next_row == self.rows)):
            m.d.sync += row.eq(0)
        # The delay comes late in the cycle: whether the row is beyond the end of the ring is looked at in the next one.
        column, target = Signal.like(self.base), Signal(range(2 * self.config.max_ring_rows))
        with m.If(looked_up):
            delay = Mux(self.uniform, self.delay[: len(self.delay_data)], self.delay_data)
            m.d.sync += [column.eq(self.base + product), target.eq(row + delay)]
            m.d.sync += [bits[1].eq(bits[0]), looked_up.eq(0), located.eq(1)]

        # Write: offered until it is taken; nobody else writes this word before its time comes.
        spike = self.write.payload
        m.d.comb += [self.write.valid.eq(writing), spike.merge.eq(1)]
        with m.If(self.write.ready):
            m.d.sync += writing.eq(0)
        with m.If(self.write.ready | ~writing):
            with m.If(located):
                m.d.sync += [writing.eq(1), spike.address.eq(column + wrapped(target, self.rows)), spike.neuron.eq(bits[1]), located.eq(0)]
        with m.If(self.discard):
            m.d.sync += [self.taken.eq(0), word_valid.eq(0), fetching.eq(0)]
        return m
