"""Finds the active presynaptic neurons of a group, one per cycle."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.limits import RING_BITS

from ..cells.count import BYTE, at_most_one, at_most_two, index_of_missing, lowest_bit, only_lowest
from ..cells.select import parts_of, selected_part
from ..streams import entry_layout, rows_per_scan

BYTES = RING_BITS // BYTE
"""Bytes of a group: the lowest one with an active neuron comes first, in it the lowest bit."""


def _single(word: Value, chosen: Value) -> Value:
    """Whether the byte of ``word`` whose bit in ``chosen`` is set has one bit at most, or no bit is set."""
    return ~Cat(bit & ~at_most_one(byte) for byte, bit in zip(parts_of(word, BYTES), chosen, strict=True)).any()


class Emit(wiring.Component):
    """One list entry per active neuron, lowest index first; a group takes a cycle for each, and at least one. It stops while the list is full.

    Members
    -------
    start : In, one cycle: the next group is number 0.
    full, rows, active : In, a group, see :class:`~lifline.rtl.synapses.capture.Capture`.   final : In, with it: no group comes after this one.
    take : Out, one cycle: the group is copied.
    ready : In, in the next cycle an entry may come.   valid, entry : Out, an entry, which is taken.
    finished : Out, level: the last entry of the scan comes in the next cycle, or came before; low from the cycle after ``start``, and while
        not ``ready``.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "full": In(1),
                "rows": In(RING_BITS).array(rows_per_scan(config)),
                "active": In(RING_BITS),
                "final": In(1),
                "take": Out(1),
                "ready": In(1),
                "valid": Out(1),
                "entry": Out(entry_layout(config)),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # `current` has what is pending of the byte in hand, `others` are the other bytes, `left` those that come after it and have a
        # bit in `waiting`: the first one never does.
        waiting, current = Signal(RING_BITS), Signal(BYTE)
        left, others = Signal(BYTES), Signal(BYTES)
        groups = 1 << max((self.config.max_fan_in - 1) // RING_BITS, 1).bit_length()
        group, final = Signal(range(groups), init=groups - 1), Signal()  # starts as `start` sets it, which takes no lookup table
        position, rest = lowest_bit(m, current)
        # `byte_ends` is known a cycle before: it says when the next group is copied, and when the scan goes on reading.
        byte_ends, group_ends = Signal(init=1), Signal()
        m.d.comb += [
            group_ends.eq(byte_ends & ~left.any() & self.ready),
            self.take.eq(self.full & group_ends),
            self.finished.eq(final & group_ends),
        ]
        # The next byte is one that waits or, of the next group, the first one that has been captured: nothing waits then.
        occupied = Cat(byte.any() for byte in parts_of(self.active, BYTES))
        first, following = only_lowest(occupied), only_lowest(left)
        with m.If(self.ready):
            m.d.sync += [
                current.eq(rest | selected_part(self.active, first, self.take) | selected_part(waiting, following, byte_ends)),
                byte_ends.eq(Mux(self.take, _single(self.active, first), Mux(byte_ends, _single(waiting, following), at_most_two(current)))),
            ]
        with m.If(byte_ends & self.ready):
            m.d.sync += [left.eq(left & ~following), others.eq(~following)]
        with m.If(self.take):
            m.d.sync += [left.eq(occupied & ~first), others.eq(~first), waiting.eq(self.active), group.eq(group + 1), final.eq(self.final)]

        index = Signal(range(self.config.max_fan_in))
        m.d.sync += [self.valid.eq(current.any() & self.ready), index.eq(Cat(position, index_of_missing(others), group))]
        arrivals = self.choose_arrivals(m, others, current & ~rest)
        # Of arrivals and the upper bits of the index one part is zero: an OR joins them.
        low_bits, upper = len(self.entry.index), Signal.like(self.entry.upper)
        m.d.comb += [
            upper.eq(index[low_bits:]),
            self.entry.eq(Cat(index[:low_bits], Cat(arrivals) | (Cat(0, upper) if arrivals else upper))),
        ]
        with m.If(self.start):
            m.d.sync += [final.eq(0), group.eq(group.init)]
        return m

    def choose_arrivals(self, m: Module, others: Signal, neuron: Value) -> list[Value]:
        """The arrivals of the one ``neuron``, a cycle late: of all rows first the byte in hand, then its bit."""
        arrivals = []
        rows, lowest = [Signal(RING_BITS, name=f"row{w}") for w in range(len(self.rows))], Signal(BYTE)
        with m.If(self.take):
            m.d.sync += [row.eq(captured) for row, captured in zip(rows, self.rows, strict=True)]
        m.d.sync += lowest.eq(neuron)
        for w in range(len(self.entry.arrivals)):
            kept = [Signal(BYTE, name=f"row{w}_byte{k}") for k in range(BYTES)]
            for k, (part, byte) in enumerate(zip(kept, parts_of(rows[w], BYTES), strict=True)):
                m.d.sync += part.eq(byte)
                with m.If(others[k]):  # clearing the other bytes takes no lookup table
                    m.d.sync += part.eq(0)
            arrivals.append((lowest & reduce(or_, kept)).any())
        return arrivals
