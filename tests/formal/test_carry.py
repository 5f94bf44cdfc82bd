"""An adder with a choice made of an ECP5's carry cells is the portable one."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from amaranth.hdl import Assert, Assume, Elaboratable, Module, Signal

from lifline.rtl.cells import carry

from .prove import missing, mutated, prove

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


class SameSums(Elaboratable):
    """Both kinds of adder give the same sum of anything."""

    def __init__(self, module: ModuleType, bits: int, never_both: bool) -> None:
        self.portable = carry.ChoosingAdder(bits, carry_cells=False)
        self.cells = module.ChoosingAdder(bits, never_both=never_both, carry_cells=True)
        self.inputs = {name: Signal.like(getattr(self.portable, name)) for name in ("addend", "first", "second", "choose")}
        self.never_both = never_both

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules += [self.portable, self.cells]
        for name, signal in self.inputs.items():
            m.d.comb += [getattr(self.portable, name).eq(signal), getattr(self.cells, name).eq(signal)]
        if self.never_both:
            m.d.comb += Assume(self.inputs["choose"] | (self.inputs["addend"] == 0))
        m.d.comb += Assert(self.portable.total == self.cells.total)
        return m


MUTATIONS = {"table": ("p_INIT1=SUM", "p_INIT1=CARRY"), "start": ('"i_B0": lowest', '"i_B0": second[0]')}


@pytest.mark.parametrize("broken", [None, *MUTATIONS])
@pytest.mark.parametrize("never_both", [False, True], ids=["any", "never-both"])
@pytest.mark.parametrize("bits", [17, 18], ids=["odd", "even"])
def test_carry_cells_choose_and_add(tmp_path: Path, bits: int, never_both: bool, broken: str | None) -> None:
    module = mutated(carry, MUTATIONS[broken]) if broken else carry
    design = SameSums(module, bits, never_both)
    assert prove(tmp_path, design, list(design.inputs.values()), 3, cells="+/ecp5/cells_sim.v") is (broken is None)
