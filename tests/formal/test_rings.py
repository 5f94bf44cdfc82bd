"""Proof that the rings lose no write, do none twice, and let the right one go first, for all engines that keep their side."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from amaranth.asserts import AnyConst
from amaranth.hdl import Assert, Assume, Cat, Elaboratable, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import preset
from lifline.arch.limits import RING_BITS
from lifline.rtl.spikes import rings as rings_module

from .prove import missing, mutated, prove

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
CONFIG = preset("tiny").replace(ring_words=16, max_neurons=4, window=1, max_delay=1, drain_cycles=1, dense_bits=16)
WRITERS = 3


class OneWord(wiring.Component):
    """In the place of the memory: keeps the one word at ``where`` and shows ``noise`` for all others, and for this one if it is read while it is written."""

    def __init__(self, *, width: int, depth: int) -> None:
        address = range(depth)
        super().__init__(
            {
                "read_address": In(address),
                "read_enable": In(1, init=1),
                "read_data": Out(width),
                "write_address": In(address),
                "write_enable": In(1),
                "write_data": In(width),
                "where": In(address),
                "noise": In(width),
                "word": Out(width),
                "written": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        known, shown = Signal(), Signal.like(self.word)
        m.d.comb += [
            self.written.eq(self.write_enable & (self.write_address == self.where)),
            self.read_data.eq(Mux(known, shown, self.noise)),
        ]
        with m.If(self.read_enable):
            m.d.sync += [known.eq((self.read_address == self.where) & ~self.written), shown.eq(self.word)]
        with m.If(self.written):
            m.d.sync += self.word.eq(self.write_data)
        return m


class EveryWriteOnce(Elaboratable):
    """Any one word of the rings: what is in it are the writes that were taken, in this order, each written in one cycle."""

    def __init__(self, module: ModuleType) -> None:
        module.__dict__["Ram"] = OneWord
        self.unit = unit = module.Rings(CONFIG, WRITERS)
        self.noise = Signal(RING_BITS)
        self.ports = [
            unit.running, unit.clear.clearing, unit.clear.address, unit.scan.busy, unit.scan.address, unit.scan.enable, unit.scan.clear,
            unit.scan.clear_address, self.noise,
        ]  # fmt: skip
        for writer in (*unit.writers, unit.host):
            self.ports += [writer.valid, writer.payload.as_value()]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = unit = self.unit
        unit_module = unit.elaborate(platform)
        memory = unit.inside
        unit.elaborate = lambda platform: unit_module
        where = Signal(range(CONFIG.ring_words))
        m.d.comb += [where.eq(AnyConst(len(where))), memory.where.eq(where), memory.noise.eq(self.noise)]
        writers = [*unit.writers, unit.host]
        first, host = unit.writers[0], unit.host

        # Engines: offer until it is taken; the first only in a run, and not while rings are cleared or scanned; the host whole words between runs.
        stalled, here, taken = [], [], []
        for writer in writers:
            spike = writer.payload
            shown = Cat(spike.address, spike.merge, Mux(spike.merge, spike.neuron, spike.word))
            was_stalled, payload = Signal(), Signal.like(shown)
            m.d.sync += [was_stalled.eq(writer.valid & ~writer.ready), payload.eq(shown)]
            m.d.comb += Assume(~was_stalled | (writer.valid & (shown == payload)))
            stalled.append(was_stalled)
            here.append(writer.valid & (writer.payload.address == where))
            taken.append(writer.valid & writer.ready & (writer.payload.address == where))
        m.d.comb += [
            Assume(~first.valid | (unit.running & ~unit.scan.busy & ~unit.clear.clearing)),
            Assume(~(unit.scan.busy & unit.clear.clearing) & (unit.scan.busy | ~unit.scan.clear)),
            Assume(unit.running | ~(unit.scan.busy | unit.clear.clearing)),
            Assume(~host.payload.merge & (host.valid | ~stalled[-1])),
            Assume((first.payload.word == 0) | ~first.payload.merge),
            Assume(first.valid | ((first.payload.word == 0) & ~first.payload.merge)),
        ]
        # Nobody scans a word in the cycle in which it is taken or cleared, or in the next one.
        scanned = unit.scan.busy & unit.scan.enable & (unit.scan.address == where)
        cleared = (unit.scan.clear & (unit.scan.clear_address == where)) | (unit.clear.clearing & (unit.clear.address == where))
        pending = Signal()
        m.d.sync += pending.eq(Cat(taken).any() | cleared)
        m.d.comb += Assume(~(scanned & (pending | cleared)))

        # What must be in the word: what was taken, one cycle before it is there.
        expected = Signal(RING_BITS)
        for writer, now in zip(writers, taken, strict=True):
            with m.If(now):
                m.d.sync += expected.eq(Mux(writer.payload.merge, expected | (1 << writer.payload.neuron), writer.payload.word))
        with m.If(cleared):
            m.d.sync += expected.eq(0)
        m.d.comb += Assert(memory.written == pending)
        with m.If(pending):
            m.d.comb += Assert(memory.write_data == expected)
        with m.Else():
            m.d.comb += Assert(memory.word == expected)
        scan_shows, scan_word = Signal(), Signal(RING_BITS)
        m.d.sync += scan_shows.eq(scanned)
        with m.If(scanned):
            m.d.sync += scan_word.eq(expected)
        with m.If(scan_shows):
            m.d.comb += Assert(unit.scan.data == scan_word)

        # Who goes first, one at a time; nobody waits for longer than others use the memory.
        second, third = unit.writers[1:]
        used = first.valid | unit.scan.busy | unit.clear.clearing | ~unit.running
        m.d.comb += [
            Assert(~first.valid | first.ready),
            Assert((second.valid & second.ready) == (second.valid & ~used)),
            Assert((third.valid & third.ready) == (third.valid & ~used & ~second.valid)),
            Assert((host.valid & host.ready) == (host.valid & ~unit.running)),
        ]
        return m


INSIDE_RINGS = ("        # It is written in the next cycle", "        self.inside = memory\n        # It is written in the next cycle")
"""Show what the proof must know."""

TWINS = {
    "a bit is read while the scan reads": ("~earlier & ~scan.busy & ~clear", "~earlier & ~clear"),
    "two writers are taken at once": ("for other in (first, *others[:k]))", "for other in (first, *others[:0]))"),
    "a later writer goes first": ("(first, *others[:k])", "(first, *others[k + 1 :])"),
    "a word that is being written does not go round": ("& again.replicate", "& (again & 0)[0].replicate"),
    "a word that was read too early counts": ("read.eq(merge & ~again)", "read.eq(merge)"),
    "a word is written while it waits": ("whole.append(taken[-1] & ~writer.payload.merge)", "whole.append(writer.valid & ~writer.payload.merge)"),
    "a bit brings a word with it": ("whole.append(taken[-1] & ~writer.payload.merge)", "whole.append(taken[-1])"),
    "a word goes round to another one": ("memory.write_enable & one_of([memory.write_address == spike.address for", "memory.write_enable & one_of([Const(1) for"),
    "nothing but the last write goes round": ("(memory.write_data & again", "(word & again"),
    "the scan loses the memory": ("Mux(scan.busy, scan.address, address)", "Mux(scan.busy & ~others[0].valid, scan.address, address)"),
    "the host writes in a run": ("host.ready.eq(~self.running)", "host.ready.eq(1)"),
}  # fmt: skip


def test_no_write_is_lost_or_done_twice(tmp_path: Path) -> None:
    design = EveryWriteOnce(mutated(rings_module, INSIDE_RINGS))
    assert prove(tmp_path, design, design.ports, 3)


@pytest.mark.parametrize("name", TWINS)
def test_a_broken_twin_fails(tmp_path: Path, name: str) -> None:
    design = EveryWriteOnce(mutated(rings_module, TWINS[name], INSIDE_RINGS))
    assert not prove(tmp_path, design, design.ports, 12)
