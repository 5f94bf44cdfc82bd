"""Proofs about the gather: every pointer counts the entries before its position, no row of a kernel is lost, and of a segment every entry is used. With broken twins."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from amaranth.asserts import AnyConst
from amaranth.hdl import Assert, Assume, Elaboratable, Fragment, Module, Mux, Signal
from amaranth.lib import stream

from lifline.rtl.cells.memory import Check
from lifline.rtl.synapses import gather as gather_module
from lifline.rtl.synapses import gather_pointers as pointers_module
from lifline.rtl.synapses import gather_segments as segments_module

from .prove import missing, mutated, prove
from .test_walk import CONFIG, inputs

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


class PointersCountEntries(Elaboratable):
    """A pointer is written when all entries before its position have been counted, and no other; those that wait are counted once and in order."""

    INSIDE = (
        ("counted = Signal.like(self.pointer)", "counted = self.counted = Signal.like(self.pointer)"),
        ("first, following = Signal(", "first, following = self.first, _ = Signal("),
        ("waiting, index, begins, beyond = ", "waiting, index, begins, beyond = self.waiting, self.now, _, _ = "),
        ("counts := Signal())", "counts := self.counts)"),
        ("advances = Signal()", "advances = self.advances = Signal()"),
        ("there = waiting |", "there = self.there = waiting |"),
        ("held, behind, more = ", "held, behind, more = self.held, self.behind, self.more = "),
    )

    def __init__(self, module: ModuleType) -> None:
        self.unit = module.Pointers(CONFIG)
        self.unit.counts = Signal()
        self.ports = inputs(self.unit)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self.unit
        m.submodules.unit = Fragment.get(unit, platform)  # at once: what is inside it is asked about below
        width = len(unit.index)
        entered, latest, counted, chosen, index = (Signal(width + 2, name=name) for name in ("entered", "latest", "counted", "chosen", "chosen_index"))
        was_ready, was_scanned, comes = Signal(init=1), Signal(), Signal()
        number, channels = AnyConst(width + 1), AnyConst(width)
        m.d.comb += [
            chosen.eq(number),
            comes.eq(unit.valid & unit.active),
            Assume(unit.channels == channels),
            Assume(channels != 0),
            Assume(~unit.start),
            Assume(~was_scanned | unit.scanned),
            Assume(~comes | (was_ready & (unit.index >= latest) & (entered < CONFIG.list_entries) & ~unit.scanned)),
            Assume(~unit.read | (unit.address < unit.known)),
        ]
        m.d.sync += [was_ready.eq(unit.ready), was_scanned.eq(unit.scanned)]
        with m.If(comes):  # `latest` : an index that may come
            m.d.sync += [entered.eq(entered + 1), latest.eq(unit.index + 1)]
            with m.If(entered == chosen):
                m.d.sync += index.eq(unit.index)
        with m.If(unit.counts):  # one more than the last index that was counted
            m.d.sync += counted.eq(unit.now + 1)
        m.d.comb += [
            Assert(entered <= CONFIG.list_entries),
            Assert(entered == unit.counted + unit.waiting + unit.more),
            Assert(~unit.more | unit.waiting),
            Assert(unit.ready == ~unit.waiting),
            Assert(~unit.more | ~was_ready),
            Assert(was_scanned | ((counted <= unit.first) & (unit.first <= 2 << width))),
            Assert(~unit.counts | unit.there),
            Assert(unit.counts | ~unit.there | unit.advances),
            Assert(~unit.advances | ~unit.there | (unit.now >= unit.first)),
            Assert(latest >= Mux(unit.more, unit.behind, Mux(unit.waiting, unit.held, 0))),
        ]
        with m.If(unit.waiting & (chosen == unit.counted)):
            m.d.comb += Assert(unit.held == index)
        with m.If(unit.more & (chosen == unit.counted + 1)):
            m.d.comb += Assert(unit.behind == index)
        return m


class RowsAreKept(Elaboratable):
    """Every row of a kernel comes out once, as a segment or as one without entries; its pointers are read when they are there, and not overwritten while they wait."""

    INSIDE = (
        ("going, second, arrived = ", "going, second, arrived = self.going, self.second, self.arrived = "),
        ("m.submodules.row = row = ", "m.submodules.row = row = self.row = "),
        ("left, first = Signal.like(kernel.weight), Signal.like(kernel.block), Signal(signed(COUNT_BITS + 1))", "left, first = Signal.like(kernel.weight), Signal.like(kernel.block), Signal(signed(COUNT_BITS + 1), init=-1)"),
        ("        end, arrived_first = ", "        self.left = left\n        end, arrived_first = "),
    )  # fmt: skip

    def __init__(self, module: ModuleType) -> None:
        self.unit = module.Segments(CONFIG)
        self.ports = inputs(self.unit)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self.unit
        m.submodules.unit = Fragment.get(unit, platform)  # at once: what is inside it is asked about below
        rows, comes, leaves = Signal(12), Signal(), Signal()
        m.d.comb += [comes.eq(unit.i.valid & unit.i.ready), leaves.eq(unit.arrived & unit.row.i.ready)]
        m.d.sync += rows.eq(rows + Mux(comes, unit.i.payload.rows + 1, 0) - leaves)
        m.d.comb += [
            Assert(rows == Mux(unit.going, unit.left + 2, 0) + unit.arrived),
            Assert(unit.left >= -1),
            Assert(~unit.second | unit.going),
            Assert(~(unit.read & unit.arrived & ~unit.row.i.ready)),
            Assert(~unit.read | unit.second | (unit.address < unit.known)),
            Assert(unit.busy == ((rows != 0) | unit.o.valid)),
            Assert(~unit.row.o.valid | (unit.row.o.payload.any == (unit.row.o.payload.segment.length != 0))),
            Assert(~unit.o.valid | (unit.o.payload.length != 0)),
        ]
        return m


class SegmentsAreUsed(Elaboratable):
    """As many entries are taken as segments have; none while a block's sums leave; the last block ends once, when no segment is left."""

    INSIDE = (
        ("self._lead(m, segments, over=begun & ~blocks.busy & ~segments.busy)", "self._lead(m, self.queue, over=self.over)"),
        ("held, last, left, block = ", "held, last, left, block = self.held, self.last, self.left, _ = "),
    )  # fmt: skip

    def __init__(self, module: ModuleType) -> None:
        self.unit = module.Gather(CONFIG)
        self.unit.queue = SimpleNamespace(o=stream.Signature(segments_module.segment_layout(CONFIG)).create())  # segments are an input here
        self.unit.over = Signal()
        segment = self.unit.queue.o
        self.ports = [*inputs(self.unit), self.unit.over, segment.valid, segment.payload.as_value()]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self.unit
        m.submodules.unit = Fragment.get(unit, platform)  # at once: what is inside it is asked about below
        segment, over = unit.queue.o, unit.over
        entries, was_over = Signal.like(unit.left), Signal()
        m.d.comb += [
            Assume(~over | ~segment.valid),
            Assume(~was_over | over),
            Assume(~segment.valid | (segment.payload.length != 0)),
            Assume(~unit.take | unit.available),
            Assume(~unit.drain | (unit.ended & ~unit.silent)),
            Assume(~unit.start),
        ]
        m.d.sync += [entries.eq(Mux(unit.jump, segment.payload.length, entries - unit.take)), was_over.eq(over)]
        m.d.comb += [
            Assert(Mux(unit.held, unit.left == entries, entries == 0)),
            Assert(~unit.held | (unit.left != 0)),
            Assert(~unit.held | (unit.last == (unit.left == 1))),
            Assert(~unit.jump | (entries == unit.take)),
            Assert(~unit.available | (unit.held & ~unit.ended)),
            Assert(~unit.ended | unit.held | unit.final),
            Assert(~(unit.jump & unit.ended)),
            Assert(~unit.final | (~unit.held & was_over)),
        ]
        return m


