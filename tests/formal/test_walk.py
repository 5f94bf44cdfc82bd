"""Proofs about the walk: no index is lost or comes twice, and every one visits as many pairs as its loops say. Each has broken twins."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from amaranth.hdl import Assert, Assume, Cat, Elaboratable, Fragment, Module, Mux, Signal
from amaranth.lib.wiring import In

from lifline.arch.maps import TABLES
from lifline.rtl.cells import buffers as buffers_module
from lifline.rtl.synapses import look_up as look_up_module
from lifline.rtl.synapses import loops as loops_module
from lifline.sim.random.variants import VARIANTS

from .prove import missing, mutated, prove

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
CONFIG = VARIANTS["tiny"].replace(map_words=16)
EXISTS = 31  # bit of a table's word
SMALL = 3
"""Repetitions less one that the proof of the loops goes up to, in each of them."""


def inputs(unit: object) -> list[Signal]:
    found = [value for _, member, value in unit.signature.flatten(unit) if member.flow is In]  # type: ignore[attr-defined]
    return [value if isinstance(value, Signal) else value.as_value() for value in found]


class IndicesWaitInOrder(Elaboratable):
    """What enters the buffer before the first stage leaves it once and in order: payloads count, those that enter and those that leave."""

    INSIDE = (("held, moves = Signal.like(self.i.payload), Signal()", "held, moves = self.held, _ = Signal.like(self.i.payload), Signal()"),)
    BITS = 3

    def __init__(self, module: ModuleType) -> None:
        self.unit = module.StreamBuffer(self.BITS)
        self.ports = inputs(self.unit)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        source = self.unit
        m.submodules.unit = Fragment.get(source, platform)  # at once: what is inside it is asked about below
        entered, left = Signal(self.BITS), Signal(self.BITS)
        m.d.sync += [entered.eq(entered + (source.i.valid & source.i.ready)), left.eq(left + (source.o.valid & source.o.ready))]
        inside = Signal(self.BITS)
        m.d.comb += [Assume(source.i.payload == entered), inside.eq(entered - left), Assert(inside == source.o.valid + source.waits)]
        with m.If(source.o.valid):
            m.d.comb += Assert(source.o.payload == left)
        with m.If(source.waits):
            m.d.comb += [Assert(source.o.valid), Assert(source.held == (left + 1)[: self.BITS])]
        return m


class IndicesAreKept(Elaboratable):
    """Every index that is taken is in one of the stages until it leaves or is dropped; while one waits for the words that were read, nothing else is read."""

    INSIDE = (
        ("read, mask = Signal(), ", "read, mask = self.read, _ = Signal(), "),
        ("m.submodules.words = words =", "m.submodules.words = words = self.kept ="),
        ("m.submodules.sums = sums =", "m.submodules.sums = sums = self.added ="),
    )

    def __init__(self, module: ModuleType) -> None:
        self.unit = module.LookUp(CONFIG)
        self.ports = inputs(self.unit)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        source = self.unit
        m.submodules.unit = Fragment.get(source, platform)  # at once: what is inside it is asked about below
        inside, found = Signal(3), Signal()
        taken, left, dropped = Signal(), Signal(), Signal()
        m.d.comb += [
            found.eq(Cat(word[EXISTS] for word in source.maps.words).all()),
            taken.eq(source.i.valid & source.i.ready),
            left.eq(source.o.valid & source.o.ready),
            dropped.eq(source.read & source.kept.i.ready & ~found),
        ]
        m.d.sync += inside.eq(inside + taken - left - dropped)
        m.d.comb += [
            Assert(inside == source.read + source.kept.o.valid + source.added.o.valid),
            Assert(source.busy == (inside != 0)),
            Assert(~(source.maps.enable & source.read & ~source.kept.i.ready)),
        ]
        waiting, shown = Signal(), Signal.like(source.o.payload.as_value())
        m.d.sync += [waiting.eq(source.o.valid & ~source.o.ready), shown.eq(source.o.payload.as_value())]
        with m.If(waiting):
            m.d.comb += [Assert(source.o.valid), Assert(source.o.payload.as_value() == shown)]
        return m


class PairsAreCounted(Elaboratable):
    """A walk of a, b and c repetitions is a * b * c pairs, each of which stays until it is taken, however the next walk waits."""

    INSIDE = (
        ('left, count = Signal(signed(COUNT_BITS + 1), name=f"left{k}"), self.i.payload.counts[k]',
         'left, count = Signal(signed(COUNT_BITS + 1), init=-1, name=f"left{k}"), self.i.payload.counts[k]\n            self.left[k] = left'),
        ('length = Signal(COUNT_BITS, name=f"length{k}")', 'length = self.length[k] = Signal(COUNT_BITS, name=f"length{k}")'),
    )  # fmt: skip

    def __init__(self, module: ModuleType) -> None:
        self.unit = module.Loops(CONFIG)
        self.unit.left, self.unit.length = {}, {}
        self.ports = inputs(self.unit)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        source = self.unit
        m.submodules.unit = Fragment.get(source, platform)  # at once: what is inside it is asked about below
        counts = source.i.payload.counts
        remaining = Signal(9)
        begins, taken = source.i.valid & source.i.ready, source.o.valid & source.o.ready
        m.d.comb += [Assume(counts[k] <= SMALL) for k in range(TABLES)]
        small = [Signal(2, name=f"count{k}") for k in range(TABLES)]
        after = [Signal(3, name=f"after{k}") for k in range(TABLES)]  # repetitions behind this one
        lengths = [Signal(3, name=f"repetitions{k}") for k in range(2)]
        m.d.comb += [bits.eq(counts[k]) for k, bits in enumerate(small)]
        m.d.comb += [bits.eq(source.left[k] + 1) for k, bits in enumerate(after)]
        m.d.comb += [bits.eq(source.length[k] + 1) for k, bits in enumerate(lengths)]
        product = (small[0] + 1) * (small[1] + 1) * (small[2] + 1)
        m.d.sync += remaining.eq(Mux(begins, product, Mux(taken, remaining - 1, remaining)))
        for k in range(TABLES):
            m.d.comb += Assert((source.left[k] >= -1) & (source.left[k] < SMALL))
        m.d.comb += [Assert(source.length[k] <= SMALL) for k in range(2)]
        to_come = after[0] + lengths[0] * (after[1] + lengths[1] * after[2]) + 1
        m.d.comb += Assert(remaining == Mux(source.o.valid, to_come, 0))
        waiting, shown = Signal(), Signal.like(source.o.payload.as_value())
        m.d.sync += [waiting.eq(source.o.valid & ~source.o.ready), shown.eq(source.o.payload.as_value())]
        with m.If(waiting):
            m.d.comb += [Assert(source.o.valid), Assert(source.o.payload.as_value() == shown)]
        return m


PROOFS = {
    "indices-wait-in-order": (IndicesWaitInOrder, buffers_module, (
        ("self.i.ready.eq(~self.waits)", "self.i.ready.eq(1)"),
        ("self.waits.eq(~moves & (self.waits | self.i.valid))", "self.waits.eq(~moves & self.i.valid)"),
        ("Mux(self.waits, held, self.i.payload)", "Mux(self.i.valid, self.i.payload, held)"),
        ("with m.If(~self.waits):", "with m.If(self.i.valid):"),
    )),
    "indices-are-kept": (IndicesAreKept, look_up_module, (
        ("self.i.ready.eq(~read | words.i.ready)", "self.i.ready.eq(1)"),
        ("self.maps.enable.eq(self.i.ready)", "self.maps.enable.eq(1)"),
        ("words.i.valid.eq(read & ", "words.i.valid.eq("),
        ("self.busy.eq(read | words.o.valid | ", "self.busy.eq(read | "),
    )),
    "pairs-are-counted": (PairsAreCounted, loops_module, (
        ("accepts.eq(~self.o.valid | (self.o.ready & ends))", "accepts.eq(~self.o.valid | ends)"),
        ("enters.eq(~self.o.valid | ends)", "enters.eq(ends)"),
        ("accepts | (moves & last[:2].all())", "accepts | (moves & last[1])"),
        ("Mux(last[k], length, left)", "left"),
    )),
}  # fmt: skip
"""Wrapper, module, and lines of it with what a broken twin has instead."""
CASES = [(name, k) for name, (_, _, twins) in PROOFS.items() for k in range(-1, len(twins))]


@pytest.mark.parametrize(("name", "broken"), CASES, ids=[f"{name}-{'holds' if k < 0 else f'broken-twin-{k}-fails'}" for name, k in CASES])
def test_proof(tmp_path: Path, name: str, broken: int) -> None:
    wrapper, module, twins = PROOFS[name]
    changes = wrapper.INSIDE if broken < 0 else (*wrapper.INSIDE, twins[broken])
    design = wrapper(mutated(module, *changes))
    assert prove(tmp_path, design, design.ports, 3 if broken < 0 else 14) is (broken < 0)
