"""Scanner: finds the presynaptic neurons with arrivals in one row (event) or in several rows (dense) of a delay ring."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import RING_BITS, Config

from ..cells.count import lowest_bit

BYTE = 8


def rows_per_scan(config: Config) -> int:
    """Rows of a ring that one scan reads at most: all of a window in dense mode, a single one in event mode."""
    return config.window if config.dense_lanes else 1


def list_entry(config: Config) -> data.StructLayout:
    """One active presynaptic neuron: its index within the pass and, if there is a dense mode, its arrivals: bit ``w`` for row ``w`` of the scan."""
    return data.StructLayout({"index": range(config.list_entries), "arrivals": config.window if config.dense_lanes else 0})


def bytes_of(word: Value) -> list[Value]:
    return [word[k : k + BYTE] for k in range(0, len(word), BYTE)]


def lowest_of(bits: Value) -> Value:
    """``bits`` without all but the lowest one."""
    return Cat(bit & ~bits[:k].any() for k, bit in enumerate(bits))


def selected_byte(word: Value, selected: Value, enable: Value) -> Value:
    """The byte of ``word`` whose bit in ``selected`` is set; zero if none is, or without ``enable``."""
    return reduce(or_, (byte & (bit & enable).replicate(BYTE) for byte, bit in zip(bytes_of(word), selected, strict=True)))


class Scanner(wiring.Component):
    """Read ring words, emit one list entry per presynaptic neuron with an arrival, lowest index first.

    A group is 32 presynaptic neurons; it takes ``max(rows, active neurons, 1)`` cycles: the rows of the next group are
    fetched while the active neurons of this one are emitted.

    Members
    -------
    start : In, one cycle; takes ``words`` and ``base``. The other inputs stay while busy.
    words : groups to scan.   count : rows per group (1 in event mode).   base : ring word of group 0, row 0.
    ring_rows : rows of the ring.   row : first row.   clear : zero every word after reading it.
    entry, entry_valid : Out, one list entry; always accepted.
    done : Out, one cycle; the last entry is shown in the next one at the latest.
    read_*, write_* : the ring memory, used only between ``start`` and ``done``.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        address, row = range(config.ring_words), range(config.max_ring_rows + 1)
        super().__init__(
            {
                "start": In(1),
                "words": In(range(config.max_groups + 1)),
                "count": In(range(rows_per_scan(config) + 1)),
                "base": In(address),
                "ring_rows": In(row),
                "row": In(row),
                "clear": In(1),
                "entry": Out(list_entry(config)),
                "entry_valid": Out(1),
                "done": Out(1),
                "busy": Out(1),
                "read_address": Out(address),
                "read_enable": Out(1),
                "read_data": In(RING_BITS),
                "write_address": Out(address),
                "write_enable": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        window = rows_per_scan(config)

        # Fetch: one read per cycle, rows inner, groups outer.
        words, next_words = Signal.like(self.words), Signal.like(self.words)  # groups that have been read
        row, next_row = Signal.like(self.row), Signal.like(self.row)
        column = Signal.like(self.base)
        number, next_number = Signal.like(self.count), Signal.like(self.count)  # rows of the group that have been read
        fetching, last_row = Signal(), Signal()

        # Capture: the word read in the previous cycle goes to its row register.
        arriving = Signal()
        arriving_row = Signal(window)  # one bit is set, if any
        arriving_address = Signal.like(self.base)
        captured = [Signal(RING_BITS, name=f"captured{w}") for w in range(window)]
        captured_any = Signal(RING_BITS)
        arriving_last = Signal()
        full = Signal()
        transfer, stall = Signal(), Signal()

        # Emit: lowest byte with a set bit first, in it the lowest bit. `current` has what is pending of the byte in hand, `others`
        # are the other bytes, `left` those that come after it and have a bit in `waiting`: the first one never does.
        rows = [Signal(RING_BITS, name=f"row{w}") for w in range(window)]
        waiting, current = Signal(RING_BITS), Signal(BYTE)
        left, others = Signal(RING_BITS // BYTE), Signal(RING_BITS // BYTE)
        groups = max(config.list_entries // RING_BITS, 2)
        group, final = Signal(range(groups), init=groups - 1), Signal()  # starts as `start` sets it, which takes no lookup table
        position, rest = lowest_bit(m, current, carry_chain=False)
        byte_ends, last = Signal(), Signal()

        m.d.comb += [
            stall.eq(arriving_row[0] & full & ~transfer),
            self.read_enable.eq(~stall),
            next_row.eq(row + 1),
            next_number.eq(number + 1),
            last_row.eq(next_number == self.count),
            next_words.eq(words + 1),
            self.read_address.eq(column + row),
            self.write_address.eq(arriving_address),
            self.write_enable.eq(arriving & self.clear),
        ]
        with m.If(~stall):
            m.d.sync += [
                arriving.eq(fetching),
                arriving_row.eq(Cat(fetching & (number == 0), arriving_row)),
                arriving_last.eq(last_row),
                arriving_address.eq(self.read_address),
            ]
            with m.If(fetching):
                m.d.sync += row.eq(next_row)
                with m.If(next_row == self.ring_rows):
                    m.d.sync += row.eq(0)
                m.d.sync += number.eq(next_number)
                with m.If(last_row):
                    m.d.sync += [
                        number.eq(0),
                        row.eq(self.row),
                        column.eq(column + self.ring_rows),
                        words.eq(next_words),
                        fetching.eq(next_words != self.words),
                    ]
        with m.If(arriving_last):  # what comes next, if anything, is a first row
            m.d.sync += arriving_row[1:].eq(0)

        halves = current[: BYTE // 2], current[BYTE // 2 :]
        several = [(half[0] & half[1]) | (half[2] & half[3]) | (half[:2].any() & half[2:].any()) for half in halves]
        m.d.comb += [
            byte_ends.eq(~(several[0] | several[1] | (halves[0].any() & halves[1].any()))),
            last.eq(byte_ends & ~left.any()),
            transfer.eq(full & last),
        ]
        with m.If(transfer):
            m.d.sync += full.eq(0)
        for w in range(window):
            # Only the first row of a group can find the registers still full.
            with m.If(arriving_row[w] & (1 if w else ~stall)):
                m.d.sync += [captured[w].eq(self.read_data), captured_any.eq(self.read_data | (captured_any if w else 0))]
        with m.If(arriving & ~stall & arriving_last):
            m.d.sync += full.eq(1)

        # The next byte is one that waits or, of the next group, the first one that has been captured: nothing waits then.
        occupied = Cat(byte.any() for byte in bytes_of(captured_any))
        first, following = lowest_of(occupied), lowest_of(left)
        m.d.sync += current.eq(rest | selected_byte(captured_any, first, transfer) | selected_byte(waiting, following, byte_ends))
        with m.If(byte_ends):
            m.d.sync += [left.eq(left & ~following), others.eq(~following)]
        with m.If(transfer):
            m.d.sync += [left.eq(occupied & ~first), others.eq(~first), waiting.eq(captured_any)]
            m.d.sync += [rows[w].eq(captured[w]) for w in range(window)]
            m.d.sync += [group.eq(group + 1), final.eq(~arriving)]  # nothing is read any more: it is the last group

        # An entry: of all rows the byte in hand, of which one bit is chosen a cycle later. Clearing the other bytes takes no lookup table.
        m.d.sync += [self.entry_valid.eq(current.any()), self.entry.index.eq(Cat(position, ~(others[1] & others[3]), ~(others[2] & others[3]), group))]
        lowest = Signal.like(current)
        m.d.sync += lowest.eq(current & ~rest)
        for w in range(len(self.entry.arrivals)):
            parts = [Signal(BYTE, name=f"row{w}_byte{k}") for k in range(len(others))]
            for k, (part, byte) in enumerate(zip(parts, bytes_of(rows[w]), strict=True)):
                m.d.sync += part.eq(byte)
                with m.If(others[k]):
                    m.d.sync += part.eq(0)
            m.d.comb += self.entry.arrivals[w].eq((lowest & reduce(or_, parts)).any())

        m.d.comb += self.done.eq(self.busy & final & last)
        with m.If(self.done):
            m.d.sync += self.busy.eq(0)
        with m.If(self.start):
            m.d.sync += [
                self.busy.eq(1),
                fetching.eq(1),
                words.eq(0),
                final.eq(0),
                group.eq(group.init),
                number.eq(0),
                column.eq(self.base),
                row.eq(self.row),
            ]
            m.d.sync += [captured[w].eq(0) for w in range(window)]
        return m
