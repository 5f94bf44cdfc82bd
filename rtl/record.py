"""The host's output: a circular memory of records, state rows sent value by value, and the early-exit comparison."""

from __future__ import annotations

from amaranth.hdl import Assert, Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.layout import WORD_BITS
from lifline.arch.program import Record
from lifline.arch.records import RECORD, RecordKind
from lifline.arch.registers import POSITION_BITS

from .decode import word_layout
from .memory import Check, Ram


class Recorder(wiring.Component):
    """Writes records and compares spike counts; never asked to write when there is no room.

    Members
    -------
    clear : In, forget all output.   taken : In, words the host has freed.   count : Out, words written.
    word, word_valid : In, spike records from the router.   needed : In, words to reserve for spikes.   room : Out, they fit.
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
                "needed": In(10),
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
        # Words left beside those that are needed, without and with a row: what is freed counts a cycle late, what is written does not.
        most_needed = (1 << len(self.needed)) + lanes
        left_over = [Signal(range(-most_needed, config.output_words + 1), name=f"left_over{k}") for k in range(2)]
        bounds = [Signal(len(left_over[0]), name=f"bound{k}") for k in range(2)]
        values = [Signal(signed(config.state_bits), name=f"value{k}") for k in range(lanes)]
        left, writing, comparing, header_due = Signal(range(lanes + 1)), Signal(), Signal(), Signal()  # the flags only while `left` is not 0
        header, kind, index = Signal(word_layout(RECORD)), Signal(Record), Signal.like(self.row_index)
        m.d.comb += [
            # Nothing is updated while a row is being sent, so that population and step are still the row's.
            header.kind.eq(kind),
            header.population.eq(self.population),
            header.index.eq(index),
            header.step.eq(self.step),
            used.eq(self.count - self.taken),
            memory.read_address.eq(self.read_address),
            self.read_data.eq(memory.read_data),
            memory.write_address.eq(self.count),
            memory.write_data.eq(self.word),
            memory.write_enable.eq(self.word_valid),
        ]
        held = Signal()  # of what the host reads: it has been written and not freed
        m.d.sync += held.eq((self.read_address - self.taken)[: len(self.read_address)] < used)
        m.d.comb += memory.used.eq(held)
        if platform is Check.ASSERT:
            m.d.comb += Assert((left != 0) | ~(writing | comparing | header_due))
        # Room is known one cycle late, which `busy` covers.
        m.d.sync += [
            self.busy.eq((left != 0) | self.row_valid),
            bounds[0].eq(self.taken + config.output_words - self.needed),
            bounds[1].eq(self.taken + (config.output_words - lanes - 1) - self.needed),
            self.room.eq(~left_over[0][-1]),
            self.room_row.eq(~left_over[1][-1]),
        ]
        m.d.comb += [words.eq(bound - self.count) for words, bound in zip(left_over, bounds, strict=True)]
        with m.If(writing):
            m.d.comb += [memory.write_enable.eq(1), memory.write_data.eq(values[0])]
        with m.If(header_due):
            m.d.comb += memory.write_data.eq(header)
        # The differences tell which is higher: a carry chain each.
        behind, behind_second = (Signal(signed(config.state_bits + 1), name=f"behind_{name}") for name in ("leading", "second"))
        m.d.comb += [behind.eq(self.leading - values[0]), behind_second.eq(self.second - values[0])]
        with m.If(left != 0):
            m.d.sync += header_due.eq(0)
            with m.If(~header_due):
                m.d.sync += [left.eq(left - 1), Cat(values).eq(Cat(*values[1:], values[0]))]
                with m.If(left == 1):
                    m.d.sync += [writing.eq(0), comparing.eq(0)]
        with m.If(comparing):
            with m.If(behind[-1]):
                m.d.sync += [self.leading.eq(values[0]), self.second.eq(self.leading)]
            with m.Elif(behind_second[-1]):
                m.d.sync += self.second.eq(values[0])
        with m.If(self.row_valid):
            m.d.sync += [values[k].eq(self.row_values[k]) for k in range(lanes)]
            m.d.sync += [
                left.eq(lanes),
                writing.eq(self.row_record != Record.COUNT),
                comparing.eq((self.row_record == Record.COUNT) if config.early_exit else 0),
                header_due.eq(self.row_record != Record.COUNT),
                kind.eq(self.row_record),
                index.eq(self.row_index),
            ]
        with m.If(memory.write_enable):
            m.d.sync += self.count.eq(self.count + 1)
        with m.If(self.check):
            m.d.sync += [self.leading.eq(0), self.second.eq(0)]
        with m.If(self.clear):
            m.d.sync += [self.count.eq(0), left.eq(0), writing.eq(0), comparing.eq(0), header_due.eq(0)]
        return m


assert int(Record.V) == int(RecordKind.V) and int(Record.CURRENT) == int(RecordKind.I)
