"""Proofs of packed input: every ring word is two input words, in order, none lost or twice; and what is offered to the rings stays until it is taken."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from amaranth.hdl import Assert, Assume, Cat, Elaboratable, Module, Mux, Signal

from lifline.arch.limits import RING_BITS
from lifline.arch.records import INPUT_BITS
from lifline.rtl.cells.memory import Check
from lifline.rtl.spikes import input as input_module
from lifline.rtl.spikes import packed as packed_module

from .prove import around, missing, mutated, prove
from .test_streams import InputIsReadOnce

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

INSIDE = ("        here, whole, refuses = Signal()", "        self.inside = low, lower_there, looked, bad, used\n        here, whole, refuses = Signal()")
"""Show what the proof must know."""


class TwoWordsAreOne(Elaboratable):
    """A naive collector beside it: the first word consumed is the lower half; the second one is consumed one cycle after the ring word was taken or refused."""

    def __init__(self, module: ModuleType) -> None:
        self.unit = unit = module.PackedWord()
        self.ports = [unit.discard, unit.active, unit.last, unit.beyond, unit.valid, unit.word, unit.ready]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = unit = self.unit
        unit_module = unit.elaborate(platform)
        unit.elaborate = lambda platform: unit_module
        ends, consumed = unit.refused | (unit.offered & unit.ready), Signal()
        m.d.comb += consumed.eq(unit.consume)

        # The neighbours: a word in hand stays until it is consumed, an address until its word is taken or refused, and neurons are as many as ever.
        started, in_hand, waits, word, last, beyond = Signal(), Signal(), Signal(), Signal.like(unit.word), Signal(), Signal.like(unit.beyond)
        m.d.sync += [
            started.eq(1), in_hand.eq(unit.valid & ~consumed & ~unit.discard), waits.eq(unit.active & ~ends & ~unit.discard),
            word.eq(unit.word), last.eq(unit.last), beyond.eq(unit.beyond),
        ]  # fmt: skip
        m.d.comb += [
            Assume(~in_hand | (unit.valid & (unit.word == word))),
            Assume(~waits | (unit.active & (unit.last == last))),
            Assume(~started | (unit.beyond == beyond)),
        ]

        # The reference.
        low, half, owed = Signal(INPUT_BITS), Signal(), Signal()
        m.d.sync += owed.eq(ends & ~unit.discard)
        with m.If(consumed & ~owed):
            m.d.sync += [half.eq(1), low.eq(unit.word)]
        with m.If(ends | unit.discard):
            m.d.sync += half.eq(0)
        neurons = Cat(low, unit.word)
        named = Cat(neurons[k] & (k >= unit.beyond) for k in range(RING_BITS)).any() & unit.beyond.any()
        wrong = unit.last & named
        inside_low, lower_there, looked, bad, used = unit.inside
        lower_named = Cat(low[k] & (k >= unit.beyond) for k in range(INPUT_BITS)).any() & unit.beyond.any()
        m.d.comb += [
            Assert((owed == used) & (half == lower_there) & ~(half & owed) & (~owed | unit.valid)),
            Assert( ~half | (low == inside_low)),
            Assert(half | ~(looked | bad)),
            Assert(~half | unit.active),
            Assert(~half | (bad == (unit.last & Mux(looked, named, lower_named)))),
            Assert(~looked | (unit.last & unit.valid)),
        ]
        waited = Signal(range(4))  # cycles in which the upper half is there and nothing comes of it
        m.d.sync += waited.eq(Mux(unit.active & unit.valid & half & ~unit.offered & ~unit.refused & ~unit.discard, waited + 1, 0))
        m.d.comb += [
            Assert(~consumed | unit.valid),
            Assert(consumed == (owed | (unit.active & unit.valid & ~half))),
            Assert(~(unit.offered & unit.refused)),
            Assert(~unit.offered | (half & (unit.neurons == neurons) & ~wrong)),
            Assert(~unit.refused | (half & wrong)),
            Assert(waited <= 1),
        ]
        return m


class WritesAreStable(InputIsReadOnce):
    """What the input writer offers stays until it is taken; discarding comes between runs."""

    def elaborate(self, platform: object) -> Module:
        m = super().elaborate(platform)
        spike = self.writer.write.payload
        shown = Cat(spike.address, spike.merge, Mux(spike.merge, spike.neuron, spike.word))
        waits, before = Signal(), Signal.like(shown)
        m.d.sync += [waits.eq(self.writer.write.valid & ~self.writer.write.ready), before.eq(shown)]
        m.d.comb += Assume(~self.writer.control.discard)
        with m.If(waits):
            m.d.comb += [Assert(self.writer.write.valid), Assert(shown == before)]
        return m


TWINS = {
    "a word is taken before the rings are ready": ("used.eq((self.offered & self.ready) | refuses)", "used.eq(self.offered | refuses)"),
    "the lower half is not looked at": ("bad.eq(self.last & found)", "bad.eq(0)"),
    "the upper half is not looked at": ("bad.eq(bad | found)", "bad.eq(bad)"),
    "bits count as beyond from one too far on": ("Mux(first[-1], any_from(high, first[:-1]), high.any() | any_from(low, first[:-1]))", "Mux(first[-1], high[1:].any(), high.any() | any_from(low, first[:-1]))"),
    "a refused word is kept": ("with m.If((self.offered & self.ready) | refuses)", "with m.If(self.offered & self.ready)"),
    "halves change places": ("Cat(low, self.word)", "Cat(self.word, low)"),
}  # fmt: skip


def test_every_ring_word_is_two_input_words(tmp_path: Path) -> None:
    design = TwoWordsAreOne(mutated(packed_module, INSIDE))
    assert prove(tmp_path, design, design.ports, 6)


@pytest.mark.parametrize("name", TWINS)
def test_a_broken_collector_fails(tmp_path: Path, name: str) -> None:
    design = TwoWordsAreOne(mutated(packed_module, TWINS[name], INSIDE))
    assert not prove(tmp_path, design, design.ports, 8)


def test_what_is_offered_to_the_rings_stays(tmp_path: Path) -> None:
    design = WritesAreStable(input_module)
    assert prove(tmp_path, design, design.ports, 4, platform=Check.ASSERT)


def test_a_writer_that_forgets_what_it_offers_fails(tmp_path: Path) -> None:
    twin = mutated(packed_module, ("with m.If((self.offered & self.ready) | refuses)", "with m.If(self.offered | refuses)"))
    design = WritesAreStable(around(input_module, packed_module, twin))
    assert not prove(tmp_path, design, design.ports, 24)
