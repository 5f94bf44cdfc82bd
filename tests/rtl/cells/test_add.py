"""Sums with a carry, all of them at small widths."""

from __future__ import annotations

from itertools import product

import pytest
from amaranth.hdl import Module, Shape, Signal

from lifline.rtl.cells.add import sum_with_carry

from ..bench import evaluate


@pytest.mark.parametrize(("a", "b"), list(product([Shape(4), Shape(3, signed=True)], [Shape(3), Shape(4, signed=True)])))
def test_every_sum_is_exact(a: Shape, b: Shape) -> None:
    m = Module()
    left, right, carry = Signal(a), Signal(b), Signal()
    total = Signal(Shape(8, signed=a.signed or b.signed))
    m.d.comb += total.eq(sum_with_carry(left, right, carry))

    def values(shape: Shape) -> range:
        return range(-(1 << shape.width - 1), 1 << shape.width - 1) if shape.signed else range(1 << shape.width)

    async def bench(ctx):
        for x, y, more in product(values(a), values(b), (0, 1)):
            ctx.set(left, x)
            ctx.set(right, y)
            ctx.set(carry, more)
            assert ctx.get(total) == x + y + more

    evaluate(m, bench)
