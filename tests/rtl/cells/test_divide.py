"""Division by multiplication: every radix, at every border between two quotients that a sample of them has."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal

from lifline.arch.maps import INDEX_BITS, LARGEST_RADIX, reciprocal
from lifline.rtl.cells.divide import quotient

from ..bench import evaluate

LAST = (1 << INDEX_BITS) - 1


def test_every_radix_divides_exactly() -> None:
    """That the products are exact for every index is shown in numbers (tests/arch/test_maps.py); here the cell: all radices, and all bits of the result."""
    m = Module()
    index, factor, k = Signal(INDEX_BITS), Signal(18), Signal(2)
    whole, low = Signal(INDEX_BITS), Signal(5)
    m.d.comb += [whole.eq(quotient(index, factor, k, INDEX_BITS)), low.eq(quotient(index, factor, k, 5))]

    async def bench(ctx: Any) -> None:
        for radix in range(1, LARGEST_RADIX + 1):
            multiplier, shift = reciprocal(radix)
            ctx.set(factor, multiplier)
            ctx.set(k, shift)
            largest = LAST // radix * radix
            for number in {0, radix - 1, radix % (LAST + 1), largest - 1 if largest else 0, largest, LAST, LAST // 2, 0x1555}:
                ctx.set(index, number)
                assert ctx.get(whole) == number // radix, (number, radix)
                assert ctx.get(low) == number // radix % 32, (number, radix)

    evaluate(m, bench)


def test_every_index_of_a_short_one_is_divided_by_every_radix() -> None:
    m = Module()
    index, factor, k, result = Signal(7), Signal(18), Signal(2), Signal(7)
    m.d.comb += result.eq(quotient(index, factor, k, 7))

    async def bench(ctx: Any) -> None:
        for radix in range(1, 1 << len(index)):
            multiplier, shift = reciprocal(radix)
            ctx.set(factor, multiplier)
            ctx.set(k, shift)
            for number in range(1 << len(index)):
                ctx.set(index, number)
                assert ctx.get(result) == number // radix, (number, radix)

    evaluate(m, bench)
