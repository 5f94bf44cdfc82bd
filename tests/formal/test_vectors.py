"""Proof about the blocks that a scan finds: every one with spikes is shown once, with its neurons and its number. With broken twins."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from amaranth.hdl import Assert, Cat, Elaboratable, Fragment, Module, Mux, Signal

from lifline.arch.limits import RING_BITS
from lifline.rtl.cells.count import population_count
from lifline.rtl.cells.select import parts_of, selected
from lifline.rtl.synapses import vectors as vectors_module

from .prove import missing, mutated, prove
from .test_walk import CONFIG, inputs

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
BLOCKS = 4
LANES = RING_BITS // BLOCKS


class BlocksAreShownOnce(Elaboratable):
    """Blocks with spikes that enter are shown or still wait, whoever waits; what is shown belongs to the group that was taken last before it."""

    INSIDE = (
        ("neurons, waiting, rest = Signal(", "neurons, waiting, rest = self.neurons, self.waiting, _ = Signal("),
        ("group, final = Signal(", "group, final = self.group, _ = Signal("),
    )

    def __init__(self, module: ModuleType) -> None:
        self.unit = module.Vectors(CONFIG.replace(event_lanes=LANES, dense_lanes=LANES))
        self.ports = inputs(self.unit)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self.unit
        m.submodules.unit = Fragment.get(unit, platform)  # at once: what is inside it is asked about below
        number_bits = (BLOCKS - 1).bit_length()
        inside, taken, taken_before, was_ready = Signal(4), Signal(RING_BITS), Signal(RING_BITS), Signal(init=1)
        group, group_before = (Signal.like(unit.group, name=name) for name in ("group", "group_before"))
        coming = Mux(unit.take, population_count([block.any() for block in parts_of(unit.active, BLOCKS)]), 0)
        m.d.sync += [
            inside.eq(inside + coming - unit.valid),
            was_ready.eq(unit.ready),
            group.eq(Mux(unit.start, unit.group.init, group + unit.take)),
            group_before.eq(group),
            taken.eq(Mux(unit.take, unit.active, taken)),
            taken_before.eq(taken),
        ]
        m.d.comb += [Assert(inside == population_count([*unit.waiting, unit.valid])), Assert(group == unit.group), Assert(taken == unit.neurons)]
        for waits, block in zip(unit.waiting, parts_of(unit.neurons, BLOCKS), strict=True):
            m.d.comb += Assert(~waits | block.any())
        with m.If(unit.valid):
            shown = selected(parts_of(taken_before, BLOCKS), unit.index[:number_bits])
            m.d.comb += [Assert(was_ready), Assert(unit.mask == shown), Assert(unit.mask.any()), Assert(unit.index[number_bits:] == group_before)]
        m.d.comb += [Assert(~unit.take | (unit.full & unit.ready)), Assert(Cat(unit.finished, unit.ready) != 1)]
        return m


TWINS = (
    ("rest.eq(waiting & ~first)", "rest.eq(0)"),
    ("group_ends.eq(~rest.any() & self.ready)", "group_ends.eq(self.ready)"),
    ("self.valid.eq(waiting.any() & self.ready)", "self.valid.eq(waiting.any())"),
    ("self.take.eq(self.full & group_ends)", "self.take.eq(self.full & ~rest.any())"),
    ("neurons.eq(self.active),", "neurons.eq(self.active | neurons),"),
)


@pytest.mark.parametrize("broken", range(-1, len(TWINS)), ids=["holds", *(f"broken-twin-{k}-fails" for k in range(len(TWINS)))])
def test_proof(tmp_path: Path, broken: int) -> None:
    design = BlocksAreShownOnce(mutated(vectors_module, *(BlocksAreShownOnce.INSIDE if broken < 0 else (*BlocksAreShownOnce.INSIDE, TWINS[broken]))))
    assert prove(tmp_path, design, design.ports, 4 if broken < 0 else 10) is (broken < 0)
