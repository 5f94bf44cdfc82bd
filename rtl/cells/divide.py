"""Division by a number that stays, as a multiplication."""

from __future__ import annotations

from amaranth.hdl import Value

from lifline.arch.maps import shift_of

from .select import selected


def quotient(index: Value, reciprocal: Value, k: Value, bits: int) -> Value:
    """The lowest ``bits`` of ``index // radix``, for ``reciprocal`` and ``k`` of :func:`lifline.arch.maps.reciprocal`; without a register.

    One multiplier, and behind it a choice among four shifts. Exact for every ``index`` of at most ``INDEX_BITS``.
    """
    product = index * reciprocal
    return selected([product[shift_of(shift) :][:bits] for shift in range(1 << len(k))], k)
