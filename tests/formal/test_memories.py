"""Proofs that nobody uses a word that was read in the cycle in which it was written, for every memory that a unit owns.

``boards/build.py`` switches the collision logic of all memories off. The assertion is in ``rtl/cells/memory.py``; here are the
environments that the units promise it for. The memories between units are checked in simulation, see ``docs/verification.md``.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from amaranth.hdl import Assert, Assume, Elaboratable, Fragment, Module, Signal, Value

from lifline.arch.config import preset
from lifline.rtl.cells.memory import Check
from lifline.rtl.host import link as link_module
from lifline.rtl.host import registers as registers_module
from lifline.rtl.spikes import input as input_module
from lifline.rtl.spikes import recorder as record_module
from lifline.rtl.synapses import entries as entries_module
from lifline.rtl.synapses import slots as slots_module
from lifline.rtl.synapses.event_issue import EventIssue

from .prove import missing, mutated, prove

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
CONFIG = preset("tiny").replace(input_words=16, output_words=16)
EVENT_ONLY = preset("tiny").replace(event_lanes=2, dense_lanes=0, multipliers=1, drain_cycles=1, list_entries=64, max_neurons=8, slot_words=16)


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
        self.unit = module.Link(queue_bytes=4)
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
    """The host never writes a word that the writer may still read, and never reads right after a write; there are as many neurons as ever."""

    def __init__(self, module: ModuleType) -> None:
        self.unit = module.InputWriter(CONFIG)
        self.ports = inputs(self.unit)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = unit = self.unit
        waiting, wrote = Signal.like(unit.control.available), Signal()
        available, discarded = Signal.like(unit.control.available), Signal(init=1)
        m.d.sync += [available.eq(unit.control.available), discarded.eq(unit.control.discard)]
        m.d.comb += waiting.eq(unit.control.available - unit.control.taken)
        started, neurons = Signal(), Signal.like(unit.control.neurons)
        m.d.sync += [wrote.eq(unit.host.write), started.eq(1), neurons.eq(unit.control.neurons)]
        m.d.comb += [
            Assume(~started | (unit.control.neurons == neurons)),
            Assume(waiting <= CONFIG.input_words),
            Assume(discarded | ((unit.control.available - available)[: len(available)] <= CONFIG.input_words)),
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


class EventsAndUpdates(Elaboratable):
    """Slots with event issue before them, and with an update that comes and goes as close behind it as the sequencer ever lets it.

    Anything may come as an entry, as a weight that is late or refused (from a memory that ever is), as the next step's first slot, and as the pace of the
    update. It reads block after block, and none again after its last row. It begins two cycles after accumulation was complete.
    No slot is used while one of its writes is on its way.
    """

    def __init__(self, module: ModuleType) -> None:
        self.unit, self.event = module.Slots(EVENT_ONLY, carry_cells=False), EventIssue(EVENT_ONLY)
        self.free = {name: Signal(name=name) for name in ("prompt", "available", "late", "busy", "begin", "advance", "uses", "is_last", "moves", "ends")}
        self.next_base = Signal.like(self.unit.base)
        self.ports = [*self.free.values(), self.next_base, self.event.last_block]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self.unit
        m.submodules.unit = Fragment.get(unit, platform)
        m.submodules.event = event = self.event
        prompt, late, begin, advance, ends = (self.free[name] for name in ("prompt", "late", "begin", "advance", "ends"))
        accumulating, updating = Signal(init=1), Signal()  # neither: between the two
        done, hold, expected, started, was_prompt = Signal(), Signal(), Signal(), Signal(), Signal()
        m.d.sync += [started.eq(1), was_prompt.eq(prompt), expected.eq(unit.event.accepted | late)]
        m.d.comb += [
            hold.eq(late | (event.issue & self.free["busy"])),
            event.base.eq(unit.base),
            event.ready.eq(accumulating & self.free["available"] & ~begin & ~advance),
            event.hold.eq(hold),
            event.conflict.eq(unit.conflict),
            unit.event.wanted.eq(event.active),
            unit.event.accepted.eq(event.issue & ~hold),
            unit.event.slot.eq(event.slot),
            unit.next_slot.eq(event.next_slot),
            unit.late.eq(late),
            done.eq(accumulating & event.ending & (prompt | ~(event.issue | late)) & ~unit.unsettled),
            Assume(~started | (prompt == was_prompt)),
            Assume(~late | expected),
            Assume(~prompt | ~(late | self.free["busy"])),
            Assume(event.last_block < EVENT_ONLY.max_blocks),
            Assume(~(begin | advance) | done),
            Assume(~(begin & advance)),
            Assume(~ends | updating),
        ]
        with m.If(begin):
            m.d.sync += accumulating.eq(0)
        m.d.sync += updating.eq((updating & ~ends) | ~(accumulating | updating))
        with m.If(ends):
            m.d.sync += accumulating.eq(1)
        with m.If(ends | advance):
            m.d.sync += unit.base.eq(self.next_base)
        self.update(m, updating, ends)
        adding, addresses, clear, address = unit.inside
        for k, (flying, target) in enumerate(zip(adding, addresses, strict=True)):
            written = flying | clear if k == 0 else flying
            m.d.comb += Assert(~((unit.event.accepted | self.free["uses"]) & written & (target == address)))
        if platform is Check.ASSERT:  # what an induction needs to know
            m.d.comb += [Assert(~(accumulating & updating)), Assert(accumulating | (~event.active & (was_prompt | ~expected)))]
        return m

    def update(self, m: Module, updating: Signal, ends: Signal) -> None:
        """Reads rows, each in the cycle in which it is used, if any."""
        read, uses, is_last, moves = self.unit.read, self.free["uses"], self.free["is_last"], self.free["moves"]
        cleared = Signal()  # the block in hand has had its last row
        m.d.comb += [Assume(~(uses | moves) | updating), Assume(~(uses & cleared)), Assume(~moves | (read.block < self.event.last_block))]
        m.d.sync += [read.used.eq(uses), read.last.eq(is_last), cleared.eq((cleared | (uses & is_last)) & ~(moves | ends))]
        with m.If(moves):
            m.d.sync += read.block.eq(read.block + 1)
        with m.If(ends):
            m.d.sync += read.block.eq(0)
        m.d.comb += [Assert(updating | (read.block == 0)), Assert(updating | ~cleared)]


INSIDE = {
    slots_module: ("        self.guard(m, ", "        self.inside = adding, addresses, clear, memory.read_address\n        self.guard(m, "),
    entries_module: ("        with m.If(self.source.valid):", "        self.inside = written, next_pointer\n        with m.If(self.source.valid):"),
}
"""Shows what the proofs of the list and the slots must know."""

PROOFS = {
    "link-buffer": (LinkBuffer, link_module, "receiver.word_valid | executor.read_valid", "receiver.word_valid | replier.busy", 4),
    "registers": (Registers, registers_module, "memory.read_enable.eq(~updating)", "memory.read_enable.eq(1)", 4),
    "input": (InputMemory, input_module, "(~reads | (following != self.available[: len(following)]))", "1", 4),
    "recorder": (RecorderMemory, record_module, "< used)", "<= used)", 4),
    "list": (ListOfEntries, entries_module, "written != following, written != pointer)", "written != following, written + self.source.valid != pointer)", 6),
    "slots, late weights": (EventsAndUpdates, slots_module, "memory.read_enable.eq(~self.late)", "memory.read_enable.eq(1)", 8),
    "slots, events": (EventsAndUpdates, slots_module, "            | (adding[1] & (self.next_slot == addresses[1]))\n", "", 8),
    "slots, event behind update": (EventsAndUpdates, slots_module, "((adding[0] | clear) & (self.next_slot", "(adding[0] & (self.next_slot", 8),
    "slots, update behind event": (EventsAndUpdates, slots_module, " | (self.event.slot == second)", "", 8),
    "slots, update behind update": (EventsAndUpdates, slots_module, "((adding[0] | clear) & (addresses[0]", "(adding[0] & (addresses[0]", 8),
}  # fmt: skip
"""Environment, module, a piece of it and what the broken twin has instead, steps of the induction."""


@pytest.mark.parametrize("broken", [False, True], ids=["holds", "broken-twin-fails"])
@pytest.mark.parametrize("name", PROOFS)
def test_no_collided_word_is_used(tmp_path: Path, name: str, broken: bool) -> None:
    wrapper, module, old, new, depth = PROOFS[name]
    changes = [INSIDE[module]] if module in INSIDE else []
    design = wrapper(mutated(module, *changes, *([(old, new)] if broken else [])))
    assert prove(tmp_path, design, design.ports, 30 if broken else depth, platform=Check.ASSERT) is not broken
