"""Scanner: finds the presynaptic neurons with arrivals in one row (event) or in several rows (dense) of a delay ring."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import RING_BITS, Config

from .count import lowest_bit, population_count


def rows_per_scan(config: Config) -> int:
    """Rows of a ring that one scan reads at most: all of a window in dense mode, a single one in event mode."""
    return config.window if config.dense_lanes else 1


def list_entry(config: Config) -> data.StructLayout:
    """One active presynaptic neuron: its index within the pass and, if there is a dense mode, its arrivals: bit ``w`` for row ``w`` of the scan."""
    return data.StructLayout({"index": range(config.list_entries), "arrivals": config.window if config.dense_lanes else 0})


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
        words_left = Signal.like(self.words)
        row, next_row = Signal.like(self.row), Signal.like(self.row)
        column = Signal.like(self.base)
        rows_left = Signal.like(self.count)
        fetching = Signal()

        # Capture: the word read in the previous cycle goes to its row register.
        arriving = Signal()
        arriving_row = Signal(range(max(window, 2)))
        arriving_address = Signal.like(self.base)
        captured = [Signal(RING_BITS, name=f"captured{w}") for w in range(window)]
        captured_any = Signal(RING_BITS)
        arriving_last = Signal()
        full = Signal()
        transfer, stall = Signal(), Signal()

        # Emit: lowest set bit first.
        pending = Signal(RING_BITS)
        rows = [Signal(RING_BITS, name=f"row{w}") for w in range(window)]
        group, groups_left = Signal(range(max(config.list_entries // RING_BITS, 2))), Signal.like(self.words)
        position, rest = lowest_bit(m, pending, carry_chain=config.memory_registers)
        lowest, last = Signal(RING_BITS), Signal()

        m.d.comb += [
            stall.eq(arriving & (arriving_row == 0) & full & ~transfer),
            self.read_enable.eq(~stall),
            next_row.eq(row + 1),
            self.read_address.eq(column + row),
            self.write_address.eq(arriving_address),
            self.write_enable.eq(arriving & self.clear),
        ]
        with m.If(~stall):
            m.d.sync += [
                arriving.eq(fetching),
                arriving_row.eq(self.count - rows_left),
                arriving_last.eq(rows_left == 1),
                arriving_address.eq(self.read_address),
            ]
            with m.If(fetching):
                m.d.sync += row.eq(next_row)
                with m.If(next_row == self.ring_rows):
                    m.d.sync += row.eq(0)
                m.d.sync += rows_left.eq(rows_left - 1)
                with m.If(rows_left == 1):
                    m.d.sync += [
                        rows_left.eq(self.count),
                        row.eq(self.row),
                        column.eq(column + self.ring_rows),
                        words_left.eq(words_left - 1),
                        fetching.eq(words_left != 1),
                    ]
        # As many are pending as were captured, less those that have been emitted: a counter is faster than a look at all bits.
        number = Signal(range(RING_BITS + 1))
        m.d.comb += [last.eq(number <= 1), transfer.eq(full & last)]
        with m.If(transfer):
            m.d.sync += full.eq(0)
        for w in range(window):
            # Only the first row of a group can find the registers still full.
            with m.If(arriving & (arriving_row == w) & (1 if w else ~stall)):
                m.d.sync += [captured[w].eq(self.read_data), captured_any.eq(self.read_data | (captured_any if w else 0))]
        with m.If(arriving & ~stall & arriving_last):
            m.d.sync += full.eq(1)

        m.d.comb += lowest.eq(pending & ~rest)
        with m.If(number != 0):
            m.d.sync += number.eq(number - 1)
        m.d.sync += [
            pending.eq(rest),
            self.entry_valid.eq(number != 0),
            self.entry.index.eq(Cat(position, group)),
            self.entry.arrivals.eq(Cat((rows[w] & lowest).any() for w in range(window))),
        ]
        with m.If(transfer):
            m.d.sync += [pending.eq(captured_any), number.eq(population_count(list(captured_any))), group.eq(group + 1), groups_left.eq(groups_left - 1)]
            m.d.sync += [rows[w].eq(captured[w]) for w in range(window)]

        m.d.comb += self.done.eq(self.busy & (groups_left == 0) & last)
        with m.If(self.done):
            m.d.sync += self.busy.eq(0)
        with m.If(self.start):
            m.d.sync += [
                self.busy.eq(1),
                fetching.eq(1),
                words_left.eq(self.words),
                groups_left.eq(self.words),
                group.eq(-1),
                rows_left.eq(self.count),
                column.eq(self.base),
                row.eq(self.row),
            ]
            m.d.sync += [captured[w].eq(0) for w in range(window)]
        return m
