"""The list of active presynaptic neurons: the scanner appends, event and dense issue read."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from lifline.arch.config import Config
from lifline.arch.limits import LIST_PART

from ..cells.memory import Ram
from ..streams import Entries, entry_layout, window_step


class EntryList(wiring.Component):
    """Entries of one pass, in the order of their scans.

    Event mode scans a row per step, at most one row ahead of the step that it accumulates: the ends of two scans are kept. Its entries go
    round and round the list; the scanner waits before the list is full. Dense mode scans once, no more than fits, and goes through the list once
    per block. The entry in hand is the memory's register: an entry can be used two cycles after it came.

    Members
    -------
    start : In, one cycle: a pass begins, the list is empty.
    whole : In, level: all entries of the pass fit, and stay (dense); stays for the pass.
    source : In(Entries), from the scanner; from the third cycle of a pass on. At most ``list_entries`` with ``whole``.
    step : In, the time step whose entries are wanted (event).
    take : In, one cycle, only while ``available``: the entry in hand is used; the next one follows in the next cycle.
    rewind : In, one cycle, only with ``ended``: back to the first entry, which there must be.
    jump, target : In, only in configurations that gather: one cycle, the entry in hand is ``target`` from the next cycle on, which there must be.
    With jumps nothing but ``entry`` and ``rows_done`` means anything, and in a pass without an entry ``ended`` and ``silent``.
    entry : Out, the entry in hand.   available : Out, level: there is one.
    rows_done : Out, scans that have ended in this pass.
    complete : Out, level: the row of ``step`` was scanned and all its entries are taken.
    exhausted : Out, ``complete``, a cycle late.
    ended : Out, level: all entries of the pass's one scan are taken (dense).   silent : Out, valid with ``ended``: there was none.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        # Pointers carry one bit more than the address.
        self.pointer_shape = unsigned((config.list_entries - 1).bit_length() + 1)
        members = {
            "start": In(1),
            "whole": In(1),
            "source": In(Entries(config)),
            "step": In(window_step(config)),
            "take": In(1),
            "rewind": In(1),
            "entry": Out(entry_layout(config)),
            "available": Out(1),
            "rows_done": Out(range(config.window + 2)),
            "complete": Out(1),
            "exhausted": Out(1),
            "ended": Out(1),
            "silent": Out(1),
        }
        super().__init__(members | ({"jump": In(1), "target": In(range(config.list_entries))} if config.gathers else {}))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Ram(width=self.entry.shape().size, depth=self.config.list_entries)
        written, pointer = Signal(self.pointer_shape), Signal(self.pointer_shape)
        next_pointer, following = Signal.like(pointer), Signal.like(pointer)
        m.d.comb += [
            memory.write_address.eq(written),
            memory.write_data.eq(self.source.entry.as_value()),
            memory.write_enable.eq(self.source.valid),
            memory.read_address.eq(next_pointer),
            memory.used.eq(self.take),
            self.entry.eq(memory.read_data),
            following.eq(pointer + 1),
            next_pointer.eq(Mux(self.take, following, pointer)),
        ]
        with m.If(self.rewind):
            m.d.comb += next_pointer.eq(0)
        if self.config.gathers:
            with m.If(self.jump):
                m.d.comb += next_pointer.eq(self.target)
        m.d.sync += pointer.eq(next_pointer)
        with m.If(self.source.valid):
            m.d.sync += written.eq(written + 1)
        # Whether an entry is taken comes late: both answers are ready.
        m.d.sync += self.available.eq(Mux(self.take, written != following, written != pointer))
        self.find_ends(m, written, pointer, following)
        self.find_room(m, written, pointer)
        with m.If(self.rewind):
            m.d.sync += [self.available.eq(1), self.ended.eq(0)]
        with m.If(self.start):
            m.d.sync += [written.eq(0), pointer.eq(0), self.available.eq(0), self.rows_done.eq(0), self.ended.eq(0)]
        return m

    def find_room(self, m: Module, written: Signal, pointer: Signal) -> None:
        """Whether the scanner may go on: entries never reach the part of the list that is being read.

        Two more entries come after the first one of a part, before ``ready`` is low. A comparison of parts takes fewer tables than one of entries.
        """
        address_bits, part_bits = len(written) - 1, exact_log2(LIST_PART)
        next_part, part_in_use = (Signal(address_bits - part_bits, name=name) for name in ("next_part", "part_in_use"))
        full = Signal()
        m.d.comb += [
            next_part.eq(written[part_bits:address_bits] + 1),
            part_in_use.eq(pointer[part_bits:address_bits]),
            self.source.ready.eq(~full),
        ]
        m.d.sync += full.eq(~self.whole & (next_part == part_in_use))

    def find_ends(self, m: Module, written: Signal, pointer: Signal, following: Signal) -> None:
        """Ends of scans: where the list ended two cycles after ``done``, when the last entry has been written."""
        done = Signal(2)
        ends = Array(Signal(self.pointer_shape, name=f"end{k}") for k in range(2))
        m.d.sync += done.eq(Cat(self.source.done, done[0]))
        with m.If(done[1]):
            m.d.sync += [ends[self.rows_done[0]].eq(written), self.rows_done.eq(self.rows_done + 1), self.silent.eq(written == 0)]

        # Event: entries of the next step arrive only when this one's end has been known for some cycles.
        scanned, at_end, odd = Signal(), Signal(), self.step[0]
        was_complete, was_odd = Signal(), Signal()
        m.d.comb += [
            scanned.eq(self.rows_done > self.step),
            at_end.eq(pointer == ends[odd]),
            self.complete.eq(scanned & at_end),
            self.exhausted.eq(was_complete & (was_odd == odd)),
        ]
        m.d.sync += [was_complete.eq(scanned & Mux(self.take, following == ends[odd], at_end)), was_odd.eq(odd)]
        with m.If(self.start):
            m.d.sync += was_complete.eq(0)

        # Dense: the end is `written` when the scan ends, as no entry arrives any more.
        length, known = Signal.like(pointer), Signal()
        m.d.comb += [length.eq(Mux(done[1], written, ends[0])), known.eq(done[1] | (self.rows_done != 0))]
        m.d.sync += self.ended.eq(Mux(self.take, known & (following == length), known & (pointer == length)))
