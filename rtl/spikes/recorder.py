"""The host's output: a circular memory of records, state rows sent value by value, and the early-exit comparison."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import RESERVE_BITS, Config
from lifline.arch.layout import WORD_BITS
from lifline.arch.program import Record
from lifline.arch.records import RECORD, RecordKind
from lifline.arch.registers import POSITION_BITS

from ..cells.decode import word_layout
from ..cells.memory import Check, Ram


class Recorder(wiring.Component):
    """Writes records and compares spike counts; never asked to write when there is no room.

    Members
    -------
    clear : In, forget all output.   taken : In, words the host has freed.   count : Out, words written.
    word, word_valid : In, spike records from the router, never while ``busy``.   needed : In, words to reserve for spikes.   room : Out, they fit.
    row_* : In, a row of state values: takes ``multipliers + 1`` cycles.   busy : Out.   room_row : Out, a row fits beside them.
    check : In, start a new comparison of counts.   leading, second : Out, the two highest counts since.
    read_address, read_data : the host's view of the memory.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        state = signed(config.state_bits)
        super().__init__(
            {
                "clear": In(1),
                "taken": In(POSITION_BITS),
                "count": Out(POSITION_BITS),
                "word": In(WORD_BITS),
                "word_valid": In(1),
                "needed": In(RESERVE_BITS),
                "room": Out(1),
                "row_values": In(state).array(config.multipliers),
                "row_valid": In(1),
                "row_record": In(Record),
                "row_index": In(10),
                "population": In(6),
                "step": In(14),
                "busy": Out(1),
                "room_row": Out(1),
                "check": In(1),
                "leading": Out(config.state_bits),
                "second": Out(config.state_bits),
                "read_address": In(range(config.output_words)),
                "read_data": Out(WORD_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        lanes = config.multipliers
        m.submodules.memory = memory = Ram(width=WORD_BITS, depth=config.output_words)
        used = Signal(range(config.output_words + 1))
        # The words that are used or needed, below zero: what is freed counts a cycle late, what is written does not.
        bound = Signal(signed((config.output_words + (1 << len(self.needed)) - 1).bit_length() + 1))
        spent = Signal.like(bound)
        # A row waits in `captured`. A value is sent in the cycle after its turn, else its register is zero, which takes no lookup table.
        captured, sent = ([Signal(signed(config.state_bits), name=f"{name}{k}") for k in range(lanes)] for name in ("captured", "sent"))
        value = Signal(signed(config.state_bits))
        header, header_sent = Signal(word_layout(RECORD)), Signal(word_layout(RECORD))
        waiting = Signal(lanes + 1, init=-1)  # zero where it is the turn: one bit per value, and one for the end
        writing, counting, comparing = Signal(), Signal(), Signal()
        m.d.comb += [
            header.kind.eq(self.row_record),
            header.population.eq(self.population),
            header.index.eq(self.row_index),
            header.step.eq(self.step),
            used.eq(self.count - self.taken),
            memory.read_address.eq(self.read_address),
            self.read_data.eq(memory.read_data),
            memory.write_address.eq(self.count),
            value.eq(reduce(or_, sent)),
            # Of what is joined only one part is not zero: no word comes while a row is compared, either.
            memory.write_data.eq(value | header_sent.as_value() | Mux(writing, 0, self.word)),
            memory.write_enable.eq(self.word_valid | writing),
        ]
        held = Signal()  # of what the host reads: it has been written and not freed
        m.d.sync += held.eq((self.read_address - self.taken)[: len(self.read_address)] < used)
        m.d.comb += memory.used.eq(held)
        if platform is Check.ASSERT:
            m.d.comb += Assert(~(waiting.all() & writing) & ~(waiting[:lanes].all() & counting))
        # Room is known one cycle late, which `busy` covers. The sizes are powers of two: a few bits tell, where a comparison is a carry chain.
        size_bits, lane_bits = (config.output_words - 1).bit_length(), (lanes - 1).bit_length()
        nothing, fits = Signal(), Signal()
        left_over = Cat(spent[:size_bits], nothing)  # if it fits
        m.d.comb += [
            spent.eq(bound - self.count),
            nothing.eq(~spent[-1]),
            fits.eq(nothing | spent[size_bits:].all()),
        ]
        more_than_lanes = left_over[lane_bits + 1 :].any() | (left_over[lane_bits:].any() & left_over[:lane_bits].any())
        m.d.sync += [
            self.busy.eq(self.row_valid | writing | counting),
            bound.eq(self.taken - self.needed),
            self.room.eq(fits),
            self.room_row.eq(fits & more_than_lanes),
        ]
        # The differences tell which is higher: a carry chain each. Below zero is never among the highest.
        high = value[:-1]
        behind, behind_second = (Signal(signed(config.state_bits), name=f"behind_{name}") for name in ("leading", "second"))
        m.d.comb += [behind.eq(self.leading[:-1] - high), behind_second.eq(self.second[:-1] - high)]
        m.d.sync += [waiting.eq(Cat(~self.row_valid, waiting)), comparing.eq(counting), header_sent.eq(header)]
        for k in range(lanes):
            m.d.sync += sent[k].eq(captured[k])
            with m.If(waiting[k]):
                m.d.sync += sent[k].eq(0)
        with m.If(~waiting[lanes - 1]):
            m.d.sync += counting.eq(0)
        with m.If(~waiting[lanes]):
            m.d.sync += writing.eq(0)
        with m.If(comparing & ~value[-1]):
            with m.If(behind[-1]):
                m.d.sync += [self.leading.eq(high), self.second.eq(self.leading)]
            with m.Elif(behind_second[-1]):
                m.d.sync += self.second.eq(high)
        with m.If(self.row_valid):
            m.d.sync += [captured[k].eq(self.row_values[k]) for k in range(lanes)]
            m.d.sync += [
                writing.eq(self.row_record != Record.COUNT),
                counting.eq((self.row_record == Record.COUNT) if config.early_exit else 0),
            ]
        with m.If(~self.row_valid | (self.row_record == Record.COUNT)):
            m.d.sync += header_sent.eq(0)
        with m.If(memory.write_enable):
            m.d.sync += self.count.eq(self.count + 1)
        with m.If(self.check):
            m.d.sync += [self.leading.eq(0), self.second.eq(0)]
        with m.If(self.clear):
            m.d.sync += [self.count.eq(0), waiting.eq(-1), writing.eq(0), counting.eq(0), comparing.eq(0)]
        return m


assert int(Record.V) == int(RecordKind.V) and int(Record.CURRENT) == int(RecordKind.I)
