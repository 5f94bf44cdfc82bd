"""Slots: the memory of the accumulators, a word of all lanes for each step of the window and each block, and its read-modify-write."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.timing import ACCUMULATE_SPACING

from ..cells.memory import Ram
from ..cells.select import row_major
from ..streams import SlotRead, window_step
from .adders import DirectAdders, RegisteredAdders


class SlotUse(wiring.Signature):
    """Something is added to a slot.

    Members
    -------
    wanted : level: the slot of ``step`` and ``block`` is read in this cycle; a slot is not wanted within ``ACCUMULATE_SPACING`` cycles again.
    accepted : level, only with ``wanted``: what is read is used, and the sums are written ``ACCUMULATE_SPACING - 1`` cycles later; else it is read again.
    last : with ``wanted``: the last block of the pass: from the next cycle on, slots of this step are no longer empty.
    continued : with ``wanted``: this slot is not empty, whatever the step's other slots are.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "wanted": Out(1),
                "accepted": Out(1),
                "step": Out(window_step(config)),
                "block": Out(range(config.max_blocks + 1)),
                "last": Out(1),
                "continued": Out(1),
            }
        )


class TouchedSteps(wiring.Component):
    """Which steps have sums. Slots need no clearing: where a step has none, its slots count as zero.

    Members
    -------
    step : In, the step that is looked at.   touched : Out, it has sums, in the same cycle.
    touch : In, one cycle: from the next cycle on ``touch_step`` has sums.   release : In, one cycle: ``release_step`` has none; comes last.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        step = window_step(config)
        super().__init__(
            {"step": In(step), "touched": Out(1), "touch": In(1), "touch_step": In(step), "release": In(1), "release_step": In(step)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        flags = Array(Signal(name=f"touched{w}") for w in range(self.config.window))
        m.d.comb += self.touched.eq(flags[self.step])
        with m.If(self.touch):
            m.d.sync += flags[self.touch_step].eq(1)
        with m.If(self.release):
            m.d.sync += flags[self.release_step].eq(0)
        return m


class Slots(wiring.Component):
    """Reads a slot in every cycle: for a drain, else for an event, else for the update. The first two add and write back.

    Parameters
    ----------
    carry_cells : see :class:`~lifline.rtl.cells.carry.ChoosingAdder`.

    Members
    -------
    drain, event : In(SlotUse).   read : In(SlotRead), not used together with the others.
    read_step : In, the step whose sums ``read.release`` uses up.
    late : In, level: the weights of the event of the cycle before are not here, which waits for them.
    weight : In, one per lane, weights of the last event.
    dense, dense_chosen : In, only in configurations with dense lanes: sums of the last drain, two cycles after it, one per lane, and that they are.
    writing : Out, level: something that was added is not written before the end of this cycle.
    """

    def __init__(self, config: Config, *, carry_cells: bool) -> None:
        self.config, self.carry_cells = config, carry_cells
        members = {
            "drain": In(SlotUse(config)),
            "event": In(SlotUse(config)),
            "read": In(SlotRead(config)),
            "read_step": In(window_step(config)),
            "late": In(1),
            "weight": In(signed(config.weight_bits)).array(config.lanes),
            "writing": Out(1),
        }
        if config.dense_lanes:
            members |= {"dense": In(signed(config.dense_bits)).array(config.lanes), "dense_chosen": In(1)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, drain, event, read = self.config, self.drain, self.event, self.read
        m.submodules.memory = memory = Ram(width=config.lanes * config.accumulator_bits, depth=config.window * config.max_blocks)
        m.submodules.touched = touched = TouchedSteps(config)
        adders = RegisteredAdders(config, carry_cells=self.carry_cells) if config.memory_registers else DirectAdders(config)
        m.submodules.adders = adders
        m.d.comb += [
            touched.step.eq(Mux(drain.wanted, drain.step, Mux(event.wanted, event.step, read.step))),
            touched.touch.eq((drain.accepted & drain.last) | (event.accepted & event.last)),
            touched.touch_step.eq(Mux(drain.wanted, drain.step, event.step)),
            touched.release.eq(read.release),
            touched.release_step.eq(self.read_step),
        ]
        self.read_slot(m, memory)
        self.write_back(m, memory)
        self.add(m, memory, adders.slot, ~(touched.touched | (drain.wanted & drain.continued)))
        return m

    def address_of(self, use: SlotUse | SlotRead) -> Value:
        """Slots of a step lie together."""
        return row_major(use.step, use.block, self.config.max_blocks)

    def read_slot(self, m: Module, memory: Ram) -> None:
        """Choose the slot that is read; while weights are late the word of the last one stays."""
        drain, event, read = self.drain, self.event, self.read
        with m.If(drain.wanted):
            m.d.comb += memory.read_address.eq(self.address_of(drain))
        with m.Elif(event.wanted):
            m.d.comb += memory.read_address.eq(self.address_of(event))
        with m.Else():
            m.d.comb += memory.read_address.eq(self.address_of(read))
        m.d.comb += memory.read_enable.eq(~self.late)

    def write_back(self, m: Module, memory: Ram) -> None:
        """Addresses follow their sums: read, register (if memories have registers), add, write."""
        stages = ACCUMULATE_SPACING - 1 if self.config.memory_registers else ACCUMULATE_SPACING - 2
        adding = Signal(stages)
        addresses = [Signal.like(memory.read_address, name=f"address{k}") for k in range(stages)]
        m.d.sync += [
            adding.eq(Cat(self.drain.accepted | self.event.accepted | (adding[0] & self.late), adding[0] & ~self.late, adding[1:])),
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

    def add(self, m: Module, memory: Ram, slot: wiring.PureInterface, empty: Value) -> None:
        """Connect the adders between the memory's two ports."""
        m.d.comb += [
            slot.reading.eq(~self.drain.wanted & ~self.event.wanted),
            slot.row.eq(self.read.row),
            slot.empty.eq(empty),
            slot.hold.eq(self.late),
            memory.write_data.eq(Cat(slot.total)),
            Cat(slot.old).eq(memory.read_data),
        ]
        m.d.comb += [inner.eq(outer) for inner, outer in zip(slot.weight, self.weight, strict=True)]
        m.d.comb += [outer.eq(inner) for outer, inner in zip(self.read.sums, slot.sums, strict=True)]
        if self.config.dense_lanes:
            m.d.comb += slot.dense_chosen.eq(self.dense_chosen)
            m.d.comb += [inner.eq(outer) for inner, outer in zip(slot.dense, self.dense, strict=True)]
