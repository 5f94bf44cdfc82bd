"""Saturation and a lower clamp in one step."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed


def clipped(m: Module, total: Signal, floor: Signal, state_bits: int, name: str) -> tuple[Signal, Signal]:
    """``max(sat(total), floor)`` and whether ``sat`` clipped; ``floor`` is at least ``-M``.

    The twin of :func:`lifline.arch.arithmetic.saturate`. One lookup table per bit: either the floor, or ones, or the total.
    """
    result = Signal(signed(state_bits), name=f"{name}_clipped")
    saturated = Signal(name=f"{name}_saturated")
    sign, low, upper = total[-1], total[:state_bits].as_signed(), total[state_bits - 1 :]
    inside, over, under = Signal(name=f"{name}_inside"), Signal(name=f"{name}_over"), Signal(name=f"{name}_under")
    below = Signal(signed(state_bits + 1), name=f"{name}_below")
    m.d.comb += [
        inside.eq(upper.all() | ~upper.any()),
        over.eq(~inside & ~sign),
        below.eq(low - floor),
        under.eq(Mux(inside, below[-1], sign)),
        saturated.eq(~inside | (sign & ~total[: state_bits - 1].any())),
        result.eq(Mux(under, floor, Cat(low[:-1] | over.replicate(state_bits - 1), low[-1] & ~over).as_signed())),
    ]
    return result, saturated
