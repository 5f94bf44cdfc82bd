"""Choices between signals that map to few lookup tables."""

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Mux, Value


def selected(values: Sequence[Value], index: Value) -> Value:
    """``values[index]`` as a tree of two-way multiplexers, which maps to fewer lookup tables than a decoder; a power of two of them."""
    for bit in index[: (len(values) - 1).bit_length()]:
        values = [Mux(bit, high, low) for low, high in zip(values[::2], values[1::2], strict=True)]
    return values[0]


def parts_of(word: Value, number: int) -> list[Value]:
    """``number`` equal parts of ``word``, lowest bits first."""
    bits = len(word) // number
    return [word[k * bits : (k + 1) * bits] for k in range(number)]


def one_of(values: Iterable[Value], chosen: Iterable[Value]) -> Value:
    """The one of ``values`` whose bit in ``chosen`` is set, zero if none is: a lookup table for two values."""
    return reduce(or_, (value & bit.replicate(len(value)) for value, bit in zip(values, chosen, strict=True)))


def bit_of(index: Value, enable: Value) -> Value:
    """``1 << index`` with ``enable``, else zero: each bit a gate of two that the halves of ``index`` decide."""
    half = len(index) // 2
    low, high = [index[:half] == k for k in range(1 << half)], [enable & (index[half:] == k) for k in range(1 << len(index) - half)]
    return Cat(a & b for b in high for a in low)


def selected_part(word: Value, chosen: Value, enable: Value) -> Value:
    """The part of ``word`` whose bit in ``chosen`` is set; zero if none is, or without ``enable``. As many parts as ``chosen`` has bits."""
    return one_of(parts_of(word, len(chosen)), [bit & enable for bit in chosen])


def at_most(value: Value, power: int) -> Value:
    """``min(value, power)`` for a power of two, without a comparison: ``value`` is as large if a bit above is set."""
    bits = power.bit_length() - 1
    return Mux(value[bits:].any(), power, value[:bits])


def is_above(value: Value, power: int) -> Value:
    """``value > power`` for a power of two, without a carry chain."""
    bits = power.bit_length() - 1
    return value[bits + 1 :].any() | (value[bits] & value[:bits].any())


def wrapped(row: Value, rows: Value) -> Value:
    """``row`` modulo ``rows`` for ``row < 2 * rows``."""
    return Mux(row >= rows, row - rows, row)