PROOFS = {
    "pointers-count-entries": (PointersCountEntries, pointers_module, (
        ("self.ready.eq(~stays)", "self.ready.eq(1)"),
        ("more.eq(waiting & ~counts & (more | comes))", "more.eq(0)"),
        ("held.eq(Mux(more, behind, self.index))", "held.eq(self.index)"),
        ("begins.eq(index >= first)", "begins.eq(index > first)"),
        ("beyond.eq(index >= following)", "beyond.eq(index > following)"),
        ("with m.If(~more):", "with m.If(self.valid):"),
    )),
    "rows-are-kept": (RowsAreKept, segments_module, (
        ("self.i.ready.eq(~going | (second & row_ends))", "self.i.ready.eq(~going | second)"),
        ("((pointed < self.known) | self.known[-1]) & ", ""),
        (" & (~arrived | row.i.ready)", ""),
        ("self.o.valid.eq(row.valid & row.payload.any)", "self.o.valid.eq(row.valid)"),
        ("self.busy.eq(going | arrived | self.o.valid)", "self.busy.eq(going | self.o.valid)"),
    )),
    "segments-are-used": (SegmentsAreUsed, gather_module, (
        ("segments.o.ready.eq(~held | (self.take & last))", "segments.o.ready.eq(~held | last)"),
        ("last.eq(left == 2)", "last.eq(left == 1)"),
        ("self.available.eq(held & ~self.ended)", "self.available.eq(held)"),
        ("over & ~held & ~self.ended", "over & ~self.ended"),
    )),
}  # fmt: skip
"""Wrapper, module, and lines of it with what a broken twin has instead."""
CASES = [(name, k) for name, (_, _, twins) in PROOFS.items() for k in range(-1, len(twins))]


@pytest.mark.parametrize(("name", "broken"), CASES, ids=[f"{name}-{'holds' if k < 0 else f'broken-twin-{k}-fails'}" for name, k in CASES])
def test_proof(tmp_path: Path, name: str, broken: int) -> None:
    wrapper, module, twins = PROOFS[name]
    changes = wrapper.INSIDE if broken < 0 else (*wrapper.INSIDE, twins[broken])
    design = wrapper(mutated(module, *changes))
    platform = None if wrapper is SegmentsAreUsed else Check.ASSERT
    assert prove(tmp_path, design, design.ports, 3 if broken < 0 else 14, platform=platform) is (broken < 0)
