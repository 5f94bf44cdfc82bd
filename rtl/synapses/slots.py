"""Slots: the memory of the accumulators, a word of all lanes for each block and, if need be, each step of the window; and its read-modify-write."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.timing import ACCUMULATE_SPACING

from ..cells.memory import Ram
from ..streams import SlotRead
from .adders import DirectAdders, RegisteredAdders


class SlotUse(wiring.Signature):
    """Something is added to a slot.

    Members
    -------
    wanted : level: ``slot`` is read in this cycle.
    accepted : level, only with ``wanted``, and not while the slot is on its way from its last use, ``ACCUMULATE_SPACING`` cycles: what is read is
    used, and the sums are written ``ACCUMULATE_SPACING - 1`` cycles later; else it is read again.
    slot : with ``wanted``.
    """

    def __init__(self, config: Config) -> None:
        super().__init__({"wanted": Out(1), "accepted": Out(1), "slot": Out(range(config.slot_words))})


class Slots(wiring.Component):
    """Reads a slot in every cycle: for a drain, else for an event, else for the update. The first two add and write back, the last row of an update clears.

    The memory begins as zero, and the update reads whatever has been written in a window. What is on its way back into the memory, a sum or a
    zero, is compared with what comes: that is all that keeps two uses of a slot apart.

    Parameters
    ----------
    carry_cells : see :class:`~lifline.rtl.cells.carry.ChoosingAdder`.

    Members
    -------
    drain, event : In(SlotUse).   read : In(SlotRead), not used together with the others.
    base : In, slot of block 0 in the step that is accumulated or updated.
    next_slot : In, what ``event.slot`` is in the next cycle.   conflict : Out, level, one cycle later: that slot is on its way; nothing may be accepted.
    unsettled : Out, level: if the update began now, it would read one of the step's slots while it is on its way. (It reads the first one two cycles later
        at the earliest, and takes a cycle at least for each.)
    late : In, level: the weights of the event of the cycle before are not here, which waits for them.
    weight : In, one per lane, weights of the last event: in the next cycle, or when ``late`` ends; with memory registers from registers, a cycle later.
    dense, dense_chosen : In, only in configurations with dense lanes: sums of the last drain, two cycles after it, one per lane, and that they are.
    writing : Out, level: something that was added is not written before the end of this cycle.
    """

    def __init__(self, config: Config, *, carry_cells: bool) -> None:
        self.config, self.carry_cells = config, carry_cells
        slot = range(config.slot_words)
        members = {
            "drain": In(SlotUse(config)),
            "event": In(SlotUse(config)),
            "read": In(SlotRead(config)),
            "base": In(slot),
            "next_slot": In(slot),
            "conflict": Out(1),
            "unsettled": Out(1),
            "late": In(1),
            "weight": In(signed(config.weight_bits)).array(config.lanes),
            "writing": Out(1),
        }
        if config.dense_lanes:
            members |= {"dense": In(signed(config.dense_bits)).array(config.lanes), "dense_chosen": In(1)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.memory = memory = Ram(width=config.lanes * config.accumulator_bits, depth=config.slot_words)
        adders = RegisteredAdders(config, carry_cells=self.carry_cells) if config.memory_registers else DirectAdders(config)
        m.submodules.adders = adders
        clear = Signal()  # with the first address on its way: a row of the update was its slot's last one
        m.d.comb += clear.eq(self.read.used & self.read.last)
        self.read_slot(m, memory)
        adding, addresses = self.write_back(m, memory, clear)
        self.guard(m, adding, addresses, clear)
        self.add(m, memory, adders.slot, clear)
        return m

    def read_slot(self, m: Module, memory: Ram) -> None:
        """Choose the slot that is read; while weights are late the word of the last one stays."""
        with m.If(self.drain.wanted):
            m.d.comb += memory.read_address.eq(self.drain.slot)
        with m.Elif(self.event.wanted):
            m.d.comb += memory.read_address.eq(self.event.slot)
        with m.Else():
            m.d.comb += memory.read_address.eq(self.base + self.read.block)
        m.d.comb += memory.read_enable.eq(~self.late)

    def write_back(self, m: Module, memory: Ram, clear: Signal) -> tuple[Signal, list[Signal]]:
        """Addresses follow their sums: read, register (if memories have registers), add, write. Which of them will be written, and all of them."""
        stages = ACCUMULATE_SPACING - 1 if self.config.memory_registers else ACCUMULATE_SPACING - 2
        adding = Signal(stages)
        addresses = [Signal.like(memory.read_address, name=f"address{k}") for k in range(stages)]
        m.d.sync += [
            adding.eq(
                Cat(self.drain.accepted | self.event.accepted | (adding[0] & self.late), (adding[0] & ~self.late) | clear, adding[1:])
            ),
            Cat(addresses[1:]).eq(Cat(addresses)),
        ]
        with m.If(~self.late):
            m.d.sync += addresses[0].eq(memory.read_address)
        m.d.comb += [
            memory.write_address.eq(addresses[-1]),
            memory.write_enable.eq(adding[-1]),
            memory.used.eq(adding[0] | self.read.used),
            self.writing.eq(adding.any()),
        ]
        return adding, addresses

    def guard(self, m: Module, adding: Signal, addresses: list[Signal], clear: Signal) -> None:
        """Compare addresses: of the next event, a cycle ahead; and of the slots that the update would read first."""
        m.d.sync += self.conflict.eq(
            (self.event.accepted & (self.next_slot == self.event.slot))
            | ((adding[0] | clear) & (self.next_slot == addresses[0]))
            | (adding[1] & (self.next_slot == addresses[1]))
        )
        second = Signal.like(self.base)
        m.d.comb += [
            second.eq(self.base + 1),
            self.unsettled.eq(
                (self.event.accepted & ((self.event.slot == self.base) | (self.event.slot == second)))
                | ((adding[0] | clear) & (addresses[0] == self.base))
            ),
        ]

    def add(self, m: Module, memory: Ram, slot: wiring.PureInterface, clear: Signal) -> None:
        """Connect the adders between the memory's two ports."""
        m.d.comb += [
            slot.reading.eq(~self.drain.wanted & ~self.event.wanted),
            slot.row.eq(self.read.row),
            slot.clear.eq(clear),
            slot.hold.eq(self.late),
            memory.write_data.eq(Cat(slot.total)),
            Cat(slot.old).eq(memory.read_data),
        ]
        m.d.comb += [inner.eq(outer) for inner, outer in zip(slot.weight, self.weight, strict=True)]
        m.d.comb += [outer.eq(inner) for outer, inner in zip(self.read.sums, slot.sums, strict=True)]
        if self.config.dense_lanes:
            m.d.comb += slot.dense_chosen.eq(self.dense_chosen)
            m.d.comb += [inner.eq(outer) for inner, outer in zip(slot.dense, self.dense, strict=True)]
