"""What is between a slot that was read and the sums that are written back, and the rows for the update."""

from __future__ import annotations

import functools
import operator

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from ..cells.carry import ChoosingAdder
from ..cells.select import selected


class SlotAdders(wiring.Signature):
    """
    Members
    -------
    reading : a slot is read for the update in this cycle, else to be added to.   row : with ``reading``, the row that the update wants.
    clear : in the cycle after a read: zero is written in place of a sum.
    hold : the word that was read in the cycle before is not used yet and stays. All of these are levels.
    old : what the slot has, one per lane, in the cycle after its read.   weight : what is added, with ``old``; with memory registers one cycle later.
    dense, dense_chosen : what is added instead, one cycle after ``old``; only in configurations with dense lanes.
    total : the sums, two cycles after ``old`` with memory registers, else one.   sums : of the row, one cycle after ``old``.
    """

    def __init__(self, config: Config) -> None:
        total = signed(config.accumulator_bits)
        members = {
            "reading": Out(1),
            "row": Out(range(max(config.rows_per_block, 2))),
            "clear": Out(1),
            "hold": Out(1),
            "old": Out(total).array(config.lanes),
            "weight": Out(signed(config.weight_bits)).array(config.lanes),
            "total": In(total).array(config.lanes),
            "sums": In(total).array(config.multipliers),
        }
        if config.dense_lanes:
            members |= {"dense": Out(signed(config.dense_bits)).array(config.lanes), "dense_chosen": Out(1)}
        super().__init__(members)


class RegisteredAdders(wiring.Component):
    """With memory registers: register, add. The update reads the registers that sums are added from; weights come from registers. See :class:`SlotAdders`.

    A row that the update does not ask for counts as zero: an OR joins the rows.

    Parameters
    ----------
    carry_cells : see :class:`~lifline.rtl.cells.carry.ChoosingAdder`.
    """

    def __init__(self, config: Config, *, carry_cells: bool) -> None:
        self.config, self.carry_cells = config, carry_cells and config.dense_lanes > 0
        super().__init__({"slot": In(SlotAdders(config))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, slot = self.config, self.slot
        dropped, cleared = Signal(config.rows_per_block), Signal()
        with m.If(~slot.hold):
            m.d.sync += dropped.eq(Cat(slot.reading & (slot.row != row) for row in range(len(dropped))))
        m.d.sync += cleared.eq(slot.clear)
        registered = [Signal.like(old, name=f"old{lane}") for lane, old in enumerate(slot.old)]
        for lane, old in enumerate(registered):
            m.d.sync += old.eq(slot.old[lane])
            with m.If(dropped[lane // config.multipliers]):
                m.d.sync += old.eq(0)
            m.submodules[f"adder{lane}"] = adder = ChoosingAdder(config.accumulator_bits, carry_cells=self.carry_cells)
            m.d.comb += [adder.addend.eq(old), adder.first.eq(slot.weight[lane]), adder.choose.eq(1)]
            if config.dense_lanes:
                m.d.comb += [adder.second.eq(slot.dense[lane]), adder.choose.eq(~slot.dense_chosen)]
            m.d.sync += slot.total[lane].eq(adder.total)
            with m.If(cleared):
                m.d.sync += slot.total[lane].eq(0)
        for k, row_sum in enumerate(slot.sums):
            m.d.comb += row_sum.eq(functools.reduce(operator.or_, registered[k :: config.multipliers]))
        return m


class DirectAdders(wiring.Component):
    """Without memory registers, and without dense lanes: add what the memory shows; see :class:`SlotAdders`."""

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__({"slot": In(SlotAdders(config))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        slot = self.slot
        row = Signal.like(slot.row)
        m.d.sync += row.eq(slot.row)
        for total, old, weight in zip(slot.total, slot.old, slot.weight, strict=True):
            m.d.sync += total.eq(old + weight)
            with m.If(slot.clear):
                m.d.sync += total.eq(0)
        for k, row_sum in enumerate(slot.sums):
            rows = [slot.old[lane] for lane in range(k, self.config.lanes, self.config.multipliers)]
            m.d.sync += row_sum.eq(selected(rows, row))
        return m
