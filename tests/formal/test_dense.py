"""The dense sums made of an ECP5's carry cells are the portable ones."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from amaranth.hdl import Assert, Assume, Elaboratable, Module, Signal

from lifline.rtl import dense

from .prove import missing, mutated, prove

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


class SameSums(Elaboratable):
    """Both kinds of accumulator hold the same sum, whatever happens, if no weight comes during a shift."""

    def __init__(self, module: ModuleType, bits: int, weight_bits: int) -> None:
        self.portable = dense.ShiftAccumulator(bits, weight_bits, last=False, carry_cells=False)
        self.cells = module.ShiftAccumulator(bits, weight_bits, last=False, carry_cells=True)
        self.inputs = {name: Signal.like(getattr(self.portable, name)) for name in ("weight", "following", "adding", "enable")}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules += [self.portable, self.cells]
        for name, signal in self.inputs.items():
            m.d.comb += [getattr(self.portable, name).eq(signal), getattr(self.cells, name).eq(signal)]
        m.d.comb += [
            Assume(self.inputs["adding"] | (self.inputs["weight"] == 0)),
            Assert(self.portable.total == self.cells.total),
        ]
        return m


@pytest.mark.parametrize("broken", [False, True], ids=["holds", "broken-twin-fails"])
@pytest.mark.parametrize("bits", [17, 18], ids=["odd", "even"])
def test_carry_cells_add_and_shift(tmp_path: Path, bits: int, broken: bool) -> None:
    module = mutated(dense, ("p_INIT1=SUM", "p_INIT1=CARRY")) if broken else dense
    design = SameSums(module, bits, 8)
    assert prove(tmp_path, design, list(design.inputs.values()), 3, cells="+/ecp5/cells_sim.v") is not broken
