"""An adder with a choice before it, for which an ECP5 needs no more cells than for the adder alone."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Instance, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

CARRY, SUM = Const(0x0008, 16), Const(0x665A, 16)
"""Contents of half an ECP5 carry cell: S = LUT4(A, B, C, D) ^ CIN and COUT = LUT4 ? CIN : LUT2(A, B), where LUT2 is the quarter of LUT4 with C = D = 0.

``SUM``: LUT4 = A ^ (D ? B : C), LUT2 = A: where LUT4 is 0 both summands are equal, and A is their carry.
``CARRY``, C = D = 1: LUT4 = 0, COUT = A & B: a chain starts without a carry input, which would take two cells.
"""


class ChoosingAdder(wiring.Component):
    """``total = addend + (first if choose else second)``, without a register; the carry out of the highest bit is dropped.

    Parameters
    ----------
    never_both : ``addend`` is zero while ``choose`` is not set; then the lowest bit takes a lookup table less.
    carry_cells : one carry cell of an ECP5 for every two bits adds and chooses in the same lookup tables; synthesis does not find it.
    """

    def __init__(self, bits: int, *, never_both: bool = False, carry_cells: bool) -> None:
        self.never_both, self.carry_cells = never_both, carry_cells
        shape = signed(bits)
        super().__init__({"addend": In(shape), "first": In(shape), "second": In(shape), "choose": In(1), "total": Out(shape)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if not self.carry_cells:
            m.d.comb += self.total.eq(self.addend + Mux(self.choose, self.first, self.second))
            return m
        bits = len(self.total) + len(self.total) % 2
        addend, first, second, sums = (Signal(signed(bits), name=name) for name in ("a", "b", "c", "sums"))
        lowest = Signal()
        m.d.comb += [addend.eq(self.addend), first.eq(self.first), second.eq(self.second)]
        m.d.comb += lowest.eq(first[0] if self.never_both else Mux(self.choose, first[0], second[0]))
        carry = Signal()
        for k in range(0, bits, 2):
            carry_out = Signal(name=f"carry{k + 2}")
            inputs = {
                f"i_{pin}{half}": value
                for half in range(2)
                for pin, value in zip("ABCD", (addend[k + half], first[k + half], second[k + half], self.choose), strict=True)
            }
            if k == 0:
                inputs |= {"i_B0": lowest, "i_C0": Const(1, 1), "i_D0": Const(1, 1)}
            m.submodules[f"cell{k}"] = Instance(
                "CCU2C", p_INIT0=SUM if k else CARRY, p_INIT1=SUM, p_INJECT1_0="NO", p_INJECT1_1="NO", **inputs,
                i_CIN=carry if k else Const(0, 1), o_S0=sums[k], o_S1=sums[k + 1], o_COUT=carry_out,
            )  # fmt: skip
            carry = carry_out
        m.d.comb += self.total.eq(Cat(addend[0] ^ Mux(self.choose, first[0], second[0]), sums[1:]))
        return m
