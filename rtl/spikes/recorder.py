"""The host's output: a circular memory of records, state rows sent value by value, and the early-exit comparison."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.layout import WORD_BITS
from lifline.arch.program import Record
from lifline.arch.records import RECORD, RecordKind
from lifline.arch.registers import POSITION_BITS

from ..cells.decode import word_layout
from ..cells.memory import Check, Ram
from ..streams import OutputRead, RecordCommand, StateRows, record_words


class Room(wiring.Component):
    """Whether what is needed fits beside what is used. The sizes are powers of two: a few bits tell, where a comparison is a carry chain.

    Members
    -------
    taken, count : In, words that the host has freed, and that were written, modulo ``2^POSITION_BITS``.   needed : In, words to reserve.
    room : Out, ``needed`` fits.   room_row : Out, a row of state fits beside it. Both one cycle late for ``count``, two for the others.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {"taken": In(POSITION_BITS), "count": In(POSITION_BITS), "needed": In(range(config.output_words + 1)), "room": Out(1), "room_row": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        # The words that are used or needed, below zero: what is freed counts a cycle late, what is written does not.
        bound = Signal(signed((config.output_words + (1 << len(self.needed)) - 1).bit_length() + 1))
        spent = Signal.like(bound)
        size_bits, lane_bits = (config.output_words - 1).bit_length(), (config.multipliers - 1).bit_length()
        nothing, fits = Signal(), Signal()
        left_over = Cat(spent[:size_bits], nothing)  # if it fits
        m.d.comb += [
            spent.eq(bound - self.count),
            nothing.eq(~spent[-1]),
            fits.eq(nothing | spent[size_bits:].all()),
        ]
        more_than_lanes = left_over[lane_bits + 1 :].any() | (left_over[lane_bits:].any() & left_over[:lane_bits].any())
        m.d.sync += [bound.eq(self.taken - self.needed), self.room.eq(fits), self.room_row.eq(fits & more_than_lanes)]
        return m


class RowSender(wiring.Component):
    """Takes a row of values at once and shows them one after the other.

    Members
    -------
    clear : In, one cycle: forget the row.   rows : In(:class:`~lifline.rtl.streams.StateRows`), but ``room`` is not answered here.
    population, step : In, with a row, for its header.
    value : Out, signed, multiplier 0 first, in the second cycle after the row and then; else zero.   header : Out, in the cycle after the row; else zero.
    writing : Out, level: header or value is to be written.   comparing : Out, level: ``value`` is a count to compare.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "clear": In(1),
                "rows": In(StateRows(config)),
                "population": In(RECORD["population"].width),
                "step": In(RECORD["step"].width),
                "value": Out(signed(config.state_bits)),
                "header": Out(word_layout(RECORD)),
                "writing": Out(1),
                "comparing": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, rows, writing = self.config, self.rows, self.writing
        lanes, state, is_count = config.multipliers, signed(config.state_bits), rows.record == Record.COUNT
        # A row waits in `captured`. A value is sent in the cycle after its turn, else its register is zero, which takes no lookup table.
        captured, sent = ([Signal(state, name=f"{name}{k}") for k in range(lanes)] for name in ("captured", "sent"))
        waiting = Signal(lanes + 1, init=-1)  # zero where it is the turn: one bit per value, and one for the end
        header, counting = Signal(word_layout(RECORD)), Signal()
        m.d.comb += [
            header.kind.eq(rows.record),
            header.population.eq(self.population),
            header.index.eq(rows.index),
            header.step.eq(self.step),
            self.value.eq(reduce(or_, sent)),
        ]
        if platform is Check.ASSERT:
            m.d.comb += Assert(~(waiting.all() & writing) & ~(waiting[:lanes].all() & counting))
        m.d.sync += [
            rows.busy.eq(rows.valid | writing | counting),
            waiting.eq(Cat(~rows.valid, waiting)),
            self.comparing.eq(counting),
            self.header.eq(header),
        ]
        for k in range(lanes):
            m.d.sync += sent[k].eq(captured[k])
            with m.If(waiting[k]):
                m.d.sync += sent[k].eq(0)
        with m.If(~waiting[lanes - 1]):
            m.d.sync += counting.eq(0)
        with m.If(~waiting[lanes]):
            m.d.sync += writing.eq(0)
        with m.If(rows.valid):
            m.d.sync += [captured[k].eq(rows.values[k]) for k in range(lanes)]
            m.d.sync += [writing.eq(~is_count), counting.eq(is_count if config.early_exit else 0)]
        with m.If(~rows.valid | is_count):
            m.d.sync += self.header.eq(0)
        with m.If(self.clear):
            m.d.sync += [waiting.eq(-1), writing.eq(0), counting.eq(0), self.comparing.eq(0)]
        return m


class TwoHighest(wiring.Component):
    """The two highest of some counts. The differences tell which is higher: a carry chain each. Below zero is never among the highest.

    Members
    -------
    restart : In, one cycle: there was no count yet.   value, valid : In, a count to compare, signed.
    leading, second : Out, the two highest counts; zero for a count that there was not.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        state = config.state_bits
        super().__init__({"restart": In(1), "value": In(signed(state)), "valid": In(1), "leading": Out(state), "second": Out(state)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        high = self.value[:-1]
        behind, behind_second = (Signal(signed(self.config.state_bits), name=f"behind_{name}") for name in ("leading", "second"))
        m.d.comb += [behind.eq(self.leading[:-1] - high), behind_second.eq(self.second[:-1] - high)]
        with m.If(self.valid & ~self.value[-1]):
            with m.If(behind[-1]):
                m.d.sync += [self.leading.eq(high), self.second.eq(self.leading)]
            with m.Elif(behind_second[-1]):
                m.d.sync += self.second.eq(high)
        with m.If(self.restart):
            m.d.sync += [self.leading.eq(0), self.second.eq(0)]
        return m


class Recorder(wiring.Component):
    """Writes records and compares spike counts; never asked to write when there is no room.

    Members
    -------
    command : In(:class:`~lifline.rtl.streams.RecordCommand`)
    words : In(:func:`~lifline.rtl.streams.record_words`), spike records from the router, never while ``busy``. Written in the same cycle.
    rows : In(:class:`~lifline.rtl.streams.StateRows`), a row takes ``multipliers + 1`` cycles.
    output : In(:class:`~lifline.rtl.streams.OutputRead`)
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "command": In(RecordCommand(config)),
                "words": In(record_words()),
                "rows": In(StateRows(config)),
                "output": In(OutputRead(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, command, output = self.config, self.command, self.output
        m.submodules.memory = memory = Ram(width=WORD_BITS, depth=config.output_words)
        m.submodules.room = room = Room(config)
        m.submodules.sender = sender = RowSender(config)
        m.submodules.highest = highest = TwoHighest(config)
        wiring.connect(m, wiring.flipped(self.rows), sender.rows)
        m.d.comb += [
            room.taken.eq(output.taken),
            room.count.eq(output.count),
            room.needed.eq(command.needed),
            command.room.eq(room.room),
            command.busy.eq(self.rows.busy),
            self.rows.room.eq(room.room_row),
            sender.clear.eq(command.clear),
            sender.population.eq(command.population),
            sender.step.eq(command.step),
            highest.restart.eq(command.check),
            highest.value.eq(sender.value),
            highest.valid.eq(sender.comparing),
            command.leading.eq(highest.leading),
            command.second.eq(highest.second),
        ]
        used, held = Signal(range(config.output_words + 1)), Signal()
        m.d.comb += [
            used.eq(output.count - output.taken),
            memory.read_address.eq(output.address),
            memory.used.eq(held),
            output.data.eq(memory.read_data),
            memory.write_address.eq(output.count),
            # Of what is joined only one part is not zero: no word comes while a row is compared, either.
            memory.write_data.eq(sender.value | sender.header.as_value() | Mux(sender.writing, 0, self.words.payload)),
            memory.write_enable.eq(self.words.valid | sender.writing),
        ]
        m.d.sync += held.eq((output.address - output.taken)[: len(output.address)] < used)  # of what the host reads: written and not freed
        with m.If(memory.write_enable):
            m.d.sync += output.count.eq(output.count + 1)
        with m.If(command.clear):
            m.d.sync += output.count.eq(0)
        return m


assert int(Record.V) == int(RecordKind.V) and int(Record.CURRENT) == int(RecordKind.I)
