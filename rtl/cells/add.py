"""Sums that take one carry chain."""

from __future__ import annotations

from amaranth.hdl import C, Cat, Value


def sum_with_carry(a: Value, b: Value, carry: Value) -> Value:
    """``a + b + carry`` with a ``carry`` of one bit, as wide as the exact sum; signed if ``a`` or ``b`` is.

    Both summands get one more bit below, a one and the carry: what these two carry into the others is the carry. Written as two
    additions it would take two chains of carry cells.
    """
    longer = [Cat(below, value).as_signed() if value.shape().signed else Cat(below, value) for below, value in ((C(1, 1), a), (carry, b))]
    return (longer[0] + longer[1]) >> 1
