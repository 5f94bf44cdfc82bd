"""Proofs that nobody uses a word that was read in the cycle in which it was written, for every memory that a unit owns.

``boards/build.py`` switches the collision logic of all memories off. The assertion is in ``rtl/cells/memory.py``; here are the
environments that the units promise it for. The memories between units are checked in simulation, see ``docs/verification.md``.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from amaranth.hdl import Assert, Assume, Cat, Elaboratable, Fragment, Module, Signal, Value

from lifline.arch.config import preset
from lifline.arch.timing import ACCUMULATE_SPACING
from lifline.rtl.cells.memory import Check
from lifline.rtl.host import link as link_module
from lifline.rtl.host import registers as registers_module
from lifline.rtl.spikes import input as input_module
from lifline.rtl.spikes import recorder as record_module
from lifline.rtl.synapses import entries as entries_module
from lifline.rtl.synapses import event_issue as event_module
from lifline.rtl.synapses import slots as slots_module

from .prove import missing, mutated, prove

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
CONFIG = preset("tiny").replace(input_words=16, output_words=16)
EVENT_ONLY = preset("tiny").replace(dense_lanes=0, drain_cycles=1, list_entries=64, max_neurons=32)


def inputs(unit: Any) -> list[Value]:
    """Signals of all inputs of a component."""
    found: list[Value] = []
    for _, member, value in unit.signature.flatten(unit):
        if member.flow.name == "In":
            found.append(value if isinstance(value, Signal) else value.as_value())
    return found


class LinkBuffer(Elaboratable):
    """Whatever the driver sends and the core answers."""

    def __init__(self, module: ModuleType) -> None:
        self.unit = module.Link()
        self.ports = inputs(self.unit)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = self.unit
        return m


class Registers(Elaboratable):
    """The host writes only in a cycle that is not free and does not follow a free one."""

    def __init__(self, module: ModuleType) -> None:
        self.unit = module.RegisterMemory()
        self.ports = inputs(self.unit)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = unit = self.unit
        was_free = Signal()
        m.d.sync += was_free.eq(unit.free)
        m.d.comb += Assume(~(unit.write & (unit.free | was_free)))
        return m


class InputMemory(Elaboratable):
    """The host never writes a word that the writer may still read, and never reads right after a write."""

    def __init__(self, module: ModuleType) -> None:
        self.unit = module.InputWriter(CONFIG)
        self.ports = inputs(self.unit)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = unit = self.unit
        waiting, wrote = Signal.like(unit.control.available), Signal()
        m.d.comb += waiting.eq(unit.control.available - unit.control.taken)
        m.d.sync += wrote.eq(unit.host.write)
        m.d.comb += [
            Assume(waiting <= CONFIG.input_words),
            Assume(~unit.host.write | ((unit.host.address - unit.control.taken)[: len(unit.host.address)] >= waiting)),
            Assume(~(unit.host.read & (unit.host.write | wrote))),
        ]
        return m


class RecorderMemory(Elaboratable):
    """Nothing is written while the memory is full; the host frees no more than there is; nothing is cleared while a row is sent."""

    def __init__(self, module: ModuleType) -> None:
        self.unit = module.Recorder(CONFIG)
        self.ports = inputs(self.unit)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = unit = self.unit
        waiting, count, full = Signal.like(unit.output.count), Signal.like(unit.output.count), Signal()
        m.d.comb += waiting.eq(unit.output.count - unit.output.taken)
        m.d.sync += [count.eq(unit.output.count), full.eq(waiting == CONFIG.output_words)]
        m.d.comb += [
            Assume(waiting <= CONFIG.output_words),
            Assume(~full | (unit.output.count == count)),
            Assume(~(unit.words.valid & (waiting == CONFIG.output_words))),
            Assume(~(unit.command.clear & unit.command.busy)),
        ]
        return m


class ListOfEntries(Elaboratable):
    """No entry comes while the list is full, nor in the cycle in which a dense pass starts again from the first one."""

    def __init__(self, module: ModuleType) -> None:
        self.unit = module.EntryList(CONFIG.replace(list_entries=64, max_neurons=32))
        self.ports = inputs(self.unit)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self.unit
        m.submodules.unit = Fragment.get(unit, platform)
        written, next_pointer = unit.inside
        m.d.comb += [
            Assume(~(unit.source.valid & ((written - next_pointer)[: len(written)] == unit.config.list_entries))),
            Assume(~(unit.source.valid & unit.rewind)),
            Assume(unit.available | ~unit.take),
        ]
        return m


class Slots(Elaboratable):
    """No slot is accepted while it is on its way from its last use, nor while the weights of the last one are late; without the update."""

    def __init__(self, module: ModuleType) -> None:
        self.unit = module.Slots(EVENT_ONLY, carry_cells=False)
        self.ports = [signal for signal in inputs(self.unit) if signal is not self.unit.read.used]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self.unit
        m.submodules.unit = Fragment.get(unit, platform)
        adding, addresses, read_address = unit.inside
        m.d.comb += [
            Assume(~use.accepted | (use.wanted & ~unit.late & ~(flying & (address == read_address))))
            for use in (unit.drain, unit.event)
            for flying, address in zip(adding, addresses, strict=True)
        ]
        m.d.comb += [Assume(unit.drain.wanted == unit.drain.accepted), Assume(~(unit.event.accepted & unit.drain.wanted)), Assume(~unit.late | adding[0])]
        return m


class EventSpacing(Elaboratable):
    """Event mode keeps the slots' promise: no block is accepted while it is on its way from its last use.

    Words are at most two cycles late in a row: in a longer wait nothing moves. A pass starts while nothing is issued.
    """

    def __init__(self, module: ModuleType) -> None:
        self.unit, self.late = module.EventIssue(EVENT_ONLY), Signal()
        self.ports = [*inputs(self.unit), self.late]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit, late = self.unit, self.late
        m.submodules.unit = unit
        accepted, was_late = Signal(), Signal(2)
        adding, blocks = Signal(ACCUMULATE_SPACING - 1), [Signal.like(unit.block, name=f"block{k}") for k in range(ACCUMULATE_SPACING - 1)]
        m.d.comb += accepted.eq(unit.issue & ~unit.hold)
        m.d.sync += [
            was_late.eq(Cat(late, was_late)),
            adding.eq(Cat(accepted | (adding[0] & late), adding[0] & ~late, adding[1:])),
            Cat(blocks[1:]).eq(Cat(blocks)),
        ]
        with m.If(~late):
            m.d.sync += blocks[0].eq(unit.block)
        m.d.comb += [
            Assume(~late | (unit.hold & ~was_late.all())),
            Assume(~(unit.start & (unit.ready | unit.hold | unit.issue | ~unit.ending))),
            Assume(unit.blocks <= EVENT_ONLY.max_blocks),
        ]
        m.d.comb += [Assert(~(accepted & flying & (block == unit.block))) for flying, block in zip(adding, blocks, strict=True)]
        return m


INSIDE = {
    entries_module: ("        with m.If(self.source.valid):", "        self.inside = written, next_pointer\n        with m.If(self.source.valid):"),
    slots_module: ("        with m.If(~self.late):", "        self.inside = adding, addresses, memory.read_address\n        with m.If(~self.late):"),
}
"""Shows what the proof of the list and the slots must know."""

PROOFS = {
    "link-buffer": (LinkBuffer, link_module, "receiver.word_valid | executor.read_valid", "receiver.word_valid | replier.busy", 4),
    "registers": (Registers, registers_module, "memory.read_enable.eq(~updating)", "memory.read_enable.eq(1)", 4),
    "input": (InputMemory, input_module, "& (self.taken != self.available) &", "&", 4),
    "recorder": (RecorderMemory, record_module, "< used)", "<= used)", 4),
    "list": (ListOfEntries, entries_module, "written != following, written != pointer)", "written != following, written + self.source.valid != pointer)", 6),
    "slots": (Slots, slots_module, "memory.read_enable.eq(~self.late)", "memory.read_enable.eq(1)", 6),
    "events-in-slots": (EventSpacing, event_module, "before_final.eq(ACCUMULATE_SPACING - 2)", "before_final.eq(ACCUMULATE_SPACING - 3)", 16),
}  # fmt: skip
"""Environment, module, a piece of it and what the broken twin has instead, steps of the induction."""


@pytest.mark.parametrize("broken", [False, True], ids=["holds", "broken-twin-fails"])
@pytest.mark.parametrize("name", PROOFS)
def test_no_collided_word_is_used(tmp_path: Path, name: str, broken: bool) -> None:
    wrapper, module, old, new, depth = PROOFS[name]
    changes = [INSIDE[module]] if module in INSIDE else []
    design = wrapper(mutated(module, *changes, *([(old, new)] if broken else [])))
    assert prove(tmp_path, design, design.ports, 30 if broken else depth, platform=Check.ASSERT) is not broken
